from __future__ import annotations

import importlib
import py_compile
import socket
import sys
from pathlib import Path
from types import ModuleType

import pytest

from dovetail.dev.reloader.imports import ImportRecorder, module_files, note_failure
from dovetail.dev.reloader.paths import file_clock, is_library


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ImportRecorder:
    made = ImportRecorder()
    monkeypatch.setattr(sys, "meta_path", [made, *sys.meta_path])
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    importlib.invalidate_caches()
    return made


def test_it_notes_when_a_module_is_asked_for(recorder: ImportRecorder, tmp_path: Path) -> None:
    (tmp_path / "noted_one.py").write_text("")
    before = file_clock()
    importlib.import_module("noted_one")
    del sys.modules["noted_one"]
    assert recorder.is_fresh
    assert before <= recorder.times["noted_one"] <= file_clock()


def test_where_missing_modules_would_be(recorder: ImportRecorder, tmp_path: Path) -> None:
    (tmp_path / "noted_broken.py").write_text("= 1")
    with pytest.raises(SyntaxError):
        importlib.import_module("noted_broken")
    with pytest.raises(ImportError):
        importlib.import_module("noted_missing")
    found = set(recorder.missing_files())
    assert ("noted_broken", str(tmp_path / "noted_broken.py")) in found
    assert ("noted_missing", str(tmp_path / "noted_missing.py")) in found
    assert ("noted_missing", str(tmp_path / "noted_missing" / "__init__.py")) in found
    assert not any(is_library(file) for _, file in found)
    assert list(recorder.missing_files()) == []


def test_files_of_modules(tmp_path: Path) -> None:
    source = tmp_path / "a.py"
    source.write_text("")
    cached = Path(py_compile.compile(str(source)) or "")
    module = ModuleType("a")
    assert list(module_files(module)) == []
    assert list(module_files(object())) == []
    module.__file__ = str(source)
    assert list(module_files(module)) == [str(source)]
    module.__file__ = str(cached)
    assert list(module_files(module)) == [str(source)]
    alone = tmp_path / "b.pyc"
    cached.rename(alone)
    module.__file__ = str(alone)
    assert list(module_files(module)) == [str(alone)]
    archive = tmp_path / "c.zip"
    archive.write_text("")
    module.__file__ = str(archive / "inner" / "d.py")
    assert list(module_files(module)) == [str(archive)]


def test_files_of_a_failure(tmp_path: Path, recorder: ImportRecorder) -> None:
    (tmp_path / "noted_outer.py").write_text("try:\n 1/0\nexcept Exception:\n import noted_inner")
    (tmp_path / "noted_inner.py").write_text("= 1")
    with pytest.raises(SyntaxError) as caught:
        importlib.import_module("noted_outer")
    group = BaseExceptionGroup("", [caught.value])
    files = note_failure(group)
    assert {str(tmp_path / f"noted_{name}.py") for name in ("outer", "inner")} <= set(files)
    assert not any("importlib" in file for file in files)


def test_reports_of_forked_processes(recorder: ImportRecorder, tmp_path: Path) -> None:
    (tmp_path / "noted_lazy.py").write_text("")
    listener = recorder.listen()
    assert isinstance(listener, socket.socket)
    recorder._become_worker()  # what the fork does
    importlib.import_module("noted_lazy")
    del sys.modules["noted_lazy"]
    recorder.is_fresh = False
    recorder.receive()
    assert recorder.is_fresh
    assert recorder.take_reports() == [str(tmp_path / "noted_lazy.py")]
    assert recorder.take_reports() == []
