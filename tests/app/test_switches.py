"""The switches of the environment."""

from __future__ import annotations

import pytest

from dovetail.app.switches import get_debug_flag, get_load_dotenv

NAMES = ["DOVETAIL_DEBUG", "FLASK_DEBUG", "DOVETAIL_SKIP_DOTENV", "FLASK_SKIP_DOTENV"]


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("name", ["DOVETAIL_DEBUG", "FLASK_DEBUG"])
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *(("", False), ("0", False), ("False", False), ("FALSE", False), ("No", False)),
        *(("1", True), ("true", True), ("yes", True), ("n", True), ("anything", True)),
    ],
)
def test_get_debug_flag(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: bool
) -> None:
    monkeypatch.setenv(name, value)
    assert get_debug_flag() is expected


def test_no_debug_mode_unless_asked_for() -> None:
    assert get_debug_flag() is False


def test_own_variable_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASK_DEBUG", "1")
    monkeypatch.setenv("DOVETAIL_DEBUG", "0")
    assert get_debug_flag() is False
    monkeypatch.setenv("DOVETAIL_DEBUG", "")
    assert get_debug_flag() is False


@pytest.mark.parametrize("name", ["DOVETAIL_SKIP_DOTENV", "FLASK_SKIP_DOTENV"])
@pytest.mark.parametrize(
    ("value", "expected"),
    [("", None), ("0", True), ("false", True), ("no", True), ("1", False), ("true", False)],
)
@pytest.mark.parametrize("default", [True, False])
def test_get_load_dotenv(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: bool | None, default: bool
) -> None:
    monkeypatch.setenv(name, value)
    assert get_load_dotenv(default) is (default if expected is None else expected)


def test_dotenv_files_are_loaded_by_default() -> None:
    assert get_load_dotenv() is True
    assert get_load_dotenv(default=False) is False
