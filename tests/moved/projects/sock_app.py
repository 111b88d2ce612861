"""WebSockets with Flask-Sock: the route of an application, and one of a blueprint."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, g, request
from flask_sock import Sock

app = Flask(__name__)
sock = Sock(app)
rooms = Blueprint("rooms", __name__, url_prefix="/rooms")
room_sock = Sock(rooms)
ended: list[str] = []


@app.before_request
def count() -> None:
    """Tell that hooks run before a handshake."""
    g.greeting = "hello"


@app.teardown_request
def note(error: BaseException | None) -> None:
    """Keep what has ended, and how."""
    ended.append(f"{request.path} {error!r}")


@sock.route("/echo")
def echo(ws: Any) -> None:
    """Answer until the client says stop."""
    while (message := ws.receive()) != "stop":
        ws.send(f"{g.greeting} {message} {request.args['q']}")
    ws.close(1000, "stopped")


@room_sock.route("/<int:number>")
def room(ws: Any, number: int) -> None:
    """Say one thing when asked, and hang up when the client has heard it.

    A message that arrives together with the handshake, or with the end, the client may overlook.
    """
    ws.receive()
    ws.send(f"room {number + 1}")
    ws.receive()


app.register_blueprint(rooms)


@app.route("/ended")
def list_ended() -> list[str]:
    """Return the handlers that ended."""
    return ended
