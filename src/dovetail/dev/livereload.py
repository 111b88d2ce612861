"""Pages that load themselves anew when what they show has changed."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs, quote
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from markupsafe import escape

from dovetail.data.accept import parse_accept_header
from dovetail.data.header_values import parse_options_header
from dovetail.data.hosts import get_host, host_is_trusted
from dovetail.dev import console
from dovetail.dev.broadcast import HEAD, RETRY, Broadcaster, greeting
from dovetail.dev.changes import Changes, Moment
from dovetail.dev.clients import LOCAL_HOSTS, is_of_own_page
from dovetail.dev.places import LIVE_EVENTS, LIVE_SCRIPT
from dovetail.dev.policies import find_nonce, missing_sources

__all__ = ["LiveReload"]

# Their code units are not octets of ASCII, which is what is added.
_WIDE = re.compile(r"utf-?(16|32)|ucs|utf-?7", re.ASCII).match
_NO_CONTENT = frozenset({204, 205, 206, 304})

_Fields = list[tuple[str, str]]


class LiveReload:
    """Adds a script to HTML pages that loads them anew when the code or a file has changed.

    The script stands behind the document, so that nothing of the document has to be understood,
    or be held back when it is streamed. An answer gets it if it is HTML without a content coding
    and a browser shows it as a page; the rest passes unchanged. The entity tag of such an answer
    tells what has been added, too; it has no time of modification.

    :param changes: what has changed.
    :param trusted_hosts: the hosts that pages may be of; they may be of any address, too.
    :param limit: how many pages may be told at a time.
    """

    def __init__(
        self,
        application: WSGIApplication,
        changes: Changes,
        trusted_hosts: Collection[str] = LOCAL_HOSTS,
        limit: int = 100,
    ) -> None:
        self.application = application
        self.changes = changes
        self._trusted_hosts = trusted_hosts
        self._broadcaster = Broadcaster(changes, limit)
        self._has_told = False

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        path = environ.get("PATH_INFO", "")
        if path == LIVE_SCRIPT:
            return self._script(environ, start_response)
        if path == LIVE_EVENTS:
            return self._events(environ, start_response)
        if not _is_navigation(environ) or not self._is_trusted(environ):
            return self.application(environ, start_response)
        now = self.changes.now()
        answer = _Answer(str(now), _address(environ, now), start_response, self._tell)
        result = self.application(_with_own_tags(environ, str(now)), answer.start)
        return answer.extend(result)

    def close(self) -> None:
        """End the connections that wait for events."""
        self._broadcaster.close()

    def _tell(self, missing: list[str]) -> None:
        """Say, once, what a page's policy lacks."""
        if self._has_told:
            return
        self._has_told = True
        console.log(
            "warning",
            " * Live reload: a page's Content-Security-Policy keeps it out. In development, add"
            f" to it: {'; '.join(missing)}",
        )

    # What the script and its page ask for

    def _is_trusted(self, environ: WSGIEnvironment) -> bool:
        server = environ.get("SERVER_NAME", ""), _number(environ.get("SERVER_PORT", ""))
        host = get_host(environ.get("wsgi.url_scheme", "http"), environ.get("HTTP_HOST"), server)
        return host_is_trusted(host, self._trusted_hosts) or _is_address(host)

    def _script(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        refusal = self._refuse(environ, start)
        if refusal is not None:
            return refusal
        text = files("dovetail.dev").joinpath("assets", "live.js").read_bytes()
        fields = [("Content-Type", "text/javascript; charset=utf-8"), ("Cache-Control", "no-cache")]
        return _answer(start, "200 OK", text, fields)

    def _events(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        refusal = self._refuse(environ, start)
        if refusal is not None:
            return refusal
        moment = self._moment(environ)
        detach: Callable[[], tuple[Any, bytes]] | None = environ.get("dovetail.detach")
        if detach is not None and not self._broadcaster.is_closed:
            if self._broadcaster.is_full:
                text = b"Too many pages wait for changes."
                return _answer(start, "503 Service Unavailable", text, _PLAIN)
            sock, _ = detach()
            self._broadcaster.add(sock, moment)
            return []
        # Another server: the browser has to ask again and again. Or this one is about to go.
        text, _ = greeting(self.changes, moment, 1000 if detach is None else RETRY)
        return _answer(start, "200 OK", text, list(HEAD))

    def _refuse(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes] | None:
        if environ.get("REQUEST_METHOD") != "GET":
            fields = [*_PLAIN, ("Allow", "GET")]
            return _answer(start, "405 Method Not Allowed", b"Only GET is answered here.", fields)
        if is_of_own_page(environ) and self._is_trusted(environ):
            return None
        return _answer(start, "403 Forbidden", b"This is for this server's own pages.", _PLAIN)

    def _moment(self, environ: WSGIEnvironment) -> Moment:
        """Return when the page was made; now, if it does not say so."""
        seen = environ.get("HTTP_LAST_EVENT_ID")
        if seen is None:
            query = parse_qs(environ.get("QUERY_STRING", "")[:256])
            seen = query.get("at", [""])[0]
        return Moment.parse(seen) or self.changes.now()


_PLAIN: _Fields = [("Content-Type", "text/plain; charset=utf-8")]


def _answer(start: StartResponse, status: str, text: bytes, fields: _Fields) -> list[bytes]:
    start(status, [*fields, ("Content-Length", str(len(text)))])
    return [text]


class _Answer:
    """What an application answers, and the script behind it if it is a page."""

    def __init__(
        self,
        moment: str,
        address: str,
        start_response: StartResponse,
        tell: Callable[[list[str]], object],
    ) -> None:
        self._moment = moment
        self._address = address
        self._start_response = start_response
        self._tell = tell
        self._started = False
        self._tag = b""

    def start(
        self, status: str, headers: _Fields, exc_info: Any = None, /
    ) -> Callable[[bytes], object]:
        """Be the application's ``start_response``."""
        self._started = True
        self._tag = b""
        if _takes_script(status, headers):
            nonce = find_nonce(headers)
            if missing := missing_sources(headers):
                self._tell(missing)
            attribute = f' nonce="{escape(nonce)}"' if nonce else ""
            self._tag = f'<script src="{escape(self._address)}" async{attribute}></script>'.encode()
            headers = [self._changed(name, value) for name, value in headers if _stays(name)]
        elif status.startswith("304"):
            # Its entity tag has matched one of a page with this very script.
            headers = [self._changed(name, value) for name, value in headers]
        return self._start_response(status, headers, exc_info)

    def _changed(self, name: str, value: str) -> tuple[str, str]:
        match name.lower():
            case "content-length" if value.isdecimal():
                return name, str(int(value) + len(self._tag))
            case "etag" if value.endswith('"'):
                return name, f'{value[:-1]}~{self._moment}"'
        return name, value

    def extend(self, result: Iterable[bytes]) -> Iterable[bytes]:
        """Return the content with the script, if there is one."""
        if self._started and not self._tag:
            return result
        if self._started and isinstance(result, list | tuple):
            # The server can tell the length of one part.
            return [b"".join((*result, self._tag))]
        return _Extended(result, self)

    @property
    def tag(self) -> bytes:
        """What to add at the end."""
        return self._tag


class _Extended:
    """Content that comes part by part, with the script behind the last one."""

    def __init__(self, result: Iterable[bytes], answer: _Answer) -> None:
        self._result = result
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        yield from self._result
        # Only now the application may have said what it answers.
        if self._answer.tag:
            yield self._answer.tag

    def close(self) -> None:
        """Close the application's result."""
        close = getattr(self._result, "close", None)
        if close is not None:
            close()


# Which answers


def _is_navigation(environ: WSGIEnvironment) -> bool:
    """Tell whether a browser asks for a page, and not a script for a part of one."""
    if environ.get("REQUEST_METHOD") != "GET" or "HTTP_RANGE" in environ:
        return False
    destination = environ.get("HTTP_SEC_FETCH_DEST")
    if destination is not None:
        return destination in {"document", "iframe", "frame"}
    # Browsers say so only to hosts whose connections they trust.
    if "HTTP_X_REQUESTED_WITH" in environ or "HTTP_HX_REQUEST" in environ:
        return False
    accepted = parse_accept_header(environ.get("HTTP_ACCEPT", ""))
    return any(value.split(";")[0].strip().lower() == "text/html" for value, _ in accepted)


def _takes_script(status: str, headers: _Fields) -> bool:
    fields = {name.lower(): value for name, value in headers}
    code = int(status[:3]) if status[:3].isdecimal() else 0
    if code < 200 or code in _NO_CONTENT or fields.keys() & {"content-encoding", "content-range"}:
        return False
    if fields.get("content-disposition", "").lower().startswith("attachment"):
        return False
    kind, options = parse_options_header(fields.get("content-type"))
    return kind.lower() == "text/html" and not _WIDE(options.get("charset", "").lower())


def _stays(name: str) -> bool:
    # They are about the content without the script.
    return name.lower() not in {"last-modified", "content-md5", "digest", "content-digest"}


def _with_own_tags(environ: WSGIEnvironment, moment: str) -> WSGIEnvironment:
    """Return the environ with the application's own entity tags in the conditions.

    A tag of an earlier moment is of a page that has another script, and is left out.
    """
    conditions = environ.get("HTTP_IF_NONE_MATCH")
    if conditions is None and "HTTP_IF_MODIFIED_SINCE" not in environ:
        return environ
    environ = dict(environ)
    environ.pop("HTTP_IF_MODIFIED_SINCE", None)
    if conditions is not None and conditions.strip() != "*":
        mark = re.escape(f"~{moment}")
        own = re.findall(rf'((?:W/)?"[^"]*){mark}"', conditions)
        environ.pop("HTTP_IF_NONE_MATCH")
        if own:
            environ["HTTP_IF_NONE_MATCH"] = ", ".join(f'{tag}"' for tag in own)
    return environ


# Addresses


def _address(environ: WSGIEnvironment, now: Moment) -> str:
    root = environ.get("SCRIPT_NAME", "").strip("/")
    # Two slashes would begin the name of another host; without one, it could be a scheme's.
    path = quote(f"/{root}".encode("latin-1"), safe="/!$&'()*+,;=:@") if root else ""
    return f"{path}{LIVE_SCRIPT}?at={now}"


def _is_address(host: str) -> bool:
    """Tell whether a host is an address: no name that somebody else could let point here."""
    name = host.rpartition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() else None
