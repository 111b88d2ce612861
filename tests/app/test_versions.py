from __future__ import annotations

import sys
from types import ModuleType

import pytest

from dovetail.app.versions import is_stood_in, stood_in_versions
from dovetail.compat import install


def test_a_package_that_is_itself() -> None:
    assert not is_stood_in("click")
    assert not is_stood_in("nowhere_at_all")


def test_modules_without_a_spec(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "odd", None)
    assert not is_stood_in("odd")
    monkeypatch.setitem(sys.modules, "odd", ModuleType("odd"))
    assert not is_stood_in("odd")


def test_standing_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    assert stood_in_versions() == {}
    install()
    assert is_stood_in("flask")
    assert list(stood_in_versions()) == ["Flask", "Werkzeug"]
