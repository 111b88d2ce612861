"""Flask-Migrate: the commands of ``db``, and applications served on what they made."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.moved.site import PROJECTS, Site, environment, is_stock

pytestmark = [pytest.mark.process, pytest.mark.network]


class Project:
    """The application and its database, in one directory for all tests."""

    def __init__(self, state: Path) -> None:
        self.state = state

    def run(self, *arguments: str, **variables: str) -> str:
        """Run the command that both call ``flask``; return what it prints."""
        command = [sys.executable, "-m", *(["flask"] if is_stock() else ["dovetail", "--compat"])]
        done = subprocess.run(
            [*command, "--app", "migrate_app", *arguments],
            cwd=PROJECTS,
            env=os.environ | environment(self.state, **variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    @property
    def versions(self) -> list[Path]:
        """The migrations that there are."""
        return sorted((self.state / "migrations" / "versions").glob("*.py"))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project with its first migration applied, and one record."""
    project = Project(tmp_path_factory.mktemp("migrate"))
    project.run("db", "init")
    project.run("db", "migrate", "-m", "people")
    project.run("db", "upgrade")
    project.run("seed")
    return project


def test_the_first_migration(project: Project, serve: Callable[..., Site]) -> None:
    assert len(project.versions) == 1
    assert "def upgrade():" in project.versions[0].read_text()
    with serve("migrate_app", SITE_STATE=str(project.state)).browser() as browser:
        assert browser.get("/columns").json() == ["id", "name"]
        assert browser.get("/people").json() == [["Ada", None]]


def test_a_column_is_added_and_taken_away(project: Project, serve: Callable[..., Site]) -> None:
    made = project.run("db", "migrate", "-m", "mail", WITH_MAIL="1")
    assert "Detected added column 'person.mail'" in made
    assert len(project.versions) == 2
    site = serve("migrate_app", SITE_STATE=str(project.state), WITH_MAIL="1")
    with site.browser() as browser:
        assert browser.post("/upgrade").status_code == 204
        assert browser.get("/columns").json() == ["id", "name", "mail"]
        assert browser.get("/people").json() == [["Ada", None]]
        assert browser.post("/downgrade").status_code == 204
        assert browser.get("/columns").json() == ["id", "name"]
        assert browser.get("/people").status_code == 500
