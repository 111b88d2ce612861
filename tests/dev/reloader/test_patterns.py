from __future__ import annotations

from pathlib import Path

import pytest

from dovetail.dev.reloader.patterns import Exclusion, Tree, sort_names


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("**", "a", True),
        ("**", "b/c/a", True),
        ("*.toml", "a.toml", True),
        ("*.toml", "b/a.toml", False),
        ("*/a.toml", "b/a.toml", True),
        ("*/a.toml", "b/c/a.toml", False),
        ("*b/*/a.toml", "c/b/a.toml", False),
        ("**/*.toml", "a.toml", True),
        ("**/*.toml", "b/c/a.toml", True),
        ("b/**/*.toml", "c/a.toml", False),
        ("b/**/c/*", "b/x/y/c/a", True),
        ("*.toml", ".a.toml", False),
        (".*", ".env", True),
        ("**", ".git/config", False),
        ("**", "node_modules/x/y.js", False),
        ("**", "__pycache__/a.pyc", False),
        ("**", "a.py~", False),
        ("**", ".a.py.swp", False),
        ("**", ".#a.py", False),
        ("**", "4913", False),
    ],
)
def test_what_a_tree_contains(pattern: str, path: str, matches: bool) -> None:
    assert Tree("/root", pattern).matches(f"/root/{path}") is matches
    assert not Tree("/root", pattern).matches(f"/rooter/{path}")


def test_the_files_that_are_there(tmp_path: Path) -> None:
    for name in ("a.txt", "b/c.txt", "b/d/e.txt", ".git/f.txt", "venv/g.txt", "venv/pyvenv.cfg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "b" / "around").symlink_to(tmp_path)
    names = {str(Path(each).relative_to(tmp_path)) for each in Tree(str(tmp_path)).files()}
    assert names == {"a.txt", "b/c.txt", "b/d/e.txt"}
    directories = [each for each, _ in Tree(str(tmp_path), "*/*.txt").directories()]
    assert directories == [str(tmp_path), str(tmp_path / "b")]


def test_names_that_the_user_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "odd[1].txt").write_text("")
    names = ["a.txt", "folder", "conf/*.toml", "odd[1].txt", str(tmp_path / "x" / "**" / "y")]
    files, trees = sort_names(names)
    assert files == [str(tmp_path / "a.txt"), str(tmp_path / "odd[1].txt")]
    assert [tree.root for tree in trees] == [
        str(tmp_path / name) for name in ("folder", "conf", "x")
    ]


def test_exclusions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exclusion = Exclusion(["*.cfg", "data/*", f"{tmp_path}/x.py"])
    assert exclusion.covers("/anywhere/a.cfg")
    assert exclusion.covers(str(tmp_path / "data" / "b.py"))
    assert exclusion.covers(str(tmp_path / "x.py"))
    assert not exclusion.covers(str(tmp_path / "y.py"))
    assert not Exclusion(None).covers("/a")
