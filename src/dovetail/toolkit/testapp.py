"""An application that shows what the server told it, to see whether a deployment works."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib import metadata
from textwrap import wrap

from markupsafe import escape

from dovetail import __version__
from dovetail.toolkit.request import Request
from dovetail.toolkit.response import Response

__all__ = ["TEMPLATE", "iter_sys_path", "test_app"]

#: The page; the values are HTML.
TEMPLATE = """\
<!doctype html>
<html lang="en">
<title>It works: this server runs WSGI applications</title>
<meta name="viewport" content="width=device-width">
<style>
  body { margin: 2rem auto; max-width: 60rem; padding: 0 1rem; font: 1rem/1.5 sans-serif; }
  table { width: 100%%; border-collapse: collapse; font: 0.875rem/1.4 monospace; }
  th, td { padding: 0.25rem 0.5rem; border-bottom: 1px solid #ccc; text-align: left;
           vertical-align: top; overflow-wrap: anywhere; }
  th { width: 16rem; font-weight: bold; }
  .missing { color: #777; text-decoration: line-through; }
  .relative { font-style: italic; }
</style>
<h1>It works</h1>
<p>A WSGI server called this application. Below is what it runs on and what it was told. The page is
for whoever sets a server up: take it down before others can read it.
<h2>Python</h2>
<table>
  <tr><th>Version<td>%(python_version)s
  <tr><th>Platform<td>%(platform)s (%(os)s, %(byteorder)s-endian)
  <tr><th>C API<td>%(api_version)s
  <tr><th>Dovetail<td>%(dovetail_version)s
</table>
<h2>WSGI environment</h2>
<table>
%(wsgi_env)s
</table>
<h2>Installed distributions</h2>
<ul>
%(distributions)s
</ul>
<h2>Import path</h2>
<p>What is struck out is not there; what is slanted was relative to
the working directory.
<ul>
%(sys_path)s
</ul>
"""


def iter_sys_path() -> Iterator[tuple[str, bool, bool]]:
    """Yield the places Python imports from: as shown, whether missing, whether made absolute.

    The home directory is shown as ``~``.
    """
    home = os.path.expanduser("~")
    for item in sys.path:
        path = os.path.abspath(item)
        missing = not os.path.exists(path)
        shown = path
        if path == home or path.startswith(home + os.sep):
            shown = "~" + path[len(home) :]
        yield shown, missing, not os.path.isabs(item)


@Request.application
def test_app(req: Request) -> Response:
    """Answer any request with a page about the server and Python."""
    rows = [
        f"  <tr><th>{escape(key)}<td>{_breakable(repr(value))}"
        for key, value in sorted(req.environ.items(), key=lambda pair: str(pair[0]).lower())
    ]
    page = TEMPLATE % {
        "python_version": "<br>".join(escape(line) for line in sys.version.splitlines()),
        "platform": escape(sys.platform),
        "os": escape(os.name),
        "api_version": sys.api_version,
        "byteorder": sys.byteorder,
        "dovetail_version": escape(__version__),
        "wsgi_env": "\n".join(rows),
        "distributions": "\n".join(_distributions()),
        "sys_path": "\n".join(_places()),
    }
    return Response(page, mimetype="text/html")


test_app.__test__ = False  # type: ignore[attr-defined]  # no test, whatever pytest thinks


def _breakable(text: str) -> str:
    """Return the text as HTML that may be broken into lines."""
    return "<wbr>".join(escape(part) for part in wrap(text, 80, drop_whitespace=False))


def _distributions() -> list[str]:
    found = {(dist.name, dist.version) for dist in metadata.distributions() if dist.name}
    return [f"  <li>{escape(name)} {escape(version)}" for name, version in sorted(found)]


def _places() -> list[str]:
    lines = []
    for path, missing, relative in iter_sys_path():
        kinds = " ".join(
            name for name, is_so in (("missing", missing), ("relative", relative)) if is_so
        )
        lines.append(f'  <li class="{kinds}">{escape(path)}')
    return lines
