from __future__ import annotations

import json.decoder
import sys
import traceback
import xml.dom.minidom
from collections.abc import Iterator
from pathlib import Path

import pytest

from dovetail.toolkit.imports import ImportStringError, find_modules, import_string


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package with a module, two broken ones, and a package below."""
    files = {
        "__init__.py": "",
        "fine.py": "value = 1",
        "needy.py": "def load():\n    import there_is_no_such_module\nload()",
        "raising.py": "raise ValueError('no')",
        "below/__init__.py": "",
        "below/deep.py": "",
    }
    for name, text in files.items():
        path = tmp_path / "parcel" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield "parcel"
    for name in [name for name in sys.modules if name.partition(".")[0] == "parcel"]:
        del sys.modules[name]


@pytest.mark.parametrize("name", ["json.decoder.JSONDecoder", "json.decoder:JSONDecoder"])
def test_object_by_its_name(name: str) -> None:
    assert import_string(name) is json.decoder.JSONDecoder


@pytest.mark.parametrize("name", ["xml.dom.minidom", "xml.dom:minidom"])
def test_module_by_its_name(name: str) -> None:
    assert import_string(name) is xml.dom.minidom


@pytest.mark.parametrize(
    "name",
    ["no_such_module", "no_such_module.x", "os.nope", "os:nope", "os.", "a b", "json.loads.x.y"],
)
def test_what_is_not_there(name: str) -> None:
    with pytest.raises(ImportStringError) as raised:
        import_string(name)
    assert isinstance(raised.value, ImportError)
    assert raised.value.import_name == name.replace(":", ".")
    assert isinstance(raised.value.exception, ImportError)
    assert import_string(name, silent=True) is None


@pytest.mark.parametrize("name", ["", ".x", ":x"])
def test_no_name_at_all(name: str) -> None:
    with pytest.raises(ValueError, match="Empty module name"):
        import_string(name, silent=True)


def test_error_tells_how_far_it_came(package: str) -> None:
    with pytest.raises(ImportStringError) as raised:
        import_string("parcel.below:nope.deeper")
    message = str(raised.value)
    assert "'parcel.below.nope.deeper'" in message
    assert "'parcel' found in" in message
    assert "'parcel.below' found in" in message
    assert "'parcel.below.nope' not found" in message
    assert "deeper' not" not in message
    assert repr(raised.value).startswith("<ImportStringError('parcel.below.nope.deeper', ")


def test_error_inside_of_a_module_shows_in_the_traceback(package: str) -> None:
    with pytest.raises(ImportStringError, match="there_is_no_such_module") as raised:
        import_string("parcel.needy")
    assert "import there_is_no_such_module" in "".join(traceback.format_tb(raised.tb))


def test_other_errors_of_a_module_come_out(package: str) -> None:
    with pytest.raises(ValueError, match="no"):
        import_string("parcel.raising", silent=True)


def test_error_by_itself() -> None:
    cause = ValueError("why")
    error = ImportStringError("json.nope", cause)
    assert (error.import_name, error.exception) == ("json.nope", cause)
    assert "ValueError: why" in str(error)


def test_modules_of_a_package(package: str) -> None:
    assert [*find_modules(package)] == ["parcel.fine", "parcel.needy", "parcel.raising"]


def test_packages_of_a_package(package: str) -> None:
    assert "parcel.below" in [*find_modules(package, include_packages=True)]
    assert "parcel.below" not in [*find_modules(package, recursive=True)]


def test_modules_of_packages_below(package: str) -> None:
    assert "parcel.below.deep" in [*find_modules(package, recursive=True)]
    found = [*find_modules(package, include_packages=True, recursive=True)]
    assert found.index("parcel.below") + 1 == found.index("parcel.below.deep")


def test_module_is_no_package(package: str) -> None:
    with pytest.raises(ValueError, match="not a package"):
        next(find_modules("parcel.fine"))
