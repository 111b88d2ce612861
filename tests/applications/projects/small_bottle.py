"""A Bottle application."""

from __future__ import annotations

import os
from pathlib import Path

from bottle import Bottle, HTTPResponse, request, static_file

app = Bottle()


@app.get("/hello/<name>")
def hello(name):
    return {"hello": name, "page": request.query.page}


@app.post("/form")
def form():
    upload = request.files.get("paper")
    return {"title": request.forms.title, "paper": len(upload.file.read())}


@app.get("/source")
def source():
    return static_file(Path(__file__).name, root=os.fspath(Path(__file__).parent))


@app.get("/pieces")
def pieces():
    yield "one "
    yield "two"


@app.get("/gone")
def gone():
    return HTTPResponse("gone", status=410)
