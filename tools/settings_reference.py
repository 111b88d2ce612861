"""Write the reference page of the settings from their table.

``python tools/settings_reference.py`` writes docs/reference/settings.md; with ``--check`` it only
says, by its exit status, whether the page is what it would write.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from dovetail.server.kinds import Flag
from dovetail.server.settings import SECTIONS, SETTINGS, Setting

__all__ = ["PAGE", "main", "render"]

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "settings.md"

_INTRODUCTION = """\
<!-- Written by tools/settings_reference.py from the table in src/dovetail/server/settings.py. -->

# Settings of `dovetail serve`

A setting has one name and several places to be set. The strongest place that sets it wins:

1. the command line: `--graceful-timeout 10s`;
2. the environment: `DOVETAIL_SERVE_GRACEFUL_TIMEOUT=10s`. An empty variable counts as none at all.
   `PORT` and `WEB_CONCURRENCY` are read too, unless `DOVETAIL_SERVE_BIND` and
   `DOVETAIL_SERVE_WORKERS` are set;
3. the file that `-c FILE` names: TOML if its name ends in `.toml`, otherwise Python;
4. `[tool.dovetail]` in `./pyproject.toml`;
5. `./dovetail.toml` or `./dovetail.conf.py`, of which only one may be there;
6. the default.

`dovetail serve --print-config` shows every value and where it came from, and
`dovetail serve --check-config MODULE:ATTR` tries them and the application without serving. A wrong
value, an unknown key in a file and an unknown `DOVETAIL_SERVE_` variable are errors. On `HUP` all
files are read again.

In TOML the settings stand at the top of the file, or in `[tool.dovetail]`:

```toml
app = "shop.wsgi"
bind = ["0.0.0.0:8000", "unix:/run/shop.sock"]
workers = 4
keep_alive = "1m"
limit_request_body = "20MiB"
```

A Python file is run, and its global names are the settings. Modules, functions, classes and names
that begin with `_` are left out, except a function where a setting may be one:

```python
import os

_cpus = os.cpu_count() or 1
workers = 2 * _cpus
```

How values are written:

- **DURATION**: a number of seconds, or numbers with the units `h`, `m`, `s`, `ms`: `30`, `30s`,
  `1m30s`, `250ms`, `2h`. At most a week.
- **SIZE**: a number of bytes, or a whole number with a unit. `k`, `M`, `G` and `KiB`, `MiB`, `GiB`
  count in 1024, `kB`, `MB`, `GB` in 1000; case does not matter.
- **ADDRESS**: `HOST:PORT`, `[IPV6]:PORT`, `:PORT` (every IPv4 interface), `HOST` (port 8000),
  `unix:PATH`, or `fd://N` for a listening socket that was inherited. In the environment, commas
  stand between several. Sockets that systemd passes (`LISTEN_FDS`) replace `bind`.
- **FILE** and **DIR**: a path. A relative one starts at the directory in which the command was
  started, wherever it is set.
- **BOOL**: on the command line `--NAME` or `--no-NAME`; in the environment `1`, `true`, `yes`, `on`
  or `0`, `false`, `no`, `off`; in a file true or false.
"""


def render() -> str:
    """Return the whole page."""
    return _INTRODUCTION + "".join(_section(name) for name in SECTIONS)


def _section(name: str) -> str:
    rows = (row for row in SETTINGS.values() if row.section == name)
    return f"\n## {name}: {SECTIONS[name]}\n" + "".join(map(_entry, rows))


def _entry(row: Setting) -> str:
    table = "".join(f"| {key} | {_cell(value)} |\n" for key, value in _facts(row))
    return f"\n### `{row.name}`\n\n{row.help}\n\n| | |\n|---|---|\n{table}"


def _facts(row: Setting) -> Iterator[tuple[str, str]]:
    yield "command line", _command_line(row)
    yield "environment", _codes(row.variable, *(name for name, _ in row.variables))
    if row.other_keys:
        yield "in a file", _codes(row.name, *row.other_keys)
    yield "value", row.kind.forms
    yield "default", _codes(row.dump(row.default))


def _command_line(row: Setting) -> str:
    if not row.flags:
        return "the argument " + _codes(row.kind.metavar)
    if isinstance(row.kind, Flag):
        return _codes(row.flag, row.off_flag)
    flags = _codes(*(f"{flag} {row.kind.metavar}" for flag in row.flags))
    return f"{flags}; also {_codes(*row.other_flags)}" if row.other_flags else flags


def _codes(*texts: str) -> str:
    return ", ".join(f"`{text}`" for text in texts)


def _cell(text: str) -> str:
    # A bar would end the cell, even inside backquotes.
    return text.replace("|", "\\|")


def main(arguments: list[str]) -> int:
    """Write the page, or compare it; return the exit status."""
    if arguments not in ([], ["--check"]):
        print("usage: settings_reference.py [--check]", file=sys.stderr)
        return 2
    page = render()
    if not arguments:
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(page, encoding="utf-8")
        return 0
    if not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != page:
        print(f"{PAGE} is out of date; run tools/settings_reference.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
