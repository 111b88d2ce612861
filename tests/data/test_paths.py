from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.data.paths import safe_join, secure_filename


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("My cool movie.mov", "My_cool_movie.mov"),
        ("../../../etc/passwd", "etc_passwd"),
        ("i contain cool \xfcml\xe4uts.txt", "i_contain_cool_umlauts.txt"),
        ("__filename__", "filename"),
        ("foo$&^*)bar", "foobar"),
        (".hidden", "hidden"),
        ("日本.txt", "txt"),
        ("..", ""),
        ("NUL", "NUL"),
    ],
)
def test_secure_filename(name: str, expected: str) -> None:
    assert secure_filename(name) == expected


@given(st.text())
def test_secure_names_are_portable(name: str) -> None:
    secure = secure_filename(name)
    assert secure.isascii()
    assert not set(secure) & set("/\\\0 \n:")
    assert not secure.startswith(".")
    assert secure_filename(secure) == secure


@pytest.mark.parametrize("name", ["CON", "nul.txt", "com1.tar.gz", "LPT\u00b9", "aux ", "PRN:x"])
def test_devices_of_windows(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert safe_join("/a", name) is not None
    monkeypatch.setattr(os, "name", "nt")
    assert safe_join("/a", name) is None
    assert safe_join("/a", f"b/{name}/c") is None
    assert secure_filename(name) in {f"_{secure_filename(name).lstrip('_')}", "PRNx"}


@pytest.mark.parametrize("name", ["file.txt:stream", "C:x"])
def test_streams_and_drives_of_windows(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "name", "nt")
    assert safe_join("/a", name) is None


@pytest.mark.parametrize("name", ["console", "com", "COM0", "a.con", "COM10"])
def test_no_devices_of_windows(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "name", "nt")
    assert safe_join("/a", name) == f"/a/{name}"
    assert secure_filename(name) == name


def test_separators_of_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sep", "\\")
    monkeypatch.setattr(os.path, "altsep", "/")
    assert safe_join("/a", "..\\b") is None
    assert safe_join("/a", "b/c") == "/a/b/c"
    assert secure_filename("..\\b\\c") == "b_c"


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (["b"], "/a/b"),
        (["b", "c"], "/a/b/c"),
        (["b/../c"], "/a/c"),
        (["./b//c/"], "/a/b/c"),
        (["", "b"], "/a/b"),
        ([], "/a"),
        (["..b"], "/a/..b"),
        (["b\\c"], "/a/b\\c"),
    ],
)
def test_safe_join(parts: list[str], expected: str) -> None:
    assert safe_join("/a", *parts) == expected


@pytest.mark.parametrize(
    "parts", [["/b"], [".."], ["../b"], ["b/../../c"], ["b", "../c"], ["b", "/c"], ["//b"]]
)
def test_ways_out(parts: list[str]) -> None:
    assert safe_join("/a", *parts) is None


def test_no_directory() -> None:
    assert safe_join("", "b") == "./b"
    assert safe_join("", "/b") is None


@given(st.lists(st.text(st.sampled_from("./\\ab~ \0"), max_size=8), max_size=3))
def test_nothing_leads_out(parts: list[str]) -> None:
    joined = safe_join("/a/b", *parts)
    assert joined is None or f"{os.path.normpath(joined)}/".startswith("/a/b/")
