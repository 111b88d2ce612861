"""The board for programs: JSON under ``/api/v1``, and tokens in place of sessions.

Reading is for everybody; writing needs ``Authorization: Bearer TOKEN``.
"""

import asyncio
import os
import sqlite3
from collections.abc import Mapping
from typing import Any

from dovetail import Blueprint, Response, abort, current_app, g, jsonify, request, url_for
from dovetail.app.views import MethodView
from dovetail.data import WWWAuthenticate
from dovetail.data.exceptions import HTTPException, Unauthorized, UnprocessableEntity

from . import activity, items, people, photos
from .board import item_or_404, own_item
from .csrf import SAFE_METHODS
from .database import connect
from .errors import answer_json
from .forms import Form, read_item

v1 = Blueprint("api", __name__, url_prefix="/api/v1")
v1.register_error_handler(HTTPException, answer_json)

FIELDS = ("kind", "title", "details", "place", "day")
MOST_PER_PAGE = 100


class UnfitFields(UnprocessableEntity):
    """What was sent is JSON, but no item: ``errors`` says of each field why."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("Mend the fields named here, and send the item again.")
        self.errors = errors


@v1.errorhandler(UnfitFields)
def answer_unfit_fields(error: UnfitFields) -> tuple[dict[str, Any], int]:
    return {"error": error.name, "detail": error.description, "fields": error.errors}, error.code


@v1.before_request
def authenticate() -> None:
    """Find out who is asking. The session is not looked at: csrf.py relies on this."""
    given = request.authorization
    token = given.token if given and given.type == "bearer" else None
    g.user = people.find_by_token(token) if token else None
    if g.user is None and (given or request.method not in SAFE_METHODS):
        raise Unauthorized(
            "Send a token that your account page gave you, as Authorization: Bearer TOKEN.",
            www_authenticate=WWWAuthenticate("bearer", {"realm": "magpie"}),
        )


class ItemList(MethodView):
    """All items: a page of them, or one more."""

    def get(self) -> Response:
        query = request.args
        page = items.find_items(
            words=query.get("q", ""),
            kind=query.get("kind", ""),
            number=query.get("page", 1, type=int),
            size=min(max(1, query.get("per_page", 20, type=int)), MOST_PER_PAGE),
        )
        following = None
        if page.number < page.pages:
            values: dict[str, Any] = {**query.to_dict(), "page": page.number + 1}
            following = url_for(".items", **values, _external=True)
        return jsonify(
            items=[describe(item) for item in page.items],
            page=page.number,
            pages=page.pages,
            total=page.total,
            next=following,
        )

    def post(self) -> tuple[Response, int, dict[str, str]]:
        item_id = items.add_item(g.user["id"], read_fields({}))
        activity.announce(activity.item_posted, item_id)
        answer = describe(item_or_404(item_id))
        return jsonify(answer), 201, {"Location": answer["url"]}


class ItemDetail(MethodView):
    """One item: read by everybody, changed by its owner."""

    def get(self, item_id: int) -> dict[str, Any]:
        return describe(item_or_404(item_id))

    def patch(self, item_id: int) -> dict[str, Any]:
        item = own_item(item_id)
        values = read_fields({name: item[name] for name in FIELDS})
        items.change_item(item_id, values, item["photo"])
        return describe(item_or_404(item_id))

    def delete(self, item_id: int) -> tuple[str, int]:
        item = own_item(item_id)
        items.remove_item(item_id)
        photos.drop(item["photo"])
        return "", 204


v1.add_url_rule("/items", view_func=ItemList.as_view("items"))
v1.add_url_rule("/items/<id:item_id>", view_func=ItemDetail.as_view("item"))


def read_fields(present: Mapping[str, str]) -> dict[str, str]:
    """Return the columns of an item from the body of the request.

    :param present: what the fields are that the body leaves out.
    """
    sent = request.get_json()
    if not isinstance(sent, dict):
        abort(400, "Send a JSON object.")
    form = Form({**present, **sent})
    values = read_item(form)
    form.errors |= {name: "There is no such field." for name in sent if name not in FIELDS}
    if form.errors:
        raise UnfitFields(form.errors)
    return values


def describe(item: sqlite3.Row) -> dict[str, Any]:
    """Return an item as the API shows it."""
    photo = item["photo"] and url_for("photos.show", name=item["photo"], _external=True)
    return {
        "id": item["id"],
        **{name: item[name] for name in FIELDS},
        "owner": item["owner"],
        "posted": item["posted"],
        "returned": bool(item["returned"]),
        "photo": photo,
        "url": url_for(".item", item_id=item["id"], _external=True),
        "page": url_for("board.show", item_id=item["id"], _external=True),
    }


@v1.get("/health")
async def health() -> tuple[dict[str, bool], int]:
    """Say whether the database answers and photographs can be stored; both are asked at once."""
    database, folder = current_app.config["DATABASE"], current_app.config["PHOTOS"]
    answers, writable = await asyncio.gather(
        asyncio.to_thread(database_answers, database),
        asyncio.to_thread(os.access, folder, os.W_OK),
    )
    return {"database": answers, "photos": writable}, 200 if answers and writable else 503


def database_answers(path: str) -> bool:
    # A connection of its own: SQLite's belong to the thread that made them.
    try:
        db = connect(path)
        try:
            db.execute("SELECT 1 FROM items").fetchone()
        finally:
            db.close()
    except sqlite3.Error:
        return False
    return True
