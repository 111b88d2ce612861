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


def whole(flask: Any, seen: list[Any], werkzeug: Any) -> Any:
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

    class Special(flask.Response):
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


def simple(flask: Any, seen: list[Any]) -> Any:
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
                return flask.request.path + self.left.pop()

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


def linking(flask: Any, seen: list[Any]) -> Any:
    app = flask.Flask("linking")
    app.add_url_rule("/", "index", lambda: "")
    app.add_url_rule("/<int:number>", "number", lambda number: "")
    app.add_url_rule("/posted", "posted", lambda: "", methods=["POST"])
    blueprint = flask.Blueprint("blue", "linking", url_prefix="/blue")
    blueprint.add_url_rule("/", "index", lambda: "")
    blueprint.add_url_rule("/<lang>/", "lang", lambda lang: "")

    @blueprint.url_defaults
    def lang(endpoint: str, values: dict[str, Any]) -> None:
        seen.append((endpoint, dict(values)))
        values.setdefault("lang", "en")

    @app.url_defaults
    def everywhere(endpoint: str, values: dict[str, Any]) -> None:
        seen.append((endpoint, dict(values)))

    app.register_blueprint(blueprint)

    def first(error: Any, endpoint: str, values: dict[str, Any]) -> Any:
        seen.append(("first", type(error).__name__, endpoint, dict(values)))
        if endpoint == "raise":
            raise error

    def second(error: Any, endpoint: str, values: dict[str, Any]) -> Any:
        seen.append(("second", endpoint))
        return "/built" if endpoint == "built" else None

    app.url_build_error_handlers += [first, second]
    return app


LINKS: list[tuple[str, dict[str, Any]]] = [
    ("index", {}),
    ("index", {"_external": True}),
    ("index", {"_external": False}),
    ("index", {"_scheme": "https"}),
    ("index", {"_scheme": ""}),
    ("index", {"_scheme": "https", "_external": False}),
    ("index", {"_anchor": "x y/é?%20#&'\"<>[]~"}),
    ("index", {"_anchor": ""}),
    ("index", {"q": 1, "r": ["a", "b"], "n": None}),
    ("index", {"self": 1, "_other": 2}),
    ("number", {"number": 5}),
    ("number", {}),
    ("number", {"number": "x"}),
    ("posted", {"_method": "POST"}),
    ("posted", {"_method": "GET"}),
    (".index", {}),
    (".lang", {}),
    ("blue.index", {}),
    ("blue.lang", {}),
    ("blue.lang", {"lang": "de"}),
    ("static", {"filename": "a b.css"}),
    ("nothing", {}),
    ("built", {"a": 1, "_anchor": "x"}),
    ("raise", {"a": 1}),
]


@pytest.mark.parametrize(("endpoint", "values"), LINKS, ids=str)
def test_links(endpoint: str, values: dict[str, Any]) -> None:
    twins = Twins(linking)
    for path in ("/", "/blue/", "/nothing"):

        def act(app: Any, flask: Any, path: str = path) -> Any:
            with app.test_request_context(path):
                return app.url_for(endpoint, **values), flask.url_for(endpoint, **values)

        twins.same(act)

    def outside(app: Any, flask: Any) -> Any:
        with app.app_context():
            return app.url_for(endpoint, **values)

    twins.same(outside)
    twins.same(lambda app, flask: app.url_for(endpoint, **values))
    for twin in twins.twins:
        twin.app.config.update(
            SERVER_NAME="x.org:8000", APPLICATION_ROOT="/root", PREFERRED_URL_SCHEME="https"
        )
    twins.same(outside)
    twins.same(lambda app, flask: app.url_for(endpoint, **values))
    twins.same(act)


def test_contexts() -> None:
    def build(flask: Any, seen: list[Any]) -> Any:
        app = flask.Flask("contexts")
        listen(flask, app, seen)
        app.add_url_rule("/", "index", lambda: str(flask.g.get("x")))

        @app.teardown_request
        def teardown(error: Any) -> None:
            seen.append(("request", repr(error), flask.g.get("x")))

        @app.teardown_appcontext
        def teardown_app(error: Any) -> None:
            seen.append(("app", repr(error), flask.g.get("x")))

        return app

    def nested(app: Any, flask: Any) -> Any:
        found = []
        with app.app_context():
            flask.g.x = 1
            with app.test_request_context("/"):
                found.append(flask.g.x)
                with app.app_context():
                    found.append("x" in flask.g)
            with app.test_request_context("/") as context:
                with context:
                    found.append(flask.request.path)
                found.append(flask.has_request_context())
        found.append((flask.has_app_context(), flask.has_request_context()))
        return found

    def failing(app: Any, flask: Any) -> Any:
        with app.test_request_context("/"):
            flask.g.x = 2
            raise ValueError("out")

    def handled(app: Any, flask: Any) -> Any:
        context = app.test_request_context("/")
        context.push()
        try:
            raise ValueError("handled")
        except ValueError:
            context.pop()

    def given(app: Any, flask: Any) -> Any:
        context = app.test_request_context("/")
        context.push()
        context.pop(ValueError("given"))

    def wrong_order(app: Any, flask: Any) -> Any:
        first, second = app.test_request_context("/"), app.test_request_context("/")
        first.push()
        second.push()
        try:
            first.pop()
        finally:
            try:
                second.pop()
            except BaseException as error:
                flask.g.pop("x", type(error)) if flask.has_app_context() else None

    def wrong_order_of_applications(app: Any, flask: Any) -> Any:
        first, second = app.app_context(), app.app_context()
        first.push()
        second.push()
        first.pop()

    def not_pushed(app: Any, flask: Any) -> Any:
        app.test_request_context("/").pop()

    def not_pushed_application(app: Any, flask: Any) -> Any:
        app.app_context().pop()

    def closed(app: Any, flask: Any) -> Any:
        return app.test_request_context("/").session

    acts = (nested, failing, handled, given, not_pushed, not_pushed_application, closed)
    for act in acts:
        Twins(build).same(act)


def test_kept_contexts() -> None:
    def build(flask: Any, seen: list[Any]) -> Any:
        app = flask.Flask("kept")
        app.secret_key = "k"
        listen(flask, app, seen)

        @app.route("/")
        def index() -> Any:
            flask.g.x = flask.request.args.get("x")
            flask.session["x"] = flask.g.x
            return "index"

        @app.route("/fail")
        def fail() -> Any:
            flask.g.x = "fail"
            raise ValueError("fail")

        @app.teardown_request
        def teardown(error: Any) -> None:
            seen.append(("request", repr(error), flask.g.get("x")))

        @app.teardown_appcontext
        def teardown_app(error: Any) -> None:
            seen.append(("app", repr(error), flask.g.get("x")))

        return app

    def keep(app: Any, flask: Any) -> Any:
        found: list[Any] = []
        with app.test_client() as client:
            for x in "12":
                client.get(f"/?x={x}")
                found += [flask.g.x, flask.session["x"], flask.request.args["x"]]
            client.get("/fail")
            found += [flask.g.x, flask.request.path]
            client.get("/nothing")
            found += [flask.request.endpoint, flask.has_request_context()]
        return [*found, flask.has_request_context(), flask.has_app_context()]

    Twins(build).same(keep)


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

        class Sub(flask.Flask):  # type: ignore[misc, name-defined]
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
        class Interface(flask.sessions.SecureCookieSessionInterface):  # type: ignore[misc, name-defined]
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
    for path in "/ /session / /look /clear /nothing".split():
        assert twins.get(path).seen[0] == ("open", None, True)
    for twin in twins.twins:
        twin.app.secret_key = None
    twins.get("/")
    twins.get("/look")
    twins.get("/session")


def test_saving_alone() -> None:
    """Of an interface that only saves in its own way."""

    def build(flask: Any, seen: list[Any]) -> Any:
        class Interface(flask.sessions.SecureCookieSessionInterface):  # type: ignore[misc, name-defined]
            def save_session(self, app: Any, session: Any, response: Any) -> None:
                seen.append(("save", session.accessed, session.modified, dict(session)))

        app = simple(flask, seen)
        app.session_interface = Interface()
        return app

    assert ("save", False, False, {}) in Twins(build).get("/").seen


def test_coroutines() -> None:
    def build(flask: Any, seen: list[Any]) -> Any:
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

        class Class(flask.views.View):  # type: ignore[misc, name-defined]
            async def dispatch_request(self) -> str:
                return "class"

        class Methods(flask.views.MethodView):  # type: ignore[misc, name-defined]
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


def test_late_setup() -> None:
    methods: dict[str, Any] = {
        "route": lambda app: app.route("/late"),
        "add_url_rule": lambda app: app.add_url_rule("/late", "late", lambda: ""),
        "before_request": lambda app: app.before_request(lambda: None),
        "after_request": lambda app: app.after_request(lambda r: r),
        "teardown_request": lambda app: app.teardown_request(lambda e: None),
        "teardown_appcontext": lambda app: app.teardown_appcontext(lambda e: None),
        "context_processor": lambda app: app.context_processor(dict),
        "errorhandler": lambda app: app.errorhandler(404),
        "register_error_handler": lambda app: app.register_error_handler(404, str),
        "template_filter": lambda app: app.template_filter("x"),
        "add_template_filter": lambda app: app.add_template_filter(str),
        "add_template_test": lambda app: app.add_template_test(str),
        "add_template_global": lambda app: app.add_template_global(str),
        "url_defaults": lambda app: app.url_defaults(str),
        "url_value_preprocessor": lambda app: app.url_value_preprocessor(str),
        "shell_context_processor": lambda app: app.shell_context_processor(dict),
        "endpoint": lambda app: app.endpoint("x"),
    }
    twins = Twins(simple)
    twins.get("/")
    for name, late in methods.items():
        assert twins.same(lambda app, flask, late=late: late(app)) == ("raised", "AssertionError")
        text = f"The setup method '{name}' can no longer be called on the application"
        with pytest.raises(AssertionError, match=text):
            late(twins.ours.app)


RULES: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    (("/a", "a", len), {}),
    (("/a",), {}),
    (("/a", "a"), {}),
    (("/a", None, len), {"methods": ["post", "Get"]}),
    (("/a", None, len), {"methods": "GET"}),
    (("/a", None, len), {"methods": ["OPTIONS"]}),
    (("/a", None, len), {"methods": []}),
    (("/a", None, len), {"provide_automatic_options": False}),
    (("/a", None, len), {"provide_automatic_options": True, "methods": ["POST"]}),
    (("a", None, len), {}),
    (("/a", "a.b", len), {}),
    (("/a", "static", len), {}),
    (("/a", None, len), {"defaults": {"a": 1}, "strict_slashes": False, "subdomain": "x"}),
    (("/a", None, len), {"unknown": 1}),
    (("/<nothing:a>", None, len), {}),
]


@pytest.mark.parametrize("automatic", [True, False])
@pytest.mark.parametrize(("args", "kwargs"), RULES, ids=str)
def test_rules(args: Any, kwargs: Any, automatic: bool) -> None:
    def act(flask: Any) -> Any:
        app = flask.Flask("rules")
        app.config["PROVIDE_AUTOMATIC_OPTIONS"] = automatic
        app.add_url_rule(*args, **kwargs)
        rows = []
        for rule in app.url_map.iter_rules():
            options = rule.provide_automatic_options
            row = rule.rule, rule.endpoint, sorted(rule.methods), rule.defaults, rule.subdomain
            rows.append((row, options))
        return rows, sorted(app.view_functions)

    same(act)


def test_instances() -> None:
    cases: list[dict[str, Any]] = [
        {},
        {"static_folder": None},
        {"static_url_path": ""},
        {"static_url_path": "/s/"},
        {"static_folder": "a/b"},
        {"static_host": "h"},
        {"host_matching": True},
        {"host_matching": True, "static_host": "h"},
        {"host_matching": True, "static_folder": None},
        {"instance_path": "relative"},
        {"instance_path": "/absolute"},
        {"root_path": "/r"},
        {"root_path": "/r", "instance_relative_config": True, "instance_path": "/i"},
        {"template_folder": None},
    ]
    for kwargs in cases:

        def act(flask: Any, kwargs: dict[str, Any] = kwargs) -> Any:
            app = flask.Flask("some.where", **{"root_path": "/r", **kwargs})
            rules = [(r.rule, r.host, r.endpoint) for r in app.url_map.iter_rules()]
            found = app.name, app.root_path, app.static_folder, app.static_url_path, rules
            return found, app.config.root_path, app.has_static_folder, app.template_folder

        same(act)


def test_attributes() -> None:
    def act(flask: Any) -> Any:
        app = flask.Flask("attributes", instance_path="/i")
        kinds = {
            name: type(value).__name__
            for name, value in vars(app).items()
            if name not in {"_known_hosts", "aborter"}
        }
        return kinds, dict(app.default_config), sorted(app.config)

    assert same(act)[0] == "returned"


def test_test_request_contexts() -> None:
    cases: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
        ((), {}),
        (("/p?a=1",), {}),
        (("/p",), {"base_url": "https://x.org:8000/root"}),
        (("/p",), {"subdomain": "sub"}),
        (("/p",), {"url_scheme": "https"}),
        (("/p",), {"base_url": "http://x", "subdomain": "a"}),
        (("https://other.org/p?x=1",), {}),
        (("/p",), {"json": {"a": 1}, "query_string": {"b": "c"}}),
        (("/p", None, None, None, {"q": 1}), {}),
        (("/p",), {"method": "POST", "data": {"a": "b"}, "headers": {"X-A": "b"}}),
    ]
    for config in ({}, {"SERVER_NAME": "s.org", "APPLICATION_ROOT": "/r"}):
        for args, kwargs in cases:

            def act(flask: Any, args: Any = args, kwargs: Any = kwargs, config: Any = config) -> Any:
                app = flask.Flask("contexts")
                app.config.update(config)
                with app.test_request_context(*args, **kwargs) as context:
                    request = flask.request
                    found = request.url, request.method, dict(request.form), dict(request.args)
                    length = request.content_length, request.get_json(silent=True)
                    return found, length, repr(context).partition(" ")[0], request.script_root

            same(act)


def test_shell_and_template_context() -> None:
    def build(flask: Any, seen: list[Any]) -> Any:
        app = flask.Flask("shell")
        app.shell_context_processor(lambda: {"x": 1, "g": 2})
        app.context_processor(lambda: {"y": 1, "z": 1})
        blue = flask.Blueprint("blue", "shell", url_prefix="/blue")
        blue.context_processor(lambda: {"z": 2})
        blue.add_url_rule("/", "index", lambda: "")
        app.register_blueprint(blue)
        return app

    def act(app: Any, flask: Any) -> Any:
        found: list[Any] = [sorted(app.make_shell_context())]
        for path in ("/", "/blue/"):
            with app.test_request_context(path):
                context: dict[str, Any] = {"y": 3}
                app.update_template_context(context)
                found.append({key: context[key] for key in ("y", "z")} | {"keys": sorted(context)})
        return found

    assert Twins(build).same(act)[0] == "returned"


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


def test_copied_contexts() -> None:
    def build(flask: Any, seen: list[Any]) -> Any:
        app = flask.Flask("copied")
        app.secret_key = "k"

        @app.route("/")
        def index() -> Any:
            flask.session["x"] = 1
            flask.g.y = 1

            @flask.copy_current_request_context
            def elsewhere() -> Any:
                seen.append((flask.request.path, dict(flask.session), flask.g.get("y")))
                return elsewhere.__name__

            flask.session["z"] = 1
            import contextvars
            import threading

            threads = [threading.Thread(target=elsewhere)]
            threads += [threading.Thread(target=contextvars.Context().run, args=(elsewhere,))]
            for thread in threads:
                thread.start()
                thread.join()
            return elsewhere()

        return app

    assert len(Twins(build).get("/").seen) == 3
