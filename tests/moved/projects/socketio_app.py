"""A chat, written after the documentation of Flask-SocketIO."""

from flask import Flask, request, session
from flask_socketio import (
    ConnectionRefusedError as Refused,
)
from flask_socketio import (
    Namespace,
    SocketIO,
    close_room,
    disconnect,
    emit,
    join_room,
    leave_room,
    rooms,
    send,
)

app = Flask(__name__)
app.config["SECRET_KEY"] = "only for tests"
# The tests start and end many connections: nothing of one may be waited for long.
sockets = SocketIO(app, async_mode="threading", cors_allowed_origins=["https://chat.example"])
gone = []


@app.get("/login/<name>")
def login(name):
    session["name"] = name
    return f"hello {name}"


@app.post("/announce")
def announce():
    """Send to all from outside of an event."""
    sockets.emit("announcement", request.get_json())
    return "", 204


@app.get("/gone")
def show_gone():
    return gone


@sockets.on("connect")
def connect(auth):
    if auth and auth.get("token") == "wrong":
        raise Refused("unauthorized!")
    emit("welcome", {"name": session.get("name"), "auth": auth})


@sockets.on("disconnect")
def on_disconnect(reason):
    gone.append(session.get("name"))


@sockets.on("message")
def on_message(data):
    send(data, broadcast=True)


@sockets.on("json")
def on_json(data):
    send({"got": data}, json=True)


@sockets.on("add")
def add(a, b):
    return a + b, "added"


@sockets.event
def join(room):
    join_room(room)
    emit("entered", session["name"], to=room)
    return sorted(name for name in rooms() if name != request.sid)


@sockets.event
def leave(room):
    leave_room(room)
    emit("left", session["name"], to=room)


@sockets.event
def say(room, text):
    emit("said", [session["name"], text], to=room, include_self=False)


@sockets.event
def shut(room):
    close_room(room)


@sockets.event
def count():
    session["count"] = session.get("count", 0) + 1
    return session["count"]


@sockets.on("binary")
def binary(data):
    emit("binary", data[::-1])


@sockets.on("ask back")
def ask_back(text):
    def answered(answer):
        sockets.emit("answered", answer)

    emit("question", text, callback=answered)


@sockets.on("work")
def work():
    sid = request.sid
    sockets.start_background_task(lambda: sockets.emit("worked", {"done": True}, to=sid))


@sockets.on("fail")
def fail():
    raise ValueError("failed here")


@sockets.on("leave now")
def leave_now():
    disconnect()


@sockets.on_error()
def on_error(error):
    emit("failed", str(error))


class Echo(Namespace):
    def on_connect(self):
        self.emit("ready")

    def on_echo(self, *data):
        emit("echoed", data)


sockets.on_namespace(Echo("/echo"))
