"""URLs: which rule a request's leads to, and which one leads to an endpoint."""

from __future__ import annotations

from typing import Any

import pytest

from dovetail.app.application import App
from dovetail.app.blueprints import Blueprint
from dovetail.app.diagnosis import FormDataRoutingRedirect
from dovetail.app.proxies import request
from dovetail.app.urls import Addressing
from dovetail.data.exceptions import BadHost, NotFound, SecurityError
from dovetail.routing.exceptions import BuildError, RequestRedirect


@pytest.fixture
def app() -> App:
    app = App("addressing", static_folder=None)
    app.testing = True
    app.add_url_rule("/", "index", lambda: "index")
    app.add_url_rule("/<int:number>/", "number", lambda number: f"{number}")
    blueprint = Blueprint("blue", __name__, url_prefix="/blue")
    blueprint.add_url_rule("/", "index", lambda: "")
    app.register_blueprint(blueprint)
    return app


def test_class() -> None:
    assert issubclass(App, Addressing)


class TestUrlFor:
    def test_in_a_request(self, app: App) -> None:
        with app.test_request_context("/blue/"):
            assert app.url_for("index") == "/"
            assert app.url_for(".index") == "/blue/"
            assert app.url_for("number", number=5, q="a b") == "/5/?q=a+b"
            assert app.url_for("index", _external=True) == "http://localhost/"
            assert app.url_for("index", _scheme="https") == "https://localhost/"
            assert app.url_for("index", _anchor="a b") == "/#a%20b"
            assert app.url_for(endpoint="index") == "/"
            assert app.url_for("index", self=1) == "/?self=1"

    def test_outside_of_requests(self, app: App) -> None:
        with app.app_context(), pytest.raises(RuntimeError, match="'SERVER_NAME'"):
            app.url_for("index")
        app.config.update(SERVER_NAME="example.org", APPLICATION_ROOT="/root")
        with app.app_context():
            assert app.url_for("index") == "http://example.org/root/"
            assert app.url_for("index", _external=False) == "/root/"
        assert app.url_for("index", _scheme="https") == "https://example.org/root/"

    def test_scheme_of_a_path(self, app: App) -> None:
        with app.test_request_context(), pytest.raises(ValueError, match="_external"):
            app.url_for("index", _scheme="https", _external=False)

    def test_no_such_url(self, app: App) -> None:
        with app.test_request_context(), pytest.raises(BuildError, match="'number'"):
            app.url_for("number")
        seen: list[Any] = []

        def build(error: Exception, endpoint: str, values: dict[str, Any]) -> str:
            seen.append((type(error), endpoint, values))
            return "/built"

        app.url_build_error_handlers.append(build)
        with app.test_request_context():
            assert app.url_for("nothing", a=1, _anchor="x") == "/built"
        options = {"_anchor": "x", "_method": None, "_scheme": None, "_external": False}
        assert seen == [(BuildError, "nothing", {"a": 1, **options})]


class TestCreateUrlAdapter:
    def test_outside_of_requests(self, app: App) -> None:
        assert app.create_url_adapter(None) is None
        app.config["SERVER_NAME"] = "example.org"
        adapter = app.create_url_adapter(None)
        assert adapter is not None
        assert adapter.server_name == "example.org"

    def test_untrusted_host(self, app: App) -> None:
        app.config["TRUSTED_HOSTS"] = ["good.org"]
        client = app.test_client()
        assert client.get("/", base_url="http://good.org").status_code == 200
        assert client.get("/", base_url="http://bad.org").status_code == 400
        with app.test_request_context("/", base_url="http://bad.org") as context:
            assert isinstance(request.routing_exception, SecurityError)
            assert context.url_adapter is None

    def test_host_is_checked_after_requests_without_that(self, app: App) -> None:
        client = app.test_client()
        assert client.get("/").status_code == 200
        app.config["TRUSTED_HOSTS"] = ["good.org"]
        assert client.get("/").status_code == 400

    def test_trusted_hosts_of_the_requests_class(self, app: App) -> None:
        client = app.test_client()
        assert client.get("/").status_code == 200
        app.request_class = type("R", (app.request_class,), {"trusted_hosts": ["good.org"]})
        assert client.get("/").status_code == 400

    def test_no_host(self, app: App) -> None:
        for _ in range(2):
            with app.test_request_context("/", headers={"Host": "a..b"}):
                assert isinstance(request.routing_exception, BadHost)

    def test_overridden(self) -> None:
        calls: list[Any] = []

        class Own(App):
            def create_url_adapter(self, request: Any) -> Any:
                calls.append(request is None)
                return super().create_url_adapter(request)

        app = Own("own")
        app.add_url_rule("/", "index", lambda: "index")
        client = app.test_client()
        for _ in range(2):
            assert client.get("/").status_code == 200
        assert calls == [False, True, False, True]

    def test_replaced_in_the_object(self, app: App) -> None:
        client = app.test_client()
        client.get("/")
        calls: list[Any] = []
        original = app.create_url_adapter

        def replaced(request: Any) -> Any:
            calls.append(request is None)
            return original(request)

        app.create_url_adapter = replaced  # type: ignore[method-assign]
        client.get("/")
        assert calls == [False, True]


class TestMatching:
    """A request is matched the same whether it takes an adapter, as the first does, or not."""

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            *(("/", 200), ("/5/", 200), ("/5", 308), ("//", 200), ("/5//", 308), ("/nothing", 404)),
            *(("/%C3%A9", 404), ("/x/", 404), ("5/", 200), ("5", 308), ("?q=1", 308)),
        ],
    )
    def test_twice(self, app: App, path: str, status: int) -> None:
        client = app.test_client()
        environ = {"PATH_INFO": path} if path == "//" else {}
        answers = [client.get(path, environ_overrides=environ) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [status] * 3
        assert len({answer.headers.get("Location") for answer in answers}) == 1

    def test_method(self, app: App) -> None:
        client = app.test_client()
        for _ in range(2):
            answer = client.delete("/")
            assert answer.status_code == 405
            assert set(answer.allow) == {"GET", "HEAD", "OPTIONS"}
            assert client.open("/", method="get").status_code == 200

    def test_empty_path(self, app: App) -> None:
        client = app.test_client()
        answers = [client.get("/", environ_overrides={"PATH_INFO": ""}) for _ in range(2)]
        assert answers[0].status == answers[1].status

    def test_rule_that_comes_later(self, app: App) -> None:
        client = app.test_client()
        assert client.get("/late").status_code == 404
        app._got_first_request = False
        app.add_url_rule("/late", "late", lambda: "late")
        assert client.get("/late").data == b"late"

    def test_defaults_and_redirects(self, app: App) -> None:
        app.add_url_rule("/all/", "all", lambda page: f"{page}", defaults={"page": 1})
        app.add_url_rule("/all/<int:page>", "all")
        app.add_url_rule("/old", "old", redirect_to="all/1")
        client = app.test_client()
        for _ in range(2):
            assert client.get("/all/1").location == "http://localhost/all/"
            assert client.get("/all/2").data == b"2"
            assert client.get("/old").location == "http://localhost/all/1"

    def test_websocket(self, app: App) -> None:
        app.add_url_rule("/socket", "socket", lambda: "socket", websocket=True)
        client = app.test_client()
        handshake = {"Connection": "Upgrade", "Upgrade": "websocket"}
        for _ in range(2):
            assert client.get("/socket", headers=handshake).data == b"socket"
            assert client.get("/socket").status_code == 400
            assert client.get("/", headers=handshake).status_code == 400

    def test_matching_of_hosts_that_is_turned_on(self, app: App) -> None:
        client = app.test_client()
        client.get("/")
        app.url_map.host_matching = True
        app._got_first_request = False
        app.add_url_rule("/hosted", "hosted", lambda: "hosted", host="a.org")
        assert client.get("/hosted", base_url="http://a.org").data == b"hosted"
        assert client.get("/hosted", base_url="http://b.org").status_code == 404


class TestRaiseRoutingException:
    def test_not_found(self, app: App) -> None:
        with app.test_request_context("/nothing"), pytest.raises(NotFound):
            app.raise_routing_exception(request)

    @pytest.mark.parametrize(
        ("debug", "code", "method", "expected"),
        [
            (True, 301, "POST", FormDataRoutingRedirect),
            (False, 301, "POST", RequestRedirect),
            (True, 308, "POST", RequestRedirect),
            (True, 301, "GET", RequestRedirect),
        ],
    )
    def test_redirect(
        self, app: App, debug: bool, code: int, method: str, expected: type[Exception]
    ) -> None:
        app.debug = debug
        app.add_url_rule("/posted/", "posted", lambda: "", methods=["GET", "POST"])
        with app.test_request_context("/posted", method=method):
            assert request.routing_exception is not None
            request.routing_exception.code = code
            with pytest.raises(expected):
                app.raise_routing_exception(request)
