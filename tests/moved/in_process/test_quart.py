"""Quart: a framework that rests on the parts without I/O, and awaits the rest."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import quart
from quart.datastructures import FileStorage

Scenario = Callable[[Any], Awaitable[None]]


@pytest.fixture
def app(tmp_path: Path) -> quart.Quart:
    app = quart.Quart(__name__)
    app.secret_key = "only for tests"
    app.add_url_rule("/about/<int:number>/<path:rest>", "about", about)
    app.add_url_rule("/form", "form", form, methods=["POST"])
    app.add_url_rule("/json", "json", answer_json, methods=["POST"])
    app.add_url_rule("/count", "count", count)
    app.add_url_rule("/branch/", "branch", branch)
    app.add_url_rule("/stream", "stream", stream, methods=["POST"])
    app.add_url_rule("/teapot", "teapot", teapot)
    app.add_websocket("/echo/<name>", "echo", echo)
    (tmp_path / "f.txt").write_text("0123456789")

    @app.route("/file")
    async def file() -> Any:
        return await quart.send_file(tmp_path / "f.txt", conditional=True)

    return app


async def about(number: int, rest: str) -> Any:
    request = quart.request
    return {
        "parts": [number, rest],
        "args": request.args.to_dict(flat=False),
        "url": request.url,
        "languages": request.accept_languages.best,
        "tag": request.if_none_match.contains("a"),
        "user": request.authorization.username if request.authorization else None,
        "cookies": request.cookies,
    }


async def form() -> Any:
    found = (await quart.request.form).to_dict(flat=False)
    files = (await quart.request.files).items()
    return {"form": found, "files": {name: [f.filename, f.read().decode()] for name, f in files}}


async def answer_json() -> Any:
    response = await quart.make_response(await quart.request.get_json())
    response.set_cookie("a", "ü; ", samesite="Lax")
    response.cache_control.max_age = 3
    return response, 201


async def count() -> str:
    quart.session["n"] = quart.session.get("n", 0) + 1
    return str(quart.session["n"])


async def branch() -> Any:
    return quart.redirect(quart.url_for("about", number=1, rest="x/y", z="ä"))


async def stream() -> Any:
    size = 0
    async for piece in quart.request.body:
        size += len(piece)

    async def pieces() -> AsyncIterator[bytes]:
        for number in range(3):
            yield b"%d," % (size + number)

    return pieces(), 203, {"X-Size": str(size)}


async def teapot() -> None:
    quart.abort(418)


async def echo(name: str) -> None:
    await quart.websocket.send(name + quart.websocket.args["q"])
    while True:
        await quart.websocket.send(await quart.websocket.receive() + "!")


async def of_requests(client: Any) -> None:
    answer = await client.get(
        "/about/3/x/y%20z?a=1&a=2&b=%C3%A4",
        headers={"Accept-Language": "de,en;q=0.2", "If-None-Match": '"a"', "Cookie": "c=d"},
        auth=("ann", "pass:word"),
    )
    assert await answer.get_json() == {
        "parts": [3, "x/y z"],
        "args": {"a": ["1", "2"], "b": ["ä"]},
        "url": "http://localhost/about/3/x/y%20z?a=1&a=2&b=ä",
        "languages": "de",
        "tag": True,
        "user": "ann",
        "cookies": {"c": "d"},
    }
    assert [await (await client.get("/count")).get_data(True) for _ in range(2)] == ["1", "2"]


async def of_forms(client: Any) -> None:
    answer = await client.post("/form", form={"a": "ä b", "c": "d"})
    assert (await answer.get_json())["form"] == {"a": ["ä b"], "c": ["d"]}
    file = FileStorage(io.BytesIO(b"data\r\n"), filename="ä.txt", content_type="text/plain")
    answer = await client.post("/form", form={"a": "1"}, files={"f": file})
    assert await answer.get_json() == {"form": {"a": ["1"]}, "files": {"f": ["ä.txt", "data\r\n"]}}


async def of_responses(client: Any) -> None:
    answer = await client.post("/json", json={"a": [1]})
    assert (answer.status_code, await answer.get_json()) == (201, {"a": [1]})
    assert answer.headers["Cache-Control"] == "max-age=3"
    assert answer.headers["Set-Cookie"] == 'a="\\303\\274\\073 "; Path=/; SameSite=Lax'
    answer = await client.post("/stream", data=b"x" * 100_000)
    assert await answer.get_data() == b"100000,100001,100002,"
    assert (answer.status_code, answer.headers["X-Size"]) == (203, "100000")
    answer = await client.get("/file", headers={"Range": "bytes=2-4"})
    assert (answer.status_code, await answer.get_data()) == (206, b"234")
    assert answer.headers["Content-Range"] == "bytes 2-4/10"
    etag = answer.headers["ETag"]
    assert (await client.get("/file", headers={"If-None-Match": etag})).status_code == 304


async def of_errors_and_redirects(client: Any) -> None:
    slash = await client.get("/branch")
    assert (slash.status_code, slash.headers["Location"]) == (308, "http://localhost/branch/")
    there = await client.get("/branch/", follow_redirects=True)
    assert (await there.get_json())["args"] == {"z": ["ä"]}
    assert (await client.get("/teapot")).status_code == 418
    assert (await client.get("/about/x/y")).status_code == 404
    refused = await client.get("/form")
    assert (refused.status_code, set(refused.allow)) == (405, {"POST", "OPTIONS"})
    headers = {"Content-Type": "application/json"}
    assert (await client.post("/json", data="{", headers=headers)).status_code == 400


async def of_websockets(client: Any) -> None:
    async with client.websocket("/echo/ab?q=1") as socket:
        assert await socket.receive() == "ab1"
        await socket.send("x")
        assert await socket.receive() == "x!"
    with pytest.raises(quart.testing.WebsocketResponseError) as caught:
        async with client.websocket("/count") as socket:
            await socket.receive()
    assert caught.value.response.status_code == 400


@pytest.mark.parametrize(
    "scenario", [of_requests, of_forms, of_responses, of_errors_and_redirects, of_websockets]
)
def test_quart(app: quart.Quart, scenario: Scenario) -> None:
    async def run() -> None:
        await scenario(app.test_client())

    asyncio.run(run())
