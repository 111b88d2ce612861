from __future__ import annotations

import click
import pytest

from dovetail.app.variables import PREFIX, read_fallbacks


@click.group()
@click.option("--size", type=int)
def group(size: int) -> None:
    pass


@group.command("two-words")
@click.option("--names", multiple=True)
@click.option("--flag/--no-flag", default=None)
@click.option("--port", default=5000)
def command(names: tuple[str, ...], flag: bool, port: int) -> None:
    pass


def parse(
    args: list[str], environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, **extra: object
) -> dict[str, object]:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    ctx = click.Context(group, info_name="x", auto_envvar_prefix=PREFIX, **extra)  # type: ignore[arg-type]
    read_fallbacks(ctx)
    read_fallbacks(ctx, command)
    return command.make_context("two-words", args, parent=ctx).params


@pytest.mark.parametrize(
    ("args", "environ", "port"),
    [
        ([], {}, 5000),
        ([], {"FLASK_TWO_WORDS_PORT": "1"}, 1),
        ([], {"FLASK_TWO_WORDS_PORT": "1", "DOVETAIL_TWO_WORDS_PORT": "2"}, 2),
        (["--port", "3"], {"FLASK_TWO_WORDS_PORT": "1"}, 3),
        (["--port", "3"], {"DOVETAIL_TWO_WORDS_PORT": "2"}, 3),
    ],
)
def test_the_order(
    args: list[str], environ: dict[str, str], port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert parse(args, environ, monkeypatch)["port"] == port


def test_types(monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {"FLASK_TWO_WORDS_NAMES": "a b", "FLASK_TWO_WORDS_FLAG": "off"}
    params = parse([], environ, monkeypatch)
    assert params == {"names": ("a", "b"), "flag": False, "port": 5000}


def test_defaults_that_were_there(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"two-words": {"port": 7, "flag": True}}
    params = parse([], {"FLASK_TWO_WORDS_PORT": "1"}, monkeypatch, default_map=given)
    assert (params["port"], params["flag"]) == (1, True)
    assert given == {"two-words": {"port": 7, "flag": True}}


def test_another_prefix_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASK_SIZE", "1")
    ctx = click.Context(group, auto_envvar_prefix="OTHER")
    read_fallbacks(ctx)
    assert ctx.default_map is None
