"""A response without its content: status and header fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from dovetail.data.auth import WWWAuthenticate
from dovetail.data.cache_control import ResponseCacheControl, parse_cache_control_header
from dovetail.data.callbacks import CallbackDict
from dovetail.data.cookies import dump_cookie
from dovetail.data.cross_origin import COEP, COOP
from dovetail.data.csp import ContentSecurityPolicy, parse_csp_header
from dovetail.data.dates import dump_age, http_date, parse_age, parse_date
from dovetail.data.etags import quote_etag, unquote_etag
from dovetail.data.header_set import HeaderSet, parse_set_header
from dovetail.data.header_values import dump_header, dump_options_header, parse_options_header
from dovetail.data.headers import Headers
from dovetail.data.ranges import ContentRange, parse_content_range_header
from dovetail.data.statuses import HTTP_STATUS_CODES
from dovetail.toolkit.content_types import get_content_type
from dovetail.toolkit.descriptors import header_property

__all__ = ["Response"]

# Codes -> the line and the code.
_STATUSES: dict[Any, tuple[str, int]] = {
    code: (f"{code} {name.upper()}", code) for code, name in HTTP_STATUS_CODES.items()
}


def _clean_status(value: str | int | HTTPStatus) -> tuple[str, int]:
    """Return the status line and the code of any form of a status.

    :raises ValueError: it is empty, or has a line end in it.
    """
    if isinstance(value, int):
        code = int(value)
        return _STATUSES.get(code) or (f"{code} UNKNOWN", code)
    value = value.strip()
    if not value:
        raise ValueError("Empty status argument")
    if "\n" in value or "\r" in value:
        raise ValueError("a status cannot contain a line end")
    number, _, reason = value.partition(" ")
    try:
        code = int(number)
    except ValueError:
        return f"0 {value}", 0
    if reason:
        return value, code
    return _STATUSES.get(code) or (f"{code} UNKNOWN", code)


@lru_cache(256)
def _content_type_field(mimetype: str) -> tuple[str, str]:
    """:raises ValueError: there is a line end in it."""
    return Headers({"Content-Type": get_content_type(mimetype, "utf-8")})[0]


def _complete(
    headers: Mapping[str, str | Iterable[str]] | Iterable[tuple[str, str]],
    mimetype: str | None,
    content_type: str | None,
    default_mimetype: str | None,
) -> Headers:
    """Return header fields as Headers, and with a content type."""
    fields = headers if isinstance(headers, Headers) else Headers(headers)
    if content_type is None:
        if mimetype is None and "Content-Type" not in fields:
            mimetype = default_mimetype
        if mimetype is not None:
            content_type = get_content_type(mimetype, "utf-8")
    if content_type is not None:
        fields.set("Content-Type", content_type)
    return fields


def _set_property(name: str, doc: str) -> property:
    """Return a property that is a HeaderSet which writes what is done to it to the header."""

    def fget(self: Response) -> HeaderSet:
        def on_update(value: HeaderSet) -> None:
            if value:
                self.headers[name] = value.to_header()
            elif name in self.headers:
                del self.headers[name]

        return parse_set_header(self.headers.get(name), on_update)

    def fset(self: Response, value: str | Iterable[str] | None) -> None:
        if not value:
            self.headers.pop(name, None)
        else:
            self.headers[name] = value if isinstance(value, str) else dump_header(value)

    return property(fget, fset, doc=doc)


def _policy_property(name: str, doc: str) -> property:
    """Return a property that is a policy which writes what is done to it to the header."""

    def fget(self: Response) -> ContentSecurityPolicy:
        def on_update(policy: ContentSecurityPolicy) -> None:
            fset(self, policy)

        return parse_csp_header(self.headers.get(name), on_update)

    def fset(self: Response, value: ContentSecurityPolicy | str | None) -> None:
        if not value:
            self.headers.pop(name, None)
        else:
            self.headers[name] = value if isinstance(value, str) else value.to_header()

    return property(fget, fset, doc=doc)


class Response:
    """A response without its content, for any kind of server.

    :param status: a code, or a line such as "404 NOT FOUND"; ``default_status`` if None.
    :param headers: the header fields; a :class:`Headers` is taken as it is, not copied.
    :param mimetype: the type of the content, which gets a charset if it is one of text;
        ``default_mimetype`` if neither this nor ``content_type`` nor the field is given.
    :param content_type: the Content-Type field as it is to be.
    """

    default_status = 200
    default_mimetype: str | None = "text/plain"
    #: A warning is given for a Set-Cookie field longer than this; 0 turns it off.
    max_cookie_size = 4093

    headers: Headers

    def __init__(
        self,
        status: int | str | HTTPStatus | None = None,
        headers: Mapping[str, str | Iterable[str]] | Iterable[tuple[str, str]] | None = None,
        mimetype: str | None = None,
        content_type: str | None = None,
    ) -> None:
        if headers is None and content_type is None:
            # PERF: 0.5 us in all, where a field that is set takes 1.4.
            self.headers = fields = Headers()
            if mimetype is None:
                mimetype = self.default_mimetype
            if mimetype is not None:
                fields._list = [_content_type_field(mimetype)]
        else:
            given = () if headers is None else headers
            self.headers = _complete(given, mimetype, content_type, self.default_mimetype)
        if status is None:
            status = self.default_status
        self._status, self._status_code = _STATUSES.get(status) or _clean_status(status)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} [{self.status}]>"

    @property
    def status_code(self) -> int:
        """The code of the status; 0 if the status has none."""
        return self._status_code

    @status_code.setter
    def status_code(self, code: int) -> None:
        self.status = code

    @property
    def status(self) -> str:
        """Code and reason; a code alone may be assigned."""
        return self._status

    @status.setter
    def status(self, value: str | int | HTTPStatus) -> None:
        self._status, self._status_code = _clean_status(value)

    def set_cookie(  # noqa: PLR0917 - the documented signature
        self,
        key: str,
        value: str = "",
        max_age: timedelta | int | None = None,
        expires: str | datetime | int | float | None = None,
        path: str | None = "/",
        domain: str | None = None,
        secure: bool = False,
        httponly: bool = False,
        samesite: str | None = None,
        partitioned: bool = False,
    ) -> None:
        """Add a cookie.

        It is the browser's until its end, if neither ``max_age`` nor ``expires`` is given.

        :param max_age: seconds that it lives.
        :param expires: when it ends.
        :param path: where it is sent to, with what is below.
        :param domain: the host it is for, with those below; None for this one alone.
        :param secure: only over HTTPS.
        :param httponly: out of the reach of scripts.
        :param samesite: "Strict", "Lax" or "None".
        :param partitioned: kept for each top-level site apart; needs ``secure``.
        """
        self.headers.add(
            "Set-Cookie",
            dump_cookie(
                key,
                value=value,
                max_age=max_age,
                expires=expires,
                path=path,
                domain=domain,
                secure=secure,
                httponly=httponly,
                max_size=self.max_cookie_size,
                samesite=samesite,
                partitioned=partitioned,
            ),
        )

    def delete_cookie(  # noqa: PLR0917 - the documented signature
        self,
        key: str,
        path: str | None = "/",
        domain: str | None = None,
        secure: bool = False,
        httponly: bool = False,
        samesite: str | None = None,
        partitioned: bool = False,
    ) -> None:
        """Have the browser forget a cookie; path and domain have to be those it was set with."""
        self.set_cookie(
            key,
            expires=0,
            max_age=0,
            path=path,
            domain=domain,
            secure=secure,
            httponly=httponly,
            samesite=samesite,
            partitioned=partitioned,
        )

    @property
    def is_json(self) -> bool:
        """Whether the content type is JSON: application/json or application/*+json."""
        mimetype = self.mimetype
        return mimetype is not None and (
            mimetype == "application/json"
            or (mimetype.startswith("application/") and mimetype.endswith("+json"))
        )

    @property
    def mimetype(self) -> str | None:
        """The content type without parameters; one of text gets a charset when assigned."""
        content_type = self.headers.get("Content-Type")
        return content_type.partition(";")[0].strip() if content_type else None

    @mimetype.setter
    def mimetype(self, value: str) -> None:
        self.headers["Content-Type"] = get_content_type(value, "utf-8")

    @property
    def mimetype_params(self) -> dict[str, str]:
        """The parameters of the content type; changing the dict changes the header."""

        def on_update(params: CallbackDict[str, str]) -> None:
            self.headers["Content-Type"] = dump_options_header(self.mimetype, params)

        params = parse_options_header(self.headers.get("Content-Type", ""))[1]
        return CallbackDict(params, on_update)

    location = header_property[str | None]("Location", doc="Where the client should go instead.")
    age = header_property[timedelta | None](
        "Age", None, parse_age, dump_age, doc="How long ago the origin server made the content."
    )
    content_type = header_property[str | None](
        "Content-Type", doc="The type of the content, with its parameters."
    )
    content_length = header_property[int | None](
        "Content-Length", None, int, str, doc="The length of the content in octets."
    )
    content_location = header_property[str | None](
        "Content-Location", doc="The URL of just this form of the content."
    )
    content_encoding = header_property[str | None](
        "Content-Encoding", doc="How the content is coded, such as gzip."
    )
    content_md5 = header_property[str | None](
        "Content-MD5", doc="The MD5 digest of the content (RFC 1864)."
    )
    date = header_property[datetime | None](
        "Date", None, parse_date, http_date, doc="When the message was made, with a time zone."
    )
    expires = header_property[datetime | None](
        "Expires",
        None,
        parse_date,
        http_date,
        doc="From when on the content is stale, with a time zone.",
    )
    last_modified = header_property[datetime | None](
        "Last-Modified",
        None,
        parse_date,
        http_date,
        doc="When the content was last changed, with a time zone.",
    )

    @property
    def retry_after(self) -> datetime | None:
        """When to try again; a number assigned is seconds from now, and so is one received."""
        value = self.headers.get("Retry-After")
        if value is None:
            return None
        try:
            seconds = int(value)
        except ValueError:
            return parse_date(value)
        try:
            return datetime.now(UTC) + timedelta(seconds=seconds)
        except OverflowError:
            return None

    @retry_after.setter
    def retry_after(self, value: datetime | int | str | None) -> None:
        if value is None:
            self.headers.pop("Retry-After", None)
        else:
            text = http_date(value) if isinstance(value, datetime) else str(value)
            self.headers["Retry-After"] = text

    vary = _set_property("Vary", "The request's fields that the choice of content rests on.")
    content_language = _set_property("Content-Language", "The languages the content is for.")
    allow = _set_property("Allow", "The methods that the resource takes.")

    @property
    def cache_control(self) -> ResponseCacheControl:
        """How the response may be cached; changing it changes the header."""

        def on_update(cache_control: Any) -> None:
            if cache_control:
                self.headers["Cache-Control"] = cache_control.to_header()
            else:
                self.headers.pop("Cache-Control", None)

        return parse_cache_control_header(
            self.headers.get("Cache-Control"), on_update, ResponseCacheControl
        )

    def set_etag(self, etag: str, weak: bool = False) -> None:
        """Set the entity tag.

        :param weak: the tag means the same content, not the same octets.
        :raises ValueError: there is a quotation mark in it.
        """
        self.headers["ETag"] = quote_etag(etag, weak)

    def get_etag(self) -> tuple[str, bool] | tuple[None, None]:
        """Return the entity tag and whether it is weak; ``(None, None)`` if there is none."""
        return unquote_etag(self.headers.get("ETag"))

    accept_ranges = header_property[str | None](
        "Accept-Ranges", doc="The unit of ranges that may be asked for: bytes or none."
    )

    @property
    def content_range(self) -> ContentRange:
        """Which part of the whole this is; changing it changes the header."""

        def on_update(range: ContentRange) -> None:
            if range:
                self.headers["Content-Range"] = range.to_header()
            else:
                self.headers.pop("Content-Range", None)

        found = parse_content_range_header(self.headers.get("Content-Range"), on_update)
        # There is always one, so that it can be set().
        return ContentRange(None, None, None, on_update=on_update) if found is None else found

    @content_range.setter
    def content_range(self, value: ContentRange | str | None) -> None:
        if not value:
            self.headers.pop("Content-Range", None)
        else:
            text = value if isinstance(value, str) else value.to_header()
            self.headers["Content-Range"] = text

    @property
    def www_authenticate(self) -> WWWAuthenticate:
        """The challenge; the first one, if there are several.

        Changing it changes the header. A list assigned sets several fields, None or ``del``
        removes them.
        """
        challenge = WWWAuthenticate.from_header(self.headers.get("WWW-Authenticate"))
        if challenge is None:
            challenge = WWWAuthenticate("basic")
        challenge._on_update = self._write_challenge
        return challenge

    @www_authenticate.setter
    def www_authenticate(self, value: WWWAuthenticate | list[WWWAuthenticate] | None) -> None:
        if not value:
            del self.www_authenticate
        elif isinstance(value, list):
            self.headers.setlist("WWW-Authenticate", [each.to_header() for each in value])
        else:
            self._write_challenge(value)
            value._on_update = self._write_challenge

    @www_authenticate.deleter
    def www_authenticate(self) -> None:
        self.headers.pop("WWW-Authenticate", None)

    def _write_challenge(self, challenge: WWWAuthenticate) -> None:
        self.headers["WWW-Authenticate"] = challenge.to_header()

    content_security_policy = _policy_property(
        "Content-Security-Policy", "What the page may load and do; changing it changes the header."
    )
    content_security_policy_report_only = _policy_property(
        "Content-Security-policy-report-only",  # the spelling that the tests of others know
        "A policy whose violations are reported, not stopped; changing it changes the header.",
    )

    @property
    def access_control_allow_credentials(self) -> bool:
        """Whether scripts of other sites may make requests with credentials."""
        return "Access-Control-Allow-Credentials" in self.headers

    @access_control_allow_credentials.setter
    def access_control_allow_credentials(self, value: bool | None) -> None:
        # The one value there is (Fetch standard, "CORS protocol"): no is to say nothing.
        if value is True:
            self.headers["Access-Control-Allow-Credentials"] = "true"
        else:
            self.headers.pop("Access-Control-Allow-Credentials", None)

    access_control_allow_headers = header_property[HeaderSet | None](
        "Access-Control-Allow-Headers",
        load_func=parse_set_header,
        dump_func=dump_header,
        doc="The header fields that requests of other sites may have.",
    )
    access_control_allow_methods = header_property[HeaderSet | None](
        "Access-Control-Allow-Methods",
        load_func=parse_set_header,
        dump_func=dump_header,
        doc="The methods that requests of other sites may have.",
    )
    access_control_allow_origin = header_property[str | None](
        "Access-Control-Allow-Origin", doc='The site that may make requests, or "*" for any.'
    )
    access_control_expose_headers = header_property[HeaderSet | None](
        "Access-Control-Expose-Headers",
        load_func=parse_set_header,
        dump_func=dump_header,
        doc="The header fields that scripts of other sites may read.",
    )
    access_control_max_age = header_property[int | None](
        "Access-Control-Max-Age",
        load_func=int,
        dump_func=str,
        doc="For how many seconds the answer to a preflight may be kept.",
    )
    cross_origin_opener_policy = header_property[COOP](
        "Cross-Origin-Opener-Policy",
        COOP.UNSAFE_NONE,
        COOP,
        lambda policy: policy.value,
        doc="Whether the page shares its browsing context group with pages of other sites.",
    )
    cross_origin_embedder_policy = header_property[COEP](
        "Cross-Origin-Embedder-Policy",
        COEP.UNSAFE_NONE,
        COEP,
        lambda policy: policy.value,
        doc="Whether the page loads only what its own site permits it explicitly.",
    )
