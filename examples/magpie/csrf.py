"""Forms of ours are told from forms that another site makes a browser send us (CSRF).

A browser sends our session cookie along wherever a form to us comes from. So each session has a
secret token, each of our forms repeats it in a hidden field, and nobody else can read it.
"""

import hmac
import secrets

from dovetail import App, abort, request, session

FIELD = "csrf_token"
# By RFC 9110, section 9.2.1, these change nothing.
SAFE_METHODS = {"GET", "HEAD", "OPTIONS", "TRACE"}
# It knows people by their tokens, never by the cookie: there is nothing to abuse.
EXEMPT_BLUEPRINTS = {"api"}


def register(app: App) -> None:
    app.before_request(check)
    app.template_global()(csrf_token)


def csrf_token() -> str:
    """Return the token of this session, made when the first form asks for it."""
    token: str = session.setdefault(FIELD, secrets.token_urlsafe(16))
    return token


def check() -> None:
    """Refuse a form that does not repeat the token."""
    # No endpoint: the answer will be 404 or 405.
    if request.method in SAFE_METHODS or request.endpoint is None:
        return
    if request.blueprint in EXEMPT_BLUEPRINTS:
        return
    expected = session.get(FIELD, "")
    given = request.form.get(FIELD, "")
    if not expected or not hmac.compare_digest(expected.encode(), given.encode()):
        abort(400, "This form is too old, or was not ours. Go back, reload the page and try again.")
