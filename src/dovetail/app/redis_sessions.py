"""Sessions that are kept on Redis: the browser gets a random id, and nothing else::

    app.session_interface = RedisSessionInterface("redis://localhost:6379/0")

It takes the extra: ``pip install dovetail[redis]``.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NoReturn

from dovetail.app.json.tag import TaggedJSONSerializer
from dovetail.app.sessions import (
    SessionInterface,
    SessionMixin,
    cookie_of,
    note_change,
    session_json_serializer,
    vary,
)
from dovetail.data.callbacks import CallbackDict
from dovetail.data.exceptions import ServiceUnavailable

try:
    from redis import Redis
    from redis.exceptions import RedisError
except ImportError as error:
    raise ImportError(
        "Sessions on Redis need the package redis: pip install dovetail[redis]"
    ) from error

if TYPE_CHECKING:
    from dovetail.app.application import App
    from dovetail.app.wrappers import Request, Response

__all__ = [
    "RedisSession",
    "RedisSessionInterface",
    "SessionStoreUnavailable",
    "UnavailableSession",
]

# What secrets.token_urlsafe(32) makes: 256 bits.
_is_id = re.compile(r"[A-Za-z0-9_-]{43}").fullmatch

# Sets and removes fields of a hash. A session that existed when the request began is not made anew:
# it was ended in the meantime, by logging out for example, and stays so.
_CHANGE = """
if ARGV[1] == '1' and redis.call('EXISTS', KEYS[1]) == 0 then
    return 0
end
local first_removed = 4 + 2 * ARGV[3]
for i = 4, first_removed - 1, 2 do
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
end
for i = first_removed, #ARGV do
    redis.call('HDEL', KEYS[1], ARGV[i])
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
"""

# How far the end of a session on Redis may lag behind, so that not every request has to write.
_LAG = timedelta(minutes=1)
_MILLISECOND = timedelta(milliseconds=1)


class SessionStoreUnavailable(ServiceUnavailable):
    """Redis did not answer, or answered with an error; as a response it is a 503."""

    description = "The session cannot be reached at the moment. Please try again later."


class RedisSession(CallbackDict[str, Any], SessionMixin):
    """A session that is kept on Redis.

    :param initial: what it begins with.
    :param sid: its id; None if Redis does not have it yet.
    """

    #: Whether it was changed: it is saved only then. A change inside of a value, such as of a list,
    #: is not seen: set it to True then.
    modified = False

    def __init__(self, initial: Mapping[str, Any] | None = None, sid: str | None = None) -> None:
        super().__init__(initial, note_change)
        #: The id that the browser has; None before it is saved for the first time.
        self.sid = sid
        self.new = sid is None
        # As Redis has it: the fields, and for how many milliseconds.
        self._stored: dict[str, str] = {}
        self._remaining = 0
        self._takes_new_id = False


class UnavailableSession(SessionMixin):
    """The session of a request during which Redis cannot be reached: any use of it is a 503.

    A page that does not need the session is answered all the same.
    """

    modified = False

    def _fail(self, *_args: Any) -> NoReturn:
        raise SessionStoreUnavailable

    __getitem__ = __setitem__ = __delitem__ = __iter__ = __len__ = _fail


class RedisSessionInterface(SessionInterface):
    """Keeps sessions on Redis; the cookie has a random id, under the usual ``SESSION_COOKIE_*``.

    Values are written as JSON with tags, not by pickle, so that who can write to Redis cannot run
    code. An id is adopted only if Redis knows it, and the key there is a digest of it, so that
    who can read Redis cannot use the sessions. No secret key is needed.

    Nothing is stored before something is put into a session, and no write is made for a request
    that only reads. A change is one atomic command. It writes those items that the request changed
    and leaves the others, so of requests at the same time none undoes what another does to other
    items; if two change the same one, the last one counts. A session that one of them empties, or
    gives a new id, stays ended: what the others change in it after that is dropped.

    While Redis cannot be reached, any use of the session raises :class:`SessionStoreUnavailable`,
    an HTTP 503; what does not use the session works. A change that can no longer be saved when the
    view has returned raises it, too, which the application answers as any error.

    :param client: a client of the package ``redis``, or the URL of a server, such as
        "redis://localhost:6379/0" or "unix:///run/redis.sock".
    :param prefix: what the keys on Redis begin with; an application on the same database needs
        one of its own.
    :param lifetime: for how long a session that is not permanent is kept after its last use,
        since nobody tells when a browser is closed. Permanent ones are kept for
        ``PERMANENT_SESSION_LIFETIME``. Either is exact to a minute.
    :param max_size: the most octets that a session may have.
    :param timeout: the seconds after which to give up on a server, if ``client`` is a URL.
    :param serializer: has ``dumps`` and ``loads``, for the value of an item.
    """

    session_class = RedisSession

    def __init__(
        self,
        client: Redis | str = "redis://localhost:6379/0",
        *,
        prefix: str = "dovetail:session:",
        lifetime: timedelta = timedelta(days=1),
        max_size: int = 65_536,
        timeout: float = 3.0,
        serializer: TaggedJSONSerializer = session_json_serializer,
    ) -> None:
        if lifetime <= timedelta(0):
            raise ValueError("lifetime has to be longer than nothing")
        if isinstance(client, str):
            client = Redis.from_url(client, socket_timeout=timeout, socket_connect_timeout=timeout)
        self.client = client
        self.prefix = prefix
        self.lifetime = lifetime
        self.max_size = max_size
        self.serializer = serializer
        self._change = client.register_script(_CHANGE)

    def regenerate(self, session: SessionMixin) -> None:
        """Give a session a new id, and end the old one.

        Call it whenever a visitor logs in or gets other rights: an id that somebody planted in the
        browser before is of no use then (session fixation). It takes effect when the session is
        saved; a request at the same time with the old id finds an empty session after that.

        :raises TypeError: it is no session of this interface.
        """
        if not isinstance(session, RedisSession):
            if isinstance(session, UnavailableSession):
                raise SessionStoreUnavailable
            raise TypeError("regenerate() takes a session of RedisSessionInterface")
        session._takes_new_id = True
        session.modified = True

    def open_session(self, app: App, request: Request) -> SessionMixin:
        """Return the session whose id is in the request's cookie; an empty one if there is none."""
        sid = cookie_of(request, self.get_cookie_name(app))
        if not sid or not _is_id(sid):
            return self.session_class()
        try:
            with self.client.pipeline(transaction=False) as pipeline:
                key = self._key(sid)
                pipeline.hgetall(key)
                pipeline.pttl(key)
                fields, remaining = pipeline.execute()
        except RedisError:
            app.logger.exception("The session cannot be read from Redis.")
            return UnavailableSession()
        if not fields:
            return self.session_class()
        stored = {_text(name): _text(value) for name, value in fields.items()}
        loads = self.serializer.loads
        session = self.session_class({name: loads(text) for name, text in stored.items()}, sid)
        session._stored = stored
        session._remaining = remaining
        return session

    def save_session(self, app: App, session: SessionMixin, response: Response) -> None:
        """Keep what was changed of a session, and put the cookie into the response if need be.

        :raises SessionStoreUnavailable: Redis cannot be reached.
        :raises ValueError: the session is larger than ``max_size``.
        :raises TypeError: JSON cannot have one of its values, or a key is no string.
        """
        if session.accessed:
            vary(response)
        if not isinstance(session, RedisSession):
            return
        try:
            is_kept = self._save(app, session)
        except RedisError as error:
            raise SessionStoreUnavailable from error
        if not session:
            if session.modified:
                self._delete_cookie(app, session, response)
        elif is_kept and self.should_set_cookie(app, session):
            assert session.sid is not None
            self._set_cookie(app, session, response, session.sid)

    def _save(self, app: App, session: RedisSession) -> bool:
        """Write to Redis what is to be written; tell whether the session is there then."""
        lifetime = app.permanent_session_lifetime if session.permanent else self.lifetime
        if not session:
            if session.modified and session.sid is not None:
                self.client.delete(self._key(session.sid))
            return False
        if session.modified:
            return self._store(session, lifetime)
        if session.permanent and not app.config["SESSION_REFRESH_EACH_REQUEST"]:
            return True
        wanted = lifetime // _MILLISECOND
        lag = min(_LAG, lifetime / 10) // _MILLISECOND
        if session.sid is not None and abs(wanted - session._remaining) > lag:
            return bool(self.client.pexpire(self._key(session.sid), wanted))
        return True

    def _store(self, session: RedisSession, lifetime: timedelta) -> bool:
        """Write what changed; False if the session was ended while the request was handled."""
        fields = self._fields(session)
        if session._takes_new_id and session.sid is not None:
            if not self.client.delete(self._key(session.sid)):
                return False
            session.sid = None
        is_known = session.sid is not None
        if session.sid is None:
            session.sid = secrets.token_urlsafe(32)
        before = session._stored if is_known else {}
        changed = {name: text for name, text in fields.items() if before.get(name) != text}
        arguments: list[Any] = [int(is_known), lifetime // _MILLISECOND, len(changed)]
        for item in changed.items():
            arguments += item
        arguments += before.keys() - fields.keys()
        done = self._change(keys=[self._key(session.sid)], args=arguments)
        session._stored = fields
        session._takes_new_id = False
        return bool(done)

    def _fields(self, session: RedisSession) -> dict[str, str]:
        """Return the items of a session as Redis is to have them."""
        dumps = self.serializer.dumps
        fields = {}
        size = 0
        for name, value in session.items():
            if not isinstance(name, str):
                raise TypeError(f"The keys of a session have to be strings, which {name!r} is not.")
            fields[name] = text = dumps(value)
            size += len(name.encode()) + len(text.encode())
        if size > self.max_size:
            raise ValueError(
                f"The session takes {size} octets, more than max_size={self.max_size}: keep large"
                " data elsewhere, and its key in the session."
            )
        return fields

    def _key(self, sid: str) -> str:
        return self.prefix + sha256(sid.encode()).hexdigest()


def _text(value: bytes | str) -> str:
    """Return text of Redis; some clients decode it themselves."""
    return value if isinstance(value, str) else value.decode()
