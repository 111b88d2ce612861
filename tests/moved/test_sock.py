"""Flask-Sock: WebSockets beside ordinary views."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import simple_websocket
from tests.applications.deployment import wait_until
from tests.moved.site import PATIENCE, Browser, Site

pytestmark = [pytest.mark.process, pytest.mark.network]


@pytest.fixture(scope="module")
def site(serve: Callable[..., Site]) -> Site:
    return serve("sock_app")


def connect(site: Site, path: str) -> simple_websocket.Client:
    return simple_websocket.Client(site.url.replace("http", "ws", 1) + path)


def test_conversation(site: Site, browser: Browser) -> None:
    socket = connect(site, "/echo?q=1")
    for message in ("a", "b"):
        socket.send(message)
        assert socket.receive(timeout=PATIENCE) == f"hello {message} 1"
    socket.send("stop")
    with pytest.raises(simple_websocket.ConnectionClosed) as closed:
        socket.receive(timeout=PATIENCE)
    assert (closed.value.reason, closed.value.message) == (1000, "stopped")
    wait_until(lambda: "/echo None" in browser.get("/ended").json(), "the view has ended")


def test_blueprint(site: Site) -> None:
    socket = connect(site, "/rooms/4")
    socket.send("which?")
    assert socket.receive(timeout=PATIENCE) == "room 5"
    socket.send("heard")
    with pytest.raises(simple_websocket.ConnectionClosed):
        socket.receive(timeout=PATIENCE)


def test_client_that_leaves(site: Site, browser: Browser) -> None:
    socket = connect(site, "/echo?q=1")
    socket.send("a")
    socket.receive(timeout=PATIENCE)
    socket.close()
    assert browser.get("/ended").status_code == 200


def test_no_handshake(browser: Browser) -> None:
    assert browser.get("/echo").status_code == 400
    assert browser.get("/rooms/x").status_code == 404
