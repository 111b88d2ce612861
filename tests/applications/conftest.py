"""The applications, deployed: each once for all tests, directly and behind nginx."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.applications.deployment import BIN, PATIENCE_SECONDS, Deployment
from tests.applications.nginx import Nginx
from tests.programs import miss

PROJECTS = Path(__file__).parent / "projects"
FILM_SIZE = 24 << 20


@dataclass(frozen=True)
class Site:
    """An application as its clients see it."""

    url: str
    deployment: Deployment
    behind_nginx: bool

    @property
    def state(self) -> Path:
        """Where the application keeps its files."""
        return self.deployment.state


@pytest.fixture(scope="session")
def applications() -> Path:
    """Return the directory of the commands of the applications' own environment."""
    if not (BIN / "dovetail").exists():
        miss(f"{BIN.parent} is not there; make test makes it")
    return BIN


@pytest.fixture(scope="session")
def password() -> str:
    return secrets.token_urlsafe()


@pytest.fixture(scope="session")
def library_deployment(
    applications: Path, password: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """A Django project made by startproject, with an application of ours in it."""
    state = tmp_path_factory.mktemp("library")
    project = state / "project"
    project.mkdir()
    environ = {
        "DJANGO_SETTINGS_MODULE": "library.deployed",
        "DJANGO_SUPERUSER_PASSWORD": password,
        "LIBRARY_STATE": str(state),
        "PYTHONDONTWRITEBYTECODE": "1",
    }

    def manage(*arguments: str) -> None:
        run(applications / "python", "manage.py", *arguments, directory=project, environ=environ)

    run(applications / "django-admin", "startproject", "reading_room", ".", directory=project)
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PROJECTS / "library", project / "library", ignore=ignore)
    manage("makemigrations", "library")
    manage("migrate")
    manage("collectstatic", "--noinput")
    manage("createsuperuser", "--noinput", "--username=ada", "--email=ada@library.test")
    deployment = Deployment("reading_room.wsgi", state, search=project, environ=environ)
    yield deployment
    deployment.stop()


@pytest.fixture(scope="session")
def board_deployment(
    applications: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """A Flask application."""
    state = tmp_path_factory.mktemp("board")
    (state / "film.bin").write_bytes(os.urandom(FILM_SIZE))
    deployment = Deployment(
        "board:app", state, search=PROJECTS, environ={"BOARD_STATE": str(state)}
    )
    yield deployment
    deployment.stop()


@pytest.fixture(scope="module")
def deploy(
    applications: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Deployment]]:
    """Deploy applications for the tests of one module; arguments are those of Deployment."""
    deployments: list[Deployment] = []

    def deploy(application: str, state: Path | None = None, **options: Any) -> Deployment:
        state = state or tmp_path_factory.mktemp("deployment")
        deployments.append(Deployment(application, state, search=PROJECTS, **options))
        return deployments[-1]

    yield deploy
    for deployment in deployments:
        deployment.stop()


@pytest.fixture(scope="session")
def library_nginx(
    library_deployment: Deployment, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Nginx]:
    yield from front(library_deployment, tmp_path_factory)


@pytest.fixture(scope="session")
def board_nginx(
    board_deployment: Deployment, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Nginx]:
    yield from front(board_deployment, tmp_path_factory)


@pytest.fixture(params=["direct", "nginx"])
def library(request: pytest.FixtureRequest, library_deployment: Deployment) -> Site:
    """The Django project."""
    if request.param == "direct":
        return Site(library_deployment.url, library_deployment, behind_nginx=False)
    nginx: Nginx = request.getfixturevalue("library_nginx")
    return Site(nginx.url, library_deployment, behind_nginx=True)


@pytest.fixture(params=["direct", "nginx", "nginx/unbuffered", "nginx/plain"])
def board(request: pytest.FixtureRequest, board_deployment: Deployment) -> Site:
    """The Flask application."""
    if request.param == "direct":
        return Site(board_deployment.url, board_deployment, behind_nginx=False)
    nginx: Nginx = request.getfixturevalue("board_nginx")
    path = request.param.removeprefix("nginx")
    return Site(nginx.url + path, board_deployment, behind_nginx=True)


@pytest.fixture(scope="session")
def photograph() -> bytes:
    """Return 5 MB that no compression makes smaller."""
    return os.urandom(5 << 20)


def front(deployment: Deployment, factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    nginx = Nginx(factory.mktemp("nginx"), deployment.socket)
    yield nginx
    nginx.stop()


def run(
    *command: str | os.PathLike[str], directory: Path, environ: dict[str, str] | None = None
) -> None:
    done = subprocess.run(
        command,
        cwd=directory,
        env={**os.environ, **(environ or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS * 2,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
