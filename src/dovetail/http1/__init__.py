"""The sans-IO HTTP/1.1 engine: octets in, events out; a response in, octets out."""

from dovetail.http1.errors import (
    BadRequest,
    ContentTooLarge,
    ExpectationFailed,
    FieldsTooLarge,
    MethodNotImplemented,
    ProtocolError,
    RequestTimeout,
    ResponseError,
    UriTooLong,
    VersionNotSupported,
)
from dovetail.http1.events import Data, EndOfMessage, Event, Request, Signal, TargetForm
from dovetail.http1.limits import Limits
from dovetail.http1.reader import RequestReader
from dovetail.http1.writer import (
    CONTINUE,
    ResponseWriter,
    dump_interim,
    dump_refusal,
    dump_request_head,
    dump_response_head,
)

__all__ = [
    "CONTINUE",
    "BadRequest",
    "ContentTooLarge",
    "Data",
    "EndOfMessage",
    "Event",
    "ExpectationFailed",
    "FieldsTooLarge",
    "Limits",
    "MethodNotImplemented",
    "ProtocolError",
    "Request",
    "RequestReader",
    "RequestTimeout",
    "ResponseError",
    "ResponseWriter",
    "Signal",
    "TargetForm",
    "UriTooLong",
    "VersionNotSupported",
    "dump_interim",
    "dump_refusal",
    "dump_request_head",
    "dump_response_head",
]
