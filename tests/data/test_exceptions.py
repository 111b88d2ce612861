from __future__ import annotations

import copy
import pickle
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from markupsafe import Markup

from dovetail.data import exceptions
from dovetail.data.auth import WWWAuthenticate
from dovetail.data.exceptions import (
    Aborter,
    BadGateway,
    BadHost,
    BadRequest,
    BadRequestKeyError,
    ClientDisconnected,
    Conflict,
    ExpectationFailed,
    FailedDependency,
    Forbidden,
    GatewayTimeout,
    Gone,
    HTTPException,
    HTTPVersionNotSupported,
    ImATeapot,
    InternalServerError,
    LengthRequired,
    Locked,
    MethodNotAllowed,
    MisdirectedRequest,
    NotAcceptable,
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
    RequestedRangeNotSatisfiable,
    RequestEntityTooLarge,
    RequestHeaderFieldsTooLarge,
    RequestTimeout,
    RequestURITooLarge,
    SecurityError,
    ServiceUnavailable,
    TooManyRequests,
    Unauthorized,
    UnavailableForLegalReasons,
    UnprocessableEntity,
    UnsupportedMediaType,
    abort,
    default_exceptions,
    redirect_page,
    set_renderer,
)

HTML = ("Content-Type", "text/html; charset=utf-8")

CODES: dict[type[HTTPException], int] = {
    BadRequest: 400,
    Unauthorized: 401,
    Forbidden: 403,
    NotFound: 404,
    MethodNotAllowed: 405,
    NotAcceptable: 406,
    RequestTimeout: 408,
    Conflict: 409,
    Gone: 410,
    LengthRequired: 411,
    PreconditionFailed: 412,
    RequestEntityTooLarge: 413,
    RequestURITooLarge: 414,
    UnsupportedMediaType: 415,
    RequestedRangeNotSatisfiable: 416,
    ExpectationFailed: 417,
    ImATeapot: 418,
    MisdirectedRequest: 421,
    UnprocessableEntity: 422,
    Locked: 423,
    FailedDependency: 424,
    PreconditionRequired: 428,
    TooManyRequests: 429,
    RequestHeaderFieldsTooLarge: 431,
    UnavailableForLegalReasons: 451,
    InternalServerError: 500,
    exceptions.NotImplemented: 501,
    BadGateway: 502,
    ServiceUnavailable: 503,
    GatewayTimeout: 504,
    HTTPVersionNotSupported: 505,
}


def test_default_exceptions() -> None:
    assert default_exceptions == {code: kind for kind, code in CODES.items()}


@pytest.mark.parametrize("kind", CODES)
def test_every_kind(kind: type[HTTPException]) -> None:
    error = kind()
    assert error.code == CODES[kind]
    assert error.description
    assert error.description[0].isupper()
    assert error.description[-1] == "."
    assert str(error) == f"{error.code} {error.name}: {error.description}"
    assert repr(error) == f"<{kind.__name__} '{error.code}: {error.name}'>"
    assert error.response is None
    assert error.get_headers() == [HTML]
    assert kind(description="mine").description == "mine"


@pytest.mark.parametrize("kind", [ClientDisconnected, SecurityError, BadHost, BadRequestKeyError])
def test_kinds_of_bad_requests(kind: type[BadRequest]) -> None:
    assert issubclass(kind, BadRequest)
    assert kind().code == 400
    assert default_exceptions[400] is BadRequest


def test_no_code() -> None:
    error = HTTPException("what")
    assert (error.code, error.name, error.args) == (None, "Unknown Error", ())
    assert str(error) == "??? Unknown Error: what"
    assert repr(error) == "<HTTPException '???: Unknown Error'>"
    assert "<title>Unknown Error</title>" in error.get_body()
    assert HTTPException().get_description() == "<p></p>"


def test_a_kind_of_ones_own() -> None:
    class Calm(HTTPException):
        code = 420
        description = "Calm down."

    assert str(Calm()) == "420 Unknown Error: Calm down."
    assert 420 not in default_exceptions


def test_name_follows_the_code() -> None:
    error = NotFound()
    error.code = 410
    assert error.name == "Gone"


def test_get_description() -> None:
    assert NotFound("a<b>\n&").get_description() == "<p>a&lt;b&gt;<br>&amp;</p>"
    assert NotFound(Markup("<b>x</b>\n")).get_description() == "<p><b>x</b><br></p>"
    assert NotFound("").get_description() == "<p></p>"
    assert type(NotFound(Markup("x")).get_description()) is str


def test_get_body() -> None:
    assert NotFound("a<b>").get_body() == (
        "<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n"
        "<h1>Not Found</h1>\n<p>a&lt;b&gt;</p>\n"
    )
    assert "<h1>I&#39;m a teapot</h1>" in ImATeapot().get_body()


def test_get_headers_are_new_each_time() -> None:
    error = NotFound()
    error.get_headers().append(("a", "b"))
    assert error.get_headers({}, None) == [HTML]


@pytest.mark.parametrize(
    "error",
    [NotFound("why"), BadRequestKeyError("key"), MethodNotAllowed(["GET"]), TooManyRequests()],
)
def test_copies(error: HTTPException) -> None:
    for other in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert type(other) is type(error)
        assert (str(other), other.args, vars(other)) == (str(error), error.args, vars(error))


def test_key_errors() -> None:
    error = BadRequestKeyError("name")
    assert isinstance(error, KeyError)
    assert error.args == ("name",)
    assert error.show_exception is False
    assert error.description == BadRequest.description
    error.show_exception = True
    assert error.description == f"{BadRequest.description}\nKeyError: 'name'"
    assert error.get_description().endswith("<br>KeyError: &#39;name&#39;</p>")
    error.description = "mine"
    assert str(error) == "400 Bad Request: mine\nKeyError: 'name'"


def test_key_errors_take_the_arguments_of_a_bad_request() -> None:
    error = BadRequestKeyError("name", "mine", "response")
    assert (error.args, error.description, error.response) == (("name",), "mine", "response")
    assert BadRequestKeyError().args == ()
    assert BadRequestKeyError(None, description="mine").description == "mine"


def test_method_not_allowed() -> None:
    error = MethodNotAllowed(["GET", "HEAD"], "no")
    assert error.valid_methods == ["GET", "HEAD"]
    assert error.description == "no"
    assert error.get_headers() == [HTML, ("Allow", "GET, HEAD")]
    assert MethodNotAllowed([]).get_headers() == [HTML]


def test_range_not_satisfiable() -> None:
    error = RequestedRangeNotSatisfiable(0)
    assert (error.length, error.units) == (0, "bytes")
    assert error.get_headers() == [HTML, ("Content-Range", "bytes */0")]
    other = RequestedRangeNotSatisfiable(5, "items", "no")
    assert other.get_headers()[1] == ("Content-Range", "items */5")


@pytest.mark.parametrize("kind", [TooManyRequests, ServiceUnavailable])
def test_retry_after(kind: Any) -> None:
    assert kind(retry_after=5).retry_after == 5
    assert kind(retry_after=5).get_headers() == [HTML, ("Retry-After", "5")]
    moment = datetime(2024, 2, 3, 4, 5, 6)
    date = ("Retry-After", "Sat, 03 Feb 2024 04:05:06 GMT")
    assert kind(retry_after=moment).get_headers()[1] == date
    assert kind(retry_after=moment.replace(tzinfo=UTC)).get_headers()[1] == date
    assert kind().get_headers() == [HTML]


def test_unauthorized() -> None:
    basic, digest = WWWAuthenticate("basic", {"realm": "x"}), WWWAuthenticate("digest")
    one = Unauthorized("no", None, basic)
    assert one.www_authenticate == (basic,)
    assert one.get_headers() == [HTML, ("WWW-Authenticate", "Basic realm=x")]
    two = Unauthorized(www_authenticate=[basic, digest])
    assert two.get_headers()[1:] == [
        ("WWW-Authenticate", "Basic realm=x"),
        ("WWW-Authenticate", "Digest"),
    ]


def test_original_exception() -> None:
    cause = ValueError("x")
    assert InternalServerError(original_exception=cause).original_exception is cause
    assert InternalServerError().original_exception is None


def test_a_response_of_ones_own() -> None:
    def response(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [environ["PATH_INFO"].encode()]

    error = NotFound(response=response)
    assert error.get_response() is response
    assert error.get_response({}) is response
    assert error({"PATH_INFO": "/x"}, lambda *_: None) == [b"/x"]  # type: ignore[arg-type]


def test_the_renderer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exceptions, "_renderer", exceptions._no_renderer)
    error = NotFound()
    with pytest.raises(RuntimeError, match=re.escape("dovetail.toolkit")):
        error.get_response({})
    set_renderer(lambda *arguments: arguments)
    assert error.get_response({"a": "b"}, {"c": "d"}) == (error, {"a": "b"}, {"c": "d"})


class Response:
    status_code = 200


def test_abort() -> None:
    with pytest.raises(NotFound, match="gone fishing"):
        abort(404, "gone fishing")
    with pytest.raises(MethodNotAllowed) as caught:
        abort(405, ["GET"], description="x")
    assert caught.value.valid_methods == ["GET"]
    response = Response()
    with pytest.raises(HTTPException) as raised:
        abort(response)
    assert raised.value.response is response


@pytest.mark.parametrize("code", [200, 999, "404", None, Response])
def test_abort_with_no_such_code(code: Any) -> None:
    with pytest.raises(LookupError):
        abort(code)


def test_aborter() -> None:
    assert Aborter().mapping == default_exceptions
    assert Aborter().mapping is not default_exceptions
    own = Aborter({1: Gone}, {2: Conflict})
    assert own.mapping == {1: Gone, 2: Conflict}
    with pytest.raises(Conflict):
        own(2)
    with pytest.raises(LookupError):
        own(404)
    with pytest.raises(Locked):
        Aborter(extra={404: Locked})(404)
    assert default_exceptions[404] is NotFound


def test_redirect_page() -> None:
    page = redirect_page('/a"<b>&c')
    assert page.startswith("<!doctype html>\n<html lang=en>\n<title>Redirecting...</title>\n")
    assert '<a href="/a&#34;&lt;b&gt;&amp;c">/a&#34;&lt;b&gt;&amp;c</a>' in page
