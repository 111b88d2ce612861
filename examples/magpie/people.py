"""Users, their passwords and their tokens, as they are stored."""

import hashlib
import secrets
import sqlite3
from functools import cache

from dovetail.toolkit.security import check_password_hash, generate_password_hash

from .database import fetch_one, get_db


def add_user(name: str, password: str, *, is_demo: bool = False) -> sqlite3.Row:
    """Return the new user.

    :raises sqlite3.IntegrityError: somebody has this name.
    """
    values = (name, generate_password_hash(password), secrets.token_hex(16), is_demo)
    with get_db() as db:
        user: sqlite3.Row = db.execute(
            "INSERT INTO users (name, password_hash, session_key, is_demo)"
            " VALUES (?, ?, ?, ?) RETURNING *",
            values,
        ).fetchone()
    return user


def set_password(name: str, password: str) -> bool:
    """Give a user another password, which ends the user's sessions; tell whether there is one."""
    values = (generate_password_hash(password), secrets.token_hex(16), name)
    with get_db() as db:
        changed = db.execute(
            "UPDATE users SET password_hash = ?, session_key = ? WHERE name = ?", values
        )
    return changed.rowcount == 1


def find_by_password(name: str, password: str) -> sqlite3.Row | None:
    """Return the user of this name and password.

    It takes as long for a name that nobody has: whoever watches the clock learns no names.
    """
    user = fetch_one("SELECT * FROM users WHERE name = ?", (name,))
    known_hash = user["password_hash"] if user else hash_of_nobody()
    return user if check_password_hash(known_hash, password) else None


@cache
def hash_of_nobody() -> str:
    return generate_password_hash(secrets.token_hex())


def find_by_session_key(key: str) -> sqlite3.Row | None:
    return fetch_one("SELECT * FROM users WHERE session_key = ?", (key,))


def make_token(user_id: int) -> str:
    """Return a new token of this user for the API; it takes the place of an older one."""
    token = secrets.token_urlsafe(32)
    with get_db() as db:
        db.execute(
            "INSERT OR REPLACE INTO tokens (digest, user_id) SELECT ?, id FROM users WHERE id = ?",
            (digest(token), user_id),
        )
    return token


def find_by_token(token: str) -> sqlite3.Row | None:
    sql = "SELECT users.* FROM users JOIN tokens ON user_id = users.id WHERE digest = ?"
    return fetch_one(sql, (digest(token),))


def digest(token: str) -> str:
    # Not a password hash, which is slow on purpose: nobody can guess 32 random bytes.
    return hashlib.sha256(token.encode()).hexdigest()
