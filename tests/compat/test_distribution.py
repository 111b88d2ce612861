from __future__ import annotations

from importlib import metadata

import pytest

import dovetail

pytestmark = pytest.mark.usefixtures("installed")


@pytest.mark.parametrize("name", ["werkzeug", "Werkzeug", "WERKZEUG"])
def test_version(name: str) -> None:
    assert metadata.version(name) == "3.1.9"


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
    assert names.count("Werkzeug") == 1
    assert "dovetail" in names
    assert metadata.packages_distributions()["werkzeug"] == ["Werkzeug"]


def test_other_distributions_are_left_alone() -> None:
    assert metadata.version("dovetail") == dovetail.__version__
    with pytest.raises(metadata.PackageNotFoundError):
        metadata.version("werkzeug-extras")


def test_entry_points_can_be_listed() -> None:
    assert "dovetail" in {entry.name for entry in metadata.entry_points(group="console_scripts")}
