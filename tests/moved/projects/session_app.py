"""Sessions kept on the server, written after the documentation of Flask-Session."""

import os

from cachelib import FileSystemCache
from flask import Flask, flash, get_flashed_messages, jsonify, request, session
from flask_session import Session

app = Flask(__name__)
app.config.update(
    SECRET_KEY="only for tests",
    SESSION_COOKIE_NAME="sid",
    SESSION_COOKIE_SAMESITE="Lax",
    SESSION_PERMANENT=True,
    PERMANENT_SESSION_LIFETIME=3600,
    SESSION_KEY_PREFIX="tests:",
    SESSION_ID_LENGTH=24,
)
if "REDIS_SOCKET" in os.environ:
    import redis

    app.config["SESSION_TYPE"] = "redis"
    app.config["SESSION_REDIS"] = redis.Redis(unix_socket_path=os.environ["REDIS_SOCKET"])
elif "DATABASE" in os.environ:
    from flask_sqlalchemy import SQLAlchemy

    app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{os.environ['SITE_STATE']}/sessions.db"
    app.config["SESSION_TYPE"] = "sqlalchemy"
    app.config["SESSION_SQLALCHEMY"] = SQLAlchemy(app)
else:
    app.config["SESSION_TYPE"] = "cachelib"
    app.config["SESSION_CACHELIB"] = FileSystemCache(os.environ["SITE_STATE"] + "/sessions")
Session(app)


@app.get("/")
def show():
    return jsonify({name: session[name] for name in session if not name.startswith("_")})


@app.put("/<name>")
def put(name):
    session[name] = request.get_json()
    return "", 204


@app.post("/append/<name>")
def append(name):
    """Change a list in the session, which only its owner can know."""
    session[name].append(request.get_json())
    session.modified = True
    return "", 204


@app.get("/unused")
def unused():
    return "nothing of the session"


@app.post("/login")
def login():
    app.session_interface.regenerate(session)
    session["user"] = request.form["user"]
    return "", 204


@app.post("/clear")
def clear():
    session.clear()
    return "", 204


@app.route("/flash", methods=["GET", "POST"])
def flashes():
    if request.method == "POST":
        flash("hello", "greeting")
    return jsonify(get_flashed_messages(with_categories=True) if request.method == "GET" else [])
