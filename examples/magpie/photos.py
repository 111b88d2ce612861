"""Photographs: what is taken in, where it lies, how it is served."""

import re
import secrets
from pathlib import Path

from dovetail import Blueprint, Response, current_app, send_from_directory
from dovetail.data import FileStorage

pages = Blueprint("photos", __name__, url_prefix="/photos")

# How the files begin; the name of the group is the extension. What a file is called, and what its
# sender says it is, proves nothing. SVG is missing because it can carry scripts.
SIGNATURES = re.compile(
    rb"(?P<png>\x89PNG\r\n\x1a\n)|(?P<jpg>\xff\xd8\xff)|(?P<webp>RIFF.{4}WEBP)", re.DOTALL
)
LONGEST_SIGNATURE = 12
YEAR_SECONDS = 365 * 24 * 60 * 60


class NotAPhoto(ValueError):
    """The file is none that a browser shows as a photograph."""


def store(upload: FileStorage) -> str:
    """Keep the file, and return the name we gave it.

    :raises NotAPhoto: it is not PNG, JPEG or WebP.
    """
    match = SIGNATURES.match(upload.stream.read(LONGEST_SIGNATURE))
    if match is None:
        raise NotAPhoto("Choose a photograph: a PNG, JPEG or WebP file.")
    upload.stream.seek(0)
    name = f"{secrets.token_hex(16)}.{match.lastgroup}"
    upload.save(Path(current_app.config["PHOTOS"], name))
    return name


def drop(name: str | None) -> None:
    """Remove a photograph, if there is one."""
    if name is not None:
        Path(current_app.config["PHOTOS"], name).unlink(missing_ok=True)


def drop_all() -> None:
    for path in Path(current_app.config["PHOTOS"]).iterdir():
        path.unlink()


@pages.get("/<name>")
def show(name: str) -> Response:
    """Serve a photograph; browsers may keep it, as its name will never mean another."""
    return send_from_directory(current_app.config["PHOTOS"], name, max_age=YEAR_SECONDS)
