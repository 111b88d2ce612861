"""Responses, messages and explanations of mistakes on Flask and on ours."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path
from typing import Any

import flask.debughelpers  # noqa: F401 - flask itself does not import it
import pytest
from tests.differential.twins import Twins, same


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "static").mkdir()
    for name in ("hello.txt", "page.html", "data.json", "archive.tar.gz", "nameless", "grüße.txt"):
        (tmp_path / "static" / name).write_text(f"{name}: 0123456789")
        os.utime(tmp_path / "static" / name, (1_600_000_000, 1_600_000_000))
    (tmp_path / "secret.txt").write_text("secret")
    return tmp_path


CALLS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("send_file", ("static/hello.txt",), {}),
    ("send_file", ("static/hello.txt", "a/b", True, "x.y", False, False, 0, 5), {}),
    ("send_file", ("static/archive.tar.gz",), {}),
    ("send_file", ("static/archive.tar.gz",), {"as_attachment": True}),
    ("send_file", ("static/nameless",), {"etag": "own"}),
    ("send_file", ("static/grüße.txt",), {"as_attachment": True}),
    ("send_file", ("static/hello.txt",), {"max_age": 0}),
    ("send_file", ("static/hello.txt",), {"max_age": lambda name: len(Path(name).name)}),
    ("send_file", ("static/missing",), {}),
    ("send_file", (b"",), {}),
    ("send_file", ("static/hello.txt",), {"nothing": 1}),
    ("send_from_directory", ("static", "hello.txt"), {}),
    ("send_from_directory", (Path("static"), Path("page.html")), {"as_attachment": True}),
    ("send_from_directory", ("static", "data.json"), {"max_age": 3, "mimetype": "a/b"}),
    ("send_from_directory", ("static", "../secret.txt"), {}),
    ("send_from_directory", ("static", "missing"), {}),
    ("send_from_directory", ("static", ""), {}),
    ("send_from_directory", ("static", "a\0b"), {}),
    ("send_from_directory", ("missing", "hello.txt"), {}),
    ("send_from_directory", (".", "secret.txt"), {"environ": {}, "_root_path": "/"}),
    ("send_from_directory", ("static",), {"filename": "hello.txt"}),
    ("send_from_directory", ("static", "hello.txt"), {"nothing": 1}),
]


@pytest.mark.parametrize("config", [{}, {"SEND_FILE_MAX_AGE_DEFAULT": 60}, {"USE_X_SENDFILE": 1}])
@pytest.mark.parametrize(
    "headers", [{}, {"Range": "bytes=2-5"}, {"If-None-Match": '"own"'}, {"Range": "bytes=99-"}]
)
def test_files(folder: Path, config: dict[str, Any], headers: dict[str, str]) -> None:
    def build(flask: Any) -> Any:
        app = flask.Flask("files", root_path=str(folder), static_folder=None)
        app.config.update(config)

        def view(number: int) -> Any:
            name, args, kwargs = CALLS[number]
            return getattr(flask, name)(*args, **kwargs)

        app.add_url_rule("/<int:number>", "view", view)
        return app

    twins = Twins(build)
    for number in range(len(CALLS)):
        twins.get(f"/{number}", headers=headers)
    twins.open("/0", method="HEAD", headers=headers)


def test_file_objects(folder: Path) -> None:
    def build(flask: Any, seen: list[Any]) -> Any:
        class App(flask.Flask):  # type: ignore[misc]
            def get_send_file_max_age(self, filename: str | None) -> int | None:
                seen.append(filename and Path(filename).name)
                return 7

        class Response(flask.Response):  # type: ignore[misc]
            pass

        App.response_class = Response
        app = App("files", root_path=str(folder))

        @app.route("/<kind>")
        def view(kind: str) -> Any:
            if kind == "text":
                return flask.send_file(io.StringIO("x"), "text/plain")
            if kind == "nameless":
                return flask.send_file(io.BytesIO(b"x"))
            if kind == "attached":
                return flask.send_file(io.BytesIO(b"x"), "text/plain", as_attachment=True)
            if kind == "open":
                file = (folder / "secret.txt").open("rb")
                response = flask.send_file(file, "text/plain")
            else:
                response = flask.send_file(io.BytesIO(b"0123"), download_name="a.css")
            seen.append(type(response) is Response)
            return response

        return app

    twins = Twins(build)
    for kind in ("text", "nameless", "attached", "bytes"):
        twins.get(f"/{kind}")
    assert twins.get("/open").text == "secret"
    assert twins.get("/static/hello.txt").text.startswith("hello.txt")


BODIES: list[tuple[Any, ...]] = [
    (),
    ("text",),
    ("text", 201),
    ("text", 201, {"X-A": "b"}),
    ("text", {"X-A": "b"}),
    ("text", [("X-A", "b"), ("X-A", "c")]),
    ("text", "201 Fine"),
    (("text", 404),),
    ({"a": 1},),
    ([1, 2], 202),
    (b"octets",),
    (None,),
    (3,),
    (1, 2, 3, 4),
    ("a", "b", "c"),
    ((),),
    (iter(["a", "b"]),),
]


def form(response: Any) -> Any:
    return response.status, list(response.headers), response.get_data(), type(response).__name__


@pytest.mark.parametrize("number", range(len(BODIES)))
def test_make_response(number: int) -> None:
    def act(app: Any, flask: Any) -> Any:
        args = BODIES[number]
        if number == len(BODIES) - 1:
            args = (iter(["a", "b"]),)
        with app.test_request_context():
            return form(flask.make_response(*args))

    twins = Twins(lambda flask: flask.Flask("x"))
    twins.same(act)
    same(lambda flask: flask.make_response(*BODIES[number]))


def test_redirect() -> None:
    def act(flask: Any) -> Any:
        class Response(flask.Response):  # type: ignore[misc]
            pass

        class App(flask.Flask):  # type: ignore[misc]
            response_class = Response

            def redirect(self, location: str, code: int = 302) -> Any:
                return super().redirect(location + "!", code)

        results = []
        for context in (None, flask.Flask("x").app_context(), App("x").app_context()):
            if context is not None:
                context.push()
            for args, kwargs in (
                (("/a",), {}),
                (("/a b\u00e9", 301), {}),
                (("/a",), {"code": 308}),
                (("/a",), {"Response": Response}),
                (("/a", 307, Response), {}),
            ):
                status, headers, body, name = form(flask.redirect(*args, **kwargs))
                results.append((status, dict(headers)["Location"], name, len(body) > 100))
            if context is not None:
                context.pop()
        return results

    same(act)


@pytest.mark.parametrize("code", [404, 400, 418, 999, "404", None, 200, 204])
@pytest.mark.parametrize("args", [(), ("why",), ("why", None)])
def test_abort(code: Any, args: Any) -> None:
    def build(flask: Any, seen: list[Any], werkzeug: Any) -> Any:
        app = flask.Flask("x")

        class Own(werkzeug.exceptions.HTTPException):  # type: ignore[misc]
            code = 499
            description = "own"

        app.aborter.mapping[999] = Own

        @app.route("/")
        def view() -> Any:
            try:
                flask.abort(code, *args)
            except Exception as error:
                # The words of an error are each package's own.
                if args or not isinstance(error, werkzeug.exceptions.HTTPException):
                    seen.append((type(error).__name__, getattr(error, "description", "")))
                raise

        @app.route("/response")
        def response() -> Any:
            flask.abort(flask.make_response("stop", 402))

        return app

    twins = Twins(build)
    twins.get("/")
    assert twins.get("/response").text == "stop"
    same(lambda flask: flask.abort(code, *args))


def test_url_for() -> None:
    def act(app: Any, flask: Any) -> Any:
        app.add_url_rule("/p/<int:n>", "p", methods=["POST"])
        results: list[Any] = []
        for context in (app.test_request_context("/x", base_url="http://h/r"), app.app_context()):
            with context:
                for args, kwargs in (
                    (("p",), {"n": 1}),
                    (("p",), {"n": 1, "q": ["a b", "c&d"], "_anchor": "x y"}),
                    (("p",), {"n": 1, "_external": True, "_scheme": "https"}),
                    (("p",), {"n": 1, "_scheme": "https"}),
                    (("p",), {"n": 1, "_scheme": "https", "_external": False}),
                    (("p",), {"n": 1, "_method": "POST"}),
                    (("p",), {"n": "x"}),
                    (("p",), {}),
                    (("nothing",), {}),
                    (("p", 1), {}),
                    ((), {"endpoint": "p", "n": 1}),
                ):
                    try:
                        results.append(flask.url_for(*args, **kwargs))
                    except Exception as error:
                        results.append(type(error).__name__)
        return results

    Twins(lambda flask: flask.Flask("x")).same(act)
    same(lambda flask: flask.url_for("p"))


def messages(flask: Any, seen: list[Any]) -> Any:
    app = flask.Flask("messages")
    app.secret_key = "k"

    def receive(sender: Any, **values: Any) -> None:
        seen.append((sender is app, values))

    flask.message_flashed.connect(receive, app, weak=False)

    @app.route("/put")
    def put() -> str:
        flask.flash("plain")
        flask.flash("bad", "error")
        flask.flash(flask.request.args.get("m", "m"), category="own")
        return str(flask.session)

    @app.route("/show")
    def show() -> str:
        args = flask.request.args
        wanted = args.getlist("wanted")
        for kind in (list, tuple, set, " ".join):
            seen.append(flask.get_flashed_messages("pairs" in args, kind(wanted)))
        seen.append(flask.get_flashed_messages(with_categories=True, category_filter=wanted))
        if "more" in args:
            flask.flash("more")
            seen.append(flask.get_flashed_messages())
        seen.append((dict(flask.session), flask.session.modified, flask.session.accessed))
        return str(flask.render_template_string("{{ get_flashed_messages(true) }}"))

    @app.route("/none")
    def none() -> str:
        return ""

    return app


QUERIES = ["", "pairs=1", "wanted=error", "wanted=error&wanted=own&pairs=1", "wanted=no", "more=1"]


@pytest.mark.parametrize("query", QUERIES)
def test_messages(query: str) -> None:
    twins = Twins(messages)
    twins.get(f"/show?{query}")
    twins.get("/put?m=<b>\u00e9")
    twins.get("/none")
    twins.get("/put")
    assert twins.get(f"/show?{query}").seen
    twins.get("/show")
    twins.get("/show")


def test_messages_without_key_or_context() -> None:
    def act(app: Any, flask: Any) -> Any:
        with app.test_request_context():
            assert flask.get_flashed_messages() == []
            flask.flash("x")

    twins = Twins(lambda flask: flask.Flask("x"))
    assert twins.same(act) == ("raised", "RuntimeError")
    assert twins.same(lambda app, flask: flask.flash("x")) == ("raised", "RuntimeError")
    assert twins.same(lambda app, flask: flask.get_flashed_messages())[0] == "raised"


FORMS: list[dict[str, Any]] = [
    {"data": {"photo": "a.png", "n": "1"}},
    {"data": {"photo": ["a.png", "b.png"]}},
    {"data": {"photo": "a.png"}, "content_type": "text/plain"},
    {"data": {"photo": "a.png"}, "content_type": "multipart/form-data"},
    {"data": lambda: {"n": (io.BytesIO(b"x"), "n.txt"), "photo": "a.png"}},
    {"json": {"photo": "a.png"}},
    {"data": b""},
]


@pytest.mark.parametrize("number", range(len(FORMS)))
@pytest.mark.parametrize("debug", [True, False])
def test_files_of_a_form_without_enctype(number: int, debug: bool) -> None:
    def act(app: Any, flask: Any) -> Any:
        app.debug = debug
        options = dict(FORMS[number])
        if callable(options.get("data")):
            options["data"] = options["data"]()
        with app.test_request_context(method="POST", **options):
            files = flask.request.files
            results: list[Any] = [files.get("photo"), files.getlist("photo"), "photo" in files]
            results += [len(files), repr(files)[:18], type(files).__name__]
            for name in ("photo", "n", "zz"):
                try:
                    results.append(str(files[name]))
                except KeyError as error:
                    words = set(re.findall(r"'[^']*'", str(error)))
                    results.append((type(error).__name__, words, type(error.__cause__).__name__))
            return results

    Twins(lambda flask: flask.Flask("x")).same(act)


@pytest.mark.parametrize("code", [301, 302, 303, 305, 307, 308])
@pytest.mark.parametrize("debug", [True, False])
def test_redirects_of_forms(code: int, debug: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def build(flask: Any, seen: list[Any], werkzeug: Any) -> Any:
        monkeypatch.setattr(werkzeug.routing.RequestRedirect, "code", code)
        app = flask.Flask("x")
        app.testing = True
        app.debug = debug
        methods = ["GET", "POST", "PUT", "DELETE", "OPTIONS"]
        app.add_url_rule("/form/", "form", lambda: "form", methods=methods)
        app.add_url_rule("/old", "old", lambda: "old", methods=methods, redirect_to="/form/")
        return app

    twins = Twins(build)
    for path in ("/form", "/form?a=b", "//form/", "/old"):
        # Not HEAD, whose answer tells the length of the page, and that has words of its own.
        for method in ("GET", "OPTIONS", "POST", "PUT", "DELETE"):
            twins.open(path, method=method)


def test_explanation_of_a_redirect() -> None:
    def build(flask: Any, seen: list[Any], werkzeug: Any) -> Any:
        app = flask.Flask("x")
        app.config["URLS"] = werkzeug.routing.RequestRedirect
        return app

    def act(app: Any, flask: Any) -> Any:
        results: list[Any] = []
        for path, url in (
            ("/form", "http://localhost/form/"),
            ("/form?a=b", "http://localhost/form/?a=b"),
            ("/form/", "http://localhost/form"),
            ("/form", "http://other/form/"),
        ):
            with app.test_request_context(path, method="POST"):
                flask.request.routing_exception = app.config["URLS"](url)
                request = flask.request._get_current_object()
                error = flask.debughelpers.FormDataRoutingRedirect(request)
                words = re.findall(r"'[^']*'", str(error))
                results.append((words, "trailing slash" in str(error), len(error.args)))
        return results

    assert Twins(build).same(act)[0] == "returned"
