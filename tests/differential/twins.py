"""The same application twice, on Flask and on ours, asked the same.

::

    def build(flask, seen):
        app = flask.Flask("twins")

        @app.before_request
        def first():
            seen.append("before")

        @app.route("/")
        def index():
            return flask.jsonify(a=1)

        return app


    def test_index():
        twins = Twins(build)
        answer = twins.get("/", headers={"X-A": "1"})  # fails if the two answer differently
        assert answer.status == "200 OK"  # and what it must be at all
        twins.same(lambda app, flask: sorted(app.view_functions))
"""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import flask as stock
import itsdangerous
import werkzeug as stock_werkzeug
from tests.differential.outcome import outcome

from dovetail.compat import INTERFACES, make_facade

__all__ = ["BOTH", "OURS", "THEIRS", "Answer", "Kit", "Twins", "same"]

Build = Callable[..., Any]

# How the page that tells of an error or a redirect begins.
_PAGE = b"<!doctype html>\n<html lang=en>\n<title>"


@dataclass(frozen=True)
class Kit:
    """Flask and Werkzeug, or what stands for them."""

    name: str
    flask: Any
    werkzeug: Any


THEIRS = Kit("theirs", stock, stock_werkzeug)
#: Packages with the same names, whose objects are ours; ``import flask`` is still Flask.
OURS = Kit("ours", make_facade(INTERFACES["flask"]), make_facade(INTERFACES["werkzeug"]))
BOTH = (THEIRS, OURS)


@dataclass(frozen=True)
class Answer:
    """What a request came to. Dates are left out, because they are the clock's, and the words of
    the pages that tell of errors, because they are each package's own.
    """

    status: str
    headers: list[tuple[str, str]]
    body: bytes
    #: What the application's functions put into ``seen`` meanwhile.
    seen: list[Any] = field(default_factory=list)
    #: Level and class of exception of what was logged meanwhile.
    logged: list[tuple[str, str]] = field(default_factory=list)
    #: The class of the exception that came out, if one did.
    raised: str = ""

    @property
    def text(self) -> str:
        return self.body.decode()

    def header(self, name: str) -> str | None:
        """Return the first value of a header field."""
        found = (value for key, value in self.headers if key.lower() == name.lower())
        return next(found, None)


class _Log(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[0] if record.exc_info else None
        self.rows.append((record.levelname, error.__name__ if error else ""))


class _Twin:
    """One of the two: its application, its client and what it has seen."""

    def __init__(self, build: Build, kit: Kit, use_cookies: bool) -> None:
        self.kit = kit
        self.seen: list[Any] = []
        extra = (self.seen, kit.werkzeug)
        self.app = build(kit.flask, *extra[: len(inspect.signature(build).parameters) - 1])
        self.client = self.app.test_client(use_cookies=use_cookies)

    def ask(self, *args: Any, **kwargs: Any) -> Answer:
        before = len(self.seen)
        raised, response = "", None
        with self._logged() as rows:
            try:
                response = self.client.open(*args, **kwargs)
                body = response.get_data()
                response.close()
            except Exception as error:
                raised, body = type(error).__name__, b""
        status = response.status if response is not None else ""
        headers = _timeless(response.headers if response is not None else ())
        if body.startswith(_PAGE) or (not body and status[:1] in {"4", "5"}):
            # Its words are each package's own; to HEAD there are none, but how many.
            body = body.partition(b"<p>")[0]
            headers = [one for one in headers if one[0] != "Content-Length"]
        return Answer(status, headers, body, self.seen[before:], rows, raised)

    @contextmanager
    def _logged(self) -> Iterator[list[tuple[str, str]]]:
        log = _Log()
        # Both applications may have the same name, and with it the same logger.
        logger = logging.getLogger(self.app.name)
        logger.addHandler(log)
        try:
            with mock.patch.object(logger, "propagate", False):
                yield log.rows
        finally:
            logger.removeHandler(log)


def _timeless(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    kept = []
    for name, value in headers:
        if name == "Set-Cookie":
            # One that deletes the cookie stays as it is.
            value = re.sub(r"(?<=Expires=)(?!Thu, 01 Jan 1970)[^;]+", "later", value)  # noqa: PLW2901
        if name == "Allow":
            # Flask's is in the order of a set.
            value = ", ".join(sorted(value.split(", ")))  # noqa: PLW2901
        if name not in {"Date", "Expires"}:
            kept.append((name, value))
    return kept


class Twins:
    """Two applications made by one function, which must do the same.

    :param build: is called with the package ``flask``; if it has more parameters, also with a list
        that its functions may append to (it is compared), and with the package ``werkzeug``.
    """

    def __init__(self, build: Build, *, use_cookies: bool = True) -> None:
        self.twins = [_Twin(build, kit, use_cookies) for kit in BOTH]
        self.theirs, self.ours = self.twins

    def open(self, *args: Any, **kwargs: Any) -> Answer:
        """Ask both by their test clients; return the answer, which has to be the same.

        A keyword argument that is a function is called for each of the two: for bodies that can be
        read only once.
        """
        answers = []
        for twin in self.twins:
            named = {key: one() if callable(one) else one for key, one in kwargs.items()}
            with _same_clock():
                answers.append(twin.ask(*args, **named))
        theirs, ours = answers
        assert ours == theirs
        return ours

    def get(self, *args: Any, **kwargs: Any) -> Answer:
        return self.open(*args, method="GET", **kwargs)

    def post(self, *args: Any, **kwargs: Any) -> Answer:
        return self.open(*args, method="POST", **kwargs)

    def same(self, act: Callable[..., Any]) -> tuple[str, Any]:
        """Return what ``act(app, flask)`` comes to for both, see :func:`outcome`."""
        with _same_clock():
            theirs, ours = (outcome(act, twin.app, twin.kit.flask) for twin in self.twins)
        assert ours == theirs
        assert self.ours.seen == self.theirs.seen
        return ours


def same(act: Callable[..., Any]) -> tuple[str, Any]:
    """Return what ``act(flask)`` comes to for both packages."""
    with _same_clock():
        theirs, ours = (outcome(act, kit.flask) for kit in BOTH)
    assert ours == theirs
    return ours


@contextmanager
def _same_clock() -> Iterator[None]:
    """Let all signatures be of one moment."""
    signer = itsdangerous.TimestampSigner
    with mock.patch.object(signer, "get_timestamp", return_value=1_700_000_000):
        yield
