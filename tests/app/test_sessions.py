"""Sessions in signed cookies, through requests of an application."""

from __future__ import annotations

import copy
import hashlib
import pickle
from collections.abc import Iterator, MutableMapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from itsdangerous import URLSafeTimedSerializer
from itsdangerous.timed import TimestampSigner
from tests.app.session_views import add_session_views

from dovetail.app.application import App
from dovetail.app.json.provider import DefaultJSONProvider
from dovetail.app.json.tag import TaggedJSONSerializer
from dovetail.app.proxies import session
from dovetail.app.sessions import (
    NullSession,
    SecureCookieSession,
    SecureCookieSessionInterface,
    SessionInterface,
    SessionMixin,
    cookie_of,
    session_json_serializer,
    vary,
)
from dovetail.app.wrappers import Request, Response
from dovetail.data.callbacks import CallbackDict
from dovetail.data.dates import parse_date
from dovetail.data.multidict import MultiDict

NOW = 1_700_000_000


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda self: NOW)


def make_app(**config: Any) -> App:
    app = App(__name__)
    app.config.from_mapping({"SECRET_KEY": "key", "TESTING": True, **config})
    add_session_views(app)

    app.add_url_rule("/len", "len", lambda: str(len(session)))

    @app.route("/append")
    def append() -> str:
        session["list"].append(1)
        return ""

    return app


@pytest.fixture
def app() -> App:
    return make_app()


def cookie(response: Any) -> str | None:
    """Return the one cookie that a response sets, without its time and signature."""
    cookies = response.headers.getlist("Set-Cookie")
    assert len(cookies) <= 1
    if not cookies:
        return None
    pair, _, rest = cookies[0].partition("; ")
    return f"{pair.partition('.')[0]}; {rest}"


def value_of(client: Any, name: str = "session") -> str:
    return str(client.get_cookie(name).value)


class TestCookie:
    def test_set_and_get(self, app: App) -> None:
        client = app.test_client()
        response = client.get("/set/a/1")
        assert cookie(response) == "session=eyJhIjoiMSJ9; HttpOnly; Path=/"
        assert response.headers["Vary"] == "Cookie"
        response = client.get("/get")
        assert response.text == "[('a', '1')]"
        assert cookie(response) is None
        assert response.headers["Vary"] == "Cookie"

    def test_only_a_change_of_the_session_itself_is_seen(self, app: App) -> None:
        client: Any = app.test_client()
        with client.session_transaction() as transaction:
            transaction["list"] = []
        assert cookie(client.get("/append")) is None
        assert client.get("/get").text == "[('list', [])]"

    def test_emptied(self, app: App) -> None:
        client = app.test_client()
        client.get("/set/a/1")
        response = client.get("/clear")
        expected = "session=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly; Path=/"
        assert cookie(response) == expected
        assert response.headers["Vary"] == "Cookie"
        assert client.get_cookie("session") is None

    @pytest.mark.parametrize("path", ["/get", "/in", "/len"])
    def test_any_access_varies(self, app: App, path: str) -> None:
        assert app.test_client().get(path).headers["Vary"] == "Cookie"

    def test_no_access_does_not_vary(self, app: App) -> None:
        client = app.test_client()
        client.get("/set/a/1")
        assert "Vary" not in client.get("/untouched").headers

    def test_vary_is_added_to(self, app: App) -> None:
        @app.after_request
        def add(response: Any) -> Any:
            response.vary.add("Accept")
            return response

        assert app.test_client().get("/in").headers["Vary"] == "Accept, Cookie"

    def test_attributes(self) -> None:
        app = make_app(
            SESSION_COOKIE_NAME="sid",
            SESSION_COOKIE_DOMAIN="localhost",
            SESSION_COOKIE_PATH="/",
            SESSION_COOKIE_HTTPONLY=False,
            SESSION_COOKIE_SECURE=True,
            SESSION_COOKIE_SAMESITE="Lax",
            SESSION_COOKIE_PARTITIONED=True,
        )
        client = app.test_client()
        rest = "Secure; Path=/; SameSite=Lax; Partitioned"
        set_cookie = cookie(client.get("/set/a/1"))
        assert set_cookie == f"sid=eyJhIjoiMSJ9; Domain=localhost; {rest}"
        assert client.get("/get", base_url="https://localhost").text == "[('a', '1')]"
        end = "Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0"
        assert cookie(client.get("/clear")) == f"sid=; Domain=localhost; {end}; {rest}"

    def test_path_is_the_applications(self) -> None:
        client = make_app(APPLICATION_ROOT="/root").test_client()
        assert cookie(client.get("/set/a/1")) == "session=eyJhIjoiMSJ9; HttpOnly; Path=/root"

    @pytest.mark.parametrize(
        "value",
        ["", "x", "a.b.c", "eyJhIjoiMSJ9.ZVPxAA.AAAAAAAAAAAAAAAAAAAAAAAAAAA", ".eJw", "é"],
    )
    def test_forged(self, app: App, value: str) -> None:
        client = app.test_client()
        client.set_cookie("session", value)
        assert client.get("/get").text == "[]"

    def test_all_types(self, app: App) -> None:
        client: Any = app.test_client()
        values = {"bytes": b"x", "tuple": (1, (2,)), "date": datetime(2020, 1, 2, tzinfo=UTC)}
        with client.session_transaction() as transaction:
            transaction.update(values)
        with client.session_transaction() as transaction:
            assert dict(transaction) == values

    def test_the_json_provider_writes_it(self, app: App) -> None:
        class Upper(DefaultJSONProvider):
            def dumps(self, obj: Any, **kwargs: Any) -> str:
                return super().dumps(obj, **kwargs).upper()

        app.json = Upper(app)
        client = app.test_client()
        client.get("/set/a/b")
        assert client.get("/get").text == "[('A', 'B')]"

    def test_keys_are_sorted(self, app: App) -> None:
        one, two = app.test_client(), app.test_client()
        for path in ("/set/a/1", "/set/b/2"):
            one.get(path)
        for path in ("/set/b/2", "/set/a/1"):
            two.get(path)
        assert value_of(one) == value_of(two)


class TestPermanent:
    def test_lasts(self) -> None:
        app = make_app(PERMANENT_SESSION_LIFETIME=60)
        client = app.test_client()
        before = datetime.now(UTC).replace(microsecond=0)
        response = client.get("/permanent")
        attributes = str(cookie(response)).split("; ")
        assert attributes[0] == "session=eyJfcGVybWFuZW50Ijp0cnVlLCJhIjoxfQ"
        expires = parse_date(attributes[1].removeprefix("Expires="))
        assert expires is not None
        assert before <= expires - timedelta(minutes=1) <= datetime.now(UTC)

    def test_refreshed_by_each_request(self, app: App) -> None:
        client = app.test_client()
        client.get("/permanent")
        response = client.get("/untouched")
        assert cookie(response) is not None
        # Another visitor must not get it from a cache.
        assert response.headers["Vary"] == "Cookie"

    def test_not_refreshed(self) -> None:
        client = make_app(SESSION_REFRESH_EACH_REQUEST=False).test_client()
        client.get("/permanent")
        assert cookie(client.get("/untouched")) is None
        assert cookie(client.get("/set/b/1")) is not None

    def test_older_than_its_lifetime(self, app: App, monkeypatch: pytest.MonkeyPatch) -> None:
        app.permanent_session_lifetime = timedelta(seconds=30)
        client = app.test_client()
        client.get("/set/a/1")
        monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda self: NOW + 30)
        assert client.get("/in").text == "True"
        monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda self: NOW + 31)
        assert client.get("/in").text == "False"


class TestKeys:
    def test_rotation(self, app: App) -> None:
        client = app.test_client()
        client.get("/set/a/1")
        app.secret_key = "new"
        assert client.get("/in").text == "False"
        app.config["SECRET_KEY_FALLBACKS"] = ["other", "key"]
        assert client.get("/in").text == "True"
        # What is written is signed with the new one.
        client.get("/set/b/2")
        app.config["SECRET_KEY_FALLBACKS"] = None
        assert client.get("/get").text == "[('a', '1'), ('b', '2')]"

    def test_a_fallback_does_not_sign(self) -> None:
        app = make_app(SECRET_KEY_FALLBACKS=["old"])
        client = app.test_client()
        client.get("/set/a/1")
        app.config.from_mapping(SECRET_KEY="old", SECRET_KEY_FALLBACKS=None)
        assert client.get("/in").text == "False"

    def test_order(self) -> None:
        app = make_app(SECRET_KEY_FALLBACKS=["a", "b"])
        serializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
        assert serializer.secret_keys == [b"a", b"b", b"key"]

    def test_the_list_may_change_in_place(self, app: App) -> None:
        fallbacks = app.config["SECRET_KEY_FALLBACKS"] = ["a"]
        interface = SecureCookieSessionInterface()
        first = interface.get_signing_serializer(app)
        fallbacks.append("b")
        second = interface.get_signing_serializer(app)
        assert first is not None
        assert second is not None
        assert (first.secret_keys, second.secret_keys) == ([b"a", b"key"], [b"a", b"b", b"key"])

    def test_one_key_is_no_list_of_keys(self, app: App) -> None:
        app.config["SECRET_KEY_FALLBACKS"] = "old"
        with pytest.raises(TypeError, match="has to be a list"):
            SecureCookieSessionInterface().get_signing_serializer(app)


class TestSecureCookieSessionInterface:
    def test_defaults(self) -> None:
        interface = SecureCookieSessionInterface()
        assert interface.salt == "cookie-session"
        assert interface.key_derivation == "hmac"
        assert interface.digest_method(b"x").digest() == hashlib.sha1(b"x").digest()
        assert interface.serializer is session_json_serializer
        assert interface.session_class is SecureCookieSession
        assert interface.pickle_based is False
        assert isinstance(session_json_serializer, TaggedJSONSerializer)

    def test_serializer_is_kept(self, app: App) -> None:
        interface = SecureCookieSessionInterface()
        serializer = interface.get_signing_serializer(app)
        assert isinstance(serializer, URLSafeTimedSerializer)
        assert interface.get_signing_serializer(app) is serializer
        other = make_app(SECRET_KEY="other")
        assert interface.get_signing_serializer(other) is not serializer
        assert interface.get_signing_serializer(app) is serializer
        for change in ({"salt": "s"}, {"key_derivation": "none"}, {"digest_method": hashlib.md5}):
            vars(interface).update(change)
            assert interface.get_signing_serializer(app) is not serializer

    def test_serializers_do_not_pile_up(self) -> None:
        interface = SecureCookieSessionInterface()
        for number in range(100):
            interface.get_signing_serializer(make_app_with_key(f"key {number}"))
        assert len(interface._serializers or ()) <= 32

    @pytest.mark.parametrize("key", [None, "", b""])
    def test_no_key(self, app: App, key: Any) -> None:
        app.secret_key = key
        interface = SecureCookieSessionInterface()
        assert interface.get_signing_serializer(app) is None
        assert interface.open_session(app, Request({})) is None

    def test_octets_as_key(self, app: App) -> None:
        client = app.test_client()
        client.get("/set/a/1")
        app.secret_key = b"key"
        assert client.get("/in").text == "True"

    def test_a_subclass_decides(self, app: App) -> None:
        class Own(SecureCookieSession):
            pass

        class Interface(SecureCookieSessionInterface):
            salt = "own"
            digest_method = staticmethod(hashlib.sha256)
            session_class = Own

            def get_cookie_name(self, app: App) -> str:
                return "own"

            def should_set_cookie(self, app: App, session: SessionMixin) -> bool:
                return "hidden" not in session

        app.session_interface = Interface()
        app.add_url_rule("/class", "class", lambda: type(session._get_current_object()).__name__)  # type: ignore[attr-defined]
        client = app.test_client()
        client.get("/set/a/1")
        serializer = URLSafeTimedSerializer(
            "key",
            salt="own",
            signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
        )
        assert serializer.loads(value_of(client, "own")) == {"a": "1"}
        assert client.get("/class").text == "Own"
        assert cookie(client.get("/set/hidden/1")) is None

    def test_a_tag_of_the_application(self, app: App) -> None:
        class Interface(SecureCookieSessionInterface):
            serializer = TaggedJSONSerializer()

        app.session_interface = Interface()
        client = app.test_client()
        client.get("/set/a/1")
        assert client.get("/get").text == "[('a', '1')]"

    def test_open_and_save(self, app: App) -> None:
        interface = SecureCookieSessionInterface()
        response = Response()
        with app.app_context():
            interface.save_session(app, SecureCookieSession({"a": 1}), response)
            assert "Set-Cookie" not in response.headers
            changed = SecureCookieSession()
            changed["a"] = 1
            interface.save_session(app, changed, response)
            value = response.headers["Set-Cookie"].partition(";")[0]
            opened = interface.open_session(app, Request({"HTTP_COOKIE": value}))
        assert opened == {"a": 1}
        assert isinstance(opened, SecureCookieSession)
        assert (opened.modified, opened.accessed, opened.new) == (False, False, False)


def make_app_with_key(key: str) -> App:
    app = App(__name__)
    app.secret_key = key
    return app


class TestSecureCookieSession:
    def test_is_a_dict_that_notes_changes(self) -> None:
        one = SecureCookieSession({"a": 1})
        assert isinstance(one, dict | CallbackDict)
        assert isinstance(one, MutableMapping)
        assert isinstance(one, SessionMixin)
        assert repr(one) == "<SecureCookieSession {'a': 1}>"
        assert (one.modified, one.accessed, one.new, one.permanent) == (False,) * 4
        assert one["a"] == 1
        assert one.modified is False
        one["b"] = 2
        assert one.modified is True

    @pytest.mark.parametrize(
        "change",
        [
            lambda one: one.update(b=1),
            lambda one: one.pop("a"),
            lambda one: one.popitem(),
            lambda one: one.setdefault("b"),
            lambda one: one.clear(),
            lambda one: one.__delitem__("a"),
            lambda one: one.__ior__({}),
        ],
    )
    def test_changes(self, change: Any) -> None:
        one = SecureCookieSession({"a": 1})
        change(one)
        assert one.modified is True

    def test_what_changes_nothing(self) -> None:
        one = SecureCookieSession(initial={"a": 1})
        one.setdefault("a", 2)
        one.pop("b", None)
        assert one.modified is False

    def test_can_be_copied_and_pickled(self) -> None:
        one = SecureCookieSession({"a": 1})
        for other in (copy.copy(one), pickle.loads(pickle.dumps(one))):
            assert (type(other), other) == (SecureCookieSession, one)
            other.modified = False
            other["b"] = 1
            assert other.modified
        assert not one.modified


class TestSessionMixin:
    def test_permanent(self) -> None:
        one = SecureCookieSession()
        one.permanent = 1  # type: ignore[assignment]
        assert one == {"_permanent": True}
        assert one.modified
        one.permanent = False
        assert one == {"_permanent": False}

    def test_defaults_of_another_session(self) -> None:
        class Other(SessionMixin):
            def __getitem__(self, key: str) -> Any:
                raise KeyError(key)

            def __setitem__(self, key: str, value: Any) -> None: ...

            def __delitem__(self, key: str) -> None: ...

            def __iter__(self) -> Iterator[str]:
                return iter(())

            def __len__(self) -> int:
                return 0

        other = Other()
        assert (other.new, other.modified, other.accessed, other.permanent) == (
            *(False, True, False),
            False,
        )


class TestNullSession:
    @pytest.mark.parametrize(
        "change",
        [
            lambda one: one.__setitem__("a", 1),
            lambda one: one.__delitem__("a"),
            lambda one: one.update(a=1),
            lambda one: one.pop("a", None),
            lambda one: one.popitem(),
            lambda one: one.setdefault("a", 1),
            lambda one: one.clear(),
            lambda one: one.__ior__({"a": 1}),
            lambda one: setattr(one, "permanent", True),
        ],
    )
    def test_cannot_be_changed(self, change: Any) -> None:
        with pytest.raises(
            RuntimeError, match=r"session is unavailable.*set the SECRET_KEY|SECRET_KEY"
        ):
            change(NullSession())

    def test_can_be_read(self) -> None:
        app = App(__name__)
        app.add_url_rule("/", "index", lambda: f"{session.get('a')} {len(session)} {session!r}")
        response = app.test_client().get("/")
        assert response.text == "None 0 <NullSession {}>"


class TestSessionInterface:
    def test_leaves_two_methods_to_subclasses(self, app: App) -> None:
        interface = SessionInterface()
        with pytest.raises(NotImplementedError, match="open_session"):
            interface.open_session(app, Request({}))
        with pytest.raises(NotImplementedError, match="save_session"):
            interface.save_session(app, SecureCookieSession(), Response())

    def test_null_session(self, app: App) -> None:
        interface = SessionInterface()
        null = interface.make_null_session(app)
        assert type(null) is interface.null_session_class is NullSession
        assert interface.is_null_session(null)
        assert not interface.is_null_session({})
        assert not interface.is_null_session(SecureCookieSession())

    def test_configuration(self) -> None:
        interface = SessionInterface()
        app = make_app()
        assert interface.get_cookie_name(app) == "session"
        assert interface.get_cookie_domain(app) is None
        assert interface.get_cookie_path(app) == "/"
        assert interface.get_cookie_httponly(app) is True
        assert interface.get_cookie_secure(app) is False
        assert interface.get_cookie_samesite(app) is None
        assert interface.get_cookie_partitioned(app) is False

    def test_expiration_time(self, app: App) -> None:
        interface = SessionInterface()
        assert interface.get_expiration_time(app, SecureCookieSession()) is None
        permanent = SecureCookieSession({"_permanent": True})
        expires = interface.get_expiration_time(app, permanent)
        assert expires is not None
        assert expires.tzinfo is UTC
        left = expires - datetime.now(UTC)
        assert timedelta(days=30, hours=23) < left <= timedelta(days=31)

    @pytest.mark.parametrize("modified", [False, True])
    @pytest.mark.parametrize("permanent", [False, True])
    @pytest.mark.parametrize("refresh", [False, True])
    def test_should_set_cookie(
        self, app: App, modified: bool, permanent: bool, refresh: bool
    ) -> None:
        one = SecureCookieSession({"_permanent": permanent})
        one.modified = modified
        app.config["SESSION_REFRESH_EACH_REQUEST"] = refresh
        expected = modified or (permanent and refresh)
        assert SessionInterface().should_set_cookie(app, one) is expected

    def test_another_interface(self, app: App) -> None:
        class Memory(SessionInterface):
            stored = SecureCookieSession()

            def open_session(self, app: App, request: Request) -> SecureCookieSession:
                return self.stored

            def save_session(self, app: App, session: SessionMixin, response: Response) -> None:
                response.headers["X-Saved"] = repr(sorted(session))

        app.session_interface = Memory()
        client = app.test_client()
        assert client.get("/set/a/1").headers["X-Saved"] == "['a']"
        assert client.get("/untouched").headers["X-Saved"] == "['a']"


def test_cookie_of() -> None:
    assert cookie_of(Request({}), "a") is None
    assert cookie_of(Request({"HTTP_COOKIE": "b=1; a=2"}), "a") == "2"
    # As octets come in an environ.
    octets = {"HTTP_COOKIE": "a=é".encode().decode("latin-1")}
    assert cookie_of(Request(octets), "a") == Request(octets).cookies["a"]

    class Own(Request):
        cookies = {"a": "own"}  # type: ignore[assignment]  # noqa: RUF012

    assert cookie_of(Own({"HTTP_COOKIE": "a=2"}), "a") == "own"
    request = Request({"HTTP_COOKIE": "a=2"})
    request.cookies = MultiDict({"a": "assigned"})
    assert cookie_of(request, "a") == "assigned"


def test_vary() -> None:
    response = Response()
    vary(response)
    vary(response)
    assert response.headers.getlist("Vary") == ["Cookie"]
    response = Response(headers={"Vary": "Accept"})
    vary(response)
    assert response.headers.getlist("Vary") == ["Accept, Cookie"]
