"""The requests that are measured, and what the answer to each must be."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any, NamedTuple

from bench.toolkit.messages import environ_of

__all__ = ["CASES", "Answer", "Case", "ask"]

Environ = dict[str, Any]
Application = Callable[..., Any]


class Answer(NamedTuple):
    """What an application answered."""

    status: int
    headers: dict[str, str]
    body: bytes


class Case(NamedTuple):
    """One kind of request.

    :ivar name: what it is called in the table; the builders are named after ``key``.
    :ivar fields: what the environ has besides a browser's usual fields.
    :ivar is_right: tells whether an answer is the one that all frameworks must give.
    """

    key: str
    name: str
    fields: Environ
    is_right: Callable[[Answer], bool]
    body: bytes = b""

    def request(self, app: Application) -> Callable[[], Environ]:
        """Return a function that makes the environ of one request.

        A cookie that the application gives on a first request comes back with it.
        """
        environ = environ_of(**self.fields, CONTENT_LENGTH=str(len(self.body)))
        environ |= {
            "HTTP_COOKIE": "theme=dark; lang=en",
            "wsgi.version": (1, 0),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }
        body = self.body

        def make() -> Environ:
            return {**environ, "wsgi.input": io.BytesIO(body)}

        cookie = ask(app, make()).headers.get("set-cookie")
        if cookie is not None:
            environ["HTTP_COOKIE"] = cookie.partition(";")[0]
        return make


def ask(app: Application, environ: Environ) -> Answer:
    """Call an application once, and return what it answers."""
    started: list[Any] = []
    result = app(environ, lambda *given: started.append(given))
    body = b"".join(result)
    getattr(result, "close", lambda: None)()
    status, headers, *_ = started[0]
    return Answer(
        int(status.partition(" ")[0]), {name.lower(): value for name, value in headers}, body
    )


def _is_text(text: str, status: int = 200) -> Callable[[Answer], bool]:
    return lambda answer: (answer.status, answer.body.decode()) == (status, text)


ORDER = {"customer": "Ada", "lines": [{"article": n, "count": n % 3 + 1} for n in range(2)]}
RECEIPT = {"customer": "Ada", "count": 3, "lines": ORDER["lines"]}
ROWS = "".join(f"<tr><td>{n}<td>row &lt;{n}&gt;\n" for n in range(10))

CASES = [
    Case(
        "hello",
        "hello, a string",
        {"PATH_INFO": "/"},
        lambda answer: (
            _is_text("Hello, world!")(answer)
            and answer.headers["content-type"].lower() == "text/html; charset=utf-8"
            and answer.headers["content-length"] == "13"
        ),
    ),
    Case(
        "json",
        "JSON in and out",
        {"PATH_INFO": "/orders", "REQUEST_METHOD": "POST", "CONTENT_TYPE": "application/json"},
        lambda answer: (
            answer.status == 200
            and answer.headers["content-type"] == "application/json"
            and json.loads(answer.body) == RECEIPT
        ),
        json.dumps(ORDER).encode(),
    ),
    Case(
        "rules",
        "two converters among 300 rules",
        {"PATH_INFO": "/part150/42/blue"},
        _is_text("150 43 blue"),
    ),
    Case(
        "session",
        "session, read and written",
        {"PATH_INFO": "/count"},
        # The second request brings the cookie of the first.
        lambda answer: answer.body == b"2" and "set-cookie" in answer.headers,
    ),
    Case(
        "template",
        "template with ten rows",
        {"PATH_INFO": "/table"},
        _is_text(f"<!doctype html>\n<title>Rows &amp; more</title>\n<table>\n{ROWS}</table>"),
    ),
    Case(
        "hooks",
        "blueprint with before and after",
        {"PATH_INFO": "/shop/"},
        lambda answer: _is_text("for 7")(answer) and answer.headers["x-shop"] == "open",
    ),
    Case(
        "missing",
        "error 404 with a handler",
        {"PATH_INFO": "/no/such/page"},
        _is_text("nothing at /no/such/page", 404),
    ),
]
