"""One tree of errors: whatever a client sends parses, or raises a :class:`ProtocolError`."""

from __future__ import annotations

__all__ = [
    "BadRequest",
    "ContentTooLarge",
    "ExpectationFailed",
    "FieldsTooLarge",
    "MethodNotImplemented",
    "ProtocolError",
    "RequestTimeout",
    "ResponseError",
    "UriTooLong",
    "VersionNotSupported",
]


class ProtocolError(Exception):
    """The client broke the protocol or went over a limit.

    ``status`` and ``reason`` make the status line of the answer; the message says what was wrong,
    for the log and for the body of the answer. It never quotes bytes from the client.
    """

    status = 400
    reason = "Bad Request"


class BadRequest(ProtocolError):
    """The message does not follow the grammar or the framing rules (RFC 9110 section 15.5.1)."""


class RequestTimeout(ProtocolError):
    """The client took too long to send its request (RFC 9110 section 15.5.9)."""

    status = 408
    reason = "Request Timeout"


class ContentTooLarge(ProtocolError):
    """The content is over the limit (RFC 9110 section 15.5.14)."""

    status = 413
    reason = "Content Too Large"


class UriTooLong(ProtocolError):
    """The request line is over the limit (RFC 9110 section 15.5.15)."""

    status = 414
    reason = "URI Too Long"


class ExpectationFailed(ProtocolError):
    """An expectation other than 100-continue (RFC 9110 section 10.1.1)."""

    status = 417
    reason = "Expectation Failed"


class FieldsTooLarge(ProtocolError):
    """The header fields are over a limit (RFC 6585 section 5)."""

    status = 431
    reason = "Request Header Fields Too Large"


class MethodNotImplemented(ProtocolError):
    """A transfer coding or a method this server does not implement (RFC 9112 section 6.1)."""

    status = 501
    reason = "Not Implemented"


class VersionNotSupported(ProtocolError):
    """A major version of HTTP other than 1 (RFC 9110 section 15.6.6)."""

    status = 505
    reason = "HTTP Version Not Supported"


class ResponseError(Exception):
    """The application asked for a response that HTTP/1.1 cannot carry; the message says why."""
