from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from dovetail.server.settings import SECTIONS, SETTINGS

ROOT = Path(__file__).resolve().parent.parent
TOOL = ROOT / "tools" / "settings_reference.py"
PAGE = ROOT / "docs" / "reference" / "settings.md"


def test_the_page_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, TOOL, "--check"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_every_setting_flag_and_variable_is_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    headings = [line for line in page.splitlines() if line.startswith("#")]
    for section in SECTIONS:
        assert f"## {section}: {SECTIONS[section]}" in headings
    for row in SETTINGS.values():
        assert f"### `{row.name}`" in headings
        for text in (*row.flags, *row.other_flags, row.variable, *row.other_keys):
            assert f"`{text}" in page


def test_an_old_page_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = runpy.run_path(str(TOOL))
    page = tmp_path / "settings.md"
    page.write_text("old")
    names["main"].__globals__["PAGE"] = page
    assert names["main"](["--check"]) == 1
    assert "out of date" in capsys.readouterr().err
    assert names["main"]([]) == 0
    assert names["main"](["--check"]) == 0
    assert page.read_text(encoding="utf-8") == PAGE.read_text(encoding="utf-8")


def test_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert runpy.run_path(str(TOOL))["main"](["--chekc"]) == 2
    assert "usage" in capsys.readouterr().err
