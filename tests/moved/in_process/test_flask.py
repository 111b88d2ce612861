"""A Flask application of the usual kind: every part of the toolkit that a view touches."""

from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.exceptions import BadRequest, HTTPException
from werkzeug.routing import BaseConverter, BuildError


class Colour(BaseConverter):
    regex = "[0-9a-f]{6}"

    def to_python(self, value: str) -> int:
        return int(value, 16)

    def to_url(self, value: Any) -> str:
        return f"{value:06x}"


admin = flask.Blueprint("admin", __name__, url_prefix="/admin", template_folder=None)


@admin.route("/")
def index() -> str:
    return flask.url_for(".index") + " " + flask.url_for("upload", _external=True)


@admin.errorhandler(BadRequest)
def bad(error: BadRequest) -> tuple[str, int]:
    return f"admin: {error.description}", 400


@admin.route("/fail")
def fail() -> str:
    flask.abort(400, "not like this")


def make_app(static: Path) -> flask.Flask:
    app = flask.Flask(__name__, static_folder=str(static), static_url_path="/static")
    app.secret_key = "only for tests"
    app.url_map.converters["colour"] = Colour
    app.register_blueprint(admin)
    app.add_url_rule("/upload", view_func=upload, methods=["POST"])
    app.add_url_rule("/echo", view_func=echo, methods=["GET", "POST", "PUT"])
    app.add_url_rule("/colour/<colour:value>", view_func=colour)
    app.add_url_rule("/login", view_func=login, methods=["POST"])
    app.add_url_rule("/me", view_func=me)
    app.add_url_rule("/stream", view_func=stream)
    app.add_url_rule("/file", view_func=download)
    app.add_url_rule("/json", view_func=take_json, methods=["POST"])
    app.add_url_rule("/crash", view_func=crash)
    app.add_url_rule("/slash/", "slash", lambda: "slash")
    app.register_error_handler(404, lambda error: (f"lost: {error.name}", 404))
    return app


def colour(value: int) -> str:
    return str(value)


def upload() -> dict[str, Any]:
    return {
        "fields": flask.request.form.to_dict(flat=False),
        "files": [
            [key, file.filename, file.mimetype, len(file.read())]
            for key, file in flask.request.files.items(multi=True)
        ],
    }


def echo() -> dict[str, Any]:
    request = flask.request
    return {
        "method": request.method,
        "args": request.args.to_dict(flat=False),
        "values": request.values.to_dict(flat=False),
        "cookies": dict(request.cookies),
        "agent": request.headers.get("user-agent"),
        "best": request.accept_mimetypes.best_match(["text/html", "application/json"]),
        "languages": list(request.accept_languages.values()),
        "auth": request.authorization.username if request.authorization else None,
        "url": request.url,
        "endpoint": request.endpoint,
        "blueprint": request.blueprint,
    }


def login() -> flask.typing.ResponseReturnValue:
    flask.session["user"] = flask.request.form["user"]
    flask.flash("welcome")
    answer = flask.redirect(flask.url_for("me"))
    answer.set_cookie("theme", "dark; very", max_age=60, httponly=True, samesite="Lax")
    return answer


def me() -> flask.typing.ResponseReturnValue:
    return {"user": flask.session.get("user"), "flashes": flask.get_flashed_messages()}


def stream() -> flask.Response:
    def lines() -> Any:
        for number in range(3):
            yield f"{number} {flask.request.args['of']}\n"

    return flask.Response(flask.stream_with_context(lines()), mimetype="text/csv")


def download() -> flask.Response:
    return flask.send_file(
        io.BytesIO(b"0123456789" * 10),
        mimetype="application/octet-stream",
        as_attachment=True,
        download_name="zahlen ä.bin",
        etag="fixed",
    )


def take_json() -> dict[str, Any]:
    return {"took": flask.request.json}


def crash() -> str:
    raise ValueError("broken")


@pytest.fixture
def app(tmp_path: Path) -> flask.Flask:
    (tmp_path / "site.css").write_text("body {}")
    return make_app(tmp_path)


@pytest.fixture
def client(app: flask.Flask) -> FlaskClient:
    return app.test_client()


def test_upload_of_fields_and_files(client: FlaskClient) -> None:
    answer = client.post(
        "/upload",
        data={
            "a": ["1", "2"],
            "f": [(io.BytesIO(b"one"), "one.txt"), (io.BytesIO(b"zwei"), "zwei ä.png")],
            "g": FileStorage(io.BytesIO(b""), "empty.bin", content_type="x/y"),
        },
    )
    assert answer.json == {
        "fields": {"a": ["1", "2"]},
        "files": [
            ["f", "one.txt", "text/plain", 3],
            ["f", "zwei ä.png", "image/png", 4],
            ["g", "empty.bin", "x/y", 0],
        ],
    }


def test_what_a_view_sees(client: FlaskClient) -> None:
    client.set_cookie("k", "v; w")
    seen = client.post(
        "/echo?a=1&a=2&ü=%C3%A4",
        data=MultiDict([("b", "3"), ("b", "4"), ("a", "5")]),
        headers={
            "Accept": "application/json;q=0.9, text/*;q=0.5",
            "Accept-Language": "de, en;q=0.3",
        },
        auth=("ann", "sécret"),
    ).get_json()
    assert seen["args"] == {"a": ["1", "2"], "ü": ["ä"]}
    assert seen["values"] == {"a": ["1", "2", "5"], "b": ["3", "4"], "ü": ["ä"]}
    assert (seen["cookies"], seen["auth"]) == ({"k": "v; w"}, "ann")
    assert (seen["best"], seen["languages"]) == ("application/json", ["de", "en"])
    assert seen["url"] == "http://localhost/echo?a=1&a=2&ü=ä"
    assert seen["endpoint"] == "echo"
    assert seen["agent"].startswith("Werkzeug/")


def test_session_redirect_and_flash(client: FlaskClient) -> None:
    answer = client.post("/login", data={"user": "ann"}, follow_redirects=True)
    assert answer.json == {"user": "ann", "flashes": ["welcome"]}
    assert [step.status_code for step in answer.history] == [302]
    assert answer.history[0].location == "/me"
    cookie = client.get_cookie("theme")
    assert cookie is not None
    assert (cookie.decoded_value, cookie.max_age, cookie.http_only) == ("dark; very", 60, True)
    assert client.get("/me").json == {"user": "ann", "flashes": []}


def test_urls_both_ways(app: flask.Flask, client: FlaskClient) -> None:
    with app.test_request_context("/", base_url="https://example.org/root/"):
        assert flask.url_for("colour", value=255, q="ä b") == "/root/colour/0000ff?q=%C3%A4+b"
        assert flask.url_for("admin.index", _external=True) == "https://example.org/root/admin/"
        assert flask.url_for("slash", _anchor="x y", _scheme="http", _external=True) == (
            "http://example.org/root/slash/#x%20y"
        )
        with pytest.raises(BuildError, match="echo"):
            flask.url_for("ecko")
    assert client.get("/colour/0000ff").text == "255"
    assert client.get("/colour/zz").status_code == 404
    assert client.get("/admin/").text == "/admin/ http://localhost/upload"
    moved = client.get("/slash?a=1")
    assert (moved.status_code, moved.location) == (308, "http://localhost/slash/?a=1")


def test_errors(app: flask.Flask, client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    assert client.get("/nowhere").text == "lost: Not Found"
    assert client.get("/admin/fail").text == "admin: not like this"
    refused = client.get("/login")
    assert refused.status_code == 405
    assert set(refused.allow) == {"POST", "OPTIONS"}
    with caplog.at_level(logging.ERROR):
        broken = client.get("/crash")
    assert broken.status_code == 500
    assert "Internal Server Error" in broken.text
    assert "ValueError: broken" in caplog.text
    app.testing = True
    with pytest.raises(ValueError, match="broken"):
        client.get("/crash")


def test_missing_field(app: flask.Flask, client: FlaskClient) -> None:
    answer = client.post("/login", data={"other": "x"})
    assert answer.status_code == 400
    assert "user" not in answer.text
    app.config["TRAP_BAD_REQUEST_ERRORS"] = False
    app.debug = True
    assert "KeyError" in client.post("/login", data={"other": "x"}).text


@pytest.mark.parametrize(
    ("data", "kind", "status"),
    [
        ('{"a": [1]}', "application/json", 200),
        ('{"a": ', "application/json", 400),
        ("{}", "text/plain", 415),
        ("[1]", "application/problem+json", 200),
    ],
)
def test_json(client: FlaskClient, data: str, kind: str, status: int) -> None:
    answer = client.post("/json", data=data, content_type=kind)
    assert answer.status_code == status
    if status == 200:
        assert answer.json == {"took": flask.json.loads(data)}


def test_streaming(client: FlaskClient) -> None:
    answer = client.get("/stream?of=3")
    assert answer.text == "0 3\n1 3\n2 3\n"
    assert answer.content_type == "text/csv; charset=utf-8"
    assert answer.content_length is None


def test_ranges_and_conditions_of_a_file(client: FlaskClient) -> None:
    whole = client.get("/file")
    assert whole.headers["Content-Disposition"] == (
        "attachment; filename=\"zahlen a.bin\"; filename*=UTF-8''zahlen%20%C3%A4.bin"
    )
    part = client.get("/file", headers={"Range": "bytes=5-14"})
    assert (part.status_code, part.data) == (206, b"5678901234")
    assert part.headers["Content-Range"] == "bytes 5-14/100"
    assert client.get("/file", headers={"If-None-Match": '"fixed"'}).status_code == 304
    assert client.get("/file", headers={"Range": "bytes=500-"}).status_code == 416


def test_static_file(client: FlaskClient) -> None:
    answer = client.get("/static/site.css", buffered=True)
    assert (answer.text, answer.mimetype) == ("body {}", "text/css")
    again = client.get(
        "/static/site.css", headers={"If-Modified-Since": answer.headers["Last-Modified"]}
    )
    again.close()
    assert again.status_code == 304
    assert client.get("/static/../conftest.py").status_code == 404


def test_limits(app: flask.Flask, client: FlaskClient) -> None:
    app.config["MAX_CONTENT_LENGTH"] = 100
    assert client.post("/upload", data={"a": "x" * 200}).status_code == 413
    app.config["MAX_CONTENT_LENGTH"] = None
    app.config["MAX_FORM_MEMORY_SIZE"] = 100
    assert (
        client.post("/echo", data={"a": "x" * 200}, content_type="multipart/form-data").status_code
        == 413
    )


def test_an_exception_is_a_response(app: flask.Flask) -> None:
    def teapot() -> HTTPException:
        return HTTPException(response=flask.Response("short", 418))

    app.add_url_rule("/pot", view_func=lambda: flask.abort(teapot().get_response()))
    answer = app.test_client().get("/pot")
    assert (answer.status_code, answer.text) == (418, "short")
