"""The board: looking, posting, claiming, returning."""

import csv
import io
import sqlite3
from collections.abc import Iterator
from datetime import date

from dovetail import (
    Blueprint,
    Response,
    abort,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    stream_with_context,
    url_for,
)
from dovetail.app.types import ResponseReturnValue

from . import activity, items, photos
from .accounts import current_user, login_required, require_user
from .forms import Form, read_item

pages = Blueprint("board", __name__)

COLUMNS = ("id", "kind", "title", "details", "place", "day", "returned", "owner", "posted")


@pages.app_template_filter("day")
def day(moment: str) -> str:
    """Write the day of 2026-05-31, or of 2026-05-31T12:00:00Z, for people."""
    return f"{date.fromisoformat(moment[:10]):%-d %B %Y}"


@pages.get("/")
def index() -> str:
    """Show a page of the board, or of what a search finds on it."""
    words, kind = request.args.get("q", "").strip(), request.args.get("kind", "")
    page = items.find_items(
        words=words,
        kind=kind,
        number=request.args.get("page", 1, type=int),
        size=current_app.config["ITEMS_PER_PAGE"],
    )
    return render_template("index.html", page=page, words=words, kind=kind)


@pages.get("/items/<id:item_id>")
def show(item_id: int) -> str:
    return render_item(item_or_404(item_id), Form())


def render_item(item: sqlite3.Row, form: Form) -> str:
    user = current_user()
    claims = items.claims_for(item["id"], user["id"] if user else None)
    return render_template("item.html", item=item, claims=claims, form=form)


def item_or_404(item_id: int) -> sqlite3.Row:
    return items.find_item(item_id) or abort(404, "This item is not on the board, or no more.")


def own_item(item_id: int) -> sqlite3.Row:
    """Return an item of the user's own; answer 403 if it is somebody else's."""
    item = item_or_404(item_id)
    if item["owner_id"] != require_user()["id"]:
        abort(403, "Only who posted an item can do this.")
    return item


@pages.route("/items/new", methods=["GET", "POST"])
@login_required
def post() -> ResponseReturnValue:
    """Put an item on the board."""
    form = Form(request.form)
    if request.method == "POST":
        values = read_item(form)
        photo = read_photo(form)
        if not form.errors:
            user = require_user()
            item_id = items.add_item(user["id"], values, photo)
            activity.announce(activity.item_posted, item_id)
            flash("It is on the board. We hope for the best!", "good")
            return redirect(url_for(".show", item_id=item_id))
    return render_template("editor.html", form=form, item=None)


@pages.route("/items/<id:item_id>/edit", methods=["GET", "POST"])
@login_required
def edit(item_id: int) -> ResponseReturnValue:
    """Change an item of one's own."""
    item = own_item(item_id)
    form = Form(request.form or dict(item))
    if request.method == "POST":
        values = read_item(form)
        kept = None if "remove_photo" in request.form else item["photo"]
        photo = read_photo(form) or kept
        if not form.errors:
            items.change_item(item_id, values, photo)
            if photo != item["photo"]:
                photos.drop(item["photo"])
            flash("Your changes are on the board.", "good")
            return redirect(url_for(".show", item_id=item_id))
    return render_template("editor.html", form=form, item=item)


def read_photo(form: Form) -> str | None:
    """Store the photograph that came with the form, if one did, and return its name."""
    upload = request.files.get("photo")
    if not upload:
        return None
    if form.errors:
        form.errors["photo"] = "Choose the photograph again: browsers send it only once."
        return None
    try:
        return photos.store(upload)
    except photos.NotAPhoto as error:
        form.errors["photo"] = str(error)
        return None


@pages.post("/items/<id:item_id>/remove")
@login_required
def remove(item_id: int) -> ResponseReturnValue:
    """Take an item of one's own off the board."""
    item = own_item(item_id)
    items.remove_item(item_id)
    photos.drop(item["photo"])
    flash(f"“{item['title']}” is off the board.", "good")
    return redirect(url_for(".index"))


@pages.post("/items/<id:item_id>/claims")
@login_required
def claim(item_id: int) -> ResponseReturnValue:
    """Tell the owner of an item that it is one's own, or that one has found it."""
    item, user = item_or_404(item_id), require_user()
    if item["owner_id"] == user["id"]:
        abort(403, "You posted this item yourself.")
    form = Form(request.form)
    message = form.text("message", least=10, most=1000, lines=True)
    if form.errors:
        return render_item(item, form)
    if items.add_claim(item_id, user["id"], message):
        activity.announce(activity.claim_made, item_id)
        flash(f"{item['owner']} will read this.", "good")
    else:
        flash("Too late: it has been returned.", "bad")
    return redirect(url_for(".show", item_id=item_id))


@pages.post("/items/<id:item_id>/claims/<id:claim_id>/accept")
@login_required
def accept(item_id: int, claim_id: int) -> ResponseReturnValue:
    """Say who gets the item; that closes it."""
    own_item(item_id)
    if items.accept_claim(item_id, claim_id):
        activity.announce(activity.item_returned, item_id)
        flash("Back where it belongs. Thank you!", "good")
    else:
        flash("There is no such claim, or the item has been returned.", "bad")
    return redirect(url_for(".show", item_id=item_id))


@pages.get("/board.csv")
def export() -> Response:
    """Send the whole board as a table, row by row as the database finds them."""
    response = Response(stream_with_context(csv_rows()), mimetype="text/csv")
    response.headers.set("Content-Disposition", "attachment", filename="board.csv")
    return response


def csv_rows() -> Iterator[str]:
    line = io.StringIO()
    writer = csv.writer(line)
    writer.writerow(COLUMNS)
    for item in items.every_item():
        writer.writerow([without_formula(item[column]) for column in COLUMNS])
        yield line.getvalue()
        line.seek(0)
        line.truncate()


def without_formula(value: object) -> object:
    """Mark text that a spreadsheet would compute, so that it takes it for the text it is."""
    is_formula = isinstance(value, str) and value.startswith(("=", "+", "-", "@"))
    return f"'{value}" if is_formula else value
