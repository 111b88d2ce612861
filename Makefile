# make run, make test: the two commands of a fresh clone. Both make their virtual environment first,
# and do that again only when pyproject.toml changed.

VENV = .venv
# The Python that makes the virtual environment; without it the first one found that is new enough.
PYTHON =
# Where the example listens.
BIND = 127.0.0.1:8000
# More arguments for pytest: make test ARGS="-k chunked"
ARGS =

BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip --quiet --disable-pip-version-check
# Applications that others wrote have an environment of their own: ours must not see theirs.
APPLICATIONS = $(VENV)-applications
# So have the packages that ours is compared with, and extensions that rest on ours in their place.
PEERS = $(VENV)-peers
MOVED = $(VENV)-moved
# Tests that need Flask and Werkzeug: ours beside them, and whether others' tests are right about them.
# Without any, their environment is not made.
PEERS_TESTS = tests/differential tests/moved
# Flask itself, out of their sight: it can rest on our toolkit, too.
STOCK = $(MOVED)/stock
# Where arguments choose some of the tests, a run may have none of them.
OR_NONE = $(if $(ARGS),|| [ $$? -eq 5 ])

.PHONY: help run environments test test-own test-peers test-moved bench lint format docs clean
.DELETE_ON_ERROR:
# Two pips in one environment get in each other's way.
.NOTPARALLEL:

help: ## list what there is
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' Makefile | expand -t 20

run: $(VENV)/.installed ## serve the example application
	@$(BIN)/dovetail serve --chdir examples --bind $(BIND) --access-log - \
		'magpie:create_app(demo_data=True)'

environments: $(VENV)/.installed-test $(APPLICATIONS)/.installed
environments: $(if $(PEERS_TESTS),$(PEERS)/.installed) $(MOVED)/.installed
environments: ## install what the tests need

test: test-own $(if $(PEERS_TESTS),test-peers) test-moved ## run all tests

test-own: environments
	@$(BIN)/python -m pytest $(ARGS) $(OR_NONE)

test-peers: environments
	@echo "with Flask and Werkzeug themselves:"
	@$(PEERS)/bin/python -m pytest $(ARGS) $(PEERS_TESTS) $(OR_NONE)

test-moved: environments
	@echo "extensions on ours:"
	@$(MOVED)/bin/python -m pytest $(ARGS) -p tests.moved.standin tests/moved $(OR_NONE)
	@echo "Flask on our toolkit:"
	@PYTHONPATH=$(abspath $(STOCK)) $(MOVED)/bin/python -m pytest $(ARGS) -p tests.moved.standin \
		tests/moved/in_process $(OR_NONE)

bench: $(PEERS)/.installed ## measure toolkit and framework beside others'
	@$(PEERS)/bin/python -m pytest --benchmark-quiet -p no:cacheprovider $(ARGS) bench/toolkit $(OR_NONE)
	@$(PEERS)/bin/python -m pytest --benchmark-quiet -p no:cacheprovider $(ARGS) bench/framework $(OR_NONE)

lint: $(VENV)/.installed-test $(VENV)/.installed-lint ## check style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(VENV)/.installed-lint ## put the code into its form
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(VENV)/.installed ## write the references anew
	$(BIN)/python tools/settings_reference.py
	$(BIN)/python tools/names_table.py

clean: ## remove what these commands made
	rm -rf .venv .venv-* build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

$(BIN)/python:
	@tools/make-venv $(VENV) $(PYTHON)

# setuptools writes the version and the dependencies down when it installs.
$(VENV)/.installed: pyproject.toml src/dovetail/__init__.py | $(BIN)/python
	@echo "installing dovetail into $(VENV)"
	@$(PIP) install --editable .
	@touch $@

# pip knows dependency groups since 25.1.
$(VENV)/.installed-test $(VENV)/.installed-lint: $(VENV)/.installed-%: pyproject.toml | $(BIN)/python
	@echo "installing what '$*' needs into $(VENV)"
	@$(PIP) install --upgrade "pip>=25.1"
	@$(PIP) install --group $*
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed

# The environments of others' packages. From one of them Flask and Werkzeug are taken out again.
SET_ASIDE = { \
	$(MOVED)/bin/python -m pip --quiet --disable-pip-version-check install --no-deps --upgrade \
		--target $(STOCK) "$$($(MOVED)/bin/python -m pip freeze | grep -i '^flask==')" && \
	$(MOVED)/bin/python -m pip --quiet uninstall --yes flask werkzeug; }

$(APPLICATIONS)/bin/python $(PEERS)/bin/python $(MOVED)/bin/python: %/bin/python: | $(BIN)/python
	@$(BIN)/python -m venv $*

# One after the other, because each writes src/dovetail.egg-info: .NOTPARALLEL sees to that.
$(APPLICATIONS)/.installed: $(VENV)/.installed | $(APPLICATIONS)/bin/python
$(PEERS)/.installed: $(VENV)/.installed | $(PEERS)/bin/python
$(MOVED)/.installed: $(VENV)/.installed | $(MOVED)/bin/python
$(APPLICATIONS)/.installed $(PEERS)/.installed $(MOVED)/.installed: $(VENV)-%/.installed: pyproject.toml
	@echo "installing the environment '$*' into $(@D)"
	@$(@D)/bin/python -m pip --quiet --disable-pip-version-check install --upgrade "pip>=25.1"
	@$(@D)/bin/python -m pip --quiet --disable-pip-version-check install --editable . --group $*
	@[ $* != moved ] || $(SET_ASIDE)
	@touch $@
