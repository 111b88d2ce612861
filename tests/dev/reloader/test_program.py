from __future__ import annotations

import sys
from pathlib import Path

import pytest

from dovetail.dev.reloader.program import Program


@pytest.mark.parametrize(
    ("words", "flags", "kind", "target", "arguments"),
    [
        (["app.py"], [], "script", "app.py", []),
        (["app.py", "-m", "-c"], [], "script", "app.py", ["-m", "-c"]),
        (["-u", "-X", "dev", "app.py", "x"], ["-u", "-X", "dev"], "script", "app.py", ["x"]),
        (["-Xdev", "-Werror", "app.py"], ["-Xdev", "-Werror"], "script", "app.py", []),
        (["-BW", "error", "app.py"], ["-BW", "error"], "script", "app.py", []),
        (["-m", "flask", "run"], [], "module", "flask", ["run"]),
        (["-mflask", "run"], [], "module", "flask", ["run"]),
        (["-Im", "flask"], ["-I"], "module", "flask", []),
        (["-W", "m", "-OOc", "pass", "a"], ["-W", "m", "-OO"], "command", "pass", ["a"]),
        (["-cpass"], [], "command", "pass", []),
        (
            ["--check-hash-based-pycs", "always", "app.py"],
            ["--check-hash-based-pycs", "always"],
            *("script", "app.py", []),
        ),
    ],
)
def test_the_parts_of_a_command_line(
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    flags: list[str],
    kind: str,
    target: str,
    arguments: list[str],
) -> None:
    monkeypatch.setattr(sys, "orig_argv", ["python", *words])
    found = Program.current()
    assert (found.kind, found.target) == (kind, target)
    assert (list(found.flags), list(found.arguments)) == (flags, arguments)
    assert found.command == (sys.executable, *words)


@pytest.mark.parametrize("words", [[], ["-"], ["-i"], ["-m"], ["-X", "dev"]])
def test_what_cannot_be_started_again(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    monkeypatch.setattr(sys, "orig_argv", ["python", *words])
    with pytest.raises(RuntimeError, match="standard input"):
        Program.current()
    monkeypatch.setattr(sys, "executable", "")
    with pytest.raises(RuntimeError, match="of its own"):
        Program.current()


def test_the_directory_it_was_started_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "inner" / "app.py"
    script.parent.mkdir()
    script.write_text("")
    monkeypatch.setattr(sys, "orig_argv", ["python", "inner/app.py"])
    monkeypatch.setattr(sys.modules["__main__"], "__file__", str(script))
    monkeypatch.chdir("/")  # the program has done so
    assert Program.current().directory == str(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert Program.current().directory == str(tmp_path)
