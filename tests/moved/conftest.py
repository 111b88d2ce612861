"""Extensions of Flask as they come: over HTTP, with our packages in the place of Flask's.

``make test`` runs these in an environment of their own, which has neither Flask nor Werkzeug. Where
Flask is installed the same tests run on that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec

import pytest
from tests.moved.site import Browser, Site

collect_ignore_glob = [] if find_spec("flask_sqlalchemy") else ["test_*.py", "in_process/*"]

_running: list[Site] = []


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Site]]:
    """Serve a project for the tests of one module; variables of its environment may be given."""
    sites: list[Site] = []

    def start(project: str, **variables: str) -> Site:
        sites.append(Site(project, tmp_path_factory.mktemp(project), **variables))
        _running.append(sites[-1])
        return sites[-1]

    yield start
    for site in sites:
        _running.remove(site)
        site.stop()


@pytest.fixture
def browser(site: Site) -> Iterator[Browser]:
    """Return a client of the module's ``site`` without cookies."""
    with site.browser() as browser:
        yield browser


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Iterator[pytest.TestReport]:
    report = yield
    if report.failed:
        report.sections += [(f"log of {site.url}", site.log) for site in _running]
    return report
