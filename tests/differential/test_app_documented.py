"""What Flask's guide shows: errors, templates, logging, signals, patterns; on both."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from logging.config import dictConfig
from pathlib import Path
from threading import Lock
from typing import Any

import jinja2
import pytest
import werkzeug.middleware.dispatcher  # noqa: F401 - werkzeug itself does not import it
from tests.differential.twins import BOTH, Kit, Twins, same

EMPTY: dict[str, Any] = {}
PATHS = ["/", "/missing", "/api/missing", "/blog/missing", "/usage", "/crash", "/bad", "/teapot"]


class TestErrors:
    def json_pages(self, flask: Any, seen: list[Any], werkzeug: Any) -> Any:
        app = flask.Flask("errors")

        @app.errorhandler(werkzeug.exceptions.HTTPException)
        def handle(e: Any) -> Any:
            response = e.get_response()
            response.data = json.dumps({"code": e.code, "name": e.name})
            response.content_type = "application/json"
            return response

        self.views(flask, app, werkzeug)
        return app

    def usage(self, flask: Any, seen: list[Any], werkzeug: Any) -> Any:
        app = flask.Flask("errors")
        usage = self.views(flask, app, werkzeug)

        @app.errorhandler(usage)
        def invalid(e: Any) -> Any:
            return flask.jsonify(message=e.message), e.status_code

        @app.errorhandler(Exception)
        def generic(e: Exception) -> Any:
            if isinstance(e, werkzeug.exceptions.HTTPException):
                return e
            return flask.render_template_string("{{ e.args }}", e=e), 500

        return app

    def pages(self, flask: Any, seen: list[Any], werkzeug: Any) -> Any:
        app = flask.Flask("errors")
        self.views(flask, app, werkzeug)
        blog = flask.Blueprint("blog", "blog", url_prefix="/blog")

        @blog.errorhandler(404)
        def never_for_urls(e: Any) -> Any:
            return "blog", 404

        @app.errorhandler(404)
        @app.errorhandler(405)
        def by_path(e: Any) -> Any:
            if flask.request.path.startswith("/api/"):
                return flask.jsonify(error=e.name), e.code
            return e

        @app.errorhandler(werkzeug.exceptions.InternalServerError)
        def internal(e: Any) -> Any:
            original = getattr(e, "original_exception", None)
            if original is None:
                return "direct", 500
            return type(original).__name__, 500

        app.register_error_handler(400, lambda e: ("bad", 400, {"X-Bad": "1"}))
        app.register_blueprint(blog)
        return app

    def views(self, flask: Any, app: Any, werkzeug: Any) -> Any:
        class InvalidUsage(Exception):
            status_code = 400

            def __init__(self, message: str, status_code: int | None = None) -> None:
                super().__init__()
                self.message = message
                if status_code is not None:
                    self.status_code = status_code

        class InsufficientStorage(werkzeug.exceptions.HTTPException):  # type: ignore[misc]
            code = 507
            description = "Not enough storage space."

        @app.route("/")
        def index() -> str:
            return "index"

        @app.route("/usage")
        def usage() -> Any:
            raise InvalidUsage("No user id", status_code=410)

        @app.route("/crash")
        def crash() -> Any:
            return EMPTY["missing"]

        @app.route("/bad")
        def bad() -> Any:
            return flask.request.args["missing"]

        @app.route("/teapot")
        def teapot() -> Any:
            flask.abort(418)

        @app.route("/storage")
        def storage() -> Any:
            raise InsufficientStorage()

        @app.route("/abort")
        def stop() -> Any:
            flask.abort(500)

        return InvalidUsage

    @pytest.mark.parametrize("name", ["json_pages", "usage", "pages"])
    def test_pages(self, name: str) -> None:
        twins = Twins(getattr(self, name))
        for path in [*PATHS, "/storage", "/abort"]:
            twins.get(path)
        twins.post("/")
        twins.post("/api/x")


class TestTemplates:
    def build(self, flask: Any, seen: list[Any], werkzeug: Any) -> Any:
        app = flask.Flask("templates")

        @app.template_filter("reverse_text")
        def reverse_filter(s: str) -> str:
            return s[::-1]

        @app.template_filter()
        def shout(s: str) -> str:
            return s.upper()

        app.jinja_env.filters["twice"] = lambda s: s * 2

        @app.template_test("palindrome")
        def is_palindrome(s: str) -> bool:
            return s == s[::-1]

        @app.template_global()
        def double(n: int) -> int:
            return 2 * n

        @app.context_processor
        def utility_processor() -> dict[str, Any]:
            def format_price(amount: float, currency: str = "€") -> str:
                return f"{amount:.2f}{currency}"

            return {"format_price": format_price, "user": "u"}

        @app.get("/timeline")
        def timeline() -> Any:
            return flask.stream_template_string(
                "{% for i in rows %}{{ i }}<{{ request.path }}>{% endfor %}", rows=iter(range(3))
            )

        @app.get("/<path:source>")
        def show(source: str) -> Any:
            return flask.render_template_string(source)

        return app

    def test_what_templates_may_use(self) -> None:
        twins = Twins(self.build)
        assert twins.get("/timeline").status == "200 OK"
        for source in (
            "{{ 'abc'|reverse_text }}{{ 'abc'|shout }}{{ 'ab'|twice }}",
            "{{ 'abba' is palindrome }}{{ double(4) }}",
            "{{ format_price(0.33) }}{{ user }}",
            "{{ config.SECRET_KEY }}{{ request.method }}",
            "{% for x in [1,2] recursive %}{{ x }}{% endfor %}",
        ):
            assert twins.get(f"/{source}").status == "200 OK"

    def test_loader_of_one_s_own(self) -> None:
        def build(flask: Any) -> Any:
            class App(flask.Flask):  # type: ignore[misc]
                def create_global_jinja_loader(self) -> Any:
                    return jinja2.DictLoader({"a.html": "A{{ 1 }}"})

            app = App("own")
            app.add_url_rule("/", "index", lambda: flask.render_template("a.html"))
            return app

        assert Twins(build).get("/").text == "A1"

    def test_subclassed_environment(self) -> None:
        def build(flask: Any) -> Any:
            class Environment(flask.templating.Environment):  # type: ignore[misc]
                def __init__(self, app: Any, **options: Any) -> None:
                    super().__init__(app, variable_start_string="((", **options)
                    self.own = app.name

            class App(flask.Flask):  # type: ignore[misc]
                jinja_environment = Environment
                jinja_options = {"variable_end_string": "))"}  # noqa: RUF012

            app = App("own")
            app.add_url_rule("/", "index", lambda: flask.render_template_string("((1)) {{ 2 }}"))
            return app

        assert Twins(build).get("/").text == "1 {{ 2 }}"


class TestLogging:
    @pytest.mark.parametrize("kit", BOTH, ids=lambda kit: kit.name)
    def test_configuration(self, kit: Kit, capsys: Any) -> None:
        package = "flask.logging" if kit.name == "theirs" else "dovetail.app.logs"
        root = logging.getLogger()
        handlers, level = root.handlers[:], root.level
        try:
            dictConfig(
                {
                    "version": 1,
                    "disable_existing_loggers": False,
                    "formatters": {
                        "default": {"format": "%(levelname)s in %(module)s: %(message)s"}
                    },
                    "handlers": {
                        "wsgi": {
                            "class": "logging.StreamHandler",
                            "stream": f"ext://{package}.wsgi_errors_stream",
                            "formatter": "default",
                        }
                    },
                    "root": {"level": "INFO", "handlers": ["wsgi"]},
                }
            )
            app = kit.flask.Flask(f"configured_{kit.name}")
            app.add_url_rule("/", "index", lambda: str(app.logger.info("hello %s", "there")))
            stream = io.StringIO()
            app.test_client().get("/", errors_stream=stream)
            assert stream.getvalue() == "INFO in test_app_documented: hello there\n"
            assert app.logger.handlers == []
        finally:
            root.handlers[:] = handlers
            root.setLevel(level)

    def test_request_formatter(self) -> None:
        def act(flask: Any) -> Any:
            class RequestFormatter(logging.Formatter):
                def format(self, record: logging.LogRecord) -> str:
                    inside = flask.has_request_context()
                    record.url = flask.request.url if inside else None
                    record.remote_addr = flask.request.remote_addr if inside else None
                    return super().format(record)

            app = flask.Flask("formatted")
            app.logger = logging.Logger("formatted")
            stream = io.StringIO()
            handler = logging.StreamHandler(stream)
            handler.setFormatter(RequestFormatter("%(remote_addr)s %(url)s %(message)s"))
            app.logger.addHandler(handler)
            app.add_url_rule("/x", "x", lambda: str(app.logger.warning("in")))
            app.add_url_rule("/crash", "crash", lambda: EMPTY["missing"])
            app.logger.warning("out")
            app.test_client().get("/x?y=1")
            app.test_client().get("/crash")
            lines = stream.getvalue().splitlines()
            # In between is the traceback, which shows the files of each package.
            return lines[:3], lines[-1]

        assert same(act)[0] == "returned"

    def test_removed_handler(self) -> None:
        def act(flask: Any) -> Any:
            app = flask.Flask("removed")
            app.logger = logging.Logger("removed")
            app.logger.addHandler(flask.logging.default_handler)
            app.logger.removeHandler(flask.logging.default_handler)
            return app.logger.handlers

        assert same(act) == ("returned", [])


class TestSignals:
    def test_captured_templates(self) -> None:
        def act(flask: Any) -> Any:
            app = flask.Flask("signals")
            app.jinja_loader = jinja2.DictLoader({"index.html": "{{ title }}"})
            app.add_url_rule("/", "i", lambda: flask.render_template("index.html", title="T"))

            @contextmanager
            def captured() -> Iterator[list[Any]]:
                recorded = []

                def record(sender: Any, template: Any, context: Any, **extra: Any) -> None:
                    recorded.append((template.name, context["title"], sorted(extra)))

                flask.template_rendered.connect(record, app)
                try:
                    yield recorded
                finally:
                    flask.template_rendered.disconnect(record, app)

            with captured() as templates:
                status = app.test_client().get("/").status_code
            app.test_client().get("/")
            return status, templates

        assert same(act) == ("returned", (200, [("index.html", "T", [])]))


def view_decorators(flask: Any, cache: dict[str, Any]) -> tuple[Callable[..., Any], ...]:
    def login_required(f: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(f)
        def decorated(*args: Any, **kwargs: Any) -> Any:
            if flask.g.get("user") is None:
                return flask.redirect(flask.url_for("login", next=flask.request.url))
            return f(*args, **kwargs)

        return decorated

    def cached(key: str = "view/{}") -> Callable[..., Any]:
        def decorate(f: Callable[..., Any]) -> Callable[..., Any]:
            @wraps(f)
            def decorated(*args: Any, **kwargs: Any) -> Any:
                name = key.format(flask.request.path)
                if name not in cache:
                    cache[name] = f(*args, **kwargs)
                return cache[name]

            return decorated

        return decorate

    def templated(template: str | None = None) -> Callable[..., Any]:
        def decorate(f: Callable[..., Any]) -> Callable[..., Any]:
            @wraps(f)
            def decorated(*args: Any, **kwargs: Any) -> Any:
                name = template or f"{flask.request.endpoint.replace('.', '/')}.html"
                context = f(*args, **kwargs)
                if context is not None and not isinstance(context, dict):
                    return context
                return flask.render_template(name, **(context or {}))

            return decorated

        return decorate

    return login_required, cached, templated


class TestPatterns:
    def decorators(self, flask: Any, seen: list[Any], werkzeug: Any) -> Any:
        app = flask.Flask("decorated")
        app.secret_key = "k"
        app.jinja_loader = jinja2.DictLoader({"index.html": "{{ a }}", "own.html": "own {{ a }}"})
        cache: dict[str, Any] = {}

        login_required, cached, templated = view_decorators(flask, cache)

        @app.before_request
        def load_user() -> None:
            flask.g.user = flask.session.get("user")

        @app.route("/login")
        def login() -> Any:
            if "user" in flask.request.args:
                flask.session["user"] = flask.request.args["user"]
                flask.flash("You were logged in")
                return flask.redirect(flask.request.args.get("next", "/"))
            return "login"

        @app.route("/secret")
        @login_required
        def secret() -> str:
            return f"secret of {flask.g.user} {flask.get_flashed_messages()}"

        @app.route("/cached/<name>")
        @cached()
        def counted(name: str) -> str:
            return str(len(cache))

        @app.route("/index")
        @templated()
        def index() -> Any:
            return {"a": 1}

        @app.route("/own")
        @templated("own.html")
        def own() -> Any:
            return None

        app.url_map.add(werkzeug.routing.Rule("/by-endpoint", endpoint="by_endpoint"))

        @app.endpoint("by_endpoint")
        def view() -> str:
            return "by endpoint"

        return app

    def test_decorators(self) -> None:
        twins = Twins(self.decorators)
        for path in (
            *("/secret", "/login?user=u&next=/secret", "/secret", "/secret"),
            *("/cached/a", "/cached/b", "/cached/a", "/index", "/own", "/by-endpoint"),
        ):
            twins.get(path)

    def test_url_processors(self) -> None:
        def build(flask: Any) -> Any:
            app = flask.Flask("processed")
            bp = flask.Blueprint("front", "front", url_prefix="/<lang_code>")

            @bp.url_defaults
            def add_language(endpoint: str, values: dict[str, Any]) -> None:
                values.setdefault("lang_code", flask.g.lang_code)

            @bp.url_value_preprocessor
            def pull_language(endpoint: str, values: dict[str, Any]) -> None:
                flask.g.lang_code = values.pop("lang_code")

            @app.url_defaults
            def add_version(endpoint: str, values: dict[str, Any]) -> None:
                if app.url_map.is_endpoint_expecting(endpoint, "version"):
                    values["version"] = 3

            @bp.route("/")
            def index() -> str:
                urls = [flask.url_for(".about"), flask.url_for("front.index", lang_code="fr")]
                return f"{flask.g.lang_code} {urls} {flask.url_for('versioned')}"

            @bp.route("/about")
            def about() -> str:
                return "about"

            app.add_url_rule("/v/<int:version>", "versioned", "v{version}".format)
            app.register_blueprint(bp)
            return app

        twins = Twins(build)
        for path in ("/de/", "/en/about", "/v/2", "/"):
            twins.get(path)

    @pytest.mark.parametrize("path", ["/", "/api/x", "/apix", "/one/x", "/two/y", "/three"])
    def test_dispatchers(self, path: str) -> None:
        def act(kit: Kit) -> Any:
            flask = kit.flask
            lock = Lock()
            instances: dict[str, Any] = {}

            def create(name: str) -> Any:
                if name not in {"front", "api", "one", "two"}:
                    return None
                app = flask.Flask(name)
                app.add_url_rule("/", "index", lambda: name)
                app.add_url_rule(
                    "/<rest>", "rest", lambda rest: f"{name} {rest} {flask.url_for('index')}"
                )
                return app

            def by_path(environ: Any, start_response: Any) -> Any:
                shift = kit.werkzeug.wsgi
                first = environ["PATH_INFO"].split("/")[1]
                with lock:
                    app = instances.setdefault(first, create(first))
                if app is None:
                    return kit.werkzeug.exceptions.NotFound()(environ, start_response)
                assert shift.get_path_info(environ).startswith(f"/{first}")
                environ["SCRIPT_NAME"] += f"/{first}"
                environ["PATH_INFO"] = environ["PATH_INFO"][len(first) + 1 :]
                return app(environ, start_response)

            dispatched = kit.werkzeug.middleware.dispatcher.DispatcherMiddleware(
                create("front"), {"/api": create("api"), "/one": by_path, "/two": by_path}
            )
            client = kit.werkzeug.test.Client(dispatched)
            response = client.get(path)
            return response.status, response.get_data()[:60]

        theirs, ours = (act(kit) for kit in BOTH)
        assert ours == theirs

    def test_method_override(self) -> None:
        def build(flask: Any) -> Any:
            app = flask.Flask("overridden")
            wsgi_app = app.wsgi_app

            def override(environ: Any, start_response: Any) -> Any:
                method = environ.get("HTTP_X_HTTP_METHOD_OVERRIDE", "").upper()
                if method in {"GET", "DELETE", "PUT"}:
                    environ["REQUEST_METHOD"] = method
                    if method == "GET":
                        environ["CONTENT_LENGTH"] = "0"
                return wsgi_app(environ, start_response)

            app.wsgi_app = override
            methods = ["GET", "POST", "DELETE"]
            app.add_url_rule("/", "index", lambda: flask.request.method, methods=methods)
            return app

        twins = Twins(build)
        for method in ("", "DELETE", "GET", "PUT", "TRACE"):
            twins.post("/", headers={"X-HTTP-Method-Override": method}, data="a=b")

    def test_request_checksum(self) -> None:
        def build(flask: Any) -> Any:
            class ChecksumStream:
                def __init__(self, stream: Any) -> None:
                    self._stream = stream
                    self.hash = hashlib.sha1()

                def read(self, size: int) -> bytes:
                    data: bytes = self._stream.read(size)
                    self.hash.update(data)
                    return data

                def readline(self, size: int) -> bytes:
                    data: bytes = self._stream.readline(size)
                    self.hash.update(data)
                    return data

            app = flask.Flask("checked")

            @app.route("/", methods=["POST"])
            def index() -> str:
                environ = flask.request.environ
                stream = ChecksumStream(environ["wsgi.input"])
                environ["wsgi.input"] = stream
                files = sorted(flask.request.files)
                form = flask.request.form.to_dict()
                return f"{files} {form} {stream.hash.hexdigest()}"

            return app

        Twins(build).post(
            "/", data=lambda: b"a=1&b=2", content_type="application/x-www-form-urlencoded"
        )

    def test_deferred_callbacks(self) -> None:
        def build(flask: Any) -> Any:
            app = flask.Flask("deferred")

            @app.before_request
            def detect_language() -> None:
                language = flask.request.cookies.get("user_lang")
                if language is None:
                    language = "en"

                    @flask.after_this_request
                    def remember(response: Any) -> Any:
                        response.set_cookie("user_lang", language)
                        return response

                flask.g.language = language

            app.add_url_rule("/", "index", lambda: flask.g.language)
            return app

        twins = Twins(build)
        twins.get("/")
        twins.get("/")

    def test_lazy_views(self) -> None:
        def build(flask: Any, seen: list[Any], werkzeug: Any) -> Any:
            class LazyView:
                def __init__(self, import_name: str) -> None:
                    self.__module__, self.__name__ = import_name.rsplit(".", 1)
                    self.import_name = import_name

                @werkzeug.utils.cached_property
                def view(self) -> Any:
                    return werkzeug.utils.import_string(self.import_name)

                def __call__(self, *args: Any, **kwargs: Any) -> Any:
                    return self.view(*args, **kwargs)

            app = flask.Flask("lazy")
            app.add_url_rule("/unescape/<s>", view_func=LazyView("html.unescape"), defaults={})
            app.add_url_rule("/escape/<s>", endpoint="escape", view_func=LazyView("html.escape"))
            return app

        twins = Twins(build)
        twins.get("/escape/<b>")
        twins.same(lambda app, flask: sorted(app.view_functions))

    def test_streaming(self) -> None:
        def build(flask: Any, seen: list[Any]) -> Any:
            app = flask.Flask("streamed")

            @app.route("/large.csv")
            def large() -> Any:
                def generate() -> Iterator[str]:
                    for row in range(3):
                        yield f"{row},{row * row}\n"

                return generate(), {"Content-Type": "text/csv"}

            @app.route("/context")
            def with_context() -> Any:
                def generate() -> Iterator[str]:
                    yield "Hello "
                    yield flask.request.args["name"]
                    yield str(flask.current_app.name)

                return flask.stream_with_context(generate())

            @app.route("/decorated")
            def decorated() -> Any:
                @flask.stream_with_context
                def generate(greeting: str) -> Iterator[str]:
                    yield greeting
                    yield flask.request.args["name"]

                return generate("Hi ")

            @app.teardown_request
            def done(error: Any) -> None:
                seen.append("torn down")

            return app

        twins = Twins(build)
        for path in ("/large.csv", "/context?name=n", "/decorated?name=n"):
            assert twins.get(path).status == "200 OK"

    def test_uploads(self, tmp_path: Path) -> None:
        def build(flask: Any, seen: list[Any], werkzeug: Any) -> Any:
            app = flask.Flask("uploads")
            app.secret_key = "k"
            app.config["MAX_CONTENT_LENGTH"] = 1000
            folder = tmp_path / str(len(list(tmp_path.iterdir())))
            folder.mkdir()

            @app.route("/", methods=["GET", "POST"])
            def upload() -> Any:
                if flask.request.method == "POST":
                    if "file" not in flask.request.files:
                        flask.flash("No file part")
                        return flask.redirect(flask.request.url)
                    file = flask.request.files["file"]
                    if file.filename == "":
                        return flask.redirect(flask.request.url)
                    name = werkzeug.utils.secure_filename(file.filename)
                    file.save(folder / name)
                    return flask.redirect(flask.url_for("download", name=name))
                return str(flask.get_flashed_messages())

            @app.route("/uploads/<name>")
            def download(name: str) -> Any:
                return flask.send_from_directory(folder, name, etag=False, conditional=False)

            app.add_url_rule("/<name>", endpoint="download", build_only=True)
            return app

        twins = Twins(build)
        twins.post("/", data={"a": "b"})
        twins.get("/")
        twins.post("/", data=lambda: {"file": (io.BytesIO(b"x"), "")})
        twins.post("/", data=lambda: {"file": (io.BytesIO(b"text"), "../a b.txt")})
        twins.post("/", data=lambda: {"file": (io.BytesIO(b"x" * 2000), "a.txt")})
        for name in ("a_b.txt", "missing"):
            twins.get(f"/uploads/{name}")

    def test_database(self, tmp_path: Path) -> None:
        def build(flask: Any) -> Any:
            app = flask.Flask("database")

            def get_db() -> sqlite3.Connection:
                db = getattr(flask.g, "_database", None)
                if db is None:
                    db = flask.g._database = sqlite3.connect(":memory:")
                    db.row_factory = sqlite3.Row
                return db

            @app.teardown_appcontext
            def close(exception: Any) -> None:
                db = flask.g.pop("_database", None)
                if db is not None:
                    db.close()

            @app.route("/")
            def index() -> Any:
                row = get_db().execute("select 1 as one, 'x' as two").fetchone()
                return dict(row)

            return app

        assert Twins(build).get("/").header("Content-Type") == "application/json"

    def test_subclassed_request(self) -> None:
        def build(flask: Any, seen: list[Any], werkzeug: Any) -> Any:
            structures = werkzeug.datastructures

            class MyRequest(flask.Request):  # type: ignore[misc]
                parameter_storage_class = structures.ImmutableMultiDict

                @property
                def words(self) -> list[str]:
                    return sorted(self.args)

            class MyApp(flask.Flask):  # type: ignore[misc]
                request_class = MyRequest

            app = MyApp("subclassed")
            app.add_url_rule("/", "index", lambda: flask.request.words)
            return app

        assert Twins(build).get("/?b=1&a=2").text == '["a","b"]\n'

    def test_single_page(self, tmp_path: Path) -> None:
        (tmp_path / "index.html").write_text("<p>app</p>")

        def build(flask: Any) -> Any:
            app = flask.Flask("page", static_folder=str(tmp_path), static_url_path="/app")

            @app.route("/heartbeat")
            def heartbeat() -> Any:
                return flask.jsonify({"status": "healthy"})

            @app.route("/", defaults={"path": ""})
            @app.route("/<path:path>")
            def catch_all(path: str) -> Any:
                return app.send_static_file("index.html")

            return app

        twins = Twins(build)
        for path in ("/", "/a/b", "/heartbeat", "/app/index.html", "/app/none"):
            twins.get(path)


class TestTesting:
    def build(self, flask: Any, seen: list[Any], werkzeug: Any) -> Any:
        app = flask.Flask("tested")
        app.secret_key = "k"
        app.config.update({"TESTING": True})

        @app.route("/user/<int:id>/edit", methods=["POST"])
        def edit(id: int) -> Any:  # noqa: A002
            file = flask.request.files["picture"]
            return [id, flask.request.form["name"], file.filename, file.read().decode()]

        app.add_url_rule("/logout", "logout", lambda: flask.redirect(flask.url_for("index")))
        app.add_url_rule("/index", "index", lambda: "index")
        app.add_url_rule("/me", "me", lambda: [flask.session.get("user_id")])

        @app.route("/login", methods=["POST"])
        def login() -> str:
            flask.session["user_id"] = flask.request.form["user"]
            return ""

        @app.cli.command("hello")
        def hello() -> None:
            print("Hello", flask.current_app.name)

        return app

    def test_client(self) -> None:
        def act(app: Any, flask: Any) -> Any:
            client = app.test_client()
            results: list[Any] = []
            data = {"name": "Flask", "picture": (io.BytesIO(b"png"), "p.png")}
            results.append(client.post("/user/2/edit", data=data).json)
            response = client.get("/logout", follow_redirects=True)
            results.append((len(response.history), response.request.path, response.text))
            with client:
                client.post("/login", data={"user": "flask"})
                results.append(flask.session["user_id"])
            with client.session_transaction() as session:
                session["user_id"] = 7
            results.append(client.get("/me").json)
            with app.test_request_context("/me?x=1", method="POST", data={"a": ""}):
                results.append((flask.request.args["x"], flask.request.form["a"]))
            with client.get("/index") as response:
                results.append((response.status_code, b"ind" in response.data))
            results.append(app.test_cli_runner().invoke(args="hello").output)
            results.append(app.test_cli_runner().invoke(args=["hello"]).exit_code)
            return results

        assert Twins(self.build).same(act)[0] == "returned"
