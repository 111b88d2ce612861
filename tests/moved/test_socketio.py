"""Flask-SocketIO with threads: events over long polls and WebSockets, rooms, and answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from tests.applications.deployment import wait_until
from tests.moved.site import Browser, Site
from tests.moved.socketio_client import Client

pytestmark = [pytest.mark.process, pytest.mark.network]


@pytest.fixture(scope="module")
def site(serve: Callable[..., Site]) -> Site:
    return serve("socketio_app")


Join = Callable[..., Client]


@pytest.fixture
def enter(site: Site) -> Iterator[Join]:
    """Log in with a name and connect; welcomes are read."""
    with ExitStack() as stack:

        def enter(name: str, **options: Any) -> Client:
            browser = stack.enter_context(site.browser())
            assert browser.get(f"/login/{name}").text == f"hello {name}"
            client = stack.enter_context(Client(browser, **options))
            assert client.receive() == ["welcome", {"name": name, "auth": None}]
            return client

        yield enter


@pytest.fixture(params=["polling", "websocket"])
def upgrade(request: pytest.FixtureRequest) -> bool:
    return request.param == "websocket"


def test_events_and_answers(enter: Join, upgrade: bool) -> None:
    ada = enter("ada", upgrade=upgrade)
    assert ada.handshake["upgrades"] == ["websocket"]
    assert ada.call("add", 2, 3) == [5, "added"]
    assert ada.call("add", "ä", "\U0001f600") == ["ä\U0001f600", "added"]
    ada.emit("json", {"a": [1, None]})
    assert ada.receive() == ["json", {"got": {"a": [1, None]}}]


def test_the_session_of_a_connection(enter: Join, upgrade: bool) -> None:
    ada, bob = enter("ada", upgrade=upgrade), enter("bob", upgrade=upgrade)
    assert [ada.call("count"), ada.call("count"), bob.call("count")] == [[1], [2], [1]]


def test_broadcast(enter: Join) -> None:
    ada, bob = enter("ada", upgrade=True), enter("bob")
    bob.emit("message", "hello all")
    assert ada.receive() == ["message", "hello all"]
    assert bob.receive() == ["message", "hello all"]


def test_rooms(enter: Join) -> None:
    ada, bob, eve = enter("ada", upgrade=True), enter("bob"), enter("eve", upgrade=True)
    ada.emit("join", "tea")
    assert ada.receive() == ["entered", "ada"]
    bob.emit("join", "tea")
    assert ada.receive() == ["entered", "bob"]
    assert bob.receive() == ["entered", "bob"]
    bob.emit("say", "tea", "hi")
    assert ada.receive() == ["said", ["bob", "hi"]]
    ada.emit("leave", "tea")
    assert bob.receive() == ["left", "ada"]
    bob.emit("shut", "tea")
    bob.emit("say", "tea", "nobody hears it")
    # Eve was in no room, and nothing else came to anybody: the next is what is asked for.
    assert [client.call("add", 1, 1) for client in (ada, bob, eve)] == 3 * [[2, "added"]]


def test_from_outside_of_events(enter: Join, browser: Browser) -> None:
    ada, bob = enter("ada", upgrade=True), enter("bob")
    assert browser.post("/announce", json={"all": True}).status_code == 204
    assert ada.receive() == bob.receive() == ["announcement", {"all": True}]
    ada.emit("work")
    assert ada.receive() == ["worked", {"done": True}]


def test_the_server_asks_back(enter: Join, upgrade: bool) -> None:
    ada = enter("ada", upgrade=upgrade)
    ada.emit("ask back", "how are you?")
    assert ada.answer_question("fine") == ["question", "how are you?"]
    assert ada.receive() == ["answered", "fine"]


def test_binary_data(enter: Join) -> None:
    ada = enter("ada", upgrade=True)
    assert ada.exchange_binary("binary", b"\x00\xff\x01") == b"\x01\xff\x00"
    large = bytes(range(256)) * 1000
    assert ada.exchange_binary("binary", large) == large[::-1]


def test_refused(site: Site, browser: Browser) -> None:
    with Client(browser, auth={"token": "wrong"}) as client:
        assert not client.connected
        assert client.answer == {"message": "unauthorized!"}
    with site.browser() as other, Client(other, auth={"token": "right"}) as client:
        assert client.receive()[1]["auth"] == {"token": "right"}


def test_namespace(browser: Browser) -> None:
    with Client(browser, namespace="/echo", upgrade=True) as client:
        assert client.receive() == ["ready"]
        client.emit("echo", 1, "two")
        assert client.receive() == ["echoed", 1, "two"]


def test_errors_of_handlers(enter: Join) -> None:
    ada = enter("ada", upgrade=True)
    ada.emit("fail")
    assert ada.receive() == ["failed", "failed here"]
    assert ada.call("add", 1, 2) == [3, "added"]


def test_disconnect(enter: Join, browser: Browser, site: Site) -> None:
    ada = enter("goes", upgrade=True)
    ada.emit("leave now")
    assert ada.is_closed()
    wait_until(lambda: "goes" in browser.get("/gone").json(), "the handler has run")
    # What the library raises in the end is no failure.
    assert "ConnectionError" not in site.log


def test_origins(browser: Browser) -> None:
    path = "/socket.io/?EIO=4&transport=polling"
    fine = browser.get(path, headers={"Origin": "https://chat.example"})
    assert fine.headers["Access-Control-Allow-Origin"] == "https://chat.example"
    assert browser.get(path, headers={"Origin": "https://evil.example"}).status_code == 400
    assert browser.get("/login/x").text == "hello x"
