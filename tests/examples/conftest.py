"""The example application with two users in it, made once and copied for each test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.examples.deployed import Deployed
from tests.examples.visitor import Visitor

from dovetail import App
from magpie import create_app, people

#: Whose password is whose; the hashes take their time, hence the copying.
PASSWORDS = {"Ann": "correct horse battery", "Ben": "staple-staple"}


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    instance = tmp_path_factory.mktemp("magpie")
    with create_app(instance_path=str(instance)).app_context():
        for name, password in PASSWORDS.items():
            people.add_user(name, password)
    return instance


@pytest.fixture
def instance(prepared: Path, tmp_path: Path) -> Path:
    """The directory of a board with two users and nothing on it."""
    return shutil.copytree(prepared, tmp_path / "instance")


@pytest.fixture
def make_app(instance: Path) -> Callable[..., App]:
    """Make the application; arguments are settings."""

    def make_app(**settings: Any) -> App:
        return create_app({"TESTING": True, **settings}, instance_path=str(instance))

    return make_app


@pytest.fixture
def app(make_app: Callable[..., App]) -> App:
    return make_app()


@pytest.fixture
def visitor(app: App) -> Visitor:
    """Somebody who is not logged in."""
    return Visitor(app)


@pytest.fixture
def ann(app: App) -> Visitor:
    return Visitor(app, "Ann")


@pytest.fixture
def ben(app: App) -> Visitor:
    return Visitor(app, "Ben")


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    deployed = Deployed(tmp_path_factory.mktemp("deployed"))
    yield deployed
    deployed.stop()
