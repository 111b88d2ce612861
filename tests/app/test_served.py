"""The framework on the server: many requests at once over real sockets, and none sees another."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import random
import re
import shutil
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.operation.server import PATIENCE, Server
from tests.programs import unhurried

pytestmark = [pytest.mark.process, pytest.mark.network]

PROJECT = Path(__file__).parent / "served_project.py"
USERS = 12
CONTENT = random.Random(1).randbytes(3_000_000)
ETAG = re.compile(r'"[^"]+"')

#: The rules that the access log has to name, by how the path begins; None where no rule matched.
ROUTES: dict[str, str | None] = {
    "/echo/": "/echo/<name>",
    "/async/": "/async/<name>",
    "/stream": "/stream",
    "/plain-stream": "/plain-stream",
    "/breaks-off": "/breaks-off",
    "/fails": "/fails",
    "/upload": "/upload",
    "/file": "/file",
    "/shop/": "/shop/<int:number>",
    "/static/": "/static/<path:filename>",
    "/nowhere": None,
    "/added/": "/added/<name>",
}


@dataclass(frozen=True)
class Served:
    """A server, and what its application wrote."""

    server: Server
    directory: Path
    port: int

    def ledger(self) -> Counter[str]:
        """Return how often each line is in the ledger."""
        with contextlib.suppress(FileNotFoundError):
            return Counter((self.directory / "ledger").read_text().splitlines())
        return Counter()

    def wait_for(self, *lines: str) -> Counter[str]:
        """Wait until the ledger has these lines."""
        deadline = time.monotonic() + PATIENCE
        while not (ledger := self.ledger()).keys() >= set(lines):
            assert time.monotonic() < deadline, (lines, self.server.log)
            time.sleep(0.01)
        return ledger

    def access(self) -> list[dict[str, Any]]:
        """Return the access log; every request has a line in it before the server has ended."""
        return [json.loads(line) for line in (self.directory / "access").read_text().splitlines()]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    shutil.copy(PROJECT, tmp_path / "project.py")
    (tmp_path / "file.bin").write_bytes(CONTENT)
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "style.css").write_text("body {}")
    log = ["--access-log", str(tmp_path / "access"), "--access-log-format", "json"]
    server = Server(
        ["-b", "127.0.0.1:0", "-w", "2", "--threads", "4", *unhurried("60s"), *log, "project:app"],
        directory=tmp_path,
        variables={"SERVED_STATE": str(tmp_path)},
    )
    server.wait_ready(2)
    yield Served(server, tmp_path, server.port)
    server.destroy()


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


@dataclass
class User:
    """A client with a connection that it keeps, and cookies."""

    port: int
    name: str
    count: int = 0
    cookie: str = ""
    last: str = ""
    echoed: int = 0
    streamed: set[str] = field(default_factory=set)
    connection: http.client.HTTPConnection = field(init=False)
    random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        self.random = random.Random(self.name)

    def ask(
        self,
        target: str,
        method: str = "GET",
        body: Any = None,
        headers: dict[str, str] | None = None,
        chunked: bool = False,
    ) -> Reply:
        self.connection.request(
            method,
            target,
            body,
            {"Cookie": self.cookie} | (headers or {}),
            encode_chunked=chunked,
        )
        response = self.connection.getresponse()
        fields = {key.lower(): value for key, value in response.getheaders()}
        return Reply(response.status, fields, response.read())

    def use(self, path: str, query: str = "", **more: Any) -> tuple[str, Reply]:
        """Ask with an id of its own; check what every answer has to say about it."""
        self.count += 1
        name = f"{self.name}-{self.count}"
        target = f"{path.format(name)}?id={name}&owner={self.name}{query}"
        headers = {"X-Own": name} | more.pop("headers", {})
        reply = self.ask(target, headers=headers, **more)
        assert reply.headers["x-id"] == f"{name} {name}"
        assert ("x-after" in reply.headers) == path.startswith("/echo/")
        assert ("set-cookie" in reply.headers) == path.startswith("/echo/")
        if reply.headers.get("content-type") == "application/json" and reply.content:
            facts = reply.json
            assert facts["id"] == [name] * 4
            assert facts["url"] == f"http://127.0.0.1:{self.port}/echo/{name}"
        return name, reply

    def __enter__(self) -> User:
        return self

    def __exit__(self, *error: object) -> None:
        self.connection.close()

    # What a user does; each checks all of its answer.

    def echo(self) -> None:
        owned = self.last
        nap, pause = (
            self.random.choice(("", "&nap=0.003")),
            self.random.choice(("", "&pause=0.003")),
        )
        name, reply = self.use(
            "/echo/{}",
            nap + pause,
            method="POST",
            body=json.dumps([self.count + 1]),
            headers={"Content-Type": "application/json"},
        )
        self.cookie = reply.headers["set-cookie"].partition(";")[0]
        self.echoed += 1
        assert reply.headers["x-after"] == name
        assert reply.headers["vary"] == "Cookie"
        facts = reply.json
        assert facts["name"] == name
        assert facts["body"] == [self.count]
        assert facts["session"] == {"owner": self.name, "count": self.echoed, "_flashes": 1}
        assert facts["told"] == ([f"flashed by {owned}"] if owned else [])
        self.last = name

    def wait(self) -> None:
        name, reply = self.use("/async/{}")
        assert reply.json["seen"] == [name, name]

    def stream(self) -> None:
        name, reply = self.use("/stream", "&pieces=5")
        self.streamed.add(name)
        assert reply.content.decode().splitlines() == [f"{n} {name} {name}" for n in range(1, 6)]

    def shop(self) -> None:
        number = self.random.randrange(3)
        name, reply = self.use(f"/shop/{number}", self.random.choice(("", "&nap=0.002")))
        if number:
            assert (reply.status, reply.json["number"]) == (200, number)
            assert reply.json["blueprint"] == "shop"
        else:
            assert (reply.status, reply.json["error"]) == (410, name)
        name, reply = self.use("/shop/1", "&closed=1")
        assert (reply.status, reply.content) == (503, b"closed")

    def head(self) -> None:
        _, reply = self.use("/shop/1", method="HEAD")
        assert (reply.status, reply.content) == (200, b"")
        assert int(reply.headers["content-length"]) > 0

    def err(self) -> None:
        name, reply = self.use("/nowhere")
        assert (reply.status, reply.content.decode()) == (404, f"nothing for {name}")
        _, reply = self.use("/stream", method="PUT")
        assert reply.status == 405
        assert set(reply.headers["allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
        _, reply = self.use("/fails")
        assert reply.status == 500
        _, reply = self.use("/static/style.css")
        assert reply.content == b"body {}"

    def upload(self) -> None:
        size, spooled, chunked = self.random.choice(
            ((3_000, False, False), (3_000, False, True), (700_000, True, True))
        )
        content = self.random.randbytes(size)
        name = f"{self.name}-{self.count + 1}"
        form = (
            (
                f'--edge\r\nContent-Disposition: form-data; name="id"\r\n\r\n{name}\r\n--edge\r\n'
                f'Content-Disposition: form-data; name="file"; filename="{name}.bin"\r\n'
                "Content-Type: application/octet-stream\r\n\r\n"
            ).encode()
            + content
            + b"\r\n--edge--\r\n"
        )
        body: Any = (
            (form[at : at + 50_000] for at in range(0, len(form), 50_000)) if chunked else form
        )
        headers = {"Content-Type": "multipart/form-data; boundary=edge"}
        if chunked:
            headers["Transfer-Encoding"] = "chunked"
        _, reply = self.use("/upload", method="POST", body=body, headers=headers, chunked=chunked)
        facts = reply.json
        assert (facts["form"], facts["filename"]) == (name, f"{name}.bin")
        assert facts["digest"] == hashlib.sha256(content).hexdigest()
        assert facts["spooled"] == spooled

    def file(self) -> None:
        start = self.random.randrange(len(CONTENT) - 1000)
        end = self.random.choice((start + 999, start + 200_000))
        _, reply = self.use("/file", headers={"Range": f"bytes={start}-{end}"})
        assert (reply.status, reply.content) == (206, CONTENT[start : end + 1])
        etag = reply.headers["etag"]
        _, reply = self.use("/file", headers={"If-None-Match": etag})
        assert (reply.status, reply.content) == (304, b"")
        _, reply = self.use("/file", method="HEAD")
        assert (reply.status, reply.headers["content-length"]) == (200, str(len(CONTENT)))

    def whole_file(self) -> None:
        _, reply = self.use("/file")
        assert (reply.status, reply.content) == (200, CONTENT)

    WORK = (echo, echo, echo, echo, wait, stream, shop, shop, head, err, upload, file)


def crowd(port: int, finished: Callable[[User], bool], users: int = USERS) -> list[User]:
    """Have users work until each has ``finished``; return them, or raise what went wrong."""
    errors: list[BaseException] = []
    made = [User(port, f"user{number}") for number in range(users)]

    def work(user: User) -> None:
        try:
            with user:
                while not finished(user) and not errors:
                    user.random.choice(User.WORK)(user)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(user,)) for user in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return made


def check_ledger(served: Served, users: list[User]) -> None:
    """Check that each request had its teardown, each stream its end, and none a guest.

    The contexts of a stream are pushed twice: for the view, and again while it is sent.
    """
    ledger = served.ledger()
    for user in users:
        for number in range(1, user.count + 1):
            name = f"{user.name}-{number}"
            pushed = 2 if name in user.streamed else 1
            assert ledger[f"teardown {name} {name}"] == ledger[f"left {name}"] == pushed
            assert ledger[f"closed {name} {name}"] == pushed - 1
    assert [line for line in ledger if line.startswith("dirty")] == []


def check_routes(served: Served) -> None:
    """Check that the access log names the rule of each request."""
    entries = served.access()
    for entry in entries:
        begin = next(begin for begin in ROUTES if entry["path"].startswith(begin))
        expected = None if entry["status"] == 405 else ROUTES[begin]
        assert entry["route"] == expected, entry


def test_nothing_mixes(served: Served) -> None:
    users = crowd(served.port, lambda user: user.count >= 150)
    for user in users[:2]:
        with user:
            user.whole_file()
    assert served.server.stop() == 0
    check_ledger(served, users)
    check_routes(served)
    assert len(served.access()) == sum(user.count for user in users) > 1_800
    kinds = {(entry["route"], entry["status"], entry["method"]) for entry in served.access()}
    assert kinds >= {
        ("/echo/<name>", 200, "POST"),
        ("/shop/<int:number>", 410, "GET"),
        ("/shop/<int:number>", 503, "GET"),
        ("/shop/<int:number>", 200, "HEAD"),
        ("/static/<path:filename>", 200, "GET"),
        ("/fails", 500, "GET"),
        ("/file", 206, "GET"),
        (None, 404, "GET"),
        (None, 405, "PUT"),
    }


def test_reloads_under_load_bring_new_views_and_lose_nothing(served: Served) -> None:
    enough = threading.Event()
    users: list[User] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            users.extend(crowd(served.port, lambda user: enough.is_set() and user.count > 20, 6))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for number in range(2):
            added = f"""
def add(app):
    @app.get("/added/<name>")
    def added(name):
        return name + " {number}"
"""
            draft = served.directory / "draft"
            draft.write_text(added)
            draft.rename(served.directory / "views_added.py")
            mark = served.server.signal(signal.SIGHUP)
            served.server.wait_for(r"worker \d+ stopped", since=mark, times=2)
            with User(served.port, f"visitor{number}") as user:
                assert user.use("/added/{}")[1].content.decode() == f"visitor{number}-1 {number}"
    finally:
        enough.set()
        thread.join()
    assert not errors, errors
    assert served.server.stop() == 0
    check_ledger(served, users)
    check_routes(served)


@pytest.mark.parametrize("path", ["/stream", "/plain-stream"])
@pytest.mark.parametrize("way", ["close", "reset"])
def test_a_stream_whose_client_leaves_ends_once(served: Served, path: str, way: str) -> None:
    for number in range(4):
        name = f"gone{number}"
        with socket.create_connection(("127.0.0.1", served.port), PATIENCE) as sock:
            sock.sendall(f"GET {path}?id={name} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            received = b""
            while len(received) < 500:
                data = sock.recv(1000)
                assert data, received
                received += data
            if way == "reset":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        served.wait_for(f"closed {name} {name}")
    with User(served.port, "user") as user:
        for _ in range(10):  # all threads are free again, and clean
            user.echo()
    assert served.server.stop() == 0
    check_ledger(served, [user])
    ledger = served.ledger()
    pushed = 2 if path == "/stream" else 1
    for name in (f"gone{number}" for number in range(4)):
        assert ledger[f"closed {name} {name}"] == 1
        assert ledger[f"teardown {name} {name}"] == ledger[f"left {name}"] == pushed
    assert "Traceback" not in served.server.log


def test_streams_that_nobody_reads_end_once(served: Served) -> None:
    """HEAD: the application has made a generator of it, of which nothing is wanted."""
    with User(served.port, "user") as user:
        name, reply = user.use("/stream", "&pieces=3", method="HEAD")
        assert (reply.status, reply.content) == (200, b"")
        served.wait_for(f"teardown {name} {name}", f"left {name}")
        user.stream()
    assert served.server.stop() == 0
    check_ledger(served, [user])


def test_errors_leave_nothing_behind(served: Served) -> None:
    with User(served.port, "user") as user:
        for _ in range(8):
            with pytest.raises(http.client.IncompleteRead) as caught:
                user.ask("/breaks-off?id=early")
            assert caught.value.partial == b"the beginning\n"
            user.connection.close()
            assert user.ask("/shop/1?id=late&break=1").status == 500
            assert user.ask("/fails?id=both&break=1").status == 500
            user.echo()
    assert served.server.stop() == 0
    ledger = served.ledger()
    assert [line for line in ledger if line.startswith("dirty")] == []
    assert [ledger[f"left {name}"] for name in ("early", "late", "both")] == [16, 8, 8]
    log = served.server.log
    assert log.count("RuntimeError: the stream fails on purpose") == 8
    assert log.count("RuntimeError: the teardown fails on purpose") == 16
    # One entry for all of what the application's logger wrote.
    entry = r"Exception on /fails \[GET\] \(id \w{16}, route /fails, \d+\.\d ms\)\n    Traceback \("
    assert len(re.findall(entry, log)) == 8
    assert log.count("\n    RuntimeError: the view fails on purpose\n") >= 8
    check_routes(served)


FOR_FLASK = """
import flask
from werkzeug.utils import secure_filename

app = flask.Flask(__name__)

@app.get("/")
def index():
    return flask.jsonify(release=RELEASE, name=secure_filename("../a"))
"""


def test_an_application_for_flask_reloads_once_it_is_repaired(tmp_path: Path) -> None:
    def release(text: str) -> None:
        draft = tmp_path / "draft"
        draft.write_text(FOR_FLASK.replace("RELEASE", text))
        draft.rename(tmp_path / "old.py")

    def ask() -> Any:
        with User(server.port, "user") as user:
            return user.ask("/").json

    release("1")
    server = Server(
        ["-b", "127.0.0.1:0", "-w", "1", "old:app"],
        directory=tmp_path,
        variables={"DOVETAIL_COMPAT": "1"},
    )
    try:
        worker = server.wait_for(r"worker (\d+) ready")[0][1]
        assert ask() == {"release": 1, "name": "a"}
        release("(")
        mark = server.signal(signal.SIGHUP)
        server.wait_for(r"reload failed: .*old\.py:\d+: ", since=mark)
        server.wait_for("the old generation keeps serving", since=mark)
        assert ask()["release"] == 1
        release("2")
        mark = server.signal(signal.SIGHUP)
        # The worker of the release that failed may be told to stop, and say so, only now.
        server.wait_for(f"worker {worker} stopped", since=mark)
        assert ask()["release"] == 2
        assert server.stop() == 0
    finally:
        server.destroy()
