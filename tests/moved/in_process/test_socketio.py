"""Flask-SocketIO on the development server: long polls, and WebSockets over the same port."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import flask
import pytest
import requests
import simple_websocket
from flask_socketio import SocketIO, emit
from tests.moved.site import PATIENCE
from werkzeug.serving import make_server


def make() -> tuple[flask.Flask, SocketIO]:
    app = flask.Flask(__name__)
    app.secret_key = "only for tests"
    sockets = SocketIO(app, async_mode="threading")

    @sockets.on("double")
    def double(number: int) -> None:
        seen = flask.session.get("seen", 0)
        flask.session["seen"] = seen + 1
        emit("doubled", [2 * number, seen, flask.request.args.to_dict().get("z")])

    return app, sockets


def test_events_without_a_server() -> None:
    app, sockets = make()
    client = sockets.test_client(app, query_string="?z=1")
    for number in (4, 5):
        client.emit("double", number)
    assert [one["args"] for one in client.get_received()] == [[[8, 0, "1"]], [[10, 1, "1"]]]


@pytest.fixture
def address() -> Iterator[str]:
    server = make_server("127.0.0.1", 0, make()[0], threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}/socket.io/?EIO=4"
    server.shutdown()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    server.server_close()


@pytest.mark.network
def test_from_polling_to_a_websocket(address: str) -> None:
    with requests.Session() as session:
        session.trust_env = False

        def poll(data: str | None = None) -> Any:
            url = f"http://{address}&transport=polling{key}"
            done = session.request("POST" if data else "GET", url, data=data, timeout=PATIENCE)
            assert done.status_code == 200
            return done.text

        key = ""
        key = "&sid=" + json.loads(poll()[1:])["sid"]
        assert poll("40") == "OK"
        assert poll().startswith("40{")
        assert poll('42["double",7]') == "OK"
        assert poll() == '42["doubled",[14,0,null]]'
        socket = simple_websocket.Client(f"ws://{address}&transport=websocket{key}")
        for sent, received in (
            ("2probe", "3probe"),
            ("5", "6"),
            ('42["double",8]', '42["doubled",[16,1,null]]'),
        ):
            socket.send(sent)
            assert socket.receive(PATIENCE) == received
        socket.close()
