"""Files that applications and blueprints bring with them."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from jinja2 import FileSystemLoader

from dovetail.app.application import App
from dovetail.app.blueprints import Blueprint
from dovetail.app.static import Files, StrPath
from dovetail.data.exceptions import NotFound


class Folders(Files):
    def __init__(self, root_path: str = "/root", **values: Any) -> None:
        self.root_path = root_path
        self.template_folder = None
        for name, value in values.items():
            setattr(self, name, value)


@pytest.mark.parametrize(
    ("given", "folder", "url_path"),
    [
        (None, None, None),
        ("files", "/root/files", "/files"),
        ("files/", "/root/files", "/files"),
        ("a/b", "/root/a/b", "/b"),
        ("/elsewhere/files", "/elsewhere/files", "/files"),
        (Path("a/b"), "/root/a/b", "/b"),
        ("/", "/root/", ""),
    ],
)
def test_static_folder(given: StrPath | None, folder: str | None, url_path: str | None) -> None:
    files = Folders(static_folder=given)
    assert files.static_folder == folder
    assert files.has_static_folder is (folder is not None)
    assert files.static_url_path == url_path


@pytest.mark.parametrize(
    ("given", "url_path"), [("/s", "/s"), ("/s/", "/s"), ("s", "s"), ("/", ""), ("", "")]
)
def test_static_url_path(given: str, url_path: str) -> None:
    assert Folders(static_url_path=given, static_folder="f").static_url_path == url_path
    assert Folders(static_url_path=given).static_url_path == url_path


def test_jinja_loader_is_of_the_template_folder_and_can_be_replaced() -> None:
    assert Folders().jinja_loader is None
    files = Folders(template_folder="pages")
    loader = files.jinja_loader
    assert isinstance(loader, FileSystemLoader)
    assert loader.searchpath == ["/root/pages"]
    assert files.jinja_loader is loader
    files.jinja_loader = other = FileSystemLoader("/elsewhere")
    assert files.jinja_loader is other


class TestOpenResource:
    @pytest.fixture
    def files(self, tmp_path: Path) -> Folders:
        (tmp_path / "r.txt").write_bytes("ä\r\n".encode())
        return Folders(str(tmp_path))

    def test_octets_by_default(self, files: Folders) -> None:
        with files.open_resource("r.txt") as file:
            assert file.read() == "ä\r\n".encode()

    @pytest.mark.parametrize("mode", ["r", "rt"])
    def test_text(self, files: Folders, mode: str) -> None:
        with files.open_resource("r.txt", mode) as file:
            assert file.read() == "ä\n"
        with files.open_resource("r.txt", mode, encoding="latin-1") as file:
            assert file.read() == "Ã¤\n"

    @pytest.mark.parametrize("mode", ["w", "a", "r+", "x", "", "br", "wb"])
    def test_only_for_reading(self, files: Folders, mode: str) -> None:
        with pytest.raises(ValueError, match="only be opened for reading"):
            files.open_resource("r.txt", mode)

    def test_that_is_not_there(self, files: Folders) -> None:
        with pytest.raises(FileNotFoundError):
            files.open_resource("no.txt")


class TestSendStaticFile:
    @pytest.fixture
    def app(self, tmp_path: Path) -> App:
        (tmp_path / "static").mkdir()
        (tmp_path / "static" / "a.txt").write_text("static")
        (tmp_path / "secret.txt").write_text("secret")
        return App(__name__, root_path=str(tmp_path))

    def test_sends_it(self, app: App) -> None:
        with app.test_request_context(), app.send_static_file("a.txt") as response:
            assert response.mimetype == "text/plain"
            assert b"".join(response.iter_encoded()) == b"static"

    @pytest.mark.parametrize("name", ["no.txt", "../secret.txt", "", os.devnull])
    def test_finds_nothing_else(self, app: App, name: str) -> None:
        with app.test_request_context(), pytest.raises(NotFound):
            app.send_static_file(name)

    def test_needs_a_folder(self) -> None:
        with pytest.raises(RuntimeError, match="'static_folder'"):
            Folders().send_static_file("a.txt")

    @pytest.mark.parametrize(
        ("age", "seconds"), [(None, None), (0, 0), (60, 60), (timedelta(minutes=1.5), 90)]
    )
    def test_get_send_file_max_age_is_what_is_configured(
        self, app: App, age: Any, seconds: int | None
    ) -> None:
        app.config["SEND_FILE_MAX_AGE_DEFAULT"] = age
        with app.test_request_context(), app.send_static_file("a.txt") as response:
            assert app.get_send_file_max_age("a.txt") == seconds
            assert response.cache_control.max_age == seconds

    def test_get_send_file_max_age_can_be_overridden(self, app: App, tmp_path: Path) -> None:
        class Long(Blueprint):
            def get_send_file_max_age(self, filename: str | None) -> int | None:
                return 3600 if filename == "a.txt" else None

        app.register_blueprint(
            Long("long", __name__, root_path=str(tmp_path), static_folder="static", url_prefix="/l")
        )
        with app.test_client().get("/l/static/a.txt") as response:
            assert response.cache_control.max_age == 3600

    def test_get_send_file_max_age_needs_an_application(self) -> None:
        with pytest.raises(RuntimeError, match="outside of application context"):
            Folders().get_send_file_max_age("a.txt")
