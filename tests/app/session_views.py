"""Views that use the session, whatever keeps it."""

from __future__ import annotations

from dovetail import App, session

__all__ = ["add_session_views"]


def add_session_views(app: App) -> None:
    """Add views that set, read and clear the session, or leave it alone."""

    @app.route("/set/<name>/<value>")
    def set_item(name: str, value: str) -> str:
        session[name] = value
        return ""

    @app.route("/permanent")
    def permanent() -> str:
        session["a"] = 1
        session.permanent = True
        return ""

    @app.route("/get")
    def get() -> str:
        return repr(sorted(session.items()))

    @app.route("/clear")
    def clear() -> str:
        session.clear()
        return ""

    app.add_url_rule("/in", "in", lambda: str("a" in session))
    app.add_url_rule("/untouched", "untouched", lambda: "")
