"""What is listed, and how it is shown."""

from __future__ import annotations

import html
import logging
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from tests.dev.inspector.entries import make_entry
from tests.dev.inspector.inspected import Site, inspected

from dovetail import App, abort, render_template_string, request, stream_template_string
from dovetail.app.phases import mark_phases, unmark_phases
from dovetail.dev.inspector.phases import Timing
from dovetail.dev.inspector.views import format_age, show_head
from dovetail.gateway import RequestRecord

pytestmark = pytest.mark.network

log = logging.getLogger("tests.dev.inspector.shop")


@pytest.fixture(autouse=True, scope="module")
def marking() -> Iterator[None]:
    mark_phases()
    log.setLevel(logging.INFO)
    log.propagate = False
    log.addHandler(logging.NullHandler())
    yield
    unmark_phases()


def make_app() -> App:
    app = App(__name__)

    @app.route("/items/<int:number>", methods=["GET", "POST"])
    def item(number: int) -> str:
        log.info("item %d", number)
        return render_template_string("<p>{{ number }}</p>", number=number)

    @app.route("/secret-cookie")
    def cookie() -> Any:
        log.warning("the token is %s", request.headers["Authorization"].split()[1])
        return "", 200, {"Set-Cookie": "session=response-secret; Path=/"}

    @app.route("/fails")
    def fails() -> str:
        log.error("about to fail")
        raise RuntimeError("it fails")

    @app.route("/refuses", methods=["POST"])
    def refuses() -> str:
        given = request.form["password"], request.headers["Authorization"]
        raise ValueError(f"no user for {given}")

    @app.route("/gone")
    def gone() -> str:
        abort(410)

    @app.route("/stream")
    def stream() -> Iterator[str]:
        return stream_template_string("{% for n in range(3) %}{{ n }}{% endfor %}")

    @app.route("/inner")
    def inner() -> str:
        return app.test_client().get("/items/1").text

    @app.route("/upload", methods=["POST"])
    def upload() -> str:
        return str(len(request.get_data()))

    return app


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with inspected(make_app(), tmp_path_factory.mktemp("workshop"), threaded=True) as site:
        yield site


def phases(row: dict[str, Any]) -> list[str]:
    return [phase["name"] for phase in row["phases"]]


def section(page: str, name: str) -> str:
    """Return the text of the part of a page with this heading."""
    found = re.search(rf"<h2[^>]*>{name}</h2>(.*?)</section>", page, re.DOTALL)
    assert found is not None, name
    return html.unescape(re.sub(r"<[^>]+>", " ", found[1]))


def test_a_request_is_listed_with_its_route_and_phases(site: Site) -> None:
    assert site.ask("/items/7?q=1").text == "<p>7</p>"
    row = site.row("/items/7")
    assert (row["method"], row["target"], row["route"]) == (
        *("GET", "/items/7?q=1"),
        "/items/<int:number>",
    )
    assert (row["status"], row["error"], row["origin"]) == (200, False, 0)
    assert {"queue", "routing", "view", "template", "write"} <= set(phases(row))
    assert "application" not in phases(row)
    total = sum(phase["width"] for phase in row["phases"])
    assert total == pytest.approx(row["duration"], abs=0.01)
    assert row["client"].startswith("127.0.0.1:")


def test_its_page_has_headers_phases_and_log_lines(site: Site) -> None:
    site.ask("/items/8", X_Mine="of the request")
    page = site.page(site.row("/items/8")["id"])
    assert "item 8" in section(page, "Log")
    assert "tests.dev.inspector.shop" in section(page, "Log")
    assert re.search(r"x-mine\s+of the request", section(page, "Request headers"))
    assert "text/html" in section(page, "Response headers")
    times = section(page, "Where the time went")
    assert re.search(r"template\s+[\d.]+ ms", times)


def test_the_list_works_without_scripts(site: Site) -> None:
    site.ask("/items/9")
    site.ask("/gone")
    site.row("/gone")
    page = site.ask("/__dovetail__/").text
    assert "/items/9" in page
    assert "410" in page
    errors = site.ask("/__dovetail__/?errors=1").text
    assert "/items/9" not in errors
    assert "/gone" in errors
    found = site.ask("/__dovetail__/?q=get+ITEMS/9").text
    assert "/items/9" in found
    assert "/gone" not in found
    assert "No request is like that" in site.ask("/__dovetail__/?q=%3Cxyz%3E").text


def test_its_own_requests_are_not_listed(site: Site) -> None:
    for path in ("/__dovetail__/", "/__dovetail__", "/__dovetail__/errors/1", "/__dovetail__/live"):
        site.ask(path)
    site.ask("/%5f_dovetail__/live")
    site.ask("/items/10")
    site.row("/items/10")
    assert not [row for row in site.rows() if "dovetail__" in row["path"]]


def test_other_paths_below_it_are_the_applications(site: Site) -> None:
    for path in ("/__dovetail__/errors/1", "/__dovetail__/live", "/__dovetail__/requests/x"):
        assert "<title>404 Not Found" in site.ask(path).text


def test_an_error_is_one_with_its_log_lines(site: Site) -> None:
    assert site.ask("/fails").status == 500
    row = site.row("/fails")
    assert row["error"]
    assert "error page" in phases(row)
    page = site.page(row["id"])
    assert "about to fail" in page
    assert "RuntimeError: it fails" in section(page, "Log")


def test_a_request_within_a_request_does_not_count_twice(site: Site) -> None:
    assert site.ask("/inner").text == "<p>1</p>"
    row = site.row("/inner")
    assert row["route"] == "/inner"
    assert "template" not in phases(row)
    assert "item 1" in section(site.page(row["id"]), "Log")


def test_a_streamed_template_goes_on_while_it_is_sent(site: Site) -> None:
    assert site.ask("/stream").text == "012"
    assert {"template", "write"} <= set(phases(site.row("/stream")))


def test_secrets_are_masked_until_they_are_asked_for(site: Site) -> None:
    secret = "request-secret-4711"
    site.ask(
        f"/secret-cookie?token={secret}&page=2",
        Authorization=f"Bearer {secret}",
        Cookie=f"session={secret}",
    )
    row = site.row("/secret-cookie")
    assert "page=2" in row["target"]
    shown = [site.ask("/__dovetail__/").text, site.ask("/__dovetail__/requests.json").text]
    shown.append(site.page(row["id"]))
    for text in shown:
        assert secret not in text
        assert "response-secret" not in text
    assert "Secrets are masked in it" in shown[-1]
    revealed = site.post(f"requests/{row['id']}/reveal")
    assert revealed.status == 200
    assert f"Bearer {secret}" in revealed.text
    assert "session=response-secret" in revealed.text
    assert f"token={secret}" in section(revealed.text, "As a command")
    assert f"the token is {secret}" in section(revealed.text, "Log")
    assert "Secrets are masked in it" not in revealed.text
    site.ask("/secret-cookie?page=3")
    assert "Secrets are masked in it" not in site.page(site.row("/secret-cookie")["id"])


def test_a_failure_is_named_without_secrets(site: Site) -> None:
    kind = "application/x-www-form-urlencoded"
    site.ask(
        *("/refuses", "POST", "password=open-sesame"),
        Authorization="Bearer abcd-1234",
        Content_Type=kind,
    )
    row = site.row("/refuses")
    for text in (row["failure"], site.ask("/__dovetail__/").text, site.page(row["id"])):
        assert "no user for" in text
        assert "open-sesame" not in text
        assert "abcd-1234" not in text
    revealed = site.post(f"requests/{row['id']}/reveal").text.partition("<main")[0]
    assert "open-sesame" in revealed
    assert "abcd-1234" in revealed


def test_content_is_shown_without_its_secrets(site: Site) -> None:
    site.ask(
        "/upload",
        "POST",
        "name=ann&password=open-sesame",
        Content_Type="application/x-www-form-urlencoded",
    )
    row = site.row("/upload")
    page = site.page(row["id"])
    assert "name=ann&password=" in section(page, "Request content")
    assert "open-sesame" not in page
    assert "open-sesame" in site.post(f"requests/{row['id']}/reveal").text


def test_query_form_and_json_are_decoded_without_their_secrets(site: Site) -> None:
    kind = "application/x-www-form-urlencoded"
    path = "/upload?page=%C3%A4&access_token=in-the-query"
    site.ask(path, "POST", "who=Zo%C3%AB+M&password=in+the+form", Content_Type=kind)
    row = site.row("/upload")
    page = site.page(row["id"])
    assert re.search(r"page\s+ä\s+access_token\s+dovetail-masked", section(page, "Query"))
    found = section(page, "Request content")
    assert re.search(r"who\s+Zoë M\s+password\s+dovetail-masked", found)
    assert "As it was sent" in found
    revealed = site.post(f"requests/{row['id']}/reveal").text
    assert re.search(r"password\s+in the form", section(revealed, "Request content"))
    assert re.search(r"access_token\s+in-the-query", section(revealed, "Query"))

    body = '{"who": "<Zoë>", "secret": "in-the-json"}'
    site.ask("/upload", "POST", body.encode(), Content_Type="application/json")
    page = site.page(site.row("/upload", count=2)["id"])
    assert '{\n  "who": "<Zoë>",\n  "secret": "dovetail-masked"\n}' in section(
        page, "Request content"
    )
    assert "octets of text/html" in section(page, "More")


def test_content_that_is_too_long_for_a_shell_is_left_out_of_the_command(site: Site) -> None:
    site.ask("/upload?long", "POST", "x" * 200_000, Content_Type="text/plain")
    page = site.page(site.row("/upload")["id"])
    assert "200,000 octets of text/plain, of which the first part" in page
    assert "@FILE_WITH_THE_CONTENT" in section(page, "As a command")
    assert len(page) < 150_000


def test_the_path_is_decoded_where_it_differs(site: Site) -> None:
    site.ask("/%D7%A9%3Cb%3E")
    page = site.page(site.row("/%D7%A9%3Cb%3E")["id"])
    assert 'that is <span class="target" dir="auto">/ש&lt;b&gt;</span>' in page
    site.ask("/items/16")
    assert "that is" not in site.page(site.row("/items/16")["id"])


def test_the_slowest_come_first_if_they_are_to(site: Site) -> None:
    for number in range(20, 24):
        site.ask(f"/items/{number}")
        site.row(f"/items/{number}")
    took = {row["id"]: row["duration"] for row in site.rows()}
    page = site.ask("/__dovetail__/?order=slowest").text
    shown = [int(number) for number in re.findall(r'<tr role="row" data-id="(\d+)"', page)]
    assert sorted(shown) == sorted(took)
    assert [took[number] for number in shown] == sorted(took.values(), reverse=True)


def test_the_phase_that_took_most_is_named(tmp_path: Path) -> None:
    entry = make_entry(number=1)
    assert show_head(entry.head)["slowest"] == "view"
    entry.head.phases = [Timing("routing", 1.0), Timing("view", 1.0), Timing("write", 1.0)]
    assert show_head(entry.head)["slowest"] == ""
    with inspected(make_app(), tmp_path) as site:
        number = site.inspector.history.add(make_entry())
        assert "Most of it, 96 %: view ." in " ".join(
            section(site.page(number), "Where the time went").split()
        )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.5, "just now"),
        (59.9, "59 seconds ago"),
        (60, "1 minute ago"),
        (7_199, "1 hour ago"),
        (200_000, "2 days ago"),
    ],
)
def test_ages(seconds: float, text: str) -> None:
    assert format_age(seconds) == text


def test_the_failure_is_named_in_a_line(site: Site) -> None:
    site.ask("/fails")
    row = site.row("/fails")
    assert row["failure"] == "RuntimeError: it fails"
    assert "RuntimeError: it fails" in site.ask("/__dovetail__/?q=RuntimeError").text
    # In its page it stands at the top.
    assert "RuntimeError: it fails" in site.page(row["id"]).partition("<main")[0]
    site.ask("/items/17")
    assert site.row("/items/17")["failure"] == ""


def test_a_replay_is_compared_with_what_it_repeats(site: Site) -> None:
    site.ask("/gone")
    replay = site.replay(site.row("/gone"))
    assert re.search(r"which was 410 Gone after [\d.]+ ms", site.page(replay["id"]))


def test_everything_is_escaped(site: Site) -> None:
    evil = "<script>alert(1)</script>"
    site.ask("/%3Cscript%3E?<script>alert(1)</script>", X_Evil=evil, User_Agent=evil)
    row = site.row("/%3Cscript%3E")
    for page in (
        site.ask("/__dovetail__/").text,
        site.page(row["id"]),
        site.ask(f"/__dovetail__/?q={evil}").text,
    ):
        assert evil not in page
        assert "&lt;script&gt;" in page


def test_the_pages_have_a_policy_and_are_not_kept(site: Site) -> None:
    site.ask("/items/11")
    answers = [site.ask("/__dovetail__/"), site.ask(site.row("/items/11")["url"])]
    nonces = set()
    for answer in answers:
        policy = answer.fields["content-security-policy"]
        nonce = re.search(r"script-src 'nonce-([^']+)'", policy)
        assert nonce is not None
        nonces.add(nonce[1])
        assert f'<script nonce="{nonce[1]}">' in answer.text
        assert "style=" not in answer.text
        assert answer.fields["cache-control"] == "no-store"
        assert answer.fields["x-frame-options"] == "DENY"
    assert len(nonces) == 2
    assert site.ask("/__dovetail__/requests.json").fields["cache-control"] == "no-store"


def test_asking_for_news_is_not_logged(site: Site, lines: list[str]) -> None:
    site.ask("/items/15")
    site.row("/items/15")
    site.ask("/__dovetail__/requests.json?after=0", Host="evil.example")
    # What is listed has been logged before.
    logged = [line for line in lines if "GET" in line]
    assert len(logged) == 2
    assert "/items/15" in logged[0]
    assert "403" in logged[1]


def test_the_list_is_cleared_by_the_page_only(site: Site) -> None:
    site.ask("/items/12")
    site.row("/items/12")
    assert site.ask("/__dovetail__/clear").status == 405
    assert site.post("clear", "wrong").status == 403
    assert site.post("clear", Origin="http://evil.example").status == 403
    assert site.post("clear", Sec_Fetch_Site="same-site").status == 403
    assert site.rows()
    answer = site.post("clear")
    assert (answer.status, answer.fields["location"]) == (303, "/__dovetail__/")
    assert not site.rows()
    assert "No request yet" in site.ask("/__dovetail__/").text


@pytest.mark.parametrize(
    "fields",
    [
        {"Host": "evil.example"},
        {"X_Forwarded_For": "127.0.0.1"},
        {"Forwarded": "for=127.0.0.1"},
        {"Sec_Fetch_Site": "cross-site"},
    ],
)
def test_nobody_else_gets_anything(site: Site, fields: dict[str, str]) -> None:
    site.ask("/items/13")
    number = site.row("/items/13")["id"]
    secret = site.secret
    for path in ("", "requests.json", f"requests/{number}"):
        answer = site.ask(f"/__dovetail__/{path}", **fields)
        assert answer.status == 403
        assert "items" not in answer.text
        assert secret not in answer.text
    for path in (f"requests/{number}/replay", f"requests/{number}/reveal", "clear"):
        assert site.post(path, secret, **fields).status == 403


def test_nothing_is_open_but_what_is_there(site: Site) -> None:
    assert site.ask("/__dovetail__/requests/999999999999999").status == 404
    assert site.ask("/__dovetail__/requests/1", "DELETE").status == 405
    assert site.post("requests/999999/replay").status == 404
    assert site.ask("/__dovetail__/requests.json?after=x&about=%C2%B2").status == 200
    too_long = site.post("clear", "x" * 10_000)
    assert too_long.status == 413
    head = site.ask("/__dovetail__/", "HEAD")
    assert (head.status, head.content) == (200, b"")


def test_a_client_that_breaks_off_is_listed(site: Site) -> None:
    with socket.create_connection(("127.0.0.1", site.server.port)) as sock:
        sock.sendall(b"GET /items/14 HTTP/1.1\r\nHost: a\r\n\r\n")
    assert site.row("/items/14")["route"] == "/items/<int:number>"


def test_without_marks_there_is_one_phase(tmp_path: Path) -> None:
    def plain(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        logging.getLogger("plain").warning("hello")
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"plain"]

    with inspected(plain, tmp_path) as site:
        site.ask("/any")
        row = site.row("/any")
    assert set(phases(row)) <= {"body", "queue", "application", "write"}
    assert {"application", "write"} <= set(phases(row))
    assert row["route"] == ""


def test_very_many_response_headers_are_cut(tmp_path: Path) -> None:
    def lavish(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        start_response("200 OK", [(f"X-{n}", "y" * 1000) for n in range(90)])
        return []

    with inspected(lavish, tmp_path) as site:
        site.ask("/")
        page = site.page(site.row("/")["id"])
        assert "X-60" in page
        assert "X-70" not in page
        assert "too long to be kept" in page


def test_another_frameworks_route_is_found(tmp_path: Path) -> None:
    class Rule:
        rule = "/<name>"

    class Request:
        url_rule = Rule

    def other(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        environ["werkzeug.request"] = Request
        start_response("200 OK", [])
        return []

    with inspected(other, tmp_path) as site:
        site.ask("/any")
        assert site.row("/any")["route"] == "/<name>"


def test_an_error_leads_to_its_debugger_page(tmp_path: Path) -> None:
    def failing(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        record: RequestRecord = environ["dovetail.request"]
        place = environ["QUERY_STRING"]
        record.error_page = place
        start_response("500 Oh", [])
        return []

    with inspected(failing, tmp_path) as site:
        site.ask("/a?/__dovetail__/errors/abc")
        assert site.row("/a")["error_page"] == "/__dovetail__/errors/abc"
        assert 'href="/__dovetail__/errors/abc"' in site.page(site.row("/a")["id"])
        # From there it leads back; where the request is not kept any more, to the list.
        answer = site.ask("/__dovetail__/?error=abc")
        assert (answer.status, answer.fields["location"]) == (303, site.row("/a")["url"])
        assert "No request is like that" in site.ask("/__dovetail__/?error=bc").text
        site.ask("/b?javascript:alert(1)")
        assert site.row("/b")["error_page"] == ""
        assert 'href="javascript' not in site.page(site.row("/b")["id"])


def test_another_machine_needs_the_pin(tmp_path: Path) -> None:
    seen = []

    def trust(environ: WSGIEnvironment) -> bool:
        seen.append(environ["PATH_INFO"])
        return "pin=good" in environ.get("HTTP_COOKIE", "")

    with inspected(make_app(), tmp_path, pin_trust=trust) as site:
        # A proxy on this machine stands for another one.
        answer = site.ask("/__dovetail__/", X_Forwarded_For="192.0.2.1")
        assert answer.status == 403
        assert "PIN" in answer.text
        proxied = site.ask("/__dovetail__/", X_Forwarded_For="192.0.2.1", Cookie="pin=good")
        assert proxied.status == 200
    assert seen == ["/__dovetail__/", "/__dovetail__/"]


def test_a_history_that_cannot_be_written_breaks_no_request(tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    shop.mkdir()
    with inspected(make_app(), shop) as site:
        site.ask("/items/1")
        site.row("/items/1")
        site.inspector.history.close()
        for path in shop.iterdir():
            path.unlink()
        shop.rmdir()
        assert site.ask("/items/2").text == "<p>2</p>"
        assert "could not keep 1 requests" in html.unescape(site.ask("/__dovetail__/").text)


def test_without_an_observer_it_is_only_middleware(tmp_path: Path) -> None:
    with inspected(make_app(), tmp_path) as site:
        site.server.observer = None
        client = make_app().test_client()
        assert client.get("/items/1").text == "<p>1</p>"
