"""Who is who: registering, logging in and out, and the page of one's own account."""

import sqlite3
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from dovetail import (
    Blueprint,
    abort,
    current_app,
    flash,
    g,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from dovetail.app.types import ResponseReturnValue

from . import demo, people
from .database import fetch_one
from .forms import Form

P = ParamSpec("P")
R = TypeVar("R")

pages = Blueprint("accounts", __name__)


@pages.app_template_global()
def current_user() -> sqlite3.Row | None:
    """Return who is logged in; the database is asked once for each request."""
    if "user" not in g:
        key = session.get("session_key")
        g.user = people.find_by_session_key(key) if key else None
    user: sqlite3.Row | None = g.user
    return user


def require_user() -> sqlite3.Row:
    """Return who is logged in; answer 401 if nobody is."""
    return current_user() or abort(401)


def login_required(view: Callable[P, R]) -> Callable[P, R | ResponseReturnValue]:
    """Send those who are not logged in to the login page first."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R | ResponseReturnValue:
        if current_user():
            return view(*args, **kwargs)
        flash("Log in first.", "bad")
        # After a form we cannot come back to its URL, which knows POST only.
        target = request.full_path.rstrip("?") if request.method == "GET" else None
        return redirect(url_for("accounts.login", next=target))

    return guarded


def log_in(user: sqlite3.Row) -> ResponseReturnValue:
    """Begin a session that has nothing of the one before, and go where the visitor wanted to."""
    session.clear()
    session.permanent = True
    session["session_key"] = user["session_key"]
    target = request.args.get("next", "")
    # Only a path of ours: to a browser // and /\ begin the name of another host.
    if not target.startswith("/") or target[1:2] in {"/", "\\"}:
        target = url_for("board.index")
    return redirect(target)


@pages.route("/login", methods=["GET", "POST"])
def login() -> ResponseReturnValue:
    form = Form(request.form)
    if request.method == "POST":
        name = form.sent.get("name", "")
        user = people.find_by_password(name, form.sent.get("password", ""))
        if user:
            return log_in(user)
        current_app.logger.warning("failed login as %.30r from %s", name, request.remote_addr)
        form.errors["name"] = "This name and this password do not belong together."
    demo_user = fetch_one("SELECT name FROM users WHERE is_demo")
    return render_template(
        "login.html", form=form, demo_user=demo_user, demo_password=demo.PASSWORD
    )


@pages.route("/register", methods=["GET", "POST"])
def register() -> ResponseReturnValue:
    if not current_app.config["OPEN_REGISTRATION"]:
        abort(403, "Accounts are made by those who run this board; ask them for one.")
    form = Form(request.form)
    if request.method == "POST":
        name = form.text("name", least=3, most=30)
        password = form.password("password")
        if not form.errors:
            try:
                user = people.add_user(name, password)
            except sqlite3.IntegrityError:
                form.errors["name"] = "Somebody has this name already."
            else:
                answer = log_in(user)
                flash(f"Welcome, {name}!", "good")
                return answer
    return render_template("register.html", form=form)


@pages.post("/logout")
def logout() -> ResponseReturnValue:
    session.clear()
    flash("You are logged out.", "good")
    return redirect(url_for("board.index"))


@pages.get("/account")
@login_required
def account() -> str:
    return render_template("account.html", api_token=None)


@pages.post("/account/token")
@login_required
def new_token() -> str:
    """Show a new token for the API. This is the only time: only its digest is stored."""
    return render_template("account.html", api_token=people.make_token(require_user()["id"]))
