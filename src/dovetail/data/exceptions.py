"""HTTP errors as exceptions that carry their answer: status code, description and header fields.

They are plain data: this module knows nothing of response objects. The response layer hands in a
renderer with :func:`set_renderer`, and from then on every exception is a WSGI application.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NoReturn
from wsgiref.types import StartResponse, WSGIEnvironment

from markupsafe import escape

from dovetail.data.dates import http_date
from dovetail.data.statuses import HTTP_STATUS_CODES

__all__ = [
    "Aborter",
    "BadGateway",
    "BadHost",
    "BadRequest",
    "BadRequestKeyError",
    "ClientDisconnected",
    "Conflict",
    "ExpectationFailed",
    "FailedDependency",
    "Forbidden",
    "GatewayTimeout",
    "Gone",
    "HTTPException",
    "HTTPVersionNotSupported",
    "ImATeapot",
    "InternalServerError",
    "LengthRequired",
    "Locked",
    "MethodNotAllowed",
    "MisdirectedRequest",
    "NotAcceptable",
    "NotFound",
    "NotImplemented",
    "PreconditionFailed",
    "PreconditionRequired",
    "RequestEntityTooLarge",
    "RequestHeaderFieldsTooLarge",
    "RequestTimeout",
    "RequestURITooLarge",
    "RequestedRangeNotSatisfiable",
    "SecurityError",
    "ServiceUnavailable",
    "TooManyRequests",
    "Unauthorized",
    "UnavailableForLegalReasons",
    "UnprocessableEntity",
    "UnsupportedMediaType",
    "abort",
    "default_exceptions",
    "redirect_page",
    "set_renderer",
]

Renderer = Callable[["HTTPException", Any, "dict[str, Any] | None"], Any]


def _no_renderer(error: HTTPException, *_: object) -> NoReturn:
    raise RuntimeError(
        f"{type(error).__name__} cannot make a response before dovetail.toolkit is imported"
    )


_renderer: Renderer = _no_renderer


def set_renderer(renderer: Renderer) -> None:
    """Have ``renderer`` make the responses of all exceptions.

    :param renderer: is called with the exception, the WSGI environment or request (or None) and
        the ASGI scope (or None), and returns a response.
    """
    global _renderer  # noqa: PLW0603 - the one hook through which the layer above is reached
    _renderer = renderer


class HTTPException(Exception):
    """An error that is an answer; a subclass sets ``code`` and ``description``.

    :param description: text for people, in place of the class's own; it is escaped in HTML
        unless it is :class:`~markupsafe.Markup`.
    :param response: the complete response to send in place of a generated one.
    """

    code: int | None = None
    description: str | None = None

    def __init__(self, description: str | None = None, response: Any = None) -> None:
        super().__init__()
        if description is not None:
            self.description = description
        self.response = response

    @property
    def name(self) -> str:
        """The reason phrase of the code."""
        return HTTP_STATUS_CODES.get(self.code, "Unknown Error")  # type: ignore[arg-type]

    # The arguments are for subclasses that answer by the request.
    def get_description(
        self,
        environ: WSGIEnvironment | None = None,  # noqa: ARG002
        scope: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> str:
        """Return the description as a paragraph of HTML."""
        description = self.description
        if description is None:
            return "<p></p>"
        # str.replace: Markup's own would build and escape three more Markups.
        return f"<p>{str.replace(escape(description), chr(10), '<br>')}</p>"

    def get_body(
        self, environ: WSGIEnvironment | None = None, scope: dict[str, Any] | None = None
    ) -> str:
        """Return the page of HTML that tells of the error."""
        name = escape(self.name)
        title = name if self.code is None else f"{self.code} {name}"
        return _page(title, name, self.get_description(environ, scope))

    # The arguments are for subclasses that answer by the request.
    def get_headers(
        self,
        environ: WSGIEnvironment | None = None,  # noqa: ARG002
        scope: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> list[tuple[str, str]]:
        """Return the header fields of the response."""
        return [("Content-Type", "text/html; charset=utf-8")]

    def get_response(self, environ: Any = None, scope: dict[str, Any] | None = None) -> Any:
        """Return the response: the one that was given, or a new one.

        :param environ: the WSGI environment, or a request.
        :raises RuntimeError: no response layer is loaded.
        """
        if self.response is not None:
            return self.response
        return _renderer(self, environ, scope)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as a WSGI application."""
        answer: Iterable[bytes] = self.get_response(environ)(environ, start_response)
        return answer

    def __str__(self) -> str:
        code = "???" if self.code is None else self.code
        return f"{code} {self.name}: {self.description}"

    def __repr__(self) -> str:
        code = "???" if self.code is None else self.code
        return f"<{type(self).__name__} '{code}: {self.name}'>"


def _page(title: str, heading: str, content: str) -> str:
    return (
        f"<!doctype html>\n<html lang=en>\n<title>{title}</title>\n<h1>{heading}</h1>\n{content}\n"
    )


def redirect_page(location: str) -> str:
    """Return the page of a redirect, for people whose browser does not follow it by itself.

    :param location: the target as it is to be read, an IRI or a path.
    """
    target = str.__str__(escape(location))  # PERF: a str goes into an f-string in half the time
    content = f'<p>This page is now at <a href="{target}">{target}</a>. Please follow the link.</p>'
    return _page("Redirecting...", "Redirecting...", content)


class BadRequest(HTTPException):
    """400: the request cannot be understood."""

    code = 400
    description = "The request that your browser or a proxy sent cannot be understood here."


class BadRequestKeyError(BadRequest, KeyError):
    """400: a key that the application asked for was not sent; a :exc:`KeyError` too.

    :param arg: the key.
    :param args: go to :class:`BadRequest`, and so do ``kwargs``.
    """

    _description: str | None = BadRequest.description
    #: Show the key in the description. Off, because answers should not tell about the code.
    show_exception = False

    def __init__(self, arg: object | None = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.args = () if arg is None else (arg,)

    @property  # type: ignore[override]
    def description(self) -> str | None:
        """The description, with the key if ``show_exception`` is set."""
        if self.show_exception:
            return f"{self._description}\nKeyError: {KeyError.__str__(self)}"
        return self._description

    @description.setter
    def description(self, value: str | None) -> None:
        self._description = value


class ClientDisconnected(BadRequest):
    """400: the client went away before its request was complete."""


class SecurityError(BadRequest):
    """400: the request breaks a rule of security."""


class BadHost(BadRequest):
    """400: the request's host is malformed or not a trusted one."""


class Unauthorized(HTTPException):
    """401: credentials are needed, or those sent are not good.

    :param www_authenticate: one challenge or several; each becomes a WWW-Authenticate field.
    """

    code = 401
    description = (
        "You have to log in to see this. Your user name or password may be wrong, or your browser"
        " cannot send them in the way that is asked for."
    )

    def __init__(
        self,
        description: str | None = None,
        response: Any = None,
        www_authenticate: Any = None,
    ) -> None:
        super().__init__(description, response)
        # A challenge has __getitem__ and is no Iterable, several of them are one.
        if www_authenticate is not None and not isinstance(www_authenticate, Iterable):
            www_authenticate = (www_authenticate,)
        self.www_authenticate = www_authenticate

    def get_headers(
        self, environ: WSGIEnvironment | None = None, scope: dict[str, Any] | None = None
    ) -> list[tuple[str, str]]:
        """Return the header fields, with WWW-Authenticate for each challenge."""
        headers = super().get_headers(environ, scope)
        headers.extend(("WWW-Authenticate", str(each)) for each in self.www_authenticate or ())
        return headers


class Forbidden(HTTPException):
    """403: the client may not do this."""

    code = 403
    description = "You may not see this page, or do what you asked for, with the rights you have."


class NotFound(HTTPException):
    """404: nothing is here."""

    code = 404
    description = (
        "There is nothing at this address. If you typed it, please check that it is spelled right."
    )


class MethodNotAllowed(HTTPException):
    """405: the resource is here, but not for this method.

    :param valid_methods: the methods it is here for, for the Allow field.
    """

    code = 405
    description = "This address cannot be used with the method of the request."

    def __init__(
        self,
        valid_methods: Iterable[str] | None = None,
        description: str | None = None,
        response: Any = None,
    ) -> None:
        super().__init__(description, response)
        self.valid_methods = valid_methods

    def get_headers(
        self, environ: WSGIEnvironment | None = None, scope: dict[str, Any] | None = None
    ) -> list[tuple[str, str]]:
        """Return the header fields, with Allow if the methods are known."""
        headers = super().get_headers(environ, scope)
        if self.valid_methods:
            headers.append(("Allow", ", ".join(self.valid_methods)))
        return headers


class NotAcceptable(HTTPException):
    """406: there is no form of the resource that the client accepts."""

    code = 406
    description = "This resource does not exist in any of the forms that your client accepts."


class RequestTimeout(HTTPException):
    """408: the request did not arrive in time."""

    code = 408
    description = "The request took too long to arrive, so the server closed the connection."


class Conflict(HTTPException):
    """409: the request does not fit the resource's state."""

    code = 409
    description = "The request conflicts with the present state of the resource."


class Gone(HTTPException):
    """410: it was here and will not come back."""

    code = 410
    description = "What was at this address is gone for good, and has no new address."


class LengthRequired(HTTPException):
    """411: the request needs a Content-Length."""

    code = 411
    description = "A request with this method has to say its length in Content-Length."


class PreconditionFailed(HTTPException):
    """412: a condition in the request's header is not true."""

    code = 412
    description = "A condition that the request set for its own execution is not met."


class RequestEntityTooLarge(HTTPException):
    """413: the body is larger than is accepted."""

    code = 413
    description = "The request carries more data than is accepted here."


class RequestURITooLarge(HTTPException):
    """414: the address is longer than is accepted."""

    code = 414
    description = "The address of the request is too long to be handled here."


class UnsupportedMediaType(HTTPException):
    """415: the body is of a type that is not understood."""

    code = 415
    description = "The request carries data of a type that is not understood here."


class RequestedRangeNotSatisfiable(HTTPException):
    """416: the range lies outside of the resource.

    :param length: how long the resource is, for the Content-Range field.
    :param units: of what.
    """

    code = 416
    description = "The part that was asked for lies outside of this resource."

    def __init__(
        self,
        length: int | None = None,
        units: str = "bytes",
        description: str | None = None,
        response: Any = None,
    ) -> None:
        super().__init__(description, response)
        self.length = length
        self.units = units

    def get_headers(
        self, environ: WSGIEnvironment | None = None, scope: dict[str, Any] | None = None
    ) -> list[tuple[str, str]]:
        """Return the header fields, with Content-Range (RFC 9110 14.4) if the length is known."""
        headers = super().get_headers(environ, scope)
        if self.length is not None:
            headers.append(("Content-Range", f"{self.units} */{self.length}"))
        return headers


class ExpectationFailed(HTTPException):
    """417: what the Expect field asks for cannot be done."""

    code = 417
    description = "The server cannot do what the request's Expect header asks of it."


class ImATeapot(HTTPException):
    """418: no coffee from this one (RFC 2324)."""

    code = 418
    description = "A teapot answers here, and it cannot brew coffee."


class MisdirectedRequest(HTTPException):
    """421: this server does not answer for that host."""

    code = 421
    description = "The request came to a server that cannot answer for its address."


class UnprocessableEntity(HTTPException):
    """422: the form is right, the meaning is not."""

    code = 422
    description = "The request is well-formed, but what it says cannot be followed."


class Locked(HTTPException):
    """423: the resource is locked (RFC 4918)."""

    code = 423
    description = "This resource is locked at the moment."


class FailedDependency(HTTPException):
    """424: another action had to succeed first (RFC 4918)."""

    code = 424
    description = "This could not be done because another action, which it rests on, failed."


class PreconditionRequired(HTTPException):
    """428: the request has to be conditional (RFC 6585)."""

    code = 428
    description = 'The request has to name the version it means, for example with "If-Match".'


class _RetryAfter(HTTPException):
    """An error that passes: the client is told when to come back.

    :param retry_after: seconds from now, or a time (UTC if it has no zone).
    """

    def __init__(
        self,
        description: str | None = None,
        response: Any = None,
        retry_after: datetime | int | None = None,
    ) -> None:
        super().__init__(description, response)
        self.retry_after = retry_after

    def get_headers(
        self, environ: WSGIEnvironment | None = None, scope: dict[str, Any] | None = None
    ) -> list[tuple[str, str]]:
        """Return the header fields, with Retry-After (RFC 9110 10.2.3) if that is known."""
        headers = super().get_headers(environ, scope)
        if self.retry_after:
            after = self.retry_after
            value = http_date(after) if isinstance(after, datetime) else str(after)
            headers.append(("Retry-After", value))
        return headers


class TooManyRequests(_RetryAfter):
    """429: the client asks too often (RFC 6585).

    :param retry_after: seconds from now, or a time (UTC if it has no zone).
    """

    code = 429
    description = "You have sent too many requests in a short time. Please wait a little."


class RequestHeaderFieldsTooLarge(HTTPException):
    """431: header fields are larger than is accepted (RFC 6585)."""

    code = 431
    description = "The request's header fields are larger than is accepted here."


class UnavailableForLegalReasons(HTTPException):
    """451: the law does not allow to show this (RFC 7725)."""

    code = 451
    description = "This may not be shown, for legal reasons."


class InternalServerError(HTTPException):
    """500: an error in the application or the server.

    :param original_exception: the error that led here and was not handled.
    """

    code = 500
    description = (
        "Something went wrong here and the request could not be completed. It is not your fault."
    )

    def __init__(
        self,
        description: str | None = None,
        response: Any = None,
        original_exception: BaseException | None = None,
    ) -> None:
        self.original_exception = original_exception
        super().__init__(description, response)


class NotImplemented(HTTPException):
    """501: no resource here knows this method."""

    code = 501
    description = "The server does not know how to do what the request asks for."


class BadGateway(HTTPException):
    """502: the server behind this one gave no good answer."""

    code = 502
    description = "The server behind this one gave no answer that can be used."


class ServiceUnavailable(_RetryAfter):
    """503: not now.

    :param retry_after: seconds from now, or a time (UTC if it has no zone).
    """

    code = 503
    description = "The server is too busy or under repair at the moment. Please try again later."


class GatewayTimeout(HTTPException):
    """504: the server behind this one did not answer in time."""

    code = 504
    description = "The server behind this one took too long to answer."


class HTTPVersionNotSupported(HTTPException):
    """505: this version of HTTP is not spoken here."""

    code = 505
    description = "The server does not speak the version of HTTP that the request was made in."


#: Status code -> exception, for each code above.
default_exceptions: dict[int, type[HTTPException]] = {
    kind.code: kind
    for kind in (*HTTPException.__subclasses__(), *_RetryAfter.__subclasses__())
    if kind.code is not None
}


class Aborter:
    """Raises the exception of a status code; an application may have its own.

    :param mapping: status code -> exception, in place of :data:`default_exceptions`.
    :param extra: more of them, which win over ``mapping``.
    """

    def __init__(
        self,
        mapping: dict[int, type[HTTPException]] | None = None,
        extra: dict[int, type[HTTPException]] | None = None,
    ) -> None:
        self.mapping = dict(default_exceptions if mapping is None else mapping)
        if extra is not None:
            self.mapping.update(extra)

    def __call__(self, code: Any, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise the exception of ``code``, made with the other arguments.

        :param code: a status code, or a response, which is raised in an :exc:`HTTPException`.
        :raises LookupError: there is no exception for the code.
        """
        if _is_response(code):
            raise HTTPException(response=code)
        if code not in self.mapping:
            raise LookupError(f"no exception for {code!r}")
        raise self.mapping[code](*args, **kwargs)


def _is_response(value: object) -> bool:
    # By what it has, because the classes of responses live in a layer above.
    return not isinstance(value, int | type) and hasattr(value, "status_code")


_aborter = Aborter()


def abort(status: Any, *args: Any, **kwargs: Any) -> NoReturn:
    """Raise the :exc:`HTTPException` of a status code, or one that carries a response.

    ``abort(404)`` raises :exc:`NotFound`, ``abort(Response("no"))`` ends the request with that
    response. Other arguments go to the exception.

    :raises LookupError: there is no exception for the code.
    """
    _aborter(status, *args, **kwargs)
