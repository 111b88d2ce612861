"""Static files: which are there, and how they are sent."""

from __future__ import annotations

import io
import os
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dovetail.gateway import FileWrapper
from dovetail.toolkit.middleware.shared_data import SharedDataMiddleware
from dovetail.toolkit.testing.client import Client, TestResponse
from dovetail.toolkit.testing.engine import EngineClient

MTIME = 1_600_000_000
LAST_MODIFIED = "Sun, 13 Sep 2020 12:26:40 GMT"


def fallback(environ: Any, start_response: Any) -> list[bytes]:
    start_response("404 NOT FOUND", [("X-App", "yes")])
    return [b"app"]


def put(path: Path, content: bytes, mtime: float = MTIME) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (mtime, mtime))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    root = tmp_path / "static"
    put(root / "a.txt", b"hello")
    put(root / "app.js", b"var")
    put(root / "page.html", b"<p>")
    put(root / "data.unknown", b"?")
    put(root / "noextension", b"?")
    put(root / "ü b.txt", b"name")
    put(root / "empty.txt", b"")
    put(root / "sub" / "x.png", b"png")
    put(tmp_path / "secret.txt", b"secret")
    return root


class BufferedClient(Client):
    """Takes the content at once, so that files are closed."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        return super().open(*args, **{"buffered": True, **kwargs})


def client(exports: Any, **kwargs: Any) -> Client:
    return BufferedClient(SharedDataMiddleware(fallback, exports, **kwargs))


def get(files: Path, path: str, **headers: str) -> TestResponse:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return client({"/s": str(files)}).get(path, headers=fields)


def is_file(response: TestResponse) -> bool:
    return "X-App" not in response.headers


def test_a_file(files: Path) -> None:
    response = get(files, "/s/a.txt")
    assert response.status == "200 OK"
    assert response.data == b"hello"
    names = [name for name, _ in response.headers]
    assert names == [
        "Date",
        "Etag",
        "Cache-Control",
        "Expires",
        "Content-Type",
        "Content-Length",
        "Last-Modified",
        "Accept-Ranges",
    ]
    assert response.headers["Etag"] == '"wzsdm-1600000000.0-5-90309104"'
    assert response.headers["Cache-Control"] == "max-age=43200, public"
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert response.headers["Content-Length"] == "5"
    assert response.headers["Last-Modified"] == LAST_MODIFIED
    assert response.expires is not None
    assert response.date is not None
    assert (response.expires - response.date).total_seconds() == 43200


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/s/app.js", "text/javascript; charset=utf-8"),
        ("/s/page.html", "text/html; charset=utf-8"),
        ("/s/sub/x.png", "image/png"),
        ("/s/data.unknown", "application/octet-stream"),
        ("/s/noextension", "application/octet-stream"),
        ("/s/ü b.txt", "text/plain; charset=utf-8"),
        ("/s/sub/../a.txt", "text/plain; charset=utf-8"),
    ],
)
def test_types(files: Path, path: str, content_type: str) -> None:
    response = get(files, path)
    assert is_file(response)
    assert response.content_type == content_type


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/s",
        "/s/",
        "/s/sub",
        "/s/sub/",
        "/sx/a.txt",
        "/sa.txt",
        "/S/a.txt",
        "/s/missing",
        "/s/../secret.txt",
        "/s/%2e%2e/secret.txt",
        "/s/sub/..%2f..%2fsecret.txt",
        "/s//a.txt",
        "/s/%2Fetc/hostname",
        "/s/a.txt%00",
        "/s/%00",
        "/s/%FF",
        "/s/" + "a" * 5000,
    ],
)
def test_what_is_no_file(files: Path, path: str) -> None:
    response = get(files, path)
    assert not is_file(response)
    assert response.data == b"app"


def test_links(files: Path) -> None:
    (files / "good").symlink_to(files / "a.txt")
    (files / "broken").symlink_to(files / "gone")
    (files / "circle").symlink_to(files / "circle")
    assert get(files, "/s/good").data == b"hello"
    assert not is_file(get(files, "/s/broken"))
    assert not is_file(get(files, "/s/circle"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_a_pipe_is_not_opened(files: Path) -> None:
    os.mkfifo(files / "pipe")
    assert not is_file(get(files, "/s/pipe"))


def test_one_file(files: Path) -> None:
    one = client({"/favicon.ico": str(files / "a.txt")})
    assert one.get("/favicon.ico").content_type == "text/plain; charset=utf-8"
    assert not is_file(one.get("/other"))
    (files / "a.txt").unlink()
    assert not is_file(one.get("/favicon.ico"))


def test_exports_in_order(files: Path) -> None:
    pairs = [("/s", str(files / "sub")), ("/s/", files), ("/", str(files / "sub"))]
    several = client(pairs)
    assert several.get("/s/x.png").data == b"png"
    assert several.get("/s/a.txt").data == b"hello"
    assert several.get("/x.png").data == b"png"
    with pytest.raises(TypeError, match="export"):
        client({"/s": 5})


def test_a_package(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(files / "__init__.py", b"")
    monkeypatch.syspath_prepend(str(files.parent))
    package = client({"/p": ("static", "sub"), "/all": ("static", "")})
    assert package.get("/p/x.png").data == b"png"
    assert package.get("/all/sub/x.png").data == b"png"
    for path in ("/p", "/p/../a.txt", "/p/missing", "/p/"):
        assert not is_file(package.get(path))
    monkeypatch.delitem(sys.modules, "static", raising=False)
    with pytest.raises(ModuleNotFoundError):
        client({"/p": ("no_such_package", "")})


def test_a_package_in_an_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "packed.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("packed_package/__init__.py", "")
        packed.writestr("packed_package/data/a.txt", "packed")
    monkeypatch.syspath_prepend(str(archive))
    package = client({"/p": ("packed_package", "data")})
    response = package.get("/p/a.txt", headers={"Range": "bytes=1-2"})
    assert (response.status_code, response.data) == (206, b"ac")
    tag = response.headers["Etag"]
    assert package.get("/p/a.txt", headers={"If-None-Match": tag}).status_code == 304
    for path in ("/p", "/p/", "/p/missing", "/p/../__init__.py"):
        assert not is_file(package.get(path))
    monkeypatch.delitem(sys.modules, "packed_package", raising=False)


def test_disallow(files: Path) -> None:
    some = client({"/s": str(files)}, disallow="*.t?t")
    assert not is_file(some.get("/s/a.txt"))
    assert is_file(some.get("/s/app.js"))


def test_is_allowed_can_be_overridden(files: Path) -> None:
    class Mine(SharedDataMiddleware):
        def is_allowed(self, filename: str) -> bool:
            return super().is_allowed(filename) and filename != "app.js"

        def generate_etag(self, mtime: datetime, file_size: int, real_filename: str) -> str:
            return f"{real_filename}-{file_size}-{mtime.year}"

    mine = BufferedClient(Mine(fallback, {"/s": str(files)}))
    assert not is_file(mine.get("/s/app.js"))
    assert mine.get("/s/a.txt").headers["Etag"] == '"a.txt-5-2020"'


def test_attributes(files: Path) -> None:
    middleware = SharedDataMiddleware(
        fallback, {"/s": str(files)}, cache=False, cache_timeout=5, fallback_mimetype="a/b"
    )
    assert middleware.app is fallback
    assert [prefix for prefix, _ in middleware.exports] == ["/s"]
    assert (middleware.cache, middleware.cache_timeout) == (False, 5)
    assert middleware.fallback_mimetype == "a/b"
    assert middleware.is_allowed("anything")
    moment = datetime(2020, 1, 1, tzinfo=UTC)
    assert middleware.generate_etag(moment, 5, "/a/b.txt") == "wzsdm-1577836800.0-5-178455216"


def test_loaders(files: Path) -> None:
    middleware = SharedDataMiddleware(fallback, {})
    loaders = {
        "a.txt": middleware.get_file_loader(str(files / "a.txt")),
        "app.js": middleware.get_directory_loader(str(files)),
        "client.py": middleware.get_package_loader("dovetail.toolkit", "testing"),
    }
    for name, load in loaders.items():
        found, opener = load(name)
        assert found == name
        assert opener is not None
        file, mtime, size = opener()
        with file:
            assert len(file.read()) == size
        assert mtime.tzinfo is UTC
    assert loaders["app.js"](None) == (None, None)
    assert loaders["app.js"]("../secret.txt") == (None, None)


def test_a_loader_of_ones_own() -> None:
    file = io.BytesIO(b"own")
    middleware = SharedDataMiddleware(fallback, {})
    moment = datetime(2020, 1, 1, tzinfo=UTC)
    middleware.exports.append(("/own", lambda path: ("own.css", lambda: (file, moment, 3))))
    own = BufferedClient(middleware)
    assert own.head("/own").headers["Content-Type"] == "text/css; charset=utf-8"
    assert file.closed
    file = io.BytesIO(b"own")
    assert own.get("/own/x").data == b"own"


# Caching and conditions


def test_without_cache(files: Path) -> None:
    plain = client({"/s": str(files)}, cache=False)
    response = plain.get("/s/a.txt", headers={"If-Modified-Since": LAST_MODIFIED})
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "public"
    assert "Etag" not in response.headers
    assert "Expires" not in response.headers


def test_cache_timeout(files: Path) -> None:
    response = client({"/s": str(files)}, cache_timeout=5).get("/s/a.txt")
    assert response.headers["Cache-Control"] == "max-age=5, public"


ETAG = '"wzsdm-1600000000.0-5-90309104"'


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If_None_Match": ETAG}, 304),
        ({"If_None_Match": f'"x", W/{ETAG}'}, 304),
        ({"If_None_Match": "*"}, 304),
        ({"If_None_Match": '"x"'}, 200),
        ({"If_Modified_Since": LAST_MODIFIED}, 304),
        ({"If_Modified_Since": "Thu, 01 Jan 1970 00:00:00 GMT"}, 200),
        ({"If_Modified_Since": "junk"}, 200),
        ({"If_None_Match": '"x"', "If_Modified_Since": LAST_MODIFIED}, 200),
        ({"If_Match": ETAG}, 200),
        ({"If_Match": '"x"'}, 412),
    ],
)
def test_conditions(files: Path, headers: dict[str, str], status: int) -> None:
    response = get(files, "/s/a.txt", **headers)
    assert response.status_code == status
    assert response.data == (b"hello" if status == 200 else b"")
    assert response.headers["Etag"] == ETAG
    assert "Date" in response.headers
    assert ("Content-Length" in response.headers) is (status == 200)


def test_methods(files: Path) -> None:
    middleware = client({"/s": str(files)})
    head = middleware.head("/s/a.txt", headers={"Range": "bytes=0-1"})
    assert (head.status_code, head.data, head.content_length) == (200, b"", 5)
    post = middleware.post("/s/a.txt", headers={"If-None-Match": ETAG, "Range": "bytes=0-1"})
    assert (post.status_code, post.data) == (200, b"hello")


# Ranges


@pytest.mark.parametrize(
    ("wanted", "content", "content_range"),
    [
        ("bytes=0-1", b"he", "bytes 0-1/5"),
        ("bytes=3-", b"lo", "bytes 3-4/5"),
        ("bytes=-2", b"lo", "bytes 3-4/5"),
        ("bytes=-9", b"hello", "bytes 0-4/5"),
        ("bytes=2-99", b"llo", "bytes 2-4/5"),
        ("bytes=0-", b"hello", "bytes 0-4/5"),
    ],
)
def test_ranges(files: Path, wanted: str, content: bytes, content_range: str) -> None:
    response = get(files, "/s/a.txt", Range=wanted)
    assert response.status == "206 Partial Content"
    assert response.data == content
    assert response.headers["Content-Range"] == content_range
    assert response.headers["Content-Length"] == str(len(content))


@pytest.mark.parametrize("wanted", ["bytes=0-1,3-4", "lines=0-1", "bytes=x", "bytes", "bytes=2-1"])
def test_ranges_that_are_ignored(files: Path, wanted: str) -> None:
    response = get(files, "/s/a.txt", Range=wanted)
    assert (response.status_code, response.data) == (200, b"hello")


@pytest.mark.parametrize(
    ("path", "wanted"), [("/s/a.txt", "bytes=5-"), ("/s/empty.txt", "bytes=0-")]
)
def test_ranges_outside(files: Path, path: str, wanted: str) -> None:
    response = get(files, path, Range=wanted)
    assert response.status == "416 Range Not Satisfiable"
    assert response.data == b""
    size = 0 if "empty" in path else 5
    assert response.headers["Content-Range"] == f"bytes */{size}"


@pytest.mark.parametrize(
    ("if_range", "status"),
    [
        (ETAG, 206),
        ('"x"', 200),
        (LAST_MODIFIED, 206),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 200),
    ],
)
def test_if_range(files: Path, if_range: str, status: int) -> None:
    assert get(files, "/s/a.txt", Range="bytes=0-1", If_Range=if_range).status_code == status


def test_the_condition_comes_before_the_range(files: Path) -> None:
    assert get(files, "/s/a.txt", Range="bytes=0-1", If_None_Match=ETAG).status_code == 304


# Neighbours


@pytest.fixture
def packed(files: Path) -> Path:
    put(files / "app.js.br", b"brotli", MTIME + 1)
    put(files / "app.js.gz", b"gzip")
    put(files / "app.js.zst", b"zstandard", MTIME + 1)
    return files


@pytest.mark.parametrize(
    ("accept", "coding"),
    [
        ("", None),
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("GZIP", "gzip"),
        ("zstd;q=0.9, gzip;q=1.0", "gzip"),
        ("br;q=0, gzip;q=0.1", "gzip"),
        ("gzip;q=0.5, identity", None),
        ("gzip;q=0.5, identity;q=0.1", "gzip"),
        ("*", "br"),
        ("*;q=0.1, br;q=0", "zstd"),
        ("deflate", None),
        ("identity", None),
        ("br;q=bad", None),
        (";;,,=", None),
    ],
)
def test_neighbours(packed: Path, accept: str, coding: str | None) -> None:
    response = get(packed, "/s/app.js", Accept_Encoding=accept)
    contents = {None: b"var", "br": b"brotli", "gzip": b"gzip", "zstd": b"zstandard"}
    assert response.headers.get("Content-Encoding") == coding
    assert response.data == contents[coding]
    assert response.headers["Content-Length"] == str(len(response.data))
    assert response.headers["Vary"] == "Accept-Encoding"
    assert response.content_type == "text/javascript; charset=utf-8"


def test_neighbours_have_their_own_tags(packed: Path) -> None:
    tags = {
        get(packed, "/s/app.js", Accept_Encoding=coding).headers["Etag"]
        for coding in ("", "br", "gzip", "zstd")
    }
    assert len(tags) == 4
    response = get(packed, "/s/app.js", Accept_Encoding="br")
    tag = response.headers["Etag"]
    same = get(packed, "/s/app.js", Accept_Encoding="br", If_None_Match=tag)
    assert (same.status_code, same.headers["Vary"]) == (304, "Accept-Encoding")
    assert get(packed, "/s/app.js", If_None_Match=tag).status_code == 200


def test_a_range_of_a_neighbour(packed: Path) -> None:
    response = get(packed, "/s/app.js", Accept_Encoding="br", Range="bytes=1-2")
    assert (response.status_code, response.data) == (206, b"ro")
    assert response.headers["Content-Encoding"] == "br"
    assert response.headers["Content-Range"] == "bytes 1-2/6"


def test_an_old_neighbour_is_not_sent(packed: Path) -> None:
    os.utime(packed / "app.js.br", (MTIME - 1, MTIME - 1))
    assert get(packed, "/s/app.js", Accept_Encoding="br, gzip").data == b"gzip"


def test_a_neighbour_that_is_no_file(files: Path) -> None:
    (files / "app.js.br").mkdir()
    response = get(files, "/s/app.js", Accept_Encoding="br")
    assert response.data == b"var"
    assert "Vary" not in response.headers


def test_a_neighbour_by_its_own_name(packed: Path) -> None:
    response = get(packed, "/s/app.js.gz", Accept_Encoding="gzip")
    assert response.data == b"gzip"
    assert "Content-Encoding" not in response.headers


# The server's side


def test_the_file_is_wrapped(files: Path) -> None:
    middleware = SharedDataMiddleware(fallback, {"/s": str(files)})
    request: dict[str, Any] = {"REQUEST_METHOD": "GET", "PATH_INFO": "/s/a.txt"}
    for field in ({}, {"HTTP_RANGE": "bytes=1-3"}):
        environ = {**request, **field, "wsgi.file_wrapper": FileWrapper}
        result = middleware(environ, lambda status, headers, exc_info=None: lambda data: None)
        assert isinstance(result, FileWrapper)
        assert result.file.fileno() > 0
        result.close()
        assert result.file.closed


def test_through_the_engine(files: Path) -> None:
    put(files / "large.bin", os.urandom(300_000))
    engine = EngineClient(SharedDataMiddleware(fallback, {"/s": str(files)}))
    assert engine.get("/s/large.bin").data == (files / "large.bin").read_bytes()
    part = engine.get("/s/large.bin", headers={"Range": "bytes=100000-299998"})
    assert part.status_code == 206
    assert part.data == (files / "large.bin").read_bytes()[100_000:299_999]
    assert engine.head("/s/large.bin").headers["Content-Length"] == "300000"
    assert engine.get("/s/a.txt", headers={"If-None-Match": ETAG}).status == "304 Not Modified"
    assert engine.reports == []
