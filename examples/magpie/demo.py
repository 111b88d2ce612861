"""Somebody's things, to see the board with something on it."""

import secrets
import shutil
import sqlite3
from datetime import date, timedelta
from pathlib import Path

from dovetail import current_app

from . import items, people
from .database import fetch_one

# Everybody may know these, so the account is made with the demo data and never otherwise.
NAME, PASSWORD = "demo", "two-for-joy"
PHOTOS = Path(__file__).parent / "demo_photos"

# Who posts it, how many days ago it was; the photograph is called like the last word of the title.
THINGS = (
    (
        "Robin",
        9,
        "found",
        "Thermos flask",
        "Stainless steel. The tea was warm.",
        "Platform 2",
    ),
    ("demo", 6, "lost", "Teddy bear", "One eye, no name, much loved.", "Number 9 bus, upper deck"),
    (
        "Robin",
        5,
        "found",
        "Library book",
        "A tram ticket marks page 112.",
        "By the duck pond",
    ),
    ("Robin", 3, "lost", "Pair of spectacles", "Round. I cannot see where they are.", "The café"),
    (
        "demo",
        2,
        "found",
        "Bunch of keys",
        "Three keys and a ring. Say what is on it.",
        "Market",
    ),
    ("Robin", 1, "lost", "Left mitten", "Striped. The right one misses it.", "Near the bakery"),
    ("demo", 0, "found", "Red umbrella", "With a wooden handle.", "Tram stop, Mill Lane"),
)
# What somebody wrote about it, and whether that was believed.
CLAIMS = {
    "Thermos flask": ("demo", "It says “Werner” on the bottom.", True),
    "Bunch of keys": ("Robin", "Mine! There is a small bell on the ring.", False),
}


def fill() -> None:
    """Fill the database, unless somebody is in it."""
    if fetch_one("SELECT 1 FROM users"):
        return
    try:
        users = {
            NAME: people.add_user(NAME, PASSWORD, is_demo=True)["id"],
            "Robin": people.add_user("Robin", secrets.token_urlsafe())["id"],
        }
    except sqlite3.IntegrityError:
        # Another worker, started at the same moment, is doing it.
        return
    for owner, days_ago, kind, title, details, place in THINGS:
        day = (date.today() - timedelta(days=days_ago)).isoformat()
        values = {"kind": kind, "title": title, "details": details, "place": place, "day": day}
        photo = f"{secrets.token_hex(16)}.png"
        shutil.copyfile(
            PHOTOS / f"{title.split()[-1]}.png", Path(current_app.config["PHOTOS"], photo)
        )
        item_id = items.add_item(users[owner], values, photo)
        if title in CLAIMS:
            claimant, message, is_believed = CLAIMS[title]
            items.add_claim(item_id, users[claimant], message)
            for claim in items.claims_for(item_id, users[owner]) if is_believed else ():
                items.accept_claim(item_id, claim["id"])
    current_app.logger.info("demo data made: log in as %s with the password %s", NAME, PASSWORD)
