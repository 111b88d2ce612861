from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.dev.inspector.entries import make_entry
from tests.dev.inspector.inspected import PATIENCE, Site, inspected, wait_for

from dovetail.dev.inspector.replay import (
    TOKEN_FIELD,
    Address,
    Replayer,
    Tokens,
    dump_replay,
    parse_address,
)
from dovetail.toolkit.request import Request
from dovetail.toolkit.response import Response

FIELDS: list[dict[str, str]] = []


@Request.application
def echo(request: Request) -> Response:
    """Answer with all that was received, so that two requests can be compared."""
    FIELDS.append(dict(request.headers))
    files = [(f.filename, f.mimetype, f.read()) for f in request.files.values()]
    seen = request.method, request.full_path, sorted(request.form.items()), files
    data = b"" if request.form or request.files else request.get_data()
    return Response(f"{seen} {data!r} {request.environ.get('CONTENT_LENGTH')}")


@pytest.fixture(autouse=True)
def fields() -> list[dict[str, str]]:
    """The header fields of all requests that the application has seen."""
    FIELDS.clear()
    return FIELDS


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with inspected(echo, tmp_path_factory.mktemp("workshop"), threaded=True) as site:
        yield site


def without_connection(fields: dict[str, str]) -> dict[str, str]:
    dropped = {"Connection", "Accept-Encoding", "Content-Length"}
    return {name: value for name, value in fields.items() if name not in dropped}


MULTIPART = (
    b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n"
    b'--b\r\nContent-Disposition: form-data; name=f; filename="x.bin"\r\n'
    b"Content-Type: image/png\r\n\r\n\0\xff\r\n--b--\r\n"
)


@pytest.mark.network
@pytest.mark.parametrize(
    ("method", "kind", "content"),
    [
        ("GET", "", None),
        ("HEAD", "", None),
        ("DELETE", "", None),
        ("POST", "", b""),
        ("POST", "application/x-www-form-urlencoded", b"a=1&b=%C3%A4"),
        ("POST", "application/json", b'{"a": [1, "\xc3\xa4"]}'),
        ("PUT", "application/octet-stream", bytes(range(256)) * 4096),
        ("POST", "multipart/form-data; boundary=b", MULTIPART),
    ],
)
def test_the_application_gets_the_same_again(
    site: Site, fields: list[dict[str, str]], method: str, kind: str, content: bytes | None
) -> None:
    site.post("clear")
    sent = {"Content_Type": kind} if kind else {}
    site.ask("/same?x=%2F&y", method, content, Authorization="Basic c2VjcmV0", **sent)
    row = site.row("/same")
    again = site.replay(row)
    assert (again["status"], again["method"], again["target"]) == (200, method, row["target"])
    assert again["origin"] == row["id"]
    assert without_connection(fields[0]) == without_connection(fields[1])
    assert fields[1]["Authorization"] == "Basic c2VjcmV0"
    assert fields[0].get("Content-Length") == fields[1].get("Content-Length")
    first, second = (site.inspector.history.find(entry["id"]) for entry in (row, again))
    assert first is not None
    assert second is not None
    assert first.content == second.content == (content or b"")
    assert first.response_length == second.response_length
    assert f'replayed from <a href="/__dovetail__/requests/{row["id"]}">' in " ".join(
        site.page(again["id"]).split()
    )
    assert f'href="{again["url"]}">#{again["id"]}</a>' in site.page(row["id"])


@pytest.mark.network
def test_content_that_came_in_chunks_goes_in_one_piece(
    site: Site, fields: list[dict[str, str]]
) -> None:
    site.post("clear")
    site.ask("/chunks", "POST", iter([b"one", b"two"]), Transfer_Encoding="chunked")
    again = site.replay(site.row("/chunks"))
    entry = site.inspector.history.find(again["id"])
    assert entry is not None
    assert entry.content == b"onetwo"
    assert fields[1]["Content-Length"] == "6"


@pytest.mark.network
def test_a_replay_can_be_replayed(site: Site) -> None:
    site.ask("/twice")
    first = site.replay(site.row("/twice"))
    assert site.replay(first)["origin"] == first["id"]


@pytest.mark.network
def test_nothing_of_a_replay_is_seen_by_the_application_or_kept(
    site: Site, fields: list[dict[str, str]]
) -> None:
    site.ask("/traces")
    again = site.replay(site.row("/traces"))
    assert not [name for seen in fields for name in seen if "Dovetail" in name]
    assert TOKEN_FIELD not in site.page(again["id"])


@pytest.mark.network
def test_nobody_can_say_that_a_request_is_a_replay(
    site: Site, fields: list[dict[str, str]]
) -> None:
    for number, token in enumerate(["1", "1.2.3.4", "\xe4.\xb2", Tokens("other").dump(1)]):
        site.ask(f"/forged/{number}", X_Dovetail_Replay=token)
        assert site.row(f"/forged/{number}")["origin"] == 0
        assert fields[-1]["X-Dovetail-Replay"] == token


@pytest.mark.network
def test_too_much_content_is_not_kept_and_that_is_said(site: Site) -> None:
    site.ask("/large", "POST", b"x" * ((1 << 20) + 1))
    row = site.row("/large")
    assert "its content has 1048577 octets" in site.page(row["id"])
    answer = site.post(f"requests/{row['id']}/replay")
    assert answer.status == 409
    assert "no more than 1048576 are kept" in answer.text
    told = site.post(f"requests/{row['id']}/replay", Accept="application/json")
    assert told.status == 409
    assert "cannot be sent again" in told.text


@pytest.mark.network
def test_a_head_that_is_too_long_is_cut_and_not_sent_again(site: Site) -> None:
    site.ask(f"/long?{'x' * 3000}")
    row = site.row("/long")
    assert len(row["target"]) == 2048
    assert "its head is too long" in site.page(row["id"])
    assert site.post(f"requests/{row['id']}/replay").status == 409


@pytest.mark.network
def test_an_upgrade_is_not_sent_again(site: Site) -> None:
    site.ask("/socket", Connection="Upgrade", Upgrade="websocket")
    assert "Upgrade: websocket" in site.page(site.row("/socket")["id"])


@pytest.mark.network
def test_a_replay_is_asked_for_by_the_page_only(site: Site) -> None:
    site.ask("/asked")
    row = site.row("/asked")
    assert site.ask(f"{row['url']}/replay").status == 405
    assert site.post(f"requests/{row['id']}/replay", "wrong").status == 403
    assert site.post(f"requests/{row['id']}/replay", Origin="null").status == 403
    started = site.post(f"requests/{row['id']}/replay", Accept="application/json")
    assert started.status == 202
    site.row("/asked", count=2)


@pytest.mark.network
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"ssl_context": "adhoc"},
        pytest.param({"threaded": True, "ssl_context": "adhoc"}, id="tls-threads"),
    ],
)
def test_a_server_of_one_thread_answers_it(tmp_path: Path, options: dict[str, Any]) -> None:
    with inspected(echo, tmp_path, **options) as site:
        site.ask("/one")
        assert site.replay(site.row("/one"))["status"] == 200


@pytest.mark.network
def test_a_unix_socket(tmp_path: Path) -> None:
    host = f"unix://{tmp_path}/socket"
    with inspected(echo, tmp_path, host=host, address=host) as site:
        site.fields = {"Host": "localhost"}
        site.ask("/unix")
        row = site.row("/unix")
        assert row["client"] == "Unix socket"
        assert site.replay(row)["status"] == 200
        site.inspector.address = None
        unknown = site.post(f"requests/{row['id']}/replay")
        assert "own address is not known" in unknown.text


@pytest.mark.network
def test_after_a_reload_it_is_the_new_code_that_answers(tmp_path: Path) -> None:
    @Request.application
    def mended(request: Request) -> Response:
        return Response("mended", 201)

    with inspected(echo, tmp_path) as site:
        site.ask("/code")
        row = site.row("/code")
    with inspected(mended, tmp_path) as site:
        assert [old["id"] for old in site.rows()] == [row["id"]]
        assert site.replay(row)["status"] == 201


@pytest.mark.network
def test_a_server_that_is_not_there_is_said(tmp_path: Path) -> None:
    # It has the port, so that nobody else gets it, but does not listen.
    with socket.socket() as taken, ExitStack() as stack:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        site = stack.enter_context(inspected(echo, tmp_path, address=("0.0.0.0", port)))
        site.ask("/lost")
        row = site.row("/lost")
        site.post(f"requests/{row['id']}/replay")
        wait_for(
            lambda: f"could not be sent to 127.0.0.1:{port}" in site.page(row["id"]), "it is said"
        )
        about = site.ask(f"/__dovetail__/requests.json?about={row['id']}").text
        assert "could not be sent" in about


@pytest.mark.network
def test_so_many_at_a_time() -> None:
    """A server that does not answer must not be sent to without end."""
    said: list[tuple[int, str]] = []
    replayer = Replayer(lambda number, text: said.append((number, text)))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = Address(silent.getsockname())
        started = [replayer.start(make_entry(number=n), address, "t") for n in range(10)]
        assert started == [True] * 8 + [False] * 2
        clients = []
        for _ in range(8):
            silent.settimeout(PATIENCE)
            clients.append(silent.accept()[0])
            clients[-1].settimeout(PATIENCE)
        for client in clients:
            client.recv(65536)
            client.close()
        wait_for(lambda: len(said) == 8, "all are given up")
    assert said[0][1] == "The replay got no answer."
    wait_for(
        lambda: not [t for t in threading.enumerate() if t.name == "replay"], "no thread is left"
    )


def test_what_is_sent() -> None:
    entry = make_entry(
        "/a?b",
        method="POST",
        content=b"\0x",
        request_fields=[
            ("host", "a"),
            ("connection", "keep-alive, x"),
            ("expect", "100-continue"),
            ("transfer-encoding", "chunked"),
            ("x-mine", "\xe4"),
            ("x-mine", ""),
            (TOKEN_FIELD, "forged"),
        ],
    )
    assert dump_replay(entry, "real") == (
        b"POST /a?b HTTP/1.1\r\nhost: a\r\nx-mine: \xe4\r\nx-mine: \r\ncontent-length: 2\r\n"
        b"connection: close\r\nx-dovetail-replay: real\r\n\r\n\0x"
    )


def test_an_empty_content_stays_one() -> None:
    entry = make_entry(method="POST", request_fields=[("host", "a"), ("content-length", "0")])
    assert b"\r\ncontent-length: 0\r\n" in dump_replay(entry, "t")
    assert b"content-length" not in dump_replay(make_entry(), "t")


def test_without_another_thread_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    said: list[str] = []
    replayer = Replayer(lambda _, text: said.append(text))
    nowhere = Address(("127.0.0.1", 1))
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        for _ in range(20):
            assert not replayer.start(make_entry(), nowhere, "token")
    assert replayer.start(make_entry(), nowhere, "token")
    wait_for(lambda: said, "the replay is given up")


def test_tokens_are_of_one_server_and_for_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = Tokens("a")
    token = tokens.dump(17)
    assert tokens.load(token) == Tokens("a").load(token) == 17
    assert Tokens("b").load(token) == 0
    assert tokens.load(token.replace("17.", "18.", 1)) == 0
    assert tokens.load("") == tokens.load("...") == 0
    monkeypatch.setattr("dovetail.dev.inspector.replay._TOKEN_SECONDS", 0)
    assert tokens.load(token) == 0


@pytest.mark.parametrize(
    ("given", "expected", "text"),
    [
        (("0.0.0.0", 80), ("127.0.0.1", 80), "127.0.0.1:80"),
        (("::", 80, 0, 0), ("::1", 80), "[::1]:80"),
        (("10.0.0.1", 80), ("10.0.0.1", 80), "10.0.0.1:80"),
        ("unix:///a/b", "/a/b", "/a/b"),
        (b"/a/b", "/a/b", "/a/b"),
    ],
)
def test_addresses(given: object, expected: object, text: str) -> None:
    place = parse_address(given)
    assert place == expected
    assert str(Address(place)) == text


def test_what_is_no_address() -> None:
    with pytest.raises(TypeError, match="a server's address is"):
        parse_address(5000)
