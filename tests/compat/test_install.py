from __future__ import annotations

import importlib
import runpy
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from dovetail import compat
from dovetail.compat.finder import InterfaceFinder


def run(code: str, *, path: Path | None = None) -> str:
    """Run a program of its own; return what it prints."""
    program = textwrap.dedent(code)
    if path is not None:
        program = f"import sys; sys.path.insert(0, {str(path)!r})\n" + program
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout.strip()


def package(directory: Path, name: str = "werkzeug") -> None:
    (directory / name).mkdir()
    (directory / name / "__init__.py").write_text("")


def test_install_is_first_and_done_once(installed: None) -> None:
    finder = sys.meta_path[0]
    assert isinstance(finder, InterfaceFinder)
    compat.install()
    compat.install("werkzeug")
    assert sum(isinstance(one, InterfaceFinder) for one in sys.meta_path) == len(compat.INTERFACES)


def test_install_after_the_finder_was_removed(installed: None) -> None:
    importlib.import_module("werkzeug")
    sys.meta_path[:] = [one for one in sys.meta_path if not isinstance(one, InterfaceFinder)]
    compat.install()
    assert isinstance(sys.meta_path[0], InterfaceFinder)


def test_without_install_there_is_neither() -> None:
    assert (
        run(
            """
            import importlib.util
            import dovetail.compat
            print([importlib.util.find_spec(name) for name in ("flask", "werkzeug")])
            """
        )
        == "[None, None]"
    )


def test_an_unknown_interface_is_refused() -> None:
    before = list(sys.meta_path)
    with pytest.raises(compat.InstallError, match="no interface 'gevent'"):
        compat.install("werkzeug", "gevent")
    assert sys.meta_path == before


@pytest.mark.parametrize(("name", "distribution"), [("werkzeug", "Werkzeug"), ("flask", "Flask")])
def test_an_installed_package_is_not_replaced(name: str, distribution: str, tmp_path: Path) -> None:
    package(tmp_path, name)
    said = run(
        """
        import dovetail.compat
        before = list(sys.meta_path)
        try:
            dovetail.compat.install()
        except dovetail.compat.InstallError as error:
            print(error)
        assert sys.meta_path == before and not {"flask", "werkzeug"} & sys.modules.keys()
        """,
        path=tmp_path,
    )
    assert f"{distribution} is installed" in said
    assert f"pip uninstall {distribution}" in said


def test_an_imported_package_is_not_replaced(tmp_path: Path) -> None:
    package(tmp_path)
    said = run(
        """
        import dovetail.compat
        import werkzeug
        sys.path.pop(0)
        try:
            dovetail.compat.install()
        except dovetail.compat.InstallError as error:
            print(error)
        """,
        path=tmp_path,
    )
    assert "imported already" in said


def test_a_module_made_by_hand_is_not_replaced() -> None:
    said = run(
        """
        import sys, types
        import dovetail.compat
        sys.modules["werkzeug"] = types.ModuleType("werkzeug")
        try:
            dovetail.compat.install()
        except dovetail.compat.InstallError as error:
            print(error)
        """
    )
    assert "imported already" in said


def test_a_directory_of_that_name_is_no_package(tmp_path: Path) -> None:
    (tmp_path / "werkzeug").mkdir()
    said = run(
        """
        import dovetail.compat
        dovetail.compat.install()
        from werkzeug.urls import iri_to_uri
        print(iri_to_uri.__module__)
        """,
        path=tmp_path,
    )
    assert said == "dovetail.data.urls"


def test_an_exception_makes_its_response_whatever_else_is_imported() -> None:
    assert (
        run(
            """
            import dovetail.compat
            dovetail.compat.install()
            from werkzeug.exceptions import NotFound
            print(NotFound().get_response().status)
            """
        )
        == "404 NOT FOUND"
    )


def test_one_of_them_can_stay(tmp_path: Path) -> None:
    package(tmp_path, "flask")
    said = run(
        """
        import dovetail.compat
        dovetail.compat.install("werkzeug")
        import flask, werkzeug
        print(flask.__spec__.origin.endswith("__init__.py"), werkzeug.__spec__.origin)
        """,
        path=tmp_path,
    )
    assert said == "True dovetail.compat"


def test_python_m_flask() -> None:
    said = run(
        """
        import runpy, sys
        import dovetail.compat
        dovetail.compat.install()
        sys.argv[1:] = ["--version"]
        try:
            runpy.run_module("flask", run_name="__main__", alter_sys=True)
        except SystemExit as stop:
            assert not stop.code
        """
    )
    assert "Flask 3.1.3" in said


def test_a_module_that_cannot_be_run(installed: None) -> None:
    with pytest.raises(ImportError, match=r"werkzeug\.urls"):
        runpy.run_module("werkzeug.urls")
    with pytest.raises(ImportError, match="werkzeug"):
        runpy.run_module("werkzeug")
