"""Items and claims, as they are stored."""

import re
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .database import fetch_one, get_db

ITEMS = "SELECT items.*, users.name AS owner FROM items JOIN users ON users.id = owner_id "
# A LIKE pattern has to end somewhere; so has what a person types.
MOST_WORDS = 100


@dataclass(frozen=True)
class Page:
    """Some of the items, and where among all of them these stand."""

    items: list[sqlite3.Row]
    number: int
    pages: int
    total: int


def find_items(*, words: str = "", kind: str = "", number: int = 1, size: int = 12) -> Page:
    """Return the page of this number, or the nearest: what is open first, the newest first.

    :param words: have to stand in the title, the details or the place, all of them together.
    :param kind: ``lost`` or ``found``; empty for both.
    """
    where = (
        "WHERE :kind IN ('', kind)"
        r" AND (title || char(10) || details || char(10) || place) LIKE :pattern ESCAPE '\'"
    )
    values: dict[str, str | int] = {"kind": kind, "pattern": like(words), "size": size}
    db = get_db()
    (total,) = db.execute(f"SELECT count(*) FROM items {where}", values).fetchone()
    pages = max(1, -(-total // size))
    number = min(max(1, number), pages)
    values["skip"] = (number - 1) * size
    order = "ORDER BY returned, items.id DESC LIMIT :size OFFSET :skip"
    return Page(db.execute(ITEMS + where + order, values).fetchall(), number, pages, total)


def like(words: str) -> str:
    """Return a pattern for LIKE that finds these words, and takes % and _ for themselves."""
    return "%" + re.sub(r"([\\%_])", r"\\\1", words[:MOST_WORDS]) + "%"


def every_item() -> Iterator[sqlite3.Row]:
    """Yield the items, the oldest first; only one is in memory at a time."""
    yield from get_db().execute(ITEMS + "ORDER BY items.id")


def find_item(item_id: int) -> sqlite3.Row | None:
    return fetch_one(ITEMS + "WHERE items.id = ?", (item_id,))


def add_item(owner_id: int, values: Mapping[str, str], photo: str | None = None) -> int:
    """Return the id of the new item."""
    with get_db() as db:
        (item_id,) = db.execute(
            "INSERT INTO items (owner_id, kind, title, details, place, day, photo)"
            " VALUES (:owner_id, :kind, :title, :details, :place, :day, :photo) RETURNING id",
            {**values, "owner_id": owner_id, "photo": photo},
        ).fetchone()
    return int(item_id)


def change_item(item_id: int, values: Mapping[str, str], photo: str | None) -> None:
    with get_db() as db:
        db.execute(
            "UPDATE items SET kind = :kind, title = :title, details = :details, place = :place,"
            " day = :day, photo = :photo WHERE id = :id",
            {**values, "photo": photo, "id": item_id},
        )


def remove_item(item_id: int) -> None:
    with get_db() as db:
        db.execute("DELETE FROM items WHERE id = ?", (item_id,))


def claims_for(item_id: int, reader_id: int | None) -> list[sqlite3.Row]:
    """Return the claims that this reader may see: the owner of the item all, others their own."""
    sql = """
        SELECT claims.*, users.name AS claimant FROM claims
        JOIN users ON users.id = user_id JOIN items ON items.id = item_id
        WHERE item_id = :item AND :reader IN (user_id, owner_id)
        ORDER BY accepted DESC, claims.id
    """
    return get_db().execute(sql, {"item": item_id, "reader": reader_id}).fetchall()


def add_claim(item_id: int, user_id: int, message: str) -> bool:
    """Store a claim, or the new words of the one there is; tell whether the item is still open."""
    with get_db() as db:
        # One statement, so that nobody can return the item in between.
        stored = db.execute(
            "INSERT INTO claims (item_id, user_id, message)"
            " SELECT id, :user, :message FROM items WHERE id = :item AND NOT returned"
            " ON CONFLICT (item_id, user_id) DO UPDATE SET message = excluded.message",
            {"item": item_id, "user": user_id, "message": message},
        )
    return stored.rowcount == 1


def accept_claim(item_id: int, claim_id: int) -> bool:
    """Give the item to a claimant; tell whether it was open, and has this claim."""
    with get_db() as db:
        accepted = db.execute(
            "UPDATE claims SET accepted = 1 WHERE id = :claim AND item_id = :item"
            " AND item_id IN (SELECT id FROM items WHERE NOT returned)",
            {"claim": claim_id, "item": item_id},
        )
        if accepted.rowcount:
            db.execute("UPDATE items SET returned = 1 WHERE id = ?", (item_id,))
    return accepted.rowcount == 1
