"""Nothing that a client sends switches the debugger or the inspector on, or gets through them.

Whoever evaluates anything here leaves a file behind, and that is looked for after each request.
"""

from __future__ import annotations

import re
import signal
import sys
import textwrap
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from tests.applications.deployment import Process
from tests.dev.attacks import HOSTS, PIN, STRANGERS, Attack, Target, attacks, commands, send
from tests.dev.live import serving

from dovetail.dev.debugger import pins
from dovetail.dev.stack import Stack

#: In the message, in a local variable and in the source of what fails: none of it may get out.
HIDDEN = "kingfisher-in-a-local-variable"
# What none but a page of the debugger, the inspector or the live reload says.
TELLTALE = [b"Traceback", b"__debugger__=", b"data-secret", b"EventSource", b"Requests</title>"]

#: How many PINs are looked at, before a fixture says otherwise.
GUESSES = pins.Attempts.MOST

PROGRAM = """
import os, sys
from dovetail import App

app = App(__name__)
app.debug = {debug}


@app.route("/")
def index():
    return "hello"


@app.route("/boom", methods=["GET", "POST"])
def boom():
    hidden = "{hidden}"
    raise ValueError(f"failed with {{hidden}}")


def plain(environ, start_response):
    if environ["PATH_INFO"] == "/boom":
        hidden = "{hidden}"
        raise ValueError(f"failed with {{hidden}}")
    start_response("200 OK", [("Content-Type", "text/html")])
    return [b"<title>hello</title>"]


if __name__ == "__main__":
    from dovetail.dev import run_simple

    run_simple("127.0.0.1", 0, getattr(sys.modules["__main__"], sys.argv[1]), **eval(sys.argv[2]))
"""

#: How the application is served where nothing of all that is on.
OFF: dict[str, tuple[bool, list[str]]] = {
    "serve": (False, ["-m", "dovetail", "serve", "program:app"]),
    "serve an application that says debug": (True, ["-m", "dovetail", "serve", "program:app"]),
    "serve plain WSGI": (False, ["-m", "dovetail", "serve", "program:plain"]),
    "develop without aids": (False, ["program.py", "app", "{}"]),
    "develop with threads": (False, ["program.py", "app", "dict(threaded=True)"]),
    "develop plain WSGI": (False, ["program.py", "plain", "dict(processes=2)"]),
    "live reload only": (False, ["program.py", "app", "dict(live_reload=True)"]),
}


def start(directory: Path, name: str, arguments: list[str], *, debug: bool = False) -> Process:
    (directory / "program.py").write_text(
        textwrap.dedent(PROGRAM).format(debug=debug, hidden=HIDDEN), encoding="utf-8"
    )
    if "serve" in arguments:
        arguments = [*arguments, "--bind", "127.0.0.1:0", "--workers", "1", "--threads", "4"]
    return Process(
        [sys.executable, *arguments],
        output=directory / f"{name}.log",
        directory=directory,
        environ={"WERKZEUG_DEBUG_PIN": PIN, "PYTHONPATH": str(directory)},
    )


def found(process: Process, marker: Path, **more: Any) -> Target:
    port = process.wait_for_line(r"http://127\.0\.0\.1:(\d+)")[1]
    return Target(("127.0.0.1", int(port)), marker, **more)


@pytest.fixture(params=OFF, scope="module")
def off(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Target]:
    directory = tmp_path_factory.mktemp("off")
    debug, arguments = OFF[request.param]
    process = start(directory, "server", arguments, debug=debug)
    try:
        yield found(process, directory / "evaluated")
    finally:
        process.stop(signal.SIGINT if "run" in arguments else signal.SIGTERM)
    # It has gone on: nothing has restarted it, or switched anything on.
    written = process.text()
    assert "Debugger PIN" not in written
    assert "Debugger is active" not in written


def check_silence(target: Target, attack: Attack) -> None:
    """Send it; nothing is evaluated, and nothing is told of the inside."""
    answer = send(target, attack)
    assert answer.startswith(b"HTTP/1.1 "), answer[:200]
    assert not target.marker.exists()
    for telltale in [*TELLTALE, HIDDEN.encode(), PIN.encode(), PIN.replace("-", "").encode()]:
        if telltale == b"EventSource" and "/live" in attack.target:
            continue
        assert telltale not in answer


def test_what_is_off_stays_off(off: Target) -> None:
    for attack in attacks(off, HOSTS, 400):
        check_silence(off, attack)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_plainest_ways_in_are_none(off: Target, method: str) -> None:
    for command in commands(off.marker):
        query = urlencode({"__debugger__": "yes", "cmd": command, "frm": 0, "s": off.secret})
        for path in ("/", "/boom", "/console"):
            check_silence(off, Attack(method, f"{path}?{query}"))
    for path in ("/__dovetail__/", "/__dovetail__/requests.json", "/__dovetail__/errors/1-0"):
        answer = send(off, Attack(method, path, fields=(("Accept", "text/html"),)))
        assert answer.split()[1] in {b"404", b"200", b"405"}
        # The plain application answers to all paths; ours knows of none of these.
        assert b"404" in answer[:20] or b"hello" in answer or b"405" in answer[:20]


def test_duplicates_do_not_help(off: Target) -> None:
    for hosts in (("localhost", "evil.test"), ("evil.test", "localhost"), ()):
        check_silence(off, Attack(target="/console", hosts=hosts))
    check_silence(off, Attack(target="/boom", fields=(("Cookie", "a=b"), ("Cookie", "a=c"))))


# With the debugger


@pytest.fixture(scope="module")
def debugging(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Target, Stack]]:
    """A server with all of it, and what an attacker may know of that: the pages' secret."""
    marker = tmp_path_factory.mktemp("on") / "evaluated"

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"] == "/boom":
            raise ValueError("failed")
        start_response("200 OK", [("Content-Type", "text/html")])
        return [b"hello"]

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WERKZEUG_DEBUG_PIN", PIN)
        patch.setattr(pins.Attempts, "delay", lambda _: 0.0)
        patch.setattr(pins.Attempts, "MOST", 10**6)
        stack = Stack(application, "127.0.0.1", use_debugger=True, inspector=True, live_reload=True)
        with serving(stack.application, prepare=stack.attach, threaded=True) as server:
            assert stack.debugger is not None
            target = Target(("127.0.0.1", server.port), marker, stack.debugger.secret)
            yield target, stack
        stack.close()


def ticket(stack: Stack, pin: str = PIN) -> str:
    assert stack.debugger is not None
    return f"{stack.debugger.pin_cookie_name}={pins.make_ticket(pin)}"


def query(target: Target, **more: Any) -> str:
    values = {"__debugger__": "yes", "cmd": commands(target.marker)[0], "frm": 0}
    return "/?" + urlencode(values | {"s": target.secret} | more)


def test_the_developer_does_get_through(debugging: tuple[Target, Stack], tmp_path: Path) -> None:
    """What the other tests do not find would be found."""
    target, stack = debugging
    mine = Target(target.address, tmp_path / "mine", target.secret)
    cookie = (("Cookie", ticket(stack)),)
    for host in ("localhost", "127.0.0.1", "127.0.0.1:5000", "a.localhost", "[::1]"):
        assert b"200 OK" in send(mine, Attack(target=query(mine), hosts=(host,), fields=cookie))
        assert mine.marker.exists()
        mine.marker.unlink()


def test_without_the_pin(debugging: tuple[Target, Stack]) -> None:
    """With the right secret, and as any host, those of this machine included."""
    target, stack = debugging
    name = stack.debugger.pin_cookie_name if stack.debugger else ""
    made_up = ("", "1", f"{int(time.time())}|{'0' * 32}", "|", "9" * 40)
    target.cookies = [f"{name}={value}" for value in made_up]
    for attack in attacks(target, HOSTS, 1000):
        answer = send(target, attack)
        assert answer.startswith(b"HTTP/1.1 "), attack
        assert not target.marker.exists(), attack
        assert PIN.encode() not in answer, attack
        assert b'"auth": true' not in answer, attack


def test_with_the_pin_but_for_another_host(debugging: tuple[Target, Stack]) -> None:
    """A page whose name leads here has all that the browser sends along, and gets nothing."""
    target, stack = debugging
    for attack in attacks(target, STRANGERS, 1000):
        # In another form the target says which host it is for (RFC 9112 section 3.2.2).
        if attack.target.startswith("/"):
            cookie = ("Cookie", ticket(stack))
            answer = send(target, replace(attack, fields=(*attack.fields, cookie)))
            assert not target.marker.exists(), attack
            assert target.secret.encode() not in answer, attack


@pytest.mark.parametrize(
    "fields",
    [
        [("Origin", "http://evil.test")],
        [("Origin", "null")],
        [("Origin", "http://localhost.evil.test")],
        [("Origin", "http://localhost:1")],
        [("Sec-Fetch-Site", "cross-site")],
        [("Sec-Fetch-Site", "same-site")],
        [("Sec-Fetch-Site", "same-origin"), ("Origin", "http://evil.test")],
        [("Sec-Fetch-Site", "none"), ("Origin", "https://evil.test")],
        [("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "cross-site")],
        [("Origin", "http://localhost"), ("Origin", "http://evil.test")],
        [("Origin", "")],
        [("Origin", "http://")],
        [("Origin", "http://[")],
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_pages_of_other_sites_with_everything_else(
    debugging: tuple[Target, Stack], fields: list[tuple[str, str]], method: str
) -> None:
    target, stack = debugging
    cookie = ("Cookie", ticket(stack))
    attack = Attack(method, query(target), ("localhost",), (*fields, cookie))
    assert b"200 OK" not in send(target, attack)
    assert not target.marker.exists()
    form = query(target).removeprefix("/?").encode()
    send(target, Attack("POST", "/?__debugger__=yes", ("localhost",), (*fields, cookie), form))
    assert not target.marker.exists()
    for path in ("/__dovetail__/clear", "/__dovetail__/requests/1/replay"):
        answer = send(target, Attack("POST", path, ("localhost",), (*fields, cookie), b"s=1"))
        assert answer.split()[1] in {b"403", b"404"}


@pytest.mark.parametrize("secret", ["", "0", "None", "\0", "é"])
def test_without_the_secret(debugging: tuple[Target, Stack], secret: str) -> None:
    target, stack = debugging
    for given_secret in {secret, target.secret[:-1], target.secret + "0", target.secret.swapcase()}:
        attack = Attack(target=query(target, s=given_secret), fields=(("Cookie", ticket(stack)),))
        assert b" 403 " in send(target, attack)[:20]
    missing = query(target).replace(target.secret, "").replace("&s=", "")
    assert (
        b" 403 " in send(target, Attack(target=missing, fields=(("Cookie", ticket(stack)),)))[:20]
    )
    assert not target.marker.exists()


def test_the_first_of_two_values_does_not_vouch_for_the_second(
    debugging: tuple[Target, Stack],
) -> None:
    target, stack = debugging
    cookie = (("Cookie", ticket(stack)),)
    wrong = query(target).replace(target.secret, "wrong")
    form = f"s={target.secret}".encode()
    answer = send(target, Attack("POST", wrong, fields=cookie, content=form))
    assert b" 403 " in answer[:20]
    assert not target.marker.exists()


def shifted(seconds: float, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the ticket of a clock that is wrong by so much."""
    with monkeypatch.context() as patch:
        now = time.time()
        patch.setattr("dovetail.dev.debugger.pins.time.time", lambda: now + seconds)
        return pins.make_ticket(PIN)


def test_tickets_of_other_times_pins_and_servers(
    debugging: tuple[Target, Stack], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    target, stack = debugging
    assert stack.debugger is not None
    good = pins.make_ticket(PIN)
    stamp, signature = good.split("|")
    forged = [
        shifted(-pins.PIN_TIME - 60, monkeypatch),
        shifted(3600, monkeypatch),
        pins.make_ticket("000-000-000"),
        pins.make_ticket("off"),
        f"{int(stamp) + 60}|{signature}",
        f"{stamp}|{signature.upper()}" if signature.upper() != signature else f"{stamp}|",
        f"{stamp}|{signature[:-1]}",
        f" {stamp}|{signature}0",
        f"{stamp}|{signature}|{signature}",
        f"+{stamp}|{signature}",
        f"{stamp[:-1]}_{stamp[-1]}|{signature}",
    ]
    # Another user's, or another machine's: the same PIN, chosen by the same variable.
    with monkeypatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path))
        forged.append(pins.make_ticket(PIN))
    for value in forged:
        for cookie in (
            f"{stack.debugger.pin_cookie_name}={value}",
            f"{stack.debugger.pin_cookie_name}x={good}; {stack.debugger.pin_cookie_name}={value}",
        ):
            attack = Attack(target=query(target), fields=(("Cookie", cookie),))
            assert b" 403 " in send(target, attack)[:20], value
            assert not target.marker.exists()


def test_the_name_of_a_host_that_leads_here_gets_no_secret(
    debugging: tuple[Target, Stack],
) -> None:
    target, _ = debugging
    page = (("Accept", "text/html"),)
    shown = send(target, Attack(target="/boom", hosts=("localhost",), fields=page))
    assert target.secret.encode() in shown  # without it the page's own consoles could not work
    for host in (
        "evil.test",
        "127.0.0.1.evil.test",
        "localhost.evil.test",
        "localhost:80@evil.test",
    ):
        for path in ("/boom", "/console", "/__dovetail__/", "/__dovetail__/live.js"):
            answer = send(target, Attack(target=path, hosts=(host,), fields=page))
            assert target.secret.encode() not in answer
            assert b"200 OK" not in answer[:20] or path == "/__dovetail__/live.js"


def test_another_sites_page_reads_nothing(debugging: tuple[Target, Stack]) -> None:
    """No answer of the debugger or the inspector allows other origins to read it."""
    target, _ = debugging
    for path in (
        "/boom",
        "/console",
        "/__dovetail__/",
        "/__dovetail__/requests.json",
        query(target),
    ):
        for origin in ("http://evil.test", "null"):
            fields = (("Origin", origin), ("Accept", "text/html"))
            head = send(target, Attack(target=path, fields=fields)).partition(b"\r\n\r\n")[0]
            assert b"access-control" not in head.lower()
            if path != "/boom":
                assert b"frame-ancestors" in head.lower() or b" 403 " in head


# Guesses


def test_guesses_in_parallel_over_processes(tmp_path: Path) -> None:
    """Ten are looked at, however many processes they reach; then the right one is not, either."""
    arguments = ["program.py", "app", "dict(processes=3, use_debugger=True)"]
    process = start(tmp_path, "guesses", arguments)
    try:
        target = found(process, tmp_path / "evaluated")
        page = send(target, Attack(target="/console")).decode()
        target.secret = secret_of(page)

        def guess(pin: str) -> bytes:
            values = {"cmd": "pinauth", "s": target.secret, "pin": pin}
            return send(
                target, Attack("POST", "/?__debugger__=yes", content=urlencode(values).encode())
            )

        with ThreadPoolExecutor(30) as pool:
            answers = list(pool.map(guess, [f"{number:09}" for number in range(60)]))
        looked_at = [answer for answer in answers if b'"exhausted": false' in answer]
        refused = [answer for answer in answers if b'"exhausted": true' in answer]
        assert len(looked_at) == GUESSES
        assert len(looked_at) + len(refused) == len(answers)
        last = guess(PIN)
        assert b'"auth": false, "exhausted": true' in last
        assert b"Set-Cookie" not in last
        send(target, Attack(target=query(target)))
        assert not target.marker.exists()
    finally:
        process.stop(signal.SIGINT)


def secret_of(page: str) -> str:
    match = re.search(r'data-secret="([^"]+)"', page)
    assert match is not None, page[:2000]
    return match[1]
