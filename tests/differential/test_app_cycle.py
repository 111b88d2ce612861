"""The cycle of a request on Flask and on ours: order of hooks and signals, answers, errors."""

from __future__ import annotations

import logging
from typing import Any

import flask.views  # noqa: F401 - flask itself does not import it
import pytest
from tests.differential.twins import Twins, same

SIGNALS = (
    *("appcontext_popped", "appcontext_pushed", "appcontext_tearing_down"),
    *("request_started", "request_finished", "request_tearing_down", "got_request_exception"),
)


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def listen(flask: Any, app: Any, seen: list[Any]) -> None:
    """Note every signal and every hook."""
    for name in SIGNALS:

        def note(sender: Any, _name: str = name, **given: Any) -> None:
            inside = flask.has_app_context(), flask.has_request_context()
            kinds = {key: type(value).__name__ for key, value in given.items()}
            seen.append((_name, sender is app, kinds, inside))

        getattr(flask, name).connect(note, app, weak=False)


def hooks(owner: Any, name: str, seen: list[Any]) -> None:
    """Register two hooks of each kind."""
    for number in (1, 2):
        owner.before_request(lambda n=number: seen.append((name, "before", n)))

        def after(response: Any, n: int = number) -> Any:
            seen.append((name, "after", n, response.status_code))
            return response

        owner.after_request(after)

        def teardown(error: Any, n: int = number) -> None:
            seen.append((name, "teardown", n, type(error).__name__))

        owner.teardown_request(teardown)

        def values(endpoint: Any, args: Any, n: int = number) -> None:
            seen.append((name, "values", n, endpoint, args))

        owner.url_value_preprocessor(values)


class Refused(Exception):
    pass


class VeryRefused(Refused):
    pass


def whole(flask: Any, seen: list[Any], werkzeug: Any) -> Any:  # noqa: C901 - many small functions
    app = flask.Flask("cycle")
    app.secret_key = "k"
    listen(flask, app, seen)
    parent = flask.Blueprint("parent", "cycle", url_prefix="/parent")
    child = flask.Blueprint("child", "cycle", url_prefix="/child")
    other = flask.Blueprint("other", "cycle", url_prefix="/other")
    for owner, name in ((app, "app"), (parent, "parent"), (child, "child"), (other, "other")):
        hooks(owner, name, seen)

        def view(_name: str = name) -> Any:
            seen.append((_name, "view", flask.request.endpoint, flask.request.blueprints))

            @flask.after_this_request
            def first(response: Any) -> Any:
                seen.append("this 1")
                return response

            @flask.after_this_request
            def second(response: Any) -> Any:
                seen.append("this 2")
                response.headers["X-This"] = "2"
                return response

            return _name

        def fail(kind: str, _name: str = name) -> Any:
            if kind == "zero":
                return 1 // 0
            if kind == "refused":
                raise Refused("no")
            if kind == "very":
                raise VeryRefused("no")
            if kind == "key":
                return flask.request.form["missing"]
            flask.abort(int(kind))
            return None

        owner.add_url_rule("/", "view", view)
        owner.add_url_rule("/fail/<kind>", "fail", fail)

    def handler(answer: str, code: int) -> Any:
        def handle(error: Any) -> Any:
            original = getattr(error, "original_exception", None)
            return f"{answer} {type(error).__name__} {original!r}", code

        return handle

    app.register_error_handler(404, handler("app 404", 404))
    app.register_error_handler(500, handler("app 500", 500))
    app.register_error_handler(403, handler("app 403", 403))
    app.register_error_handler(Refused, handler("app Refused", 409))
    app.register_error_handler(werkzeug.exceptions.HTTPException, handler("app HTTP", 410))
    parent.register_error_handler(403, handler("parent 403", 403))
    parent.register_error_handler(VeryRefused, handler("parent Very", 408))
    parent.register_error_handler(404, handler("parent 404", 404))
    child.register_error_handler(werkzeug.exceptions.HTTPException, handler("child HTTP", 411))
    other.register_error_handler(Exception, handler("other Exception", 412))
    parent.register_blueprint(child)
    app.register_blueprint(parent)
    app.register_blueprint(other)

    @app.teardown_appcontext
    def done(error: Any) -> None:
        seen.append(("appcontext", type(error).__name__, flask.has_request_context()))

    return app


@pytest.mark.parametrize("place", ["/", "/parent/", "/parent/child/", "/other/"])
def test_order(place: str) -> None:
    answer = Twins(whole).get(place)
    assert answer.status == "200 OK"
    assert answer.header("X-This") == "2"
    assert len(answer.seen) > 15


@pytest.mark.parametrize("kind", ["zero", "refused", "very", "key", "403", "404", "405", "418"])
@pytest.mark.parametrize("place", ["", "/parent", "/parent/child", "/other"])
def test_errors(place: str, kind: str) -> None:
    answer = Twins(whole).get(f"{place}/fail/{kind}")
    assert answer.status[0] in "45"


@pytest.mark.parametrize("path", ["/nothing", "/parent/nothing", "/parent"])
def test_no_rule(path: str) -> None:
    Twins(whole).get(path)


@pytest.mark.parametrize("method", ["POST", "OPTIONS", "HEAD", "PUT"])
def test_methods(method: str) -> None:
    twins = Twins(whole)
    twins.open("/fail/404" if method == "PUT" else "/", method=method)


@pytest.mark.parametrize(
    "config",
    [
        {"TESTING": True},
        {"DEBUG": True},
        {"PROPAGATE_EXCEPTIONS": True},
        {"PROPAGATE_EXCEPTIONS": False, "TESTING": True},
        {"TRAP_HTTP_EXCEPTIONS": True},
        {"TRAP_BAD_REQUEST_ERRORS": True},
        {"TRAP_BAD_REQUEST_ERRORS": False, "DEBUG": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", ["zero", "key", "404", "400", "refused"])
def test_configured_errors(config: dict[str, Any], kind: str) -> None:
    def build(flask: Any, seen: list[Any], werkzeug: Any) -> Any:
        app = whole(flask, seen, werkzeug)
        app.config.update(config)
        return app

    Twins(build).get(f"/fail/{kind}")


def returning(flask: Any, seen: list[Any], werkzeug: Any) -> Any:
    app = flask.Flask("returning")

    class Special(flask.Response):  # type: ignore[misc]
        pass

    def wsgi(environ: Any, start_response: Any) -> Any:
        start_response("201 Made", [("X-A", "b"), ("Content-Type", "text/x")])
        return [environ["PATH_INFO"].encode()]

    values: dict[str, Any] = {
        "text": "s",
        "octets": b"b",
        "bytearray": bytearray(b"ba"),
        "dict": {"b": 1, "a": [1]},
        "list": [1, {"a": None}],
        "empty": "",
        "status": ("a", 201),
        "line": ("a", "201 Foo"),
        "headers": ("a", {"X-A": "y", "Content-Type": "text/y"}),
        "pairs": ("a", [("X-A", "y"), ("X-A", "z")]),
        "several": ("a", {"X-A": ["y", "z"]}),
        "Headers": ("a", werkzeug.datastructures.Headers({"X-A": "y"})),
        "both": ("a", 202, {"X-A": "y"}),
        "nothing else": ("a", None),
        "no status": ("a", None, {"X-A": "y"}),
        "json status": ({"a": 1}, 201),
        "list headers": ([1], {"X-A": "b"}),
        "response": flask.Response("r", 203),
        "special": Special("r"),
        "werkzeug": werkzeug.wrappers.Response("w"),
        "werkzeug both": (werkzeug.wrappers.Response("w"), 202, {"X-A": "1"}),
        "response headers": (flask.Response("x", headers={"X-A": "b"}), {"X-A": "c"}),
        "application": wsgi,
        "application status": (wsgi, 202),
        "error": (werkzeug.exceptions.NotFound("gone"), {"X-A": "b"}),
        "one": ("a",),
        "four": ("a", 201, {}, 4),
        "none": None,
        "none status": (None, 201),
        "number": 5,
        "set": {1},
        "class": str,
        "no tuple": (),
    }
    for number, (name, value) in enumerate(values.items()):
        app.add_url_rule(f"/{name}", f"view{number}", lambda value=value: value)
    app.add_url_rule("/generator", "generator", lambda: (c for c in "abc"))
    app.add_url_rule("/iterator", "iterator", lambda: iter([b"a", b"b"]))
    app.add_url_rule("/generator status", "generator2", lambda: ((c for c in "abc"), 201))

    @app.after_request
    def note(response: Any) -> Any:
        seen.append((type(response).__name__, response.is_sequence, response.is_streamed))
        return response

    @app.errorhandler(TypeError)
    def wrong(error: TypeError) -> Any:
        raise AssertionError("that it is no response is no error of the view's")

    app.config["KINDS"] = [*values, "generator", "iterator", "generator status"]
    return app


def test_return_values() -> None:
    twins = Twins(returning)
    for name in twins.ours.app.config["KINDS"]:
        if name != "error":  # its page is in our own words
            twins.get(f"/{name}")
    for twin in twins.twins:
        with twin.app.test_request_context("/none"), pytest.raises(TypeError) as caught:
            twin.app.make_response(None)
        assert "returned None" in str(caught.value)
        assert "'view" in str(caught.value)
    assert twins.get("/both").status == "202 ACCEPTED"


def test_make_response() -> None:
    def act(flask: Any) -> Any:
        app = flask.Flask("made")
        with app.test_request_context():
            made = [
                flask.make_response(),
                flask.make_response("a"),
                flask.make_response("a", 201),
                flask.make_response(("a", 201, {"X": "y"})),
                flask.make_response({"a": 1}, 404, {"X": "y"}),
                app.make_response(flask.Response("x")),
            ]
        return [(r.status, r.get_data(), list(r.headers), type(r) is flask.Response) for r in made]

    assert same(act)[0] == "returned"


def simple(flask: Any, seen: list[Any]) -> Any:  # noqa: C901 - many small functions
    app = flask.Flask("simple")
    app.config["SECRET_KEY"] = "k"

    @app.route("/", methods=["GET", "POST"])
    def index() -> Any:
        return {
            "endpoint": flask.request.endpoint,
            "args": flask.request.view_args,
            "rule": str(flask.request.url_rule),
            "url": flask.request.url,
            "host": flask.request.host,
        }

    @app.route("/branch/", methods=["GET", "POST"])
    def branch() -> str:
        return "branch"

    @app.route("/<int:number>/<path:rest>", defaults={"extra": "e"})
    def variables(**values: Any) -> Any:
        return values

    @app.route("/stream")
    def stream() -> Any:
        flask.g.x = 1

        @flask.stream_with_context
        def generate() -> Any:
            seen.append("begin")
            yield flask.request.args["a"]
            yield str(flask.has_request_context())
            seen.append(("end", flask.g.x))

        return flask.Response(generate())

    @app.route("/stream2")
    def stream2() -> Any:
        class Closing:
            def __init__(self) -> None:
                self.left = ["a", "b"]

            def __iter__(self) -> Any:
                return self

            def __next__(self) -> str:
                if not self.left:
                    raise StopIteration
                return f"{flask.request.path}{self.left.pop()}"

            def close(self) -> None:
                seen.append(("closed", flask.has_request_context()))

        return flask.Response(flask.stream_with_context(Closing()))

    @app.route("/session")
    def session() -> Any:
        flask.session["n"] = flask.session.get("n", 0) + 1
        return {"n": flask.session["n"], "new": flask.session.new}

    @app.route("/look")
    def look() -> Any:
        return str("n" in flask.session)

    @app.route("/permanent")
    def permanent() -> Any:
        flask.session["n"] = 1
        flask.session.permanent = True
        return "permanent"

    @app.route("/clear")
    def clear() -> Any:
        flask.session.clear()
        return "clear"

    @app.route("/json", methods=["POST"])
    def json() -> Any:
        return {"got": flask.request.get_json()}

    @app.route("/form", methods=["POST"])
    def form() -> Any:
        if "limit" in flask.request.args:
            flask.request.max_content_length = int(flask.request.args["limit"])
        if "memory" in flask.request.args:
            flask.request.max_form_memory_size = int(flask.request.args["memory"])
        if "parts" in flask.request.args:
            flask.request.max_form_parts = int(flask.request.args["parts"])
        return dict(flask.request.form)

    for code in (400, 404, 405, 413, 415):

        def handle(error: Any) -> Any:
            return type(error).__name__, error.code, {"Allow-": str(sorted(error.args))}

        app.register_error_handler(code, handle)

    @app.teardown_request
    def teardown(error: Any) -> None:
        seen.append(("teardown", type(error).__name__))

    return app


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/?a=1", "/branch", "/branch/", "/branch?x=%C3%A9", "/7/a/b", "/7/%C3%A9", "/x/y"),
        *("//7//a", "/stream?a=1", "/stream", "/stream2", "/static/none", "/static/", "/nothing"),
    ],
)
def test_paths(path: str) -> None:
    Twins(simple).get(path)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "DELETE", "get", "FOO"])
@pytest.mark.parametrize("path", ["/", "/branch/", "/branch", "/json", "/7/a"])
def test_path_and_method(path: str, method: str) -> None:
    if (method, path) == ("HEAD", "/branch"):
        return  # the page that has no content here is in our own words, and so has another length
    answer = Twins(simple).open(path, method=method)
    if method == "OPTIONS" and path == "/json":
        assert sorted(str(answer.header("Allow")).split(", ")) == ["OPTIONS", "POST"]


def test_sessions() -> None:
    twins = Twins(simple)
    paths = "/look /session /look / /session /permanent / /look /branch /nothing /clear /look /"
    answers = [twins.get(path) for path in paths.split()]
    assert answers[0].header("Vary") == "Cookie"
    assert answers[3].header("Set-Cookie") is None
    assert answers[6].header("Set-Cookie") is not None  # the permanent one is refreshed
    assert "Max-Age=0" in str(answers[10].header("Set-Cookie"))


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"{}", "application/json"), (b"{", "application/json"), (b"{}", "text/plain"), (b"", "")],
)
@pytest.mark.parametrize("debug", [True, False])
def test_json_bodies(body: bytes, kind: str, debug: bool) -> None:
    twins = Twins(simple)
    for twin in twins.twins:
        twin.app.debug = debug
    twins.post("/json", data=body, content_type=kind)


@pytest.mark.parametrize(
    "query", ["", "?limit=5", "?limit=500", "?memory=5", "?memory=500", "?parts=1", "?parts=2"]
)
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data"])
@pytest.mark.parametrize(
    "config",
    [{}, {"MAX_CONTENT_LENGTH": 20}, {"MAX_FORM_MEMORY_SIZE": 4}, {"MAX_FORM_PARTS": 1}],
    ids=str,
)
def test_limits(query: str, kind: str, config: dict[str, int]) -> None:
    twins = Twins(simple)
    for twin in twins.twins:
        twin.app.config.update(config)
    twins.post(f"/form{query}", data={"a": "hello", "b": "world"}, content_type=kind)


@pytest.mark.parametrize(
    "host", ["localhost", "good.org", "x.good.org", "bad.org", "a..b", "GOOD.org:80", "good.org:81"]
)
@pytest.mark.parametrize(
    "config",
    [
        {},
        {"TRUSTED_HOSTS": ["good.org"]},
        {"TRUSTED_HOSTS": [".good.org"]},
        {"SERVER_NAME": "good.org"},
        {"SERVER_NAME": "good.org:81"},
    ],
    ids=str,
)
def test_hosts(host: str, config: dict[str, Any]) -> None:
    twins = Twins(simple)
    for twin in twins.twins:
        twin.app.config.update(config)
    twins.get("/", headers={"Host": host})
    twins.get("/", headers={"Host": host})
    twins.get("/branch", headers={"Host": host})


def by_host(flask: Any) -> Any:
    app = flask.Flask("hosts", host_matching=True, static_folder=None)
    app.add_url_rule("/", "a", lambda: "a", host="a.org")
    app.add_url_rule("/", "b", lambda name: flask.url_for("a"), host="<name>.org")
    app.register_error_handler(404, lambda error: ("404", 404))
    return app


def by_subdomain(flask: Any) -> Any:
    app = flask.Flask("subdomains", subdomain_matching=True, static_folder=None)
    app.config["SERVER_NAME"] = "a.org"
    app.add_url_rule("/", "a", lambda: "a")
    app.add_url_rule("/", "b", lambda name: flask.url_for("a") + name, subdomain="<name>")
    app.register_error_handler(404, lambda error: ("404", 404))
    return app


@pytest.mark.filterwarnings("ignore:Current server name")
@pytest.mark.parametrize("build", [by_host, by_subdomain])
@pytest.mark.parametrize("host", ["a.org", "b.org", "x.a.org", "a.com", "localhost"])
def test_matching_of_hosts(build: Any, host: str) -> None:
    Twins(build).get("/", base_url=f"http://{host}")


def test_replaced_methods() -> None:
    names = (
        *("wsgi_app", "full_dispatch_request", "preprocess_request", "dispatch_request"),
        *("finalize_request", "make_response", "process_response", "handle_exception"),
        *("handle_user_exception", "handle_http_exception", "do_teardown_request"),
        *("do_teardown_appcontext", "request_context", "app_context", "create_url_adapter"),
        *("raise_routing_exception", "make_default_options_response", "ensure_sync"),
        *("log_exception", "trap_http_exception", "should_ignore_error"),
    )

    def on_object(flask: Any, seen: list[Any]) -> Any:
        app = simple(flask, seen)
        for name in names:
            original = getattr(app, name)

            def replacement(*args: Any, _name: str = name, _original: Any = original) -> Any:
                seen.append(_name)
                return _original(*args)

            setattr(app, name, replacement)
        return app

    def in_class(flask: Any, seen: list[Any]) -> Any:
        def method(name: str) -> Any:
            def replacement(self: Any, *args: Any, **kwargs: Any) -> Any:
                seen.append(name)
                return getattr(super(Sub, self), name)(*args, **kwargs)

            return replacement

        class Sub(flask.Flask):  # type: ignore[misc]
            locals().update({name: method(name) for name in names})

        app = Sub("simple")
        app.add_url_rule("/", "index", lambda: "index")
        app.add_url_rule("/fail", "fail", lambda: 1 // 0)
        app.before_request(lambda: None)
        return app

    for build in (on_object, in_class):
        twins = Twins(build)
        for method, path in (("GET", "/"), ("OPTIONS", "/"), ("GET", "/session")):
            answer = twins.open(path, method=method)
        assert "do_teardown_appcontext" in answer.seen
    assert "log_exception" in twins.get("/fail").seen


def test_session_interfaces() -> None:
    def build(flask: Any, seen: list[Any]) -> Any:
        class Interface(flask.sessions.SecureCookieSessionInterface):  # type: ignore[misc]
            def open_session(self, app: Any, request: Any) -> Any:
                seen.append(("open", request.endpoint, flask.has_request_context()))
                return super().open_session(app, request) if app.secret_key else None

            def save_session(self, app: Any, session: Any, response: Any) -> None:
                seen.append(("save", session.accessed, session.modified, dict(session)))
                super().save_session(app, session, response)

        app = simple(flask, seen)
        app.session_interface = Interface()
        return app

    twins = Twins(build)
    for path in ["/", "/session", "/", "/look", "/clear", "/nothing"]:
        assert twins.get(path).seen[0] == ("open", None, True)
    for twin in twins.twins:
        twin.app.secret_key = None
    twins.get("/")
    twins.get("/look")
    twins.get("/session")


def test_saving_alone() -> None:
    """Of an interface that only saves in its own way."""

    def build(flask: Any, seen: list[Any]) -> Any:
        class Interface(flask.sessions.SecureCookieSessionInterface):  # type: ignore[misc]
            def save_session(self, app: Any, session: Any, response: Any) -> None:
                seen.append(("save", session.accessed, session.modified, dict(session)))

        app = simple(flask, seen)
        app.session_interface = Interface()
        return app

    assert ("save", False, False, {}) in Twins(build).get("/").seen


def test_coroutines() -> None:  # noqa: C901 - many small functions
    def build(flask: Any, seen: list[Any]) -> Any:  # noqa: C901 - many small functions
        app = flask.Flask("coroutines")

        @app.route("/")
        async def index() -> Any:
            flask.g.x = 1
            return "index"

        @app.route("/fail")
        async def fail() -> Any:
            raise ValueError("fail")

        @app.before_request
        async def before() -> None:
            seen.append("before")

        @app.after_request
        async def after(response: Any) -> Any:
            seen.append(flask.g.get("x"))
            return response

        @app.teardown_request
        async def teardown(error: Any) -> None:
            seen.append("teardown")

        @app.teardown_appcontext
        async def teardown_app(error: Any) -> None:
            seen.append("appcontext")

        @app.errorhandler(ValueError)
        async def handle(error: Any) -> Any:
            return f"handled {error} {flask.request.path}", 418

        async def signalled(sender: Any, **given: Any) -> None:
            seen.append("signal")

        flask.request_started.connect(signalled, app, weak=False)

        @app.route("/this")
        async def this() -> Any:
            @flask.after_this_request
            async def change(response: Any) -> Any:
                response.headers["X-This"] = "1"
                return response

            return "this"

        @app.route("/stream")
        async def stream() -> Any:
            @flask.stream_with_context
            def generate() -> Any:
                yield flask.request.path

            return generate()

        class Class(flask.views.View):  # type: ignore[misc]
            async def dispatch_request(self) -> str:
                return "class"

        class Methods(flask.views.MethodView):  # type: ignore[misc]
            async def get(self) -> str:
                return "methods"

        app.add_url_rule("/class", view_func=Class.as_view("class"))
        app.add_url_rule("/methods", view_func=Methods.as_view("methods"))
        return app

    pytest.importorskip("asgiref")
    twins = Twins(build)
    for path in ("/", "/fail", "/this", "/class", "/methods"):
        twins.get(path)
    assert twins.get("/stream").body == b"/stream"
    assert "signal" in twins.get("/").seen


def test_error_in_the_answer_to_an_error() -> None:
    def build(flask: Any, seen: list[Any]) -> Any:
        app = flask.Flask("twice")

        @app.route("/")
        def index() -> Any:
            raise ValueError("first")

        @app.after_request
        def after(response: Any) -> Any:
            raise RuntimeError("second")

        app.register_error_handler(500, lambda error: ("500", 500))
        return app

    assert Twins(build).get("/").body == b"500"


def test_errors_of_teardown() -> None:
    def build(flask: Any, seen: list[Any]) -> Any:
        app = flask.Flask("teardown")
        listen(flask, app, seen)
        app.add_url_rule("/", "index", lambda: "index")
        app.teardown_request(lambda error: seen.append("first"))
        app.teardown_request(lambda error: 1 // 0)
        app.teardown_request(lambda error: seen.append("last"))
        app.teardown_appcontext(lambda error: seen.append(repr(error)))
        return app

    twins = Twins(build)
    answer = twins.get("/")
    assert answer.raised == "ZeroDivisionError"
    assert twins.same(lambda app, flask: (flask.has_app_context(), flask.has_request_context()))
