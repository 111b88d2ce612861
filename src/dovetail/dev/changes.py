"""What has changed that open pages show: a file in the workshop, which all processes read."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

__all__ = ["Change", "Changes", "Moment"]

# How many octets of news a reader takes; who is further behind loads the whole page.
_NEWS = 16384

# So many style sheets at once are a build, after which the page is better loaded as a whole.
_SHEETS = 20

_moment = re.compile(r"([0-9a-f]{16})-(0|[1-9][0-9]{0,14})").fullmatch


@dataclass(frozen=True, slots=True)
class Moment:
    """When a page was made: by which start of the server, and after how many octets of news."""

    build: str
    position: int

    def __str__(self) -> str:
        return f"{self.build}-{self.position}"

    @classmethod
    def parse(cls, text: str) -> Moment | None:
        """Return what ``str()`` wrote; None if the text is anything else."""
        match = _moment(text)
        return None if match is None else cls(match[1], int(match[2]))


@dataclass(frozen=True, slots=True)
class Change:
    """One change.

    :ivar sheet: the name of the style sheet's file, if that is all that has changed; else empty.
    """

    sheet: str = ""


class Changes:
    """The news of one start of the server.

    :param path: the file. It is made when there is something to write, and it survives a reload.

    :ivar build: tells the code of this process from that before a reload; forked processes share
        it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.build = secrets.token_hex(8)

    def now(self) -> Moment:
        """Return the current moment."""
        try:
            size = self.path.stat().st_size
        except OSError:
            size = 0
        return Moment(self.build, size)

    def tell(self, paths: Iterable[str | os.PathLike[str]]) -> None:
        """Write down that files have changed which pages show.

        If it cannot be written (the disk is full), pages stay as they are until the next change.
        """
        names = {os.path.basename(os.fspath(path)) for path in paths}
        if not names:
            return
        sheets = sorted(name for name in names if name.lower().endswith(".css"))
        if len(sheets) < len(names) or len(sheets) > _SHEETS:
            sheets = [""]  # one line that is about the whole page
        lines = "".join(f"{quote(name, safe='', errors='replace')}\n" for name in sheets)
        with contextlib.suppress(OSError):
            self._write(lines.encode("ascii"))

    def _write(self, octets: bytes) -> None:
        # One write, so that a reader sees all lines or none.
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, octets)
        finally:
            os.close(descriptor)

    def since(self, moment: Moment) -> list[Change]:
        """Return what has changed after a moment, each change once.

        Of a moment of other code everything has. A page that was made in the future tells lies,
        and gets nothing.
        """
        if moment.build != self.build:
            return [Change()]
        try:
            with open(self.path, "rb") as file:
                file.seek(moment.position)
                news = file.read(_NEWS + 1)
        except OSError:
            return []
        if len(news) > _NEWS:
            return [Change()]
        names = dict.fromkeys(news.decode("ascii", "replace").splitlines())
        return [Change()] if "" in names else [Change(unquote(name)) for name in names]
