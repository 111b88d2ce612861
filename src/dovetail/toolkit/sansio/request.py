"""A request without its body: method, URL and header fields."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from dovetail.data.accept import (
    Accept,
    CharsetAccept,
    LanguageAccept,
    MIMEAccept,
    parse_accept_header,
)
from dovetail.data.auth import Authorization
from dovetail.data.cache_control import RequestCacheControl, parse_cache_control_header
from dovetail.data.cookies import parse_cookie_header
from dovetail.data.dates import parse_date
from dovetail.data.etags import ETags, parse_etags
from dovetail.data.fields import get_content_length
from dovetail.data.header_set import HeaderSet, parse_set_header
from dovetail.data.header_values import parse_list_header, parse_options_header
from dovetail.data.headers import Headers
from dovetail.data.hosts import get_current_url, get_host
from dovetail.data.immutable import ImmutableList
from dovetail.data.multidict import ImmutableMultiDict, MultiDict
from dovetail.data.ranges import IfRange, Range, parse_if_range_header, parse_range_header
from dovetail.data.urls import parse_query
from dovetail.data.user_agent import UserAgent
from dovetail.toolkit.descriptors import header_property, lazy_property

__all__ = ["Request"]


class Request:
    """A request without its body, for any kind of server.

    Everything is read from the parts when it is first asked for, and then kept.

    :param method: "GET"; upper case is made of it.
    :param scheme: "https".
    :param server: name and port of the server; None if not known, the port None for a socket
        that has none.
    :param root_path: where the application is mounted.
    :param path: below that; it gets a leading slash.
    :param query_string: what follows the question mark, in octets as they came.
    :param headers: the header fields.
    :param remote_addr: the address of the client.
    """

    #: The type of ``args`` and ``form``.
    parameter_storage_class: type[MultiDict[str, Any]] = ImmutableMultiDict
    #: The type of ``cookies``.
    dict_storage_class: type[MultiDict[str, Any]] = ImmutableMultiDict
    #: The type of ``access_route``.
    list_storage_class: type[list[Any]] = ImmutableList
    user_agent_class: type[UserAgent] = UserAgent
    #: The hosts that may be asked for; None lets all pass.
    trusted_hosts: Collection[str] | None = None

    def __init__(  # noqa: PLR0917 - the documented signature
        self,
        method: str,
        scheme: str,
        server: tuple[str, int | None] | None,
        root_path: str,
        path: str,
        query_string: bytes,
        headers: Headers,
        remote_addr: str | None,
    ) -> None:
        self.method = method.upper()
        self.scheme = scheme
        self.server = server
        self.root_path = root_path.rstrip("/")
        self.path = "/" + path.lstrip("/")
        self.query_string = query_string
        self.headers = headers
        self.remote_addr = remote_addr

    def __repr__(self) -> str:
        try:
            url = self.url
        except Exception as error:  # whatever it is, it is not what a repr should fail by
            url = f"(invalid URL: {error})"
        return f"<{type(self).__name__} {url!r} [{self.method}]>"

    @lazy_property
    def args(self) -> MultiDict[str, str]:
        """The parameters of the query string."""
        return self.parameter_storage_class(parse_query(self.query_string))

    @lazy_property
    def access_route(self) -> list[str]:
        """The addresses from the client over each proxy, as X-Forwarded-For tells.

        Clients can send any; see the ProxyFix middleware for one that can be trusted.
        """
        forwarded = self.headers.get("X-Forwarded-For")
        if forwarded is not None:
            return self.list_storage_class(parse_list_header(forwarded))
        if self.remote_addr is not None:
            return self.list_storage_class([self.remote_addr])
        return self.list_storage_class()

    @lazy_property
    def full_path(self) -> str:
        """The path and the query, with a question mark even if there is no query."""
        return f"{self.path}?{self.query_string.decode('utf-8', 'replace')}"

    @property
    def is_secure(self) -> bool:
        """Whether it came over HTTPS or a secured WebSocket."""
        return self.scheme in ("https", "wss")

    @lazy_property
    def url(self) -> str:
        """The whole URL, as an IRI."""
        return get_current_url(self.scheme, self.host, self.root_path, self.path, self.query_string)

    @lazy_property
    def base_url(self) -> str:
        """The URL without the query."""
        return get_current_url(self.scheme, self.host, self.root_path, self.path)

    @lazy_property
    def root_url(self) -> str:
        """The URL up to the application's root, with a slash at the end."""
        return get_current_url(self.scheme, self.host, self.root_path)

    @lazy_property
    def host_url(self) -> str:
        """Scheme and host, with a slash at the end."""
        return get_current_url(self.scheme, self.host)

    @lazy_property
    def host(self) -> str:
        """The host that was asked, with the port if it is not the scheme's own.

        :raises SecurityError: it is not one of ``trusted_hosts``.
        """
        return get_host(self.scheme, self.headers.get("Host"), self.server, self.trusted_hosts)

    @lazy_property
    def cookies(self) -> MultiDict[str, str]:
        """The cookies."""
        return parse_cookie_header(
            ";".join(self.headers.getlist("Cookie")), cls=self.dict_storage_class
        )

    content_type = header_property[str | None](
        "Content-Type", doc="The type of the body, with its parameters.", read_only=True
    )

    @lazy_property
    def content_length(self) -> int | None:
        """The length of the body in octets; None if it is chunked or not told."""
        return get_content_length(
            self.headers.get("Content-Length"), self.headers.get("Transfer-Encoding")
        )

    content_encoding = header_property[str | None](
        "Content-Encoding", doc="How the body is coded, such as gzip.", read_only=True
    )
    content_md5 = header_property[str | None](
        "Content-MD5", doc="The MD5 digest of the body (RFC 1864).", read_only=True
    )
    referrer = header_property[str | None](
        "Referer", doc="The URL from which the client was sent here.", read_only=True
    )
    date = header_property[datetime | None](
        "Date", None, parse_date, doc="When the message was made, with a time zone.", read_only=True
    )
    max_forwards = header_property[int | None](
        "Max-Forwards", None, int, doc="How many proxies may still forward it.", read_only=True
    )

    @lazy_property
    def _content_type(self) -> tuple[str, dict[str, str]]:
        return parse_options_header(self.headers.get("Content-Type", ""))

    @property
    def mimetype(self) -> str:
        """The content type in lower case, without parameters."""
        return self._content_type[0].lower()

    @property
    def mimetype_params(self) -> dict[str, str]:
        """The parameters of the content type."""
        return self._content_type[1]

    @lazy_property
    def pragma(self) -> HeaderSet:
        """The directives of Pragma (RFC 9111 section 5.4)."""
        return parse_set_header(self.headers.get("Pragma", ""))

    @lazy_property
    def accept_mimetypes(self) -> MIMEAccept:
        """The media types that the client takes."""
        return parse_accept_header(self.headers.get("Accept"), MIMEAccept)

    @lazy_property
    def accept_charsets(self) -> CharsetAccept:
        """The charsets that the client takes."""
        return parse_accept_header(self.headers.get("Accept-Charset"), CharsetAccept)

    @lazy_property
    def accept_encodings(self) -> Accept:
        """The content codings that the client takes."""
        return parse_accept_header(self.headers.get("Accept-Encoding"))

    @lazy_property
    def accept_languages(self) -> LanguageAccept:
        """The languages that the client takes."""
        return parse_accept_header(self.headers.get("Accept-Language"), LanguageAccept)

    @lazy_property
    def cache_control(self) -> RequestCacheControl:
        """The directives of Cache-Control."""
        return parse_cache_control_header(
            self.headers.get("Cache-Control"), None, RequestCacheControl
        )

    @lazy_property
    def if_match(self) -> ETags:
        """The entity tags of If-Match."""
        return parse_etags(self.headers.get("If-Match"))

    @lazy_property
    def if_none_match(self) -> ETags:
        """The entity tags of If-None-Match."""
        return parse_etags(self.headers.get("If-None-Match"))

    @lazy_property
    def if_modified_since(self) -> datetime | None:
        """The time of If-Modified-Since, with a time zone."""
        return parse_date(self.headers.get("If-Modified-Since"))

    @lazy_property
    def if_unmodified_since(self) -> datetime | None:
        """The time of If-Unmodified-Since, with a time zone."""
        return parse_date(self.headers.get("If-Unmodified-Since"))

    @lazy_property
    def if_range(self) -> IfRange:
        """The entity tag or time of If-Range."""
        return parse_if_range_header(self.headers.get("If-Range"))

    @lazy_property
    def range(self) -> Range | None:
        """The part that is asked for; None if it is the whole."""
        return parse_range_header(self.headers.get("Range"))

    @lazy_property
    def user_agent(self) -> UserAgent:
        """What the client says it is: ``string`` is all of it.

        Set ``user_agent_class`` to a class that parses it.
        """
        return self.user_agent_class(self.headers.get("User-Agent", ""))

    @lazy_property
    def authorization(self) -> Authorization | None:
        """The credentials of Authorization; None if there are none, or malformed ones."""
        return Authorization.from_header(self.headers.get("Authorization"))

    origin = header_property[str | None](
        "Origin", doc="The site from which the request was made.", read_only=True
    )
    access_control_request_headers = header_property[HeaderSet | None](
        "Access-Control-Request-Headers",
        load_func=parse_set_header,
        doc="The header fields that the request announced by a preflight will have.",
        read_only=True,
    )
    access_control_request_method = header_property[str | None](
        "Access-Control-Request-Method",
        doc="The method that the request announced by a preflight will have.",
        read_only=True,
    )

    @property
    def is_json(self) -> bool:
        """Whether the content type is JSON: application/json or application/*+json."""
        mimetype = self.mimetype
        return mimetype == "application/json" or (
            mimetype.startswith("application/") and mimetype.endswith("+json")
        )
