"""Flask-Mail: letters that reach a server of SMTP, with copies, attachments and many at once."""

from __future__ import annotations

import email
import email.policy
import socketserver
import threading
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from queue import SimpleQueue

import pytest
from tests.moved.site import PATIENCE, Browser, Site

pytestmark = [pytest.mark.process, pytest.mark.network]


class Sink(socketserver.ThreadingTCPServer):
    """Takes every letter; ``connections`` counts how often somebody came."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Session)
        self.letters: SimpleQueue[tuple[list[str], EmailMessage]] = SimpleQueue()
        self.connections = 0

    def take(self) -> tuple[list[str], EmailMessage]:
        """Return the recipients and the next letter."""
        return self.letters.get(timeout=PATIENCE)


class Session(socketserver.StreamRequestHandler):
    """As much of SMTP (RFC 5321) as a client needs to get rid of its letters."""

    server: Sink

    def handle(self) -> None:
        self.server.connections += 1
        recipients: list[str] = []
        self._say("220 sink")
        while line := self.rfile.readline().decode().strip():
            match line.upper().split(":")[0].split()[0]:
                case "RCPT":
                    recipients.append(line[line.index("<") + 1 : line.index(">")])
                    self._say("250 fine")
                case "DATA":
                    self._say("354 go on")
                    self.server.letters.put((recipients, self._read_letter()))
                    recipients = []
                    self._say("250 taken")
                case "QUIT":
                    self._say("221 bye")
                    return
                case _:
                    self._say("250 fine")

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())

    def _read_letter(self) -> EmailMessage:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b"."))
        letter = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
        assert isinstance(letter, EmailMessage)
        return letter


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    with Sink() as sink:
        thread = threading.Thread(target=sink.serve_forever, args=(0.01,))
        thread.start()
        yield sink
        sink.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def site(serve: Callable[..., Site], sink: Sink) -> Site:
    return serve("mail_app", SMTP_PORT=str(sink.server_address[1]))


def text_of(letter: EmailMessage, kind: str) -> str:
    part = letter.get_body((kind,))
    assert part is not None
    return part.get_content().strip()


def test_a_letter(browser: Browser, sink: Sink) -> None:
    body = {"subject": "Grüße", "to": ["ada@site.example"], "body": "schön\n.\nend"}
    assert browser.post("/send", json=body).json() == {"sent": "Grüße"}
    recipients, letter = sink.take()
    assert recipients == ["ada@site.example"]
    assert letter["Subject"] == "Grüße"
    assert letter["From"] == "The Tests <tests@site.example>"
    assert letter["X-Site"] == "mail_app"
    assert text_of(letter, "plain").splitlines() == ["schön", ".", "end"]
    assert letter["Message-ID"]
    assert letter["Date"]


def test_text_and_html_and_copies(browser: Browser, sink: Sink) -> None:
    body = {
        "subject": "both",
        "to": ["a@site.example"],
        "cc": ["b@site.example"],
        "bcc": ["c@site.example"],
        "reply_to": "d@site.example",
        "body": "plain",
        "html": "<p>rich</p>",
    }
    assert browser.post("/send", json=body).status_code == 200
    recipients, letter = sink.take()
    assert sorted(recipients) == ["a@site.example", "b@site.example", "c@site.example"]
    assert (letter["Cc"], letter["Bcc"], letter["Reply-To"]) == (
        "b@site.example",
        None,
        "d@site.example",
    )
    assert (text_of(letter, "plain"), text_of(letter, "html")) == ("plain", "<p>rich</p>")


def test_attachments(browser: Browser, sink: Sink) -> None:
    upload = {"file": ("bild.png", b"\x89PNG", "image/png")}
    assert browser.post("/attach", files=upload).status_code == 204
    letter = sink.take()[1]
    files = {part.get_filename(): part.get_content() for part in letter.iter_attachments()}
    assert files == {"letter.txt": "A letter of the site.\n", "bild.png": b"\x89PNG"}


def test_many_over_one_connection(browser: Browser, sink: Sink) -> None:
    before = sink.connections
    assert browser.post("/many").status_code == 204
    subjects = [sink.take()[1]["Subject"] for _ in range(5)]
    assert subjects == [f"number {number}" for number in range(5)]
    # MAIL_MAX_EMAILS is 2.
    assert sink.connections == before + 3


def test_line_breaks_in_headers_are_refused(browser: Browser, sink: Sink) -> None:
    for body in (
        {"subject": "a\r\nBcc: x@site.example", "to": ["a@site.example"], "body": "x"},
        {"subject": "a", "to": ["a@site.example\nBcc: x@site.example"], "body": "x"},
    ):
        refused = browser.post("/send", json=body)
        assert (refused.status_code, refused.text) == (400, "bad header")
    assert sink.letters.empty()


def test_recorded_and_suppressed(browser: Browser, sink: Sink) -> None:
    recorded = browser.post("/record")
    assert recorded.json() == [["recorded", "The Tests <tests@site.example>"]]
    assert sink.take()[1]["Subject"] == "recorded"
    assert browser.post("/suppress").status_code == 204
    assert sink.letters.empty()
