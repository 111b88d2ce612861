"""The lock in front of evaluation: who has given the PIN, and who may still try."""

from __future__ import annotations

import json
import time
from wsgiref.types import WSGIApplication, WSGIEnvironment

from dovetail.dev.debugger import pins
from dovetail.dev.pages import make_private
from dovetail.toolkit.request import Request
from dovetail.toolkit.response import Response

__all__ = ["Lock"]


class Lock:
    """What the PIN of one application opens.

    :param name: each debugger has its own count of attempts by it: of several in one program none
        locks another out.
    """

    def __init__(self, app: WSGIApplication, name: str) -> None:
        self._app = app
        self._name = name
        self._pin: tuple[str | None, str | None] | None = None

    @property
    def pin(self) -> str | None:
        """The PIN; None if none is needed."""
        return self._pin_and_cookie()[0]

    @pin.setter
    def pin(self, value: str | None) -> None:
        cookie = pins.get_pin_and_cookie_name(self._app)[1] if value is not None else None
        self._pin = value, cookie

    @property
    def cookie_name(self) -> str | None:
        """The name of the cookie of those who have given the PIN; None if none is needed."""
        return self._pin_and_cookie()[1]

    def _pin_and_cookie(self) -> tuple[str | None, str | None]:
        if self._pin is None:
            self._pin = pins.get_pin_and_cookie_name(self._app)
        return self._pin

    def trusts(self, environ: WSGIEnvironment) -> bool | None:
        """Tell whether a client has given the PIN, or needs none.

        :return: None if its cookie says so but was not made by this user for this PIN.
        """
        pin, name = self._pin_and_cookie()
        if pin is None:
            return True
        ticket = Request(environ, populate_request=False).cookies.get(name or "")
        return False if not ticket else pins.check_ticket(ticket, pin)

    def answer(self, request: Request, trust: bool | None) -> Response:
        """Return, as JSON, whether the PIN that a request has is right; if so, with a cookie.

        :param trust: what is known of the client.
        """
        auth, exhausted = trust is True, False
        if not auth:
            auth, exhausted = self._try(request.values.get("pin", ""))
        body = json.dumps({"auth": auth, "exhausted": exhausted})
        response = make_private(Response(body, mimetype="application/json"))
        pin, name = self._pin_and_cookie()
        if name is None or pin is None:
            return response
        if auth:
            response.set_cookie(
                name,
                pins.make_ticket(pin),
                httponly=True,
                samesite="Strict",
                secure=request.is_secure,
            )
        elif trust is None:
            response.delete_cookie(name, httponly=True, samesite="Strict")
        return response

    def _try(self, given: str) -> tuple[bool, bool]:
        """Return whether a PIN is right, and whether none is looked at any more."""
        pin, name = self._pin_and_cookie()
        if pin is None:
            return True, False
        attempts = pins.Attempts(f"{self._name} {name}")
        if not attempts.begin():
            return False, True
        if pins.is_pin(given, pin):
            attempts.reset()
            return True, False
        time.sleep(attempts.delay())
        return False, False
