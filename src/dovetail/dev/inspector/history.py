"""The last requests of all processes of a development server, kept over its reloads."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar
from weakref import WeakSet

from dovetail.dev.inspector.entry import Entry, Head

__all__ = ["KEPT_REQUESTS", "History", "Snapshot"]

T = TypeVar("T")

#: How many requests are kept.
KEPT_REQUESTS = 100
# How many octets the contents of the kept requests may have together.
_KEPT_CONTENTS = 16 << 20
_KEPT_NOTES = 20
# For so many seconds a request waits for another process that is writing. That takes less than a
# millisecond, unless the machine is so busy that it has to wait itself.
_PATIENCE = 5.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS requests (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    origin INTEGER NOT NULL,
    head TEXT NOT NULL,
    rest TEXT NOT NULL,
    content BLOB
);
CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, about INTEGER, note TEXT NOT NULL);
"""
_GIVEN_UP = "its content was given up for those of later requests"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the list shows."""

    #: The newest first.
    heads: list[Head]
    #: The lowest number that is still kept; above all others if there is none.
    oldest: int
    #: What there is to say about the history itself.
    notes: list[str]


class History:
    """Requests in a file, for any thread and process.

    Nothing here raises because of the file: if it is damaged a new one is made, and a note says so.
    A request for which the file cannot be written in time is left out and counted.

    :param path: the file, in a directory that nobody else can enter.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._missed = 0
        self._problem = ""
        _histories.add(self)

    def add(self, entry: Entry) -> int:
        """Keep an entry, and drop what is too old; return its number, 0 if it was not kept."""
        content = entry.content or None
        row = entry.head.origin, entry.head.dump(), entry.dump(), content

        def work(connection: sqlite3.Connection) -> int:
            cursor = connection.execute(
                "INSERT INTO requests (origin, head, rest, content) VALUES (?, ?, ?, ?)", row
            )
            number = cursor.lastrowid or 0
            connection.execute("DELETE FROM requests WHERE id <= ?", (number - KEPT_REQUESTS,))
            if content is not None:
                _bound_contents(connection, number)
            return number

        number = self._run(work)
        if number is None:
            self._missed += 1
        return number or 0

    def snapshot(self, after: int = 0) -> Snapshot:
        """Return the heads of the kept requests.

        :param after: only those with a higher number.
        """

        def work(connection: sqlite3.Connection) -> Snapshot:
            heads = _heads(connection, "id > ?", after)
            (oldest,) = connection.execute(
                "SELECT coalesce((SELECT min(id) FROM requests),"
                " (SELECT max(seq) + 1 FROM sqlite_sequence WHERE name = 'requests'), 1)"
            ).fetchone()
            return Snapshot(heads, oldest, _notes(connection, 0))

        found = self._run(work) or Snapshot([], after + 1, [])
        return replace(found, notes=found.notes + self._own_notes())

    def find(self, number: int) -> Entry | None:
        """Return an entry; None if it is not kept."""

        def work(connection: sqlite3.Connection) -> Entry | None:
            row = connection.execute(
                "SELECT head, rest, content FROM requests WHERE id = ?", (number,)
            ).fetchone()
            if row is None:
                return None
            entry = Entry.load(row[1], Head.load(row[0], number), row[2] or b"")
            if entry.content_length != len(entry.content) and not entry.obstacle:
                entry.obstacle = _GIVEN_UP
            return entry

        return self._run(work)

    def replays_of(self, number: int) -> list[Head]:
        """Return the heads of an entry's replays, the newest first."""
        return self._run(lambda connection: _heads(connection, "origin = ?", number)) or []

    def note(self, about: int, text: str) -> None:
        """Keep something to be said about an entry; 0 for the history as a whole."""
        self._run(lambda connection: _add_note(connection, about, text))

    def notes_about(self, number: int) -> list[str]:
        """Return what there is to be said about an entry."""
        return self._run(lambda connection: _notes(connection, number)) or []

    def clear(self) -> None:
        """Forget all requests; the numbers go on."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM requests")
            connection.execute("DELETE FROM notes")

        self._run(work)
        self._missed = 0

    def close(self) -> None:
        """Let go of the file; using the history again opens it again."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                with contextlib.suppress(sqlite3.Error):
                    connection.close()

    # The file

    def _run(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """Return what ``work`` returns, done in a transaction; None if the file fails."""
        with self._lock:
            try:
                connection = self._open()
                with connection:
                    return work(connection)
            except (sqlite3.OperationalError, OSError) as error:
                # It is locked, or the directory is gone.
                self._problem = str(error)
                self.close()
            except (sqlite3.DatabaseError, ValueError, KeyError, TypeError) as error:
                # It is no database any more, or what was in it is no entry.
                self._begin_anew(error)
        return None

    def _open(self) -> sqlite3.Connection:
        inode = _inode(self.path)
        if self._connection is None or inode != self._inode:
            self.close()
            if not inode:
                # Before sqlite3 does, which would make it as the umask has it.
                os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            self._connection = _connect(self.path)
            self._inode = _inode(self.path)
        return self._connection

    def _begin_anew(self, error: Exception) -> None:
        """Replace a file that is no database, or of another version of this module."""
        self.close()
        for name in ("", "-wal", "-shm", "-journal"):
            with contextlib.suppress(OSError):
                os.unlink(f"{self.path}{name}")
        moment = time.strftime("%H:%M:%S")
        text = f"At {moment} the history was damaged ({error}), and begun anew."
        with contextlib.suppress(OSError, sqlite3.Error):
            connection = self._open()
            with connection:
                _add_note(connection, 0, text)

    def _own_notes(self) -> list[str]:
        if not self._missed:
            return []
        return [f"Process {os.getpid()} could not keep {self._missed} requests: {self._problem}"]

    # Around a fork, over which sqlite3's connections must not be taken

    def _before_fork(self) -> None:
        self._lock.acquire()
        self.close()

    def _after_fork(self) -> None:
        self._lock.release()


_histories: WeakSet[History] = WeakSet()
_held: list[History] = []


def _before_fork() -> None:
    for history in tuple(_histories):
        history._before_fork()
        _held.append(history)


def _after_fork() -> None:
    while _held:
        _held.pop()._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork
    )


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_PATIENCE, check_same_thread=False)
    try:
        # It need not outlast the machine, so nothing waits for the disk.
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript(_SCHEMA)
    except BaseException:
        connection.close()
        raise
    return connection


def _inode(path: Path) -> int:
    try:
        return os.stat(path).st_ino
    except OSError:
        return 0


def _heads(connection: sqlite3.Connection, condition: str, value: int) -> list[Head]:
    rows = connection.execute(
        f"SELECT id, head FROM requests WHERE {condition} ORDER BY id DESC", (value,)
    )
    return [Head.load(head, number) for number, head in rows]


def _notes(connection: sqlite3.Connection, about: int) -> list[str]:
    rows = connection.execute("SELECT note FROM notes WHERE about = ? ORDER BY id", (about,))
    return [note for (note,) in rows]


def _bound_contents(connection: sqlite3.Connection, newest: int) -> None:
    """Give up the contents of the oldest requests, as far as there is too much together."""
    rows = connection.execute(
        "SELECT id, length(content) FROM requests WHERE content IS NOT NULL ORDER BY id DESC"
    ).fetchall()
    room = _KEPT_CONTENTS
    for number, size in rows:
        room -= size
        if room < 0 and number != newest:
            connection.execute("UPDATE requests SET content = NULL WHERE id <= ?", (number,))
            return


def _add_note(connection: sqlite3.Connection, about: int, text: str) -> None:
    cursor = connection.execute("INSERT INTO notes (about, note) VALUES (?, ?)", (about, text))
    connection.execute("DELETE FROM notes WHERE id <= ?", ((cursor.lastrowid or 0) - _KEPT_NOTES,))
