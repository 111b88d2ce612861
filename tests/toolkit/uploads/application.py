"""Answers an upload with what the form parser made of it, and writes that down."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from wsgiref.types import StartResponse, WSGIEnvironment

from dovetail.data.file_storage import FileStorage
from dovetail.toolkit.forms import parse_form_data

__all__ = ["app"]

#: The page that the browser loads, and where reports go.
PAGE = Path("page.html")
REPORTS = Path("reports")


def _describe(name: str, file: FileStorage) -> list[Any]:
    content = file.stream.read()
    file.close()
    digest = hashlib.sha256(content).hexdigest()
    return [name, file.filename, file.content_type, len(content), digest]


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Serve the page on GET, parse the form on POST; ``?case=NAME`` names the report."""
    if environ["REQUEST_METHOD"] == "GET":
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        return [PAGE.read_bytes()]
    case = dict(parse_qsl(environ["QUERY_STRING"]))["case"]
    _, fields, files = parse_form_data(environ, max_form_memory_size=500_000, silent=False)
    report = json.dumps(
        {
            "fields": list(fields.items(multi=True)),
            "files": [_describe(name, file) for name, file in files.items(multi=True)],
        }
    )
    draft = REPORTS / f"{case}.new"
    draft.write_text(report)
    draft.rename(REPORTS / f"{case}.json")
    start_response("200 OK", [("Content-Type", "application/json")])
    return [report.encode()]
