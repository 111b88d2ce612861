"""rolo: a framework of gateways that rests on the toolkit alone, with its own router."""

from __future__ import annotations

from typing import Any

import pytest
from rolo import Request, Response, Router, route
from rolo.dispatcher import handler_dispatcher
from rolo.gateway import Gateway
from rolo.gateway.wsgi import WsgiGateway
from rolo.websocket.request import WebSocketRequest
from werkzeug.exceptions import HTTPException
from werkzeug.test import Client, create_environ


class Users:
    @route("/users", methods=["GET"])
    def list(self, request: Request) -> Any:
        return [request.args.get("q")]

    @route("/users/<path:path>", methods=["POST"])
    def add(self, request: Request, path: str) -> Response:
        return Response.for_json({"path": path, "data": request.get_json()}, status=201)

    @route("/<regex('[a-z]{2}'):code>/shown")
    def show(self, request: Request, code: str) -> str:
        return code

    @route("/where", host="<name>.example.org")
    def where(self, request: Request, name: str) -> str:
        return name


@pytest.fixture
def client() -> Client:
    router = Router(handler_dispatcher())
    router.add(Users())

    def answer(chain: Any, context: Any, response: Response) -> None:
        response.update_from(router.dispatch(context.request))

    def refuse(chain: Any, error: Exception, context: Any, response: Response) -> None:
        assert isinstance(error, HTTPException)
        response.status_code = error.code
        response.set_json({"name": error.name})

    gateway = Gateway(request_handlers=[answer], exception_handlers=[refuse])
    return Client(WsgiGateway(gateway))


def test_gateway(client: Client) -> None:
    assert client.get("/users?q=%C3%A4").json == ["ä"]
    added = client.post("/users/a/b%20c", json={"z": 1})
    assert (added.status_code, added.json["data"]) == (201, {"z": 1})
    refused = client.delete("/users")
    assert (refused.status_code, refused.json) == (405, {"name": "Method Not Allowed"})
    assert client.get("/ab/shown").text == "ab"
    assert client.get("/ABC/shown").status_code == 404
    assert client.get("/where", base_url="http://one.example.org").text == "one"
    assert client.get("/where").status_code == 404


def test_the_request_of_a_websocket() -> None:
    environ = create_environ("/ä?a=1", "http://example.org:81/root", headers={"X-Y": "z"})
    request = WebSocketRequest(environ)
    assert (request.root_path, request.path, request.args["a"]) == ("/root", "/ä", "1")
    assert (request.server, request.headers["x-y"]) == (("example.org", 81), "z")
