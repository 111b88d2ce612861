"""Accounts, written after the documentation of Flask-Login."""

import datetime

import flask
import flask_login
from flask import Flask, flash, get_flashed_messages, jsonify, redirect, request, session, url_for
from flask_login import (
    AnonymousUserMixin,
    LoginManager,
    UserMixin,
    current_user,
    fresh_login_required,
    login_fresh,
    login_required,
    login_user,
    logout_user,
)

app = Flask(__name__)
app.config.update(
    SECRET_KEY="only for tests",
    REMEMBER_COOKIE_DURATION=datetime.timedelta(days=3),
    REMEMBER_COOKIE_HTTPONLY=True,
    REMEMBER_COOKIE_SAMESITE="Strict",
)

logins = LoginManager(app)
logins.login_view = "login"
logins.login_message = "Who are you?"
logins.login_message_category = "ask"
logins.refresh_view = "login"
logins.needs_refresh_message = "Say it again"
logins.needs_refresh_message_category = "again"
logins.session_protection = "basic"

signalled = []


class Anonymous(AnonymousUserMixin):
    name = "guest"


logins.anonymous_user = Anonymous


class User(UserMixin):
    def __init__(self, key, password, active=True):
        self.id = key
        self.name = key.title()
        self.password = password
        self.active = active

    @property
    def is_active(self):
        return self.active


users = {
    user.id: user for user in (User("ada", "engine"), User("bob", "b"), User("off", "o", False))
}
keys = {"key-of-bob": "bob"}


@logins.user_loader
def load_user(key):
    return users.get(key)


@logins.request_loader
def load_user_from_request(request):
    return users.get(keys.get(request.headers.get("Authorization", "").removeprefix("Key ")))


@flask_login.user_logged_in.connect_via(app)
def logged_in(sender, user):
    signalled.append(f"in {user.id}")


@flask_login.user_logged_out.connect_via(app)
def logged_out(sender, user):
    signalled.append(f"out {user.id}")


@flask_login.user_unauthorized.connect_via(app)
def unauthorized(sender):
    signalled.append("unauthorized")


@app.route("/login", methods=["GET", "POST"])
def login():
    if request.method == "POST":
        user = users.get(request.form["user"])
        if user is None or user.password != request.form["password"]:
            flask.abort(401)
        if not login_user(user, remember="remember" in request.form):
            return "inactive", 403
        flash("Welcome")
        return redirect(request.args.get("next") or url_for("index"))
    return jsonify(messages=get_flashed_messages(with_categories=True), next=request.args["next"])


@app.get("/")
def index():
    return flask.render_template_string(
        "{% if current_user.is_authenticated %}Hi {{ current_user.name }}!"
        "{% else %}Hi {{ current_user.name }}, log in{% endif %}"
        "{% for message in get_flashed_messages() %} [{{ message }}]{% endfor %}"
    )


@app.get("/settings")
@login_required
def settings():
    return jsonify(user=current_user.get_id(), fresh=login_fresh(), again=session.get("_fresh"))


@app.get("/secret")
@fresh_login_required
def secret():
    return f"secret of {current_user.name}"


@app.post("/logout")
@login_required
def logout():
    logout_user()
    return redirect(url_for("index"))


@app.post("/stale")
def make_stale():
    session["_fresh"] = False
    return "", 204


@app.get("/signals")
def signals():
    taken, signalled[:] = list(signalled), []
    return jsonify(taken)


api = flask.Blueprint("api", __name__, url_prefix="/api")


@api.get("/me")
@login_required
def me():
    return jsonify(current_user.name)


app.register_blueprint(api)
logins.blueprint_login_views = {"api": "/api/sign-in"}
