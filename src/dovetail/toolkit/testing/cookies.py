"""The cookies that a test client keeps (RFC 6265 section 5)."""

from __future__ import annotations

import dataclasses
import math
import re
import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from dovetail.data.cookies import dump_cookie, parse_cookie_header
from dovetail.data.dates import parse_date

__all__ = ["Cookie", "CookieJar"]

_OWS = " \t"
_is_max_age = re.compile(r"-?[0-9]{1,18}").fullmatch

Key = tuple[str, str, str]


@dataclasses.dataclass
class Cookie:
    """A cookie as the client keeps it."""

    #: The name and the value as they are in header fields.
    key: str
    value: str
    #: The name and the value as the application means them.
    decoded_key: str
    decoded_value: str
    #: When it ends; None if it lasts as long as the client.
    expires: datetime | None
    #: For how many seconds it was set.
    max_age: int | None
    #: The host that it is sent to, and the hosts below unless ``origin_only`` is set.
    domain: str
    origin_only: bool
    #: It is sent for this path, and what is below.
    path: str
    #: Kept for tests to look at: the client has neither scripts nor an insecure channel.
    secure: bool | None
    http_only: bool | None
    same_site: str | None

    def matches(self, server_name: str, path: str) -> bool:
        """Tell whether it is sent with a request (RFC 6265 sections 5.1.3 and 5.1.4)."""
        domain, own_path = self.domain, self.path
        if server_name != domain and (
            self.origin_only or not domain or not server_name.endswith("." + domain)
        ):
            return False
        if path == own_path:
            return True
        return path.startswith(own_path if own_path.endswith("/") else own_path + "/")


class CookieJar:
    """Cookies by domain, path and name."""

    def __init__(self) -> None:
        # With the time at which each ends, in seconds since the epoch.
        self._cookies: dict[Key, tuple[Cookie, float]] = {}

    def __len__(self) -> int:
        return len(self._cookies)

    def set(
        self, key: str, value: str, *, domain: str, origin_only: bool, path: str, **kwargs: Any
    ) -> None:
        """Keep a cookie as if a response had set it; ``kwargs`` are those of ``dump_cookie``."""
        header = dump_cookie(key, value, domain=domain, path=path, **kwargs)
        cookie = _parse_set_cookie(header, domain, path)
        if cookie is not None:
            cookie.origin_only = origin_only
            self._keep(cookie)

    def get(self, key: str, domain: str, path: str) -> Cookie | None:
        """Return a cookie by its decoded name, unless it has ended."""
        found = self._cookies.get((_canonical_domain(domain), path, key))
        return None if found is None or found[1] <= time.time() else found[0]

    def delete(self, key: str, domain: str, path: str) -> None:
        """Drop a cookie, if there is one."""
        self._cookies.pop((_canonical_domain(domain), path, key), None)

    def update(self, server_name: str, path: str, headers: Iterable[str]) -> None:
        """Obey the Set-Cookie fields of a response to a request for ``path``."""
        for header in headers:
            cookie = _parse_set_cookie(header, server_name, path)
            if cookie is not None:
                self._keep(cookie)

    def _keep(self, cookie: Cookie) -> None:
        now = time.time()
        end = _end(cookie, now)
        key = (cookie.domain, cookie.path, cookie.decoded_key)
        if end <= now:
            self._cookies.pop(key, None)
        else:
            self._cookies[key] = (cookie, end)

    def header(self, server_name: str, path: str) -> str:
        """Return the value of Cookie for a request; empty if there is nothing to send."""
        if not self._cookies:
            return ""
        now = time.time()
        name = server_name.lower()
        return "; ".join(
            f"{cookie.key}={cookie.value}"
            for cookie, end in self._cookies.values()
            if end > now and cookie.matches(name, path)
        )


def _end(cookie: Cookie, now: float) -> float:
    """Return when a cookie ends (RFC 6265 section 5.3: Max-Age comes before Expires)."""
    if cookie.max_age is not None:
        return now + cookie.max_age if cookie.max_age > 0 else now
    return math.inf if cookie.expires is None else cookie.expires.timestamp()


def _canonical_domain(domain: str) -> str:
    """Return a domain as it is compared (RFC 6265 section 5.2.3)."""
    return domain.removeprefix(".").lower()


def _parse_set_cookie(header: str, server_name: str, path: str) -> Cookie | None:
    """Read a Set-Cookie field (RFC 6265 section 5.2); None if it names no cookie.

    What is malformed in an attribute makes that attribute count for nothing.

    :param path: the path of the request.
    """
    pair, _, rest = header.partition(";")
    key, _, value = pair.partition("=")
    key, value = key.strip(_OWS), value.strip(_OWS)
    if not key:
        return None
    attributes: dict[str, str] = {}
    for attribute in rest.split(";"):
        name, _, text = attribute.partition("=")
        attributes[name.strip(_OWS).lower()] = text.strip(_OWS)
    domain = _canonical_domain(attributes.get("domain", ""))
    own_path = attributes.get("path", "")
    max_age = attributes.get("max-age", "")
    age = int(max_age) if _is_max_age(max_age) else None
    return Cookie(
        key=key,
        value=value,
        decoded_key=key.encode("latin-1", "replace").decode("utf-8", "replace"),
        decoded_value=parse_cookie_header(f"v={value}").get("v", ""),
        expires=parse_date(attributes.get("expires")),
        max_age=age,
        domain=domain or _canonical_domain(server_name),
        origin_only="domain" not in attributes,
        path=own_path if own_path.startswith("/") else _default_path(path),
        secure="secure" in attributes,
        http_only="httponly" in attributes,
        same_site=attributes.get("samesite"),
    )


def _default_path(path: str) -> str:
    """Return the path a cookie belongs to that names none (RFC 6265 section 5.1.4)."""
    return path[: path.rfind("/")] or "/" if path.startswith("/") else "/"
