"""An application under development, with Flask-DebugToolbar, written after the documentation."""

import os
import sys

import parts
from flask import Flask, redirect, render_template_string, request
from flask_debugtoolbar import DebugToolbarExtension

app = Flask(__name__)
app.config.update(SECRET_KEY="development", DEBUG_TB_INTERCEPT_REDIRECTS=True)
# The toolbar looks at this when it is made; run sets it only later.
app.debug = True
DebugToolbarExtension(app)


@app.get("/")
def index():
    app.logger.warning("seen by the toolbar")
    return render_template_string("<html><body>{{ word }}</body></html>", word=parts.WORD)


@app.get("/moved")
def moved():
    return redirect("/")


@app.get("/error")
def error():
    raise LookupError(f"<{parts.WORD}>")


@app.post("/form")
def form():
    return request.form["missing"]


@app.get("/process")
def process():
    names = ("WERKZEUG_RUN_MAIN", "WERKZEUG_SERVER_FD")
    return {
        "given": [name in os.environ for name in names],
        "arguments": sys.argv[1:],
        "debug": app.debug,
        "threads": request.environ["wsgi.multithread"],
    }


if __name__ == "__main__":
    app.run(port=0, debug=True, reloader_type="stat", extra_files=["notes.txt"])
