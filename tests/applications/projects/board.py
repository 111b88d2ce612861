"""A Flask application as its documentation would have one write it: a message board."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import time
from pathlib import Path

from flask import (
    Flask,
    Response,
    abort,
    g,
    jsonify,
    request,
    send_file,
    session,
    stream_with_context,
    url_for,
)
from flask_sock import Sock
from werkzeug.middleware.proxy_fix import ProxyFix

STATE = Path(os.environ["BOARD_STATE"])
PATIENCE_SECONDS = 60.0

app = Flask(__name__)
app.config.update(SECRET_KEY="only for tests", MAX_CONTENT_LENGTH=12 << 20)
app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1, x_prefix=1)
sock = Sock(app)


@app.before_request
def open_database():
    g.before = "seen"
    g.database = sqlite3.connect(STATE / "board.sqlite3", timeout=PATIENCE_SECONDS)
    g.database.execute(
        "create table if not exists message (id integer primary key, author text, text text)"
    )


@app.after_request
def sign(response):
    response.headers["X-Worker"] = str(os.getpid())
    response.headers["X-Before"] = g.before
    return response


@app.teardown_request
def close_database(_error):
    g.database.close()


@app.get("/")
def index():
    return "a board\n"


@app.get("/echo/<token>")
def echo(token):
    return {"token": token, "query": request.args.to_dict(flat=False)}


@app.post("/login")
def log_in():
    session["name"] = request.form["name"]
    return {"welcome": session["name"]}


@app.get("/me")
def me():
    if "name" not in session:
        abort(401)
    return {"name": session["name"]}


@app.post("/logout")
def log_out():
    session.clear()
    return "", 204


@app.post("/messages")
def post_message():
    message = request.get_json()
    with g.database:
        row = g.database.execute(
            "insert into message (author, text) values (?, ?)",
            (session.get("name"), message["text"]),
        )
    where = url_for("get_message", number=row.lastrowid)
    return jsonify(id=row.lastrowid, **message), 201, {"Location": where}


@app.get("/messages/<int:number>")
def get_message(number):
    query = "select author, text from message where id = ?"
    row = g.database.execute(query, (number,)).fetchone()
    if row is None:
        abort(404)
    return jsonify(author=row[0], text=row[1])


@app.post("/upload")
def upload():
    return {
        "fields": request.form.to_dict(),
        "files": {
            name: {
                "filename": file.filename,
                "type": file.mimetype,
                "sha256": hashlib.file_digest(file.stream, "sha256").hexdigest(),
            }
            for name, file in request.files.items()
        },
    }


@app.put("/digest")
@app.post("/digest")
def digest():
    total, size = hashlib.sha256(), 0
    while block := request.stream.read(65536):
        total.update(block)
        size += len(block)
    return {
        "sha256": total.hexdigest(),
        "size": size,
        "content_length": request.content_length,
        "transfer_encoding": request.headers.get("Transfer-Encoding"),
    }


@app.get("/lines")
def lines():
    def generate():
        for number in range(request.args.get("count", 3, type=int)):
            yield f"{number} {request.path}\n"

    return Response(stream_with_context(generate()), mimetype="text/plain")


def wait_for(path):
    """Wait until the test has made a file; it stands for anything slow."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not path.exists():
        if time.monotonic() > deadline:
            raise TimeoutError(path.name)
        time.sleep(0.005)


@app.get("/drip/<name>")
def drip(name):
    """Two lines, the second when the test has seen the first."""

    def generate():
        yield "first\n"
        wait_for(STATE / f"{name}.go")
        yield "second\n"

    return Response(generate(), headers={"X-Accel-Buffering": "no"}, mimetype="text/plain")


@app.get("/endless/<name>")
def endless(name):
    def generate():
        try:
            while True:
                yield "on and on\n" * 1000
        finally:
            (STATE / f"{name}.closed").touch()

    return Response(generate(), headers={"X-Accel-Buffering": "no"}, mimetype="text/plain")


@app.get("/hold/<name>/<int:number>")
def hold(name, number):
    """Occupy a thread until the test lets go of this worker."""
    (STATE / f"{name}.{os.getpid()}.{number}.held").touch()
    wait_for(STATE / f"{name}.{os.getpid()}.go")
    return str(os.getpid())


@app.get("/file")
def file():
    return send_file(STATE / "film.bin", conditional=True, max_age=60)


@app.get("/attachment")
def attachment():
    return send_file(STATE / "film.bin", as_attachment=True, download_name="Fährte.bin")


@app.get("/teapot")
def teapot():
    abort(418)


@app.errorhandler(413)
def too_large(error):
    return {"error": error.name}, 413


@app.get("/fail/<mark>")
def fail(mark):
    raise ZeroDivisionError("as the test wanted")


@app.get("/fail-midway")
def fail_midway():
    def generate():
        yield "half of "
        raise ZeroDivisionError("as the test wanted")

    return Response(generate(), mimetype="text/plain")


@app.get("/where")
def where():
    keys = ("REMOTE_ADDR", "REMOTE_PORT", "SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL")
    flags = ("wsgi.multithread", "wsgi.multiprocess", "wsgi.run_once")
    # What the server said, before the middleware for proxies changed it.
    original = request.environ.get("werkzeug.proxy_fix.orig", {})
    return {
        "url": request.url,
        "external": url_for("index", _external=True),
        "client": request.remote_addr,
        "headers": dict(request.headers),
        "server": {key: original.get(key, request.environ[key]) for key in keys},
        "flags": {key: request.environ[key] for key in flags},
    }


@sock.route("/socket")
def socket(ws):
    while (data := ws.receive()) != "bye":
        ws.send(json.dumps({"heard": data}) if isinstance(data, str) else data[::-1])
