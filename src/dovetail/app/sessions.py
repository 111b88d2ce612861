"""Sessions: what an application keeps of a visitor from one request to the next.

Those that an application has from the beginning are in a signed cookie: the visitor can read, but
not change them. Another ``app.session_interface`` keeps them elsewhere, such as
:class:`dovetail.app.redis_sessions.RedisSessionInterface`.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

from itsdangerous import BadSignature, URLSafeTimedSerializer

from dovetail.app.json.tag import TaggedJSONSerializer
from dovetail.app.signing import SigningSerializer, lazy_sha1
from dovetail.data.callbacks import CallbackDict
from dovetail.data.cookies import find_cookie
from dovetail.data.headers import Headers
from dovetail.toolkit.request import Request as BaseRequest

if TYPE_CHECKING:
    from dovetail.app.application import App
    from dovetail.app.wrappers import Request, Response

__all__ = [
    "NullSession",
    "SecureCookieSession",
    "SecureCookieSessionInterface",
    "SessionInterface",
    "SessionMixin",
    "cookie_of",
    "note_change",
    "session_json_serializer",
    "vary",
]

_cookies: Any = BaseRequest.cookies


class SessionMixin(MutableMapping[str, Any]):
    """What a session has besides the items of a dictionary."""

    #: Whether it has just been made; some interfaces cannot tell, and leave it False.
    new = False
    #: Whether it has to be saved. Those that cannot tell say always. A change inside of
    #: a value, such as of a list, is not seen by a session: set it to True then.
    modified = True
    #: Whether the request had to do with it, so that the response depends on the cookie; the
    #: request's context sets it when it is asked for the session.
    accessed = False

    @property
    def permanent(self) -> bool:
        """Whether it outlives the browser, for ``PERMANENT_SESSION_LIFETIME``.

        It is the item "_permanent".
        """
        return self.get("_permanent", False)  # type: ignore[no-any-return]

    @permanent.setter
    def permanent(self, value: bool) -> None:
        self["_permanent"] = bool(value)


def note_change(session: Any) -> None:
    """Mark a session as changed: what a CallbackDict calls."""
    session.modified = True


class SecureCookieSession(CallbackDict[str, Any], SessionMixin):
    """A session that is kept in a signed cookie.

    :param initial: what it begins with.
    """

    #: Whether it was changed: it is saved only then. A change inside of a value, such as of a list,
    #: is not seen: set it to True then.
    modified = False

    def __init__(self, initial: Mapping[str, Any] | None = None) -> None:
        # PERF: 0.35 us; 0.55 us by way of CallbackDict.
        if initial is not None:
            dict.__init__(self, initial)
        self.on_update = note_change


class NullSession(SecureCookieSession):
    """The session of an application without secret key: it can be read, but not be changed."""

    def _fail(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise RuntimeError(
            "The session is unavailable because no secret key was set: SECRET_KEY in the"
            " configuration (app.secret_key) has to be a long random text, with which it is signed"
        )

    __setitem__ = __delitem__ = clear = pop = popitem = _fail
    update = setdefault = _fail
    del _fail


class SessionInterface:
    """How an application opens and saves sessions; ``app.session_interface`` is one.

    A subclass defines :meth:`open_session` and :meth:`save_session`. Requests may be handled at the
    same time, with the same session, too.
    """

    #: The class of the session of an application whose sessions cannot be opened.
    null_session_class = NullSession
    #: Whether sessions are kept by :mod:`pickle`, so that any object can be in them.
    pickle_based = False

    def make_null_session(self, app: App) -> NullSession:  # noqa: ARG002 - for subclasses
        """Return a session that says, when it is to be changed, what has to be configured.

        It takes the place of one for which :meth:`open_session` returned None.
        """
        return self.null_session_class()

    def is_null_session(self, obj: object) -> bool:
        """Tell whether it is such a session; these are not saved."""
        return isinstance(obj, self.null_session_class)

    def get_cookie_name(self, app: App) -> str:
        """Return the name of the cookie, ``SESSION_COOKIE_NAME``."""
        return app.config["SESSION_COOKIE_NAME"]  # type: ignore[no-any-return]

    def get_cookie_domain(self, app: App) -> str | None:
        """Return ``SESSION_COOKIE_DOMAIN``: the domain whose subdomains get the cookie, too.

        None is for the very host of the request.
        """
        return app.config["SESSION_COOKIE_DOMAIN"]  # type: ignore[no-any-return]

    def get_cookie_path(self, app: App) -> str:
        """Return the path of the cookie: ``SESSION_COOKIE_PATH`` or ``APPLICATION_ROOT``."""
        config = app.config
        return config["SESSION_COOKIE_PATH"] or config["APPLICATION_ROOT"]  # type: ignore[no-any-return]

    def get_cookie_httponly(self, app: App) -> bool:
        """Tell whether scripts cannot read the cookie, ``SESSION_COOKIE_HTTPONLY``."""
        return app.config["SESSION_COOKIE_HTTPONLY"]  # type: ignore[no-any-return]

    def get_cookie_secure(self, app: App) -> bool:
        """Tell whether the cookie is for HTTPS only, ``SESSION_COOKIE_SECURE``."""
        return app.config["SESSION_COOKIE_SECURE"]  # type: ignore[no-any-return]

    def get_cookie_samesite(self, app: App) -> str | None:
        """Return ``SESSION_COOKIE_SAMESITE``: "Strict", "Lax", "None" or None."""
        return app.config["SESSION_COOKIE_SAMESITE"]  # type: ignore[no-any-return]

    def get_cookie_partitioned(self, app: App) -> bool:
        """Tell whether each site has a cookie of its own, ``SESSION_COOKIE_PARTITIONED``."""
        return app.config["SESSION_COOKIE_PARTITIONED"]  # type: ignore[no-any-return]

    def get_expiration_time(self, app: App, session: SessionMixin) -> datetime | None:
        """Return when the cookie ends, in UTC; None for when the browser is closed."""
        if session.permanent:
            return datetime.now(UTC) + app.permanent_session_lifetime
        return None

    def should_set_cookie(self, app: App, session: SessionMixin) -> bool:
        """Tell whether the response has to have the cookie.

        It is so if the session was changed, or is permanent and is to last on from each request
        (``SESSION_REFRESH_EACH_REQUEST``).
        """
        return session.modified or (
            session.permanent and app.config["SESSION_REFRESH_EACH_REQUEST"]
        )

    def open_session(self, app: App, request: Request) -> SessionMixin | None:
        """Return the session of a request, an empty one if there is none yet.

        None means that there is none to be had, for want of configuration:
        :meth:`make_null_session` makes one then. To answer with an error, raise.
        """
        raise NotImplementedError(f"{type(self).__name__} has to define open_session()")

    def save_session(self, app: App, session: SessionMixin, response: Response) -> None:
        """Keep a session, once the request is handled; what it needs goes into the response.

        It is not called for a null session.
        """
        raise NotImplementedError(f"{type(self).__name__} has to define save_session()")

    def _set_cookie(self, app: App, session: SessionMixin, response: Response, value: str) -> None:
        """Put the session's cookie into a response, which depends on it then."""
        expires = self.get_expiration_time(app, session)
        response.set_cookie(
            self.get_cookie_name(app), value, expires=expires, **self._cookie_options(app)
        )
        if not session.accessed:
            vary(response)

    def _delete_cookie(self, app: App, session: SessionMixin, response: Response) -> None:
        """Have the browser forget the session's cookie; the response depends on it then."""
        response.delete_cookie(self.get_cookie_name(app), **self._cookie_options(app))
        if not session.accessed:
            vary(response)

    def _cookie_options(self, app: App) -> dict[str, Any]:
        return {
            "domain": self.get_cookie_domain(app),
            "path": self.get_cookie_path(app),
            "secure": self.get_cookie_secure(app),
            "httponly": self.get_cookie_httponly(app),
            "samesite": self.get_cookie_samesite(app),
            "partitioned": self.get_cookie_partitioned(app),
        }


def cookie_of(request: Request, name: str) -> str | None:
    """Return the value of a request's cookie; None if it has none of that name."""
    # PERF: 0.8 us; 2.2 us by request.cookies, which most requests need for nothing else.
    if getattr(type(request), "cookies", None) is _cookies and "cookies" not in request.__dict__:
        header = request.environ.get("HTTP_COOKIE")
        if header is None:
            return None
        if header.isascii():
            return find_cookie(header, name)
    return request.cookies.get(name)


def vary(response: Response) -> None:
    """Tell caches that the response depends on the cookie."""
    headers = response.headers
    if type(headers) is Headers and "Vary" not in headers:
        headers.add("Vary", "Cookie")  # PERF: 0.3 us; 2.9 us by response.vary
    else:
        response.vary.add("Cookie")


#: What turns the data of sessions into text and back.
session_json_serializer = TaggedJSONSerializer()

# How many applications with keys of their own an interface keeps the signing serializers of.
_MOST_SERIALIZERS = 32


class SecureCookieSessionInterface(SessionInterface):
    """Keeps sessions in a cookie that is signed with the application's secret key.

    The cookie is the same as Flask's: either reads the other's if the key is the same.
    """

    #: Tells what the signature is for, so that other signed text is of no use as a session.
    salt = "cookie-session"
    #: The digest of the signature: a function as those of :mod:`hashlib`.
    digest_method = staticmethod(lazy_sha1)
    #: How itsdangerous makes the key of secret key and salt.
    key_derivation = "hmac"
    #: What turns the data of a session into text and back: has ``dumps`` and ``loads``.
    serializer = session_json_serializer
    session_class = SecureCookieSession

    # By secret key, what else they were made of and the serializers.
    _serializers: dict[Any, tuple[Any, URLSafeTimedSerializer]] | None = None

    def get_signing_serializer(self, app: App) -> URLSafeTimedSerializer | None:
        """Return what signs and checks cookies; None if the application has no secret key.

        The same one is returned as long as nothing that it is made of changes. Cookies signed with
        one of ``SECRET_KEY_FALLBACKS`` are accepted, too.
        """
        secret_key = app.secret_key
        if not secret_key:
            return None
        fallbacks = app.config.get("SECRET_KEY_FALLBACKS")
        made_of = (
            fallbacks and _key_list(fallbacks),
            *(self.salt, self.serializer, self.key_derivation, self.digest_method),
        )
        known = self._serializers
        if known is None:
            known = self._serializers = {}
        entry = known.get(secret_key)
        if entry is None or entry[0] != made_of:
            if len(known) >= _MOST_SERIALIZERS:
                known.clear()
            keys = [*(made_of[0] or ()), secret_key]
            # PERF: 5 us, and 3 us more for the key when it is used.
            entry = known[secret_key] = (made_of, SigningSerializer(keys, *made_of[1:]))
        return entry[1]

    def open_session(self, app: App, request: Request) -> SecureCookieSession | None:
        """Return the session that is in the request's cookie.

        It is empty if there is no cookie, or if its signature is wrong or older than
        ``PERMANENT_SESSION_LIFETIME``.
        """
        serializer = self.get_signing_serializer(app)
        if serializer is None:
            return None
        value = cookie_of(request, self.get_cookie_name(app))
        if not value:
            return self.session_class()
        max_age = int(app.permanent_session_lifetime.total_seconds())
        try:
            return self.session_class(serializer.loads(value, max_age=max_age))
        except BadSignature:
            return self.session_class()

    def save_session(self, app: App, session: SessionMixin, response: Response) -> None:
        """Put the session's cookie into a response if need be; take it away if it was emptied."""
        if session.accessed:
            vary(response)
        if not session:
            if session.modified:
                self._delete_cookie(app, session, response)
            return
        if not self.should_set_cookie(app, session):
            return
        serializer = self.get_signing_serializer(app)
        assert serializer is not None, "a session without secret key is a null session"
        self._set_cookie(app, session, response, serializer.dumps(dict(session)))


def _key_list(fallbacks: Any) -> tuple[str | bytes, ...]:
    """Return the older keys.

    :raises TypeError: it is one key, of which each character would be taken for a key.
    """
    if isinstance(fallbacks, str | bytes):
        raise TypeError("SECRET_KEY_FALLBACKS is one key, but has to be a list of keys: [key, ...]")
    return tuple(fallbacks)
