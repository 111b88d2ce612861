"""An application of the framework that says of each request what it saw, and keeps a ledger.

It is copied to where a server serves it; ``views_added`` beside it may hold more views.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from dovetail import (
    App,
    Blueprint,
    after_this_request,
    flash,
    g,
    get_flashed_messages,
    has_app_context,
    has_request_context,
    request,
    send_file,
    session,
    stream_with_context,
    url_for,
)
from dovetail.app.wrappers import Response

STATE = Path(os.environ["SERVED_STATE"])

app = App(__name__)
app.secret_key = "served"


def note(event: str, name: str) -> None:
    """Add a line to the ledger: one write in append mode, whole even among processes."""
    descriptor = os.open(STATE / "ledger", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, f"{event} {name}\n".encode())
    finally:
        os.close(descriptor)


class Watched:
    """Notes requests that begin with another one's context still there."""

    def __init__(self, wsgi_app: Any) -> None:
        self.wsgi_app = wsgi_app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if has_request_context() or has_app_context():
            note("dirty", environ["QUERY_STRING"])
        answer: Iterable[bytes] = self.wsgi_app(environ, start_response)
        return answer


app.wsgi_app = Watched(app.wsgi_app)  # type: ignore[method-assign]


@app.before_request
def before() -> None:
    g.id = request.args.get("id", "-")
    time.sleep(float(request.args.get("nap", "0")))


@app.after_request
def after(response: Response) -> Response:
    response.headers["X-Id"] = f"{g.id} {request.args.get('id', '-')}"
    return response


@app.teardown_request
def teardown(error: BaseException | None) -> None:
    note("teardown", f"{g.id} {request.args.get('id', '-')}")
    if "break" in request.args:
        raise RuntimeError("the teardown fails on purpose")


@app.teardown_appcontext
def leave(error: BaseException | None) -> None:
    note("left", g.id)


def facts() -> dict[str, Any]:
    """Return what the contexts hold, after a pause in which other requests run."""
    before = request.args["id"]
    time.sleep(float(request.args.get("pause", "0")))
    return {
        "id": [before, g.id, request.args["id"], request.headers.get("X-Own")],
        "url": url_for("echo", name=g.id, _external=True),
        "path": request.path,
    }


@app.route("/echo/<name>", methods=["GET", "POST"])
def echo(name: str) -> dict[str, Any]:
    @after_this_request
    def mark(response: Response) -> Response:
        response.headers["X-After"] = name
        return response

    told = get_flashed_messages()
    session["count"] = session.get("count", 0) + 1
    session.setdefault("owner", request.args.get("owner"))
    flash(f"flashed by {g.id}")
    return facts() | {
        "name": name,
        "told": told,
        "session": dict(session) | {"_flashes": len(session["_flashes"])},
        "body": request.get_json(silent=True),
    }


@app.get("/async/<name>")
async def wait(name: str) -> dict[str, Any]:
    async def look() -> str:
        await asyncio.sleep(0.002)
        return str(request.args["id"])

    g.seen = await asyncio.gather(look(), look())
    return facts() | {"name": name, "seen": g.seen}


@app.get("/stream")
def stream() -> Iterator[str]:
    # The count of pieces; None for no end.
    pieces = request.args.get("pieces", type=int)

    def write() -> Iterator[str]:
        number = 0
        try:
            while pieces is None or number < pieces:
                number += 1
                yield f"{number} {g.id} {request.args['id']}\n"
                time.sleep(0.002)
        finally:
            note("closed", f"{g.id} {request.args['id']}")

    return stream_with_context(write())


@app.get("/plain-stream")
def plain_stream() -> Iterator[bytes]:
    name = g.id

    def write() -> Iterator[bytes]:
        try:
            while True:
                yield b"x" * 10_000
                time.sleep(0.002)
        finally:
            note("closed", f"{name} {name}")

    return write()


@app.get("/breaks-off")
def break_off() -> Iterator[str]:
    def write() -> Iterator[str]:
        yield "the beginning\n"
        raise RuntimeError("the stream fails on purpose")

    return stream_with_context(write())


@app.get("/fails")
def fail() -> str:
    raise RuntimeError("the view fails on purpose")


@app.post("/upload")
def upload() -> dict[str, Any]:
    file = request.files["file"]
    spooled = not hasattr(file.stream, "getvalue")
    digest = hashlib.sha256(file.read()).hexdigest()
    return facts() | {
        "form": request.form["id"],
        "filename": file.filename,
        "spooled": spooled and getattr(file.stream, "_rolled", True),
        "digest": digest,
    }


@app.get("/file")
def download() -> Response:
    return send_file(STATE / "file.bin", etag=True, conditional=True)


shop = Blueprint("shop", __name__, url_prefix="/shop")


@shop.before_request
def close_shop() -> tuple[str, int] | None:
    return ("closed", 503) if "closed" in request.args else None


@shop.get("/<int:number>")
def item(number: int) -> dict[str, Any]:
    if number == 0:
        raise LookupError(g.id)
    return facts() | {"number": number, "blueprint": request.blueprint}


@shop.errorhandler(LookupError)
def missing(error: LookupError) -> tuple[dict[str, Any], int]:
    return facts() | {"error": str(error)}, 410


@app.errorhandler(404)
def not_found(error: Exception) -> tuple[str, int]:
    return f"nothing for {request.args.get('id')}", 404


app.register_blueprint(shop)

try:
    import views_added  # type: ignore[import-not-found]
except ImportError:
    pass
else:
    views_added.add(app)
