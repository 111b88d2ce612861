from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from tests.app.commandline import process_restored

from dovetail.app.dotenv import follow_changes, is_available, load_dotenv

pytestmark = pytest.mark.skipif(not is_available(), reason="python-dotenv is not installed")


@pytest.fixture(autouse=True)
def _directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "below").mkdir()
    with process_restored():
        yield


def test_each_file_wins_over_those_before_it() -> None:
    Path(".flaskenv").write_text("A=flaskenv\nB=flaskenv\nC=flaskenv\nD=flaskenv\nE=flaskenv\n")
    Path(".dovetailenv").write_text("B=dovetailenv\nC=dovetailenv\nD=dovetailenv\n")
    Path(".env").write_text("C=env\nD=env\n")
    Path("mine").write_text("D=mine\n")
    os.environ["E"] = "set"
    assert load_dotenv("mine") is True
    found = [os.environ[name] for name in "ABCDE"]
    assert found == ["flaskenv", "dovetailenv", "env", "mine", "set"]


def test_directories_above(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("A=1\n")
    monkeypatch.chdir("below")
    assert load_dotenv() is True
    assert os.environ["A"] == "1"


def test_without_the_default_files() -> None:
    Path(".env").write_text("A=1\n")
    Path("mine").write_text("B=1\nC\n")
    assert load_dotenv("mine", load_defaults=False) is True
    assert "A" not in os.environ
    assert "C" not in os.environ
    assert load_dotenv("missing", load_defaults=False) is False
    assert load_dotenv(None, load_defaults=False) is False


def test_without_the_library(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "dotenv", None)
    assert not is_available()
    assert load_dotenv() is False
    assert capsys.readouterr() == ("", "")
    Path(".dovetailenv").write_text("A=1\n")
    assert load_dotenv() is False
    assert "Install python-dotenv" in capsys.readouterr().err
    assert "A" not in os.environ


@pytest.mark.parametrize("octets", ["A=1".encode("utf-16"), b"A=\xff"])
def test_a_file_in_another_encoding(octets: bytes) -> None:
    Path(".env").write_bytes(octets)
    with pytest.raises(click.FileError, match=r"UTF-8") as caught:
        load_dotenv()
    assert ".env" in caught.value.format_message()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads anything")
def test_a_file_that_cannot_be_read() -> None:
    Path(".env").write_text("A=1")
    Path(".env").chmod(0)
    with pytest.raises(click.FileError, match=r"Permission denied"):
        load_dotenv()


def test_the_reloader_watches_what_there_is_and_what_may_come() -> None:
    Path(".env").write_text("A=1\n")
    options = {"use_reloader": True, "extra_files": ["mine"]}
    follow_changes(options)
    assert options["extra_files"] == ["mine"]
    load_dotenv("late", load_defaults=True)
    follow_changes(options)
    names = ["mine", *(os.path.abspath(name) for name in (".dovetailenv", ".env", ".flaskenv"))]
    assert options["extra_files"] == [*names, os.path.abspath("late")]


def test_without_a_reloader_nothing_is_watched() -> None:
    load_dotenv()
    options: dict[str, Any] = {"use_reloader": False}
    follow_changes(options)
    assert options == {"use_reloader": False}


def test_a_process_that_is_started_anew_forgets_what_files_said_before() -> None:
    Path(".env").write_text("A=file\nB=file\nC=file\n")
    os.environ["A"] = "set"
    load_dotenv()
    follow_changes({"use_reloader": True})
    Path(".env").write_text("A=changed\nB=changed\n")
    load_dotenv()  # as that process does, with this one's environment
    assert [os.environ.get(name) for name in "ABC"] == ["set", "changed", None]
    os.environ["B"] = "by the program"
    load_dotenv()
    assert os.environ["B"] == "by the program"


def test_a_file_cannot_have_other_variables_forgotten() -> None:
    os.environ["MINE"] = "set"
    Path(".env").write_text("DOVETAIL_DOTENV_NAMES=MINE\n'A\nMINE'=1\n'B\vMINE'=1\n")
    load_dotenv()
    follow_changes({"use_reloader": True})
    load_dotenv()
    load_dotenv()
    assert os.environ["MINE"] == "set"


@pytest.mark.parametrize("line", ["'A=B'=1", "A=1\0"])
def test_what_no_variable_can_be_is_said(line: str) -> None:
    Path(".env").write_text(f"{line}\n")
    with pytest.raises(click.FileError, match="no environment variable") as raised:
        load_dotenv()
    assert ".env" in raised.value.format_message()
