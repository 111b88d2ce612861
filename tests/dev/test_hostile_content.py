"""What a client, or the program's data, puts on the developer's pages stays text there.

Every place of an error, of a request and of a log line holds markup that would end whatever
element, attribute or script it stands in. The pages are read as a browser would.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tests.dev.attacks import Attack, Target, send
from tests.dev.live import serving

from dovetail.dev.debugger.console import Console
from dovetail.dev.stack import Stack

#: The element that a page must never have.
PWN = "pwn"
# Ways out of where a text stands.
ENDS = ["", '"', "'", "`", ">", "-->", "]]>", "</script>", "</style>", "</title>", "</textarea>"]
ENDS += ["</template>", "</pre>", "</noscript>", "</select>", "</svg>", "{{", "{%"]


def nasty(number: int = 0) -> str:
    return "".join(f"{end}<{PWN} onload={number}>" for end in ENDS)


LIVE = "/__dovetail__/live.js"


class Page(HTMLParser):
    """Notes what a browser would run, and what must not be there."""

    def __init__(self, nonce: str) -> None:
        super().__init__()
        self.nonce = nonce
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        assert tag != PWN
        assert not any(name.startswith("on") for name in names)
        assert not any("javascript:" in (value or "").lower() for value in names.values())
        if tag in {"script", "style"}:
            assert names.get("nonce") == self.nonce
            assert str(names.get("src", LIVE)).startswith(LIVE)
        if tag in {"a", "form"}:
            place = names.get("href") or names.get("action") or ""
            assert place.startswith(("/", "#", "?")) or not place
            assert not place.startswith("//")

    def handle_data(self, data: str) -> None:
        self.text += data


def read(answer: bytes) -> str:
    """Check a page; return its text."""
    head, _, content = answer.partition(b"\r\n\r\n")
    policy = next(
        line
        for line in head.decode("latin-1").split("\r\n")
        if line.lower().startswith("content-security-policy:")
    )
    nonce = policy.partition("'nonce-")[2].partition("'")[0]
    assert len(nonce) >= 16
    assert "unsafe" not in policy
    page = Page(nonce)
    page.feed(content.decode())
    page.close()
    return page.text


class Held:
    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def fail(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Raise something that is markup in all its parts."""
    logging.getLogger("hostile").warning("%s", nasty(1))
    logging.getLogger(nasty(2)).error(nasty(3), exc_info=ValueError(nasty(4)))
    namespace: dict[str, Any] = {
        "__name__": nasty(5),
        nasty(6): Held(nasty(7)),
        "text": nasty(8),
        "rows": [{nasty(9): 1}],
        "given": environ["QUERY_STRING"],
        "kind": type(nasty(10), (list,), {"__module__": nasty(11)}),
    }
    namespace["made"] = namespace["kind"]([1])
    kind = type(nasty(12), (Exception,), {"__module__": nasty(13)})
    try:
        # Its file and its only line are markup, too.
        code = compile(f"raise ValueError({nasty(14)!r})  # {nasty(15)}", nasty(16), "exec")
        exec(code.replace(co_name=nasty(17), co_qualname=nasty(17)), namespace)
    except ValueError as error:
        error.add_note(nasty(18))
        problem = kind(nasty(19))
        problem.add_note(nasty(20))
        group = ExceptionGroup(
            nasty(21), [problem, SyntaxError(nasty(22), (nasty(23), 1, 2, nasty(24)))]
        )
        raise group from error
    return []


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    stack = Stack(fail, "127.0.0.1", use_debugger=True, inspector=True, live_reload=True)
    with serving(stack.application, prepare=stack.attach, threaded=True) as serving_:
        assert stack.debugger is not None
        yield Target(("127.0.0.1", serving_.port), Path("unused"), stack.debugger.secret)
    stack.close()


FIELDS = (
    ("Accept", "text/html"),
    ("User-Agent", nasty(30)),
    ("Referer", nasty(31)),
    ("Cookie", f"a={nasty(32)}"),
    ("X-Nasty", nasty(33)),
    ("Sec-Fetch-Mode", "navigate"),
    ("Sec-Fetch-Dest", "document"),
    ("Sec-Fetch-Site", "none"),
)


def test_the_page_of_an_error(server: Target) -> None:
    attack = Attack(
        "POST", f"/{quote(nasty(34))}?{quote(nasty(35))}", fields=FIELDS, content=b"<pwn>"
    )
    answer = send(server, attack)
    assert b" 500 " in answer[:20]
    text = read(answer)
    for number in (9, 14, 18, 19, 21):
        assert f"<{PWN} onload={number}>" in text


def test_the_pages_of_the_inspector(server: Target) -> None:
    send(
        server,
        Attack("POST", f"/{quote(nasty(36))}?{quote(nasty(37))}", fields=FIELDS, content=b"<pwn>"),
    )
    fields = (("Accept", "text/html"),)
    listed = read(
        send(server, Attack(target=f"/__dovetail__/?q={quote(nasty(38))}", fields=fields))
    )
    assert listed
    read(send(server, Attack(target="/__dovetail__/", fields=fields)))
    answer = send(server, Attack(target="/__dovetail__/requests.json"))
    newest = json.loads(answer.partition(b"\r\n\r\n")[2])["requests"][0]
    assert newest["method"] == "POST"
    shown = Attack(target=f"/__dovetail__/requests/{newest['id']}", fields=fields)
    text = read(send(server, shown))
    for number in (1, 3, 33):
        assert f"<{PWN} onload={number}>" in text


def test_its_json_is_no_page(server: Target) -> None:
    head = (
        send(server, Attack(target="/__dovetail__/requests.json")).partition(b"\r\n\r\n")[0].lower()
    )
    assert b"content-type: application/json" in head
    assert b"x-content-type-options: nosniff" in head


def test_fragments_of_the_console() -> None:
    console = Console({"hostile": nasty(40), "Held": Held, "nasty": nasty})
    for line in (
        "hostile",
        "Held(hostile)",
        "{hostile: [hostile]}",
        "print(hostile)",
        "raise ValueError(hostile)",
        f"{nasty(41)}",
        "dump({hostile: hostile})",
        "type(hostile, (list,), {})([1])",
        "class A: __doc__ = hostile\n",
        "help(A)",
        "help(hostile)",
        "exec(compile('1/0', hostile, 'exec'))",
    ):
        page = Page("")
        page.feed(console.eval(line))
        page.close()


def test_plain_text_is_no_page(server: Target) -> None:
    for accept in ("*/*", "application/json", "text/plain"):
        answer = send(server, Attack(fields=(("Accept", accept),)))
        head = answer.partition(b"\r\n\r\n")[0].lower()
        assert b"content-type: text/plain" in head
        assert b"x-content-type-options: nosniff" in head
