from __future__ import annotations

import importlib.util
import json
import os
import py_compile
import sys
import time
from pathlib import Path

import markupsafe

from dovetail.dev.reloader.paths import (
    digest_of,
    drop_stale_bytecode,
    file_clock,
    is_library,
    nearest,
    signature,
)


def test_libraries() -> None:
    assert is_library(json.__file__)
    assert is_library(markupsafe.__file__)
    assert is_library("/elsewhere/lib/python3/dist-packages/x.py")
    assert not is_library(str(Path(sys.prefix) / "src" / "editable" / "x.py"))
    assert not is_library("/home/me/app.py")


def test_signatures(tmp_path: Path) -> None:
    path = tmp_path / "a"
    assert signature(str(path)) is None
    path.write_text("1")
    first = signature(str(path))
    os.utime(path, ns=(0, 0))
    second = signature(str(path))
    path.unlink()
    path.write_text("2")
    os.utime(path, ns=(0, 0))
    assert len({first, second, signature(str(path))}) >= 2
    assert first != second


def test_the_nearest_directory(tmp_path: Path) -> None:
    assert nearest(str(tmp_path / "a")) == (str(tmp_path), str(tmp_path / "a"))
    assert nearest(str(tmp_path / "b" / "c" / "a")) == (str(tmp_path), str(tmp_path / "b"))


def test_the_clock_of_files(tmp_path: Path) -> None:
    for number in range(200):
        before = file_clock()
        (tmp_path / "a").write_text(str(number))
        written = os.stat(tmp_path / "a").st_mtime_ns
        assert before <= written <= time.time_ns()


def test_digests(tmp_path: Path) -> None:
    path = str(tmp_path / "a")
    missing = digest_of([path])
    Path(path).write_text("1")
    one = digest_of([path])
    Path(path).write_text("2")
    assert len({missing, one, digest_of([path]), digest_of([])}) == 4


def test_bytecode_that_python_would_take_for_current(tmp_path: Path) -> None:
    source = tmp_path / "a.py"
    source.write_text("V = 1")
    cached = Path(importlib.util.cache_from_source(str(source)))
    py_compile.compile(str(source))
    seconds = int(source.stat().st_mtime)
    source.write_text("V = 2")  # of the same length
    os.utime(source, (seconds + 0.5, seconds + 0.5))
    drop_stale_bytecode(str(source))
    assert not cached.exists()
    py_compile.compile(str(source))
    source.write_text("V = 12")
    drop_stale_bytecode(str(source))
    assert cached.exists()  # Python sees that itself
    drop_stale_bytecode(str(tmp_path / "none.py"))
    drop_stale_bytecode(str(tmp_path / "a.txt"))
