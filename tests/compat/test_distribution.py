from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

import dovetail

pytestmark = pytest.mark.usefixtures("installed")


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("werkzeug", "3.1.9"),
        ("Werkzeug", "3.1.9"),
        ("WERKZEUG", "3.1.9"),
        ("flask", "3.1.3"),
        ("Flask", "3.1.3"),
    ],
)
def test_version(name: str, version: str) -> None:
    assert metadata.version(name) == version


def test_distribution() -> None:
    found = metadata.distribution("werkzeug")
    assert found.metadata["Name"] == "Werkzeug"
    assert found.metadata["Version"] == found.version == "3.1.9"
    assert "Dovetail" in found.metadata["Summary"]
    assert found.requires == metadata.requires("werkzeug")
    assert found.requires == [f"dovetail=={dovetail.__version__}"]
    assert found.files is None
    assert list(found.entry_points) == []
    assert found.read_text("no such file") is None
    assert not found.locate_file("werkzeug/__init__.py").exists()  # type: ignore[attr-defined]


def test_it_is_one_of_all_distributions() -> None:
    names = [found.metadata["Name"] for found in metadata.distributions()]
    assert names.count("Werkzeug") == names.count("Flask") == 1
    assert "dovetail" in names
    assert metadata.packages_distributions()["werkzeug"] == ["Werkzeug"]


def test_other_distributions_are_left_alone() -> None:
    assert metadata.version("dovetail") == dovetail.__version__
    for name in ("werkzeug-extras", "flask-extras"):
        with pytest.raises(metadata.PackageNotFoundError):
            metadata.version(name)


def test_entry_points_can_be_listed() -> None:
    assert "dovetail" in {entry.name for entry in metadata.entry_points(group="console_scripts")}


def test_commands_of_extensions_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = tmp_path / "extension-1.dist-info"
    found.mkdir()
    (found / "METADATA").write_text("Metadata-Version: 2.1\nName: extension\nVersion: 1\n")
    (found / "entry_points.txt").write_text("[flask.commands]\nlimiter = extension:cli\n")
    monkeypatch.syspath_prepend(tmp_path)
    commands = metadata.entry_points(group="flask.commands")
    assert [entry.value for entry in commands if entry.name == "limiter"] == ["extension:cli"]
    assert metadata.requires("flask") == metadata.requires("werkzeug")
