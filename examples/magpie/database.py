"""One SQLite connection for each application context, which means for each request."""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from dovetail import App, current_app, g

from .creation import created_once

# How long to wait for another process that is writing; it may wait for a busy machine itself.
BUSY_SECONDS = 30


def register(app: App) -> None:
    app.teardown_appcontext(close_db)


def get_db() -> sqlite3.Connection:
    """Return the connection of this context, made when it is first asked for."""
    if "db" not in g:
        g.db = connect(current_app.config["DATABASE"])
    connection: sqlite3.Connection = g.db
    return connection


def fetch_one(sql: str, values: Sequence[object] | Mapping[str, object] = ()) -> sqlite3.Row | None:
    """Return the first row of an answer."""
    row: sqlite3.Row | None = get_db().execute(sql, values).fetchone()
    return row


def connect(path: str) -> sqlite3.Connection:
    """Return a connection whose rows have names, and whose foreign keys hold."""
    db = sqlite3.connect(path, timeout=BUSY_SECONDS)
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA foreign_keys = ON")
    return db


def close_db(_error: BaseException | None) -> None:
    db: sqlite3.Connection | None = g.pop("db", None)
    if db is not None:
        db.close()


def create(path: Path) -> None:
    """Make the database, unless it is there."""
    if path.exists():
        return
    with created_once(path) as mine, closing(connect(str(mine))) as db:
        # Readers and a writer do not wait for each other; the file remembers this.
        db.execute("PRAGMA journal_mode = WAL")
        with current_app.open_resource("schema.sql", "r") as schema:
            db.executescript(schema.read())


def empty() -> None:
    """Remove all that is in the database."""
    with get_db() as db:
        # What the users have goes with them.
        db.execute("DELETE FROM users")
