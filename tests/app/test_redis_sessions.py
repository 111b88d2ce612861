"""Sessions on Redis, with a server of its own."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from tests.app.session_views import add_session_views
from tests.programs import find_program

from dovetail.app.application import App
from dovetail.app.proxies import session
from dovetail.app.redis_sessions import (
    RedisSession,
    RedisSessionInterface,
    SessionStoreUnavailable,
    UnavailableSession,
)
from dovetail.app.sessions import SecureCookieSession, SessionInterface, SessionMixin
from dovetail.app.wrappers import Request, Response
from dovetail.data.exceptions import ServiceUnavailable

#: In milliseconds.
HOUR = 3600 * 1000
DAY = 24 * HOUR
# What may pass between two calls.
SLACK = HOUR // 6
#: How long anything may take that has to happen, in seconds.
PATIENCE = 30.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Redis that keeps everything in memory, on a socket that only we know."""
    program = find_program("redis-server", "valkey-server", package="redis-server")
    path = tmp_path_factory.mktemp("redis") / "socket"
    options = ["--port", "0", "--unixsocket", str(path), "--save", "", "--appendonly", "no"]
    with subprocess.Popen([program, *options], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            seen = []
            for line in process.stdout:
                seen.append(line)
                if "accept connections" in line and str(path) in line:
                    break
            else:
                pytest.fail("redis-server did not start:\n" + "".join(seen))
            # What it writes later has to go somewhere.
            drain = threading.Thread(target=process.stdout.read)
            drain.start()
            yield f"unix://{path}"
        finally:
            process.terminate()
        drain.join(PATIENCE)


@pytest.fixture
def redis(server: str) -> Iterator[Redis]:
    with Redis.from_url(server) as client:
        client.flushall()
        yield client


def make_app(client: Redis | str, options: Any = None, **config: Any) -> App:
    app = App(__name__)
    app.config.from_mapping({"TESTING": True, **config})
    app.session_interface = RedisSessionInterface(client, **(options or {}))
    add_session_views(app)

    @app.route("/log-in")
    def log_in() -> str:
        app.session_interface.regenerate(session)  # type: ignore[attr-defined]
        session["user"] = 1
        return ""

    app.add_url_rule("/new", "new", lambda: f"{session.new} {session.modified}")
    return app


@pytest.fixture
def app(redis: Redis) -> App:
    return make_app(redis)


def value_of(client: Any, name: str = "session") -> str | None:
    found = client.get_cookie(name)
    return None if found is None else found.value


def interface_of(app: App) -> RedisSessionInterface:
    assert isinstance(app.session_interface, RedisSessionInterface)
    return app.session_interface


def opened(app: App, sid: str | None) -> RedisSession:
    """Return the session that a request of the browser with this id has."""
    environ = {} if sid is None else {"HTTP_COOKIE": f"session={sid}"}
    found = interface_of(app).open_session(app, Request(environ))
    assert isinstance(found, RedisSession)
    return found


def saved(app: App, one: SessionMixin) -> Response:
    response = Response()
    with app.app_context():
        app.session_interface.save_session(app, one, response)
    return response


class TestStoring:
    def test_set_and_get(self, app: App, redis: Redis) -> None:
        client = app.test_client()
        response = client.get("/set/a/1")
        cookie = response.headers["Set-Cookie"]
        assert re.fullmatch(r"session=[\w-]{43}; HttpOnly; Path=/", cookie)
        assert response.headers["Vary"] == "Cookie"
        response = client.get("/get")
        assert response.text == "[('a', '1')]"
        assert "Set-Cookie" not in response.headers
        assert response.headers["Vary"] == "Cookie"
        assert client.get("/new").text == "False False"

    def test_the_id_is_not_on_redis(self, app: App, redis: Redis) -> None:
        client = app.test_client()
        client.get("/set/a/1")
        key: Any
        (key,) = redis.keys()
        assert re.fullmatch(rb"dovetail:session:[0-9a-f]{64}", key)
        assert redis.hgetall(key) == {b"a": b'"1"'}

    def test_untouched_new_sessions_are_not_stored(self, app: App, redis: Redis) -> None:
        client = app.test_client()
        for path in ("/untouched", "/in", "/get"):
            assert "Set-Cookie" not in client.get(path).headers
        assert client.get("/new").text == "True False"
        assert redis.keys() == []

    def test_emptied(self, app: App, redis: Redis) -> None:
        client = app.test_client()
        client.get("/set/a/1")
        response = client.get("/clear")
        expected = "session=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly; Path=/"
        assert response.headers["Set-Cookie"] == expected
        assert response.headers["Vary"] == "Cookie"
        assert redis.keys() == []

    def test_all_types(self, app: App) -> None:
        values = {
            "bytes": b"\xff",
            "tuple": (1, (2,)),
            "date": datetime(2020, 1, 2, tzinfo=UTC),
            "é": {"a": [None]},
        }
        one = RedisSession()
        one.update(values)
        saved(app, one)
        assert dict(opened(app, one.sid)) == values

    def test_a_client_that_decodes(self, server: str, redis: Redis) -> None:
        with Redis.from_url(server, decode_responses=True) as decoding:
            client = make_app(decoding).test_client()
            client.get("/set/a/é")
            assert client.get("/get").text == "[('a', 'é')]"

    def test_configuration_of_the_cookie(self, redis: Redis) -> None:
        app = make_app(
            redis,
            SESSION_COOKIE_NAME="sid",
            SESSION_COOKIE_SECURE=True,
            SESSION_COOKIE_SAMESITE="Strict",
            SESSION_COOKIE_PATH="/app",
        )
        response = app.test_client().get("/set/a/1")
        assert re.fullmatch(
            r"sid=[\w-]{43}; Secure; HttpOnly; Path=/app; SameSite=Strict",
            response.headers["Set-Cookie"],
        )

    def test_prefix(self, redis: Redis) -> None:
        one = make_app(redis, {"prefix": "one:"}).test_client()
        one.get("/set/a/1")
        key: Any
        (key,) = redis.keys()
        assert key.startswith(b"one:")
        two = make_app(redis, {"prefix": "two:"}).test_client()
        two.set_cookie("session", value_of(one) or "")
        assert two.get("/get").text == "[]"

    def test_takes_items_away(self, app: App, redis: Redis) -> None:
        one = RedisSession({"a": 1, "b": 2})
        one.modified = True
        saved(app, one)
        again = opened(app, one.sid)
        del again["a"]
        saved(app, again)
        assert dict(opened(app, one.sid)) == {"b": 2}

    def test_size(self, redis: Redis) -> None:
        app = make_app(redis, {"max_size": 100})
        client = app.test_client()
        client.get("/set/a/" + "x" * 97)
        assert client.get("/in").text == "True"
        with pytest.raises(ValueError, match=r"101 octets, more than max_size=100"):
            client.get("/set/a/" + "x" * 98)
        assert len(opened(app, value_of(client))["a"]) == 97

    def test_keys_are_strings(self, app: App) -> None:
        one = RedisSession()
        one[1] = 2  # type: ignore[index]
        with pytest.raises(TypeError, match="have to be strings"):
            saved(app, one)

    def test_values_are_json(self, app: App, redis: Redis) -> None:
        one = RedisSession()
        one["a"] = object()
        with pytest.raises(TypeError, match="not JSON serializable"):
            saved(app, one)
        assert redis.keys() == []


class TestIds:
    @pytest.mark.parametrize("sid", ["x", "A" * 42, "A" * 43, "A" * 44, "é" * 43, "*" * 43, ""])
    def test_the_clients_own_is_not_adopted(self, app: App, redis: Redis, sid: str) -> None:
        client = app.test_client()
        client.set_cookie("session", sid)
        assert client.get("/get").text == "[]"
        assert redis.keys() == []
        client.get("/set/a/1")
        assert value_of(client) != sid
        assert client.get("/get").text == "[('a', '1')]"

    def test_an_expired_one_is_not_adopted(self, app: App, redis: Redis) -> None:
        client = app.test_client()
        client.get("/set/a/1")
        before = value_of(client)
        redis.flushall()
        client.get("/set/b/2")
        assert value_of(client) != before
        assert client.get("/get").text == "[('b', '2')]"

    def test_all_are_different(self, app: App) -> None:
        ids = set()
        for _ in range(20):
            one = RedisSession()
            one["a"] = 1
            saved(app, one)
            ids.add(one.sid)
        assert len(ids) == 20

    def test_regenerate(self, app: App, redis: Redis) -> None:
        client, thief = app.test_client(), app.test_client()
        client.get("/set/a/1")
        before = value_of(client)
        thief.set_cookie("session", before or "")
        client.get("/log-in")
        assert value_of(client) != before
        assert client.get("/get").text == "[('a', '1'), ('user', 1)]"
        assert thief.get("/get").text == "[]"
        assert len(redis.keys()) == 1

    def test_regenerate_a_new_one(self, app: App, redis: Redis) -> None:
        client = app.test_client()
        client.get("/log-in")
        assert client.get("/get").text == "[('user', 1)]"
        assert len(redis.keys()) == 1

    def test_regenerate_one_that_was_ended(self, app: App, redis: Redis) -> None:
        client = app.test_client()
        client.get("/set/a/1")
        one = opened(app, value_of(client))
        client.get("/clear")
        interface_of(app).regenerate(one)
        assert "Set-Cookie" not in saved(app, one).headers
        assert redis.keys() == []

    def test_regenerate_what_is_no_session_of_ours(self, app: App) -> None:
        with pytest.raises(TypeError, match="takes a session of RedisSessionInterface"):
            interface_of(app).regenerate(SecureCookieSession())


class TestConcurrency:
    """Two requests of one browser, opened before either is saved."""

    @pytest.fixture
    def sid(self, app: App) -> str:
        one = RedisSession()
        one.update(a=1, b=1, c=[])
        saved(app, one)
        assert one.sid is not None
        return one.sid

    def test_different_items(self, app: App, sid: str) -> None:
        one, two = opened(app, sid), opened(app, sid)
        one["a"] = 2
        two["b"] = 2
        del two["c"]
        saved(app, one)
        saved(app, two)
        assert dict(opened(app, sid)) == {"a": 2, "b": 2}

    def test_the_same_item(self, app: App, sid: str) -> None:
        one, two = opened(app, sid), opened(app, sid)
        one["a"] = 2
        two["a"] = 3
        saved(app, two)
        saved(app, one)
        assert opened(app, sid)["a"] == 2

    def test_what_changed_inside_of_a_value(self, app: App, sid: str) -> None:
        one, two = opened(app, sid), opened(app, sid)
        one["c"].append(1)
        one.modified = True
        two["a"] = 2
        saved(app, two)
        saved(app, one)
        assert dict(opened(app, sid)) == {"a": 2, "b": 1, "c": [1]}

    def test_one_that_was_ended_stays_so(self, app: App, redis: Redis, sid: str) -> None:
        one, two = opened(app, sid), opened(app, sid)
        one.clear()
        two["a"] = 2
        saved(app, one)
        response = saved(app, two)
        assert redis.keys() == []
        assert "Set-Cookie" not in response.headers

    def test_one_with_a_new_id_stays_so(self, app: App, redis: Redis, sid: str) -> None:
        one, two = opened(app, sid), opened(app, sid)
        interface_of(app).regenerate(one)
        two["a"] = 2
        saved(app, one)
        saved(app, two)
        assert one.sid != sid
        assert dict(opened(app, one.sid)) == {"a": 1, "b": 1, "c": []}
        assert dict(opened(app, sid)) == {}

    def test_saving_twice(self, app: App, redis: Redis) -> None:
        # As when the answer to an error is completed after the first answer was.
        one = RedisSession()
        one["a"] = 1
        saved(app, one)
        first = one.sid
        one["b"] = 2
        saved(app, one)
        assert one.sid == first
        assert dict(opened(app, first)) == {"a": 1, "b": 2}
        assert len(redis.keys()) == 1

    def test_many_threads(self, app: App, sid: str) -> None:
        def change(name: str) -> None:
            one = opened(app, sid)
            one[name] = 1
            saved(app, one)

        threads = [threading.Thread(target=change, args=[f"t{n}"]) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {f"t{n}" for n in range(8)} <= opened(app, sid).keys()


class TestLifetime:
    def left(self, redis: Redis) -> Any:
        (key,) = redis.keys()
        return redis.pttl(key)

    def age(self, redis: Redis, left: int) -> None:
        (key,) = redis.keys()
        redis.pexpire(key, left)

    def test_of_the_browser(self, app: App, redis: Redis) -> None:
        client = app.test_client()
        response = client.get("/set/a/1")
        assert "Expires" not in response.headers["Set-Cookie"]
        assert DAY - SLACK < self.left(redis) <= DAY

    def test_configured(self, redis: Redis) -> None:
        app = make_app(redis, {"lifetime": timedelta(hours=1)})
        app.test_client().get("/set/a/1")
        assert HOUR - SLACK < self.left(redis) <= HOUR

    def test_permanent(self, redis: Redis) -> None:
        client = make_app(redis, PERMANENT_SESSION_LIFETIME=timedelta(days=3)).test_client()
        response = client.get("/permanent")
        assert "Expires" in response.headers["Set-Cookie"]
        assert 3 * DAY - SLACK < self.left(redis) <= 3 * DAY

    @pytest.mark.parametrize(("path", "days"), [("/set/a/1", 1), ("/permanent", 31)])
    def test_any_request_extends_it(self, app: App, redis: Redis, path: str, days: int) -> None:
        client = app.test_client()
        client.get(path)
        self.age(redis, DAY // 2)
        response = client.get("/untouched")
        assert self.left(redis) > days * DAY - SLACK
        assert ("Set-Cookie" in response.headers) is (days == 31)
        # Another visitor must not get the cookie from a cache.
        assert ("Vary" in response.headers) is (days == 31)

    def test_not_every_request_writes(self, app: App, redis: Redis) -> None:
        client = app.test_client()
        client.get("/set/a/1")
        self.age(redis, DAY - 30_000)
        client.get("/get")
        assert self.left(redis) <= DAY - 30_000

    def test_permanent_without_refresh(self, redis: Redis) -> None:
        client = make_app(redis, SESSION_REFRESH_EACH_REQUEST=False).test_client()
        client.get("/permanent")
        self.age(redis, DAY)
        assert "Set-Cookie" not in client.get("/get").headers
        assert self.left(redis) <= DAY
        assert "Set-Cookie" in client.get("/set/b/1").headers
        assert self.left(redis) > DAY

    def test_one_that_ends_while_it_is_read(self, app: App, redis: Redis) -> None:
        client = app.test_client()
        client.get("/permanent")
        one = opened(app, value_of(client))
        one._remaining = 0
        redis.flushall()
        assert "Set-Cookie" not in saved(app, one).headers

    def test_has_to_be_some(self, redis: Redis) -> None:
        with pytest.raises(ValueError, match="lifetime"):
            RedisSessionInterface(redis, lifetime=timedelta(0))


class TestUnavailable:
    @pytest.fixture
    def app(self, tmp_path: Path) -> App:
        return make_app(f"unix://{tmp_path}/nobody", TESTING=False)

    @pytest.fixture
    def client(self, app: App) -> Any:
        client = app.test_client()
        client.set_cookie("session", "A" * 43)
        return client

    def test_use_is_a_503(self, client: Any, caplog: pytest.LogCaptureFixture) -> None:
        response = client.get("/get")
        assert response.status_code == 503
        assert "try again later" in response.text
        assert "The session cannot be read from Redis" in caplog.text

    @pytest.mark.parametrize("path", ["/in", "/log-in", "/clear", "/set/a/1"])
    def test_any_use(self, client: Any, path: str) -> None:
        assert client.get(path).status_code == 503

    def test_pages_without_session_work(self, client: Any) -> None:
        assert client.get("/untouched").status_code == 200

    def test_can_be_handled(self, app: App, client: Any) -> None:
        app.register_error_handler(SessionStoreUnavailable, lambda error: ("sorry", 503))
        assert client.get("/get").text == "sorry"

    def test_a_change_that_cannot_be_saved(self, app: App) -> None:
        app.testing = True
        with pytest.raises(SessionStoreUnavailable) as caught:
            app.test_client().get("/set/a/1")
        assert isinstance(caught.value.__cause__, RedisConnectionError)
        assert isinstance(caught.value, ServiceUnavailable)

    def test_session(self, app: App) -> None:
        request = Request({"HTTP_COOKIE": f"session={'A' * 43}"})
        one = interface_of(app).open_session(app, request)
        assert isinstance(one, UnavailableSession)
        uses: list[Any] = [
            lambda: one["a"],
            lambda: one.get("a"),
            lambda: one.permanent,
            lambda: one.pop("a", None),
            lambda: one.update(a=1),
            lambda: list(one),
            lambda: bool(one),
        ]
        for use in uses:
            with pytest.raises(SessionStoreUnavailable):
                use()
        assert saved(app, one).headers.getlist("Set-Cookie") == []

    def test_a_key_of_another_kind(self, redis: Redis) -> None:
        app = make_app(redis, TESTING=False)
        redis.set(interface_of(app)._key("A" * 43), "text")
        client = app.test_client()
        client.set_cookie("session", "A" * 43)
        assert client.get("/get").status_code == 503


class TestInterface:
    def test_is_one(self, redis: Redis) -> None:
        interface = RedisSessionInterface(redis)
        assert isinstance(interface, SessionInterface)
        assert interface.client is redis
        assert interface.pickle_based is False
        assert interface.session_class is RedisSession

    def test_of_a_url(self, server: str, redis: Redis) -> None:
        client = make_app(server, {"timeout": PATIENCE}).test_client()
        client.get("/set/a/1")
        assert client.get("/get").text == "[('a', '1')]"

    def test_timeout_of_a_url(self) -> None:
        client = RedisSessionInterface("redis://localhost:1", timeout=0.5).client
        settings = client.connection_pool.connection_kwargs
        assert (settings["socket_timeout"], settings["socket_connect_timeout"]) == (0.5, 0.5)

    def test_no_secret_key_is_needed(self, app: App) -> None:
        assert app.secret_key is None

    def test_a_subclass_has_its_own_sessions(self, redis: Redis) -> None:
        class Own(RedisSession):
            pass

        class Interface(RedisSessionInterface):
            session_class = Own

        app = make_app(redis)
        app.session_interface = Interface(redis)
        assert type(opened(app, None)) is Own


def test_without_the_package() -> None:
    program = """
import sys
sys.modules["redis"] = None
try:
    import dovetail.app.redis_sessions
except ImportError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert "pip install dovetail[redis]" in done.stdout
