"""Extensions that look after an application from outside: tracers, toolbars, guards, whole APIs.

In process, because most of them take hold of the application object, its methods or its signals.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from typing import Any

import flask
import flask_debugtoolbar
import flask_jwt_extended
import flask_restx
import flask_talisman
import pytest
import sentry_sdk
from opentelemetry import trace
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sentry_sdk.integrations.flask import FlaskIntegration
from sentry_sdk.transport import Transport
from werkzeug.exceptions import Forbidden


def make_app() -> flask.Flask:
    app = flask.Flask("others")
    app.secret_key = "only for tests"

    @app.route("/items/<int:number>")
    def item(number: int) -> str:
        return flask.render_template_string("<body>item {{ number }}</body>", number=number)

    @app.route("/broken")
    def broken() -> str:
        raise ZeroDivisionError("broken")

    @app.route("/forbidden")
    def forbidden() -> str:
        raise Forbidden

    @app.route("/form", methods=["POST"])
    def form() -> dict[str, str]:
        return flask.request.form.to_dict()

    return app


class Envelopes(Transport):
    """Keeps what Sentry would send."""

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self.sent: list[tuple[str, dict[str, Any]]] = []

    def capture_envelope(self, envelope: Any) -> None:
        """Take one; of sessions and the like only the type."""
        for item in envelope.items:
            content = item.get_event() or item.get_transaction_event() or {}
            self.sent.append((item.type, content))

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return those of a kind: "event", "transaction"."""
        return [content for name, content in self.sent if name == kind]


@pytest.fixture
def sentry() -> Iterator[Envelopes]:
    transport = Envelopes()
    sentry_sdk.init(
        dsn="http://key@localhost/1",
        transport=transport,
        integrations=[FlaskIntegration()],
        auto_enabling_integrations=False,
        default_integrations=False,
        traces_sample_rate=1.0,
    )
    yield transport
    sentry_sdk.get_client().close()
    sentry_sdk.get_global_scope().set_client(None)


def test_sentry_reports_errors(sentry: Envelopes) -> None:
    client = make_app().test_client()
    assert client.get("/broken?a=1").status_code == 500
    assert client.get("/forbidden").status_code == 403
    (event,) = sentry.of("event")
    assert event["transaction"] == "broken"
    assert event["request"]["url"] == "http://localhost/broken"
    assert event["request"]["query_string"] == "a=1"
    (error,) = event["exception"]["values"]
    assert (error["type"], error["mechanism"]["handled"]) == ("ZeroDivisionError", False)
    assert error["stacktrace"]["frames"][-1]["function"] == "broken"


def test_sentry_traces_requests(sentry: Envelopes) -> None:
    client = make_app().test_client()
    client.get("/items/1")
    client.get("/nothing")
    client.post("/form", data={"password": "secret", "name": "Ann"})
    sent = sentry.of("transaction")
    assert [(one["transaction"], one["contexts"]["trace"]["status"]) for one in sent] == [
        ("item", "ok"),
        ("generic WSGI request", "not_found"),
        ("form", "ok"),
    ]
    assert sent[2]["request"]["data"] == {"password": "[Filtered]", "name": "Ann"}


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    exporter.provider = provider  # type: ignore[attr-defined]
    yield exporter
    provider.shutdown()


def test_opentelemetry_of_one_application(spans: Any) -> None:
    app = make_app()
    FlaskInstrumentor.instrument_app(app, tracer_provider=spans.provider)
    client = app.test_client()
    for path in ("/items/1", "/broken", "/nothing"):
        client.get(path)
    seen = [
        (span.name, span.attributes.get("http.route"), span.attributes["http.status_code"])
        for span in spans.get_finished_spans()
    ]
    assert seen == [
        ("GET /items/<int:number>", "/items/<int:number>", 200),
        ("GET /broken", "/broken", 500),
        ("GET /nothing", None, 404),
    ]
    FlaskInstrumentor.uninstrument_app(app)
    client.get("/items/1")
    assert len(spans.get_finished_spans()) == 3


def test_opentelemetry_of_all_applications(spans: Any) -> None:
    original = flask.Flask
    instrumentor = FlaskInstrumentor()
    instrumentor.instrument(tracer_provider=spans.provider)
    try:
        assert issubclass(flask.Flask, original)
        assert flask.Flask is not original
        app = make_app()
        app.add_url_rule("/inside", view_func=lambda: str(trace.get_current_span().is_recording()))
        assert app.test_client().get("/inside").text == "True"
        assert [span.name for span in spans.get_finished_spans()] == ["GET /inside"]
    finally:
        instrumentor.uninstrument()
    assert flask.Flask is original


def test_debugtoolbar() -> None:
    app = make_app()
    app.debug = True
    app.config["DEBUG_TB_INTERCEPT_REDIRECTS"] = True
    flask_debugtoolbar.DebugToolbarExtension(app)
    app.add_url_rule("/away", view_func=lambda: flask.redirect("/items/2"))
    client = app.test_client()
    page = client.get("/items/1").text
    assert page.index("item 1") < page.index("flDebug") < page.index("</body>")
    for title in ("Versions", "Time", "HTTP Headers", "Request Vars", "Templates", "Logging"):
        assert title in page
    stopped = client.get("/away")
    assert stopped.status_code == 200
    assert 'href="/items/2"' in stopped.text
    (script,) = set(re.findall(r'src="(/_debug_toolbar/static/js/toolbar.js)', page))
    with client.get(script) as answer:
        assert answer.mimetype.endswith("javascript")


@pytest.fixture
def tokens() -> flask.Flask:
    app = make_app()
    app.config.update(
        JWT_SECRET_KEY="a secret of forty characters, for tests only",
        JWT_TOKEN_LOCATION=["headers", "cookies", "json", "query_string"],
    )
    manager = flask_jwt_extended.JWTManager(app)
    manager.user_lookup_loader(lambda _head, claims: {"name": claims["sub"]})

    @app.post("/login")
    def login() -> flask.Response:
        name = flask.request.get_json()["name"]
        late = datetime.timedelta(seconds=-5)
        response = flask.jsonify(
            good=flask_jwt_extended.create_access_token(name),
            late=flask_jwt_extended.create_access_token(name, expires_delta=late),
        )
        flask_jwt_extended.set_access_cookies(response, response.get_json()["good"])
        return response

    @app.route("/me", methods=["GET", "POST"])
    @flask_jwt_extended.jwt_required()
    def me() -> Any:
        return flask.jsonify(name=flask_jwt_extended.current_user["name"])

    return app


def test_jwt(tokens: flask.Flask) -> None:
    keys = tokens.test_client().post("/login", json={"name": "Ann"}).get_json()
    client = tokens.test_client()
    assert client.get("/me").status_code == 401
    assert client.post("/me", json={"access_token": keys["good"]}).get_json() == {"name": "Ann"}
    assert client.get("/me", query_string={"jwt": keys["good"]}).get_json() == {"name": "Ann"}
    answers = {
        value: client.get("/me", headers={"Authorization": value})
        for value in (f"Bearer {keys['good']}", f"Bearer {keys['late']}", "Bearer x.y.z", "Bearer")
    }
    assert [answer.status_code for answer in answers.values()] == [200, 401, 422, 422]


def test_jwt_in_cookies(tokens: flask.Flask) -> None:
    client = tokens.test_client()
    client.post("/login", json={"name": "Ann"})
    assert client.get("/me").get_json() == {"name": "Ann"}
    assert client.post("/me").status_code == 401
    cookie = client.get_cookie("csrf_access_token")
    assert cookie is not None
    assert client.post("/me", headers={"X-CSRF-TOKEN": cookie.value}).status_code == 200


def test_restx() -> None:
    app = make_app()
    blueprint = flask.Blueprint("api", __name__, url_prefix="/api")
    api = flask_restx.Api(blueprint, title="Tasks", doc="/doc/")
    task = api.model("Task", {
        "text": flask_restx.fields.String(required=True, min_length=2),
        "url": flask_restx.fields.Url("api.task"),
    })  # fmt: skip

    @api.route("/tasks/<int:number>", endpoint="task")
    class Task(flask_restx.Resource):  # type: ignore[misc]
        @api.marshal_with(task)
        def get(self, number: int) -> Any:
            if number > 3:
                api.abort(404, "no such task", number=number)
            return {"number": number, "text": "mow"}

        @api.expect(task, validate=True)
        def put(self, number: int) -> Any:
            return api.payload, 201, {"X-Number": number}

    @api.errorhandler(ZeroDivisionError)
    def handle(error: ZeroDivisionError) -> Any:
        return {"message": "by zero"}, 418

    @api.route("/broken")
    class Broken(flask_restx.Resource):  # type: ignore[misc]
        def get(self) -> Any:
            return 1 // 0

    app.register_blueprint(blueprint)
    client = app.test_client()
    assert client.get("/api/tasks/1").get_json() == {"text": "mow", "url": "/api/tasks/1"}
    missing = client.get("/api/tasks/4")
    assert (missing.status_code, missing.get_json()["number"]) == (404, 4)
    made = client.put("/api/tasks/1", json={"text": "rake"})
    assert (made.status_code, made.headers["X-Number"]) == (201, "1")
    assert client.put("/api/tasks/1", json={"text": "r"}).status_code == 400
    assert client.put("/api/tasks/1", data="{", content_type="application/json").status_code == 400
    assert client.get("/api/broken").status_code == 418
    assert client.get("/api/nothing").status_code == 404
    assert client.get("/nothing").mimetype == "text/html"
    assert client.get("/api/swagger.json").get_json()["info"]["title"] == "Tasks"
    assert "swagger-ui" in client.get("/api/doc/").text


def test_talisman() -> None:
    app = make_app()
    flask_talisman.Talisman(
        app,
        content_security_policy={"script-src": "'self'"},
        content_security_policy_nonce_in=["script-src"],
    )
    app.add_url_rule("/nonce", view_func=lambda: flask.render_template_string("{{ csp_nonce() }}"))
    client = app.test_client()
    moved = client.get("/items/1?q=%C3%A9")
    assert (moved.status_code, moved.location) == (302, "https://localhost/items/1?q=%C3%A9")
    page = client.get("/nonce", base_url="https://localhost")
    assert f"'nonce-{page.text}'" in page.headers["Content-Security-Policy"]
    assert page.headers["Strict-Transport-Security"].startswith("max-age=31556926")
    assert app.config["SESSION_COOKIE_SECURE"] is True


@pytest.mark.parametrize("path", ["items/1", "/items/1"])
def test_path_without_its_first_slash(path: str) -> None:
    """Tests of Flask-Smorest and Flask-Security ask for such paths."""
    app = make_app()
    app.before_request(lambda: flask.session.setdefault("seen", True) and None)
    client = app.test_client()
    for _ in range(3):
        assert client.get(path).text == "<body>item 1</body>"
    assert "session=" in client.get(path).request.headers["Cookie"]
