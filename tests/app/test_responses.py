"""Responses and URLs of the current application."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, NoReturn

import pytest

from dovetail.app.application import App
from dovetail.app.responses import (
    abort,
    make_response,
    redirect,
    send_file,
    send_from_directory,
    url_for,
)
from dovetail.app.wrappers import Response
from dovetail.data.exceptions import HTTPException, ImATeapot, NotFound
from dovetail.routing.exceptions import BuildError
from dovetail.toolkit.response import Response as BaseResponse


class OwnResponse(Response):
    pass


@pytest.fixture
def app(tmp_path: Path) -> App:
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "hello.txt").write_text("hello")
    (tmp_path / "secret.txt").write_text("secret")
    return App(__name__, root_path=str(tmp_path))


class TestMakeResponse:
    def test_nothing_gives_an_empty_response(self, app: App) -> None:
        with app.test_request_context():
            response = make_response()
        assert (response.status_code, response.data) == (200, b"")
        assert type(response) is Response

    def test_one_argument_is_what_a_view_returns(self, app: App) -> None:
        with app.test_request_context():
            assert make_response("text").data == b"text"
            assert make_response({"a": 1}).get_json() == {"a": 1}
            assert make_response(("text", 404)).status_code == 404
            response = make_response("text")
            assert make_response(response) is response

    def test_several_arguments_are_its_tuple(self, app: App) -> None:
        with app.test_request_context():
            response = make_response("text", 201, {"X-A": "b"})
        assert (response.status_code, response.headers["X-A"]) == (201, "b")

    def test_needs_an_application(self) -> None:
        with pytest.raises(RuntimeError, match="Working outside of application context"):
            make_response()
        with pytest.raises(RuntimeError, match="Working outside of application context"):
            make_response("text")


class TestRedirect:
    def test_in_a_context_the_application_makes_it(self, app: App) -> None:
        with app.app_context():
            response = redirect("/there", 307)
        assert type(response) is Response
        assert (response.status_code, response.location) == (307, "/there")

    def test_an_application_may_make_it_otherwise(self) -> None:
        class Elsewhere(App):
            def redirect(self, location: str, code: int = 302) -> BaseResponse:
                return super().redirect(f"/elsewhere{location}", code)

        with Elsewhere(__name__).app_context():
            response = redirect("/there")
        assert (response.status_code, response.location) == (302, "/elsewhere/there")

    def test_without_context(self) -> None:
        assert type(redirect("/there")) is BaseResponse
        response = redirect("/there", code=301, Response=OwnResponse)
        assert type(response) is OwnResponse
        assert (response.status_code, response.location) == (301, "/there")


class TestAbort:
    def test_without_context(self) -> None:
        with pytest.raises(NotFound, match="not here"):
            abort(404, "not here")
        with pytest.raises(LookupError):
            abort(900)

    def test_with_a_response(self) -> None:
        response = BaseResponse("stop")
        with pytest.raises(HTTPException) as caught:
            abort(response)
        assert caught.value.response is response

    def test_in_a_context_the_application_decides(self, app: App) -> None:
        class Custom(HTTPException):
            code = 900
            description = "custom"

        app.aborter.mapping[900] = Custom
        with app.app_context():
            with pytest.raises(Custom):
                abort(900)
            with pytest.raises(ImATeapot, match="short"):
                abort(418, description="short")

    def test_an_application_may_raise_something_else(self, app: App) -> None:
        def refuse(code: Any, *args: Any, **kwargs: Any) -> NoReturn:
            raise LookupError(code, args, kwargs)

        app.aborter = refuse  # type: ignore[assignment]
        with app.app_context(), pytest.raises(LookupError) as caught:
            abort(404, "a", b="c")
        assert caught.value.args == (404, ("a",), {"b": "c"})


class TestUrlFor:
    def test_passes_everything_on(self, app: App) -> None:
        app.add_url_rule("/page/<int:number>", "page", methods=["POST"])
        with app.test_request_context():
            assert url_for("page", number=1, q="a b", _anchor="x") == "/page/1?q=a+b#x"
            assert (
                url_for("page", number=1, _method="POST", _scheme="https", _external=True)
                == "https://localhost/page/1"
            )

    def test_unknown_endpoint(self, app: App) -> None:
        with app.test_request_context(), pytest.raises(BuildError, match="nowhere"):
            url_for("nowhere")

    def test_needs_an_application(self) -> None:
        with pytest.raises(RuntimeError, match="Working outside of application context"):
            url_for("page")


class TestSendFile:
    def test_path_starts_at_the_application(self, app: App) -> None:
        with app.test_request_context():
            response = send_file("static/hello.txt")
        response.direct_passthrough = False
        assert response.data == b"hello"
        assert type(response) is Response
        assert response.mimetype == "text/plain"
        assert response.cache_control.no_cache
        assert response.cache_control.max_age is None
        response.close()

    def test_arguments(self, app: App) -> None:
        with app.test_request_context(headers={"Range": "bytes=1-2"}):
            response = send_file(
                io.BytesIO(b"hello"),
                mimetype="application/x-own",
                as_attachment=True,
                download_name="own.bin",
                conditional=False,
                etag="tag",
                last_modified=0,
                max_age=7,
            )
        assert response.status_code == 200
        assert response.mimetype == "application/x-own"
        assert response.headers["Content-Disposition"] == "attachment; filename=own.bin"
        assert response.headers["ETag"] == '"tag"'
        assert response.headers["Last-Modified"] == "Thu, 01 Jan 1970 00:00:00 GMT"
        assert response.cache_control.max_age == 7

    def test_max_age_of_the_configuration(self, app: App) -> None:
        app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 3600
        with app.test_request_context():
            with send_file("static/hello.txt") as response:
                assert response.cache_control.max_age == 3600
            with send_file("static/hello.txt", max_age=0) as response:
                assert response.cache_control.max_age == 0
            with send_file("static/hello.txt", max_age=lambda name: 3) as response:
                assert response.cache_control.max_age == 3

    def test_max_age_of_the_application(self, tmp_path: Path, app: App) -> None:
        class Own(App):
            response_class = OwnResponse

            def get_send_file_max_age(self, filename: str | None) -> int | None:
                return 10 if filename and filename.endswith("hello.txt") else 20

        own = Own(__name__, root_path=app.root_path)
        with own.test_request_context():
            for response in (
                send_file("static/hello.txt"),
                send_from_directory("static", "hello.txt"),
            ):
                assert type(response) is OwnResponse
                assert response.cache_control.max_age == 10
                response.close()
            with send_file(io.BytesIO(), "text/plain") as response:
                assert response.cache_control.max_age == 20

    def test_the_server_may_send_it(self, app: App) -> None:
        app.config["USE_X_SENDFILE"] = True
        with app.test_request_context():
            response = send_file("static/hello.txt")
        assert response.headers["X-Sendfile"] == str(Path(app.root_path, "static", "hello.txt"))

    def test_needs_a_request(self, app: App) -> None:
        with app.app_context(), pytest.raises(RuntimeError, match="Working outside of request"):
            send_file("static/hello.txt")


class TestSendFromDirectory:
    @pytest.mark.parametrize("kind", [str, Path])
    def test_directory_starts_at_the_application(self, app: App, kind: Any) -> None:
        with (
            app.test_request_context(),
            send_from_directory(kind("static"), kind("hello.txt"), as_attachment=True) as response,
        ):
            response.direct_passthrough = False
            assert response.data == b"hello"
            assert response.headers["Content-Disposition"] == "attachment; filename=hello.txt"

    def test_another_directory(self, app: App, tmp_path: Path) -> None:
        with (
            app.test_request_context(),
            send_from_directory(tmp_path, "secret.txt", max_age=5) as response,
        ):
            assert response.cache_control.max_age == 5

    @pytest.mark.parametrize("path", ["missing", "../secret.txt", "/etc/passwd", "", "a\0b"])
    def test_not_found(self, app: App, path: str) -> None:
        with app.test_request_context(), pytest.raises(NotFound):
            send_from_directory("static", path)

    def test_unknown_argument(self, app: App) -> None:
        with app.test_request_context(), pytest.raises(TypeError):
            send_from_directory("static", "hello.txt", unknown=1)
