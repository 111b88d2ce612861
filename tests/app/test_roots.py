"""Root paths, packages and instance folders."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from dovetail.app.roots import find_instance_path, find_package, get_root_path

Lay = Callable[..., Path]


@pytest.fixture
def lay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lay:
    """Write empty files below a directory that is put on the import path; return the directory."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "python"))
    monkeypatch.chdir(tmp_path)

    def lay(directory: str, *files: str) -> Path:
        base = tmp_path / directory
        for file in files:
            (base / file).parent.mkdir(parents=True, exist_ok=True)
            (base / file).touch()
        monkeypatch.syspath_prepend(str(base))
        return base

    return lay


@pytest.fixture(autouse=True)
def _forget_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "modules", sys.modules.copy())


class TestGetRootPath:
    def test_of_this_module_is_its_directory(self) -> None:
        assert get_root_path(__name__) == str(Path(__file__).parent)

    def test_of_a_package_is_the_package_itself(self, lay: Lay) -> None:
        base = lay("src", "rooted/__init__.py", "rooted/inner.py")
        assert get_root_path("rooted") == str(base / "rooted")
        assert get_root_path("rooted.inner") == str(base / "rooted")

    def test_of_what_is_imported_counts_its_file(self, monkeypatch: pytest.MonkeyPatch) -> None:
        module = ModuleType("made_by_hand")
        module.__file__ = "/somewhere/made_by_hand.py"
        monkeypatch.setitem(sys.modules, "made_by_hand", module)
        assert get_root_path("made_by_hand") == "/somewhere"

    @pytest.mark.parametrize("name", ["", "no_such_module", "no_such.module", "by_hand", "x y"])
    def test_is_the_current_directory_where_nothing_is_found(
        self, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "by_hand", ModuleType("by_hand"))
        monkeypatch.chdir(tmp_path)
        assert get_root_path(name) == str(tmp_path)

    def test_of_a_script_is_its_directory(self, monkeypatch: pytest.MonkeyPatch) -> None:
        script = ModuleType("__main__")
        script.__file__ = "/scripts/app.py"
        monkeypatch.setitem(sys.modules, "__main__", script)
        assert get_root_path("__main__") == "/scripts"

    def test_of_a_session_without_a_file_is_the_current_directory(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        script = ModuleType("__main__")
        monkeypatch.setitem(sys.modules, "__main__", script)
        monkeypatch.chdir(tmp_path)
        assert get_root_path("__main__") == str(tmp_path)

    def test_of_a_module_without_a_file_is_an_error_that_says_what_to_pass(self) -> None:
        with pytest.raises(RuntimeError, match=r"'sys'.*Pass 'root_path'"):
            get_root_path("sys")

    def test_of_a_namespace_package_is_an_error_once_it_is_imported(self, lay: Lay) -> None:
        base = lay("src", "spacious/inner.py")
        import_module("spacious")
        with pytest.raises(RuntimeError, match="namespace package"):
            get_root_path("spacious")
        assert get_root_path("spacious.inner") == str(base / "spacious")


MODULES = ["single", "packed", "packed.inner", "packed.deep", "packed.missing"]
FILES = ["single.py", "packed/__init__.py", "packed/inner.py", "packed/deep/__init__.py"]


class TestFindPackage:
    @pytest.mark.parametrize("name", MODULES)
    @pytest.mark.parametrize(
        ("directory", "prefix"),
        [
            ("checkout", None),
            ("usr/lib/python3.11/site-packages", "usr"),
            ("usr/lib/site-packages", "usr"),
            ("win/Lib/site-packages", "win"),
            ("odd/site-packages", "odd"),
            ("usr/lib64/python3.11/site-packages", "usr/lib64/python3.11"),
            ("usr/lib/python3/dist-packages", None),
            ("usr/lib/python3.11/site-packages/thing.egg", None),
            ("python/lib/python3.11/site-packages", "python"),
            ("python/lib/python3.11/site-packages/thing.egg", "python"),
            ("python", "python"),
            ("pythonic", None),
        ],
    )
    def test_prefix_and_directory(
        self, lay: Lay, tmp_path: Path, directory: str, prefix: str | None, name: str
    ) -> None:
        base = lay(directory, *FILES)
        expected = None if prefix is None else str(tmp_path / prefix)
        assert find_package(name) == (expected, str(base))

    @pytest.mark.parametrize("name", ["spacious", "spacious.inner", "spacious.deep", "spacious.no"])
    def test_of_a_namespace_package(self, lay: Lay, name: str) -> None:
        base = lay("src", "spacious/inner.py", "spacious/deep/__init__.py")
        assert find_package(name) == (None, str(base))

    def test_of_a_namespace_package_in_several_places_is_the_one_with_the_module(
        self, lay: Lay, tmp_path: Path
    ) -> None:
        two = lay("usr/lib/python3.11/site-packages", "spread/two/__init__.py", "spread/leaf.py")
        one = lay("checkout", "spread/one/__init__.py")
        assert find_package("spread.one") == (None, str(one))
        assert find_package("spread.two") == (str(tmp_path / "usr"), str(two))
        assert find_package("spread.leaf") == (str(tmp_path / "usr"), str(two))
        assert find_package("spread.neither") == (None, str(one))
        assert find_package("spread") == (None, str(one))

    @pytest.mark.parametrize("name", ["", "no_such_module", "no_such.module", "__main__", "sys"])
    def test_of_what_is_not_found_is_the_current_directory(
        self, lay: Lay, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lay(".")
        monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))
        assert find_package(name) == (None, str(tmp_path))


class TestFindInstancePath:
    def test_is_beside_what_is_not_installed(self, lay: Lay) -> None:
        base = lay("checkout", *FILES)
        assert find_instance_path("single") == str(base / "instance")
        assert find_instance_path("packed") == str(base / "instance")
        assert find_instance_path("packed.inner") == str(base / "instance")

    def test_is_in_var_of_the_prefix_of_what_is_installed(self, lay: Lay, tmp_path: Path) -> None:
        lay("usr/lib/python3.11/site-packages", *FILES)
        var = tmp_path / "usr" / "var"
        assert find_instance_path("single") == str(var / "single-instance")
        assert find_instance_path("packed.inner") == str(var / "packed.inner-instance")
