"""The inspector in Chromium: listing, opening, filtering, replaying."""

from __future__ import annotations

import json
import logging
import urllib.request
from collections.abc import Iterator
from urllib.error import HTTPError

import pytest
from tests.browser import ENTER, TAB, Browser
from tests.dev.inspector.inspected import Site, inspected, wait_for

from dovetail import App, render_template_string, request
from dovetail.app.phases import mark_phases, unmark_phases
from dovetail.dev.debugger import DebuggedApplication
from dovetail.dev.workshop import VARIABLE

pytestmark = [pytest.mark.network, pytest.mark.process]

log = logging.getLogger("tests.shop")
log.setLevel(logging.DEBUG)


def make_app() -> App:
    app = App(__name__)
    # Failures go on to the debugger.
    app.debug = True

    @app.route("/basket/<int:guests>", methods=["GET", "POST"])
    def basket(guests: int) -> str:
        log.warning("a basket for %d", guests)
        return render_template_string("{% for n in range(2000) %}<p>{{ n }}</p>{% endfor %}")

    @app.post("/orders")
    def order() -> str:
        return request.form["what"]

    @app.get("/chatty")
    def chatty() -> str:
        for number in range(231):
            log.log((10, 20, 30, 40)[number % 4], "line %d", number)
        return ""

    @app.get("/fails")
    def fails() -> str:
        raise RuntimeError("the oven is cold")

    return app


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    mark_phases()
    with pytest.MonkeyPatch.context() as patch:
        # The debugger's workshop is for this server only.
        patch.setenv(VARIABLE, "")
        app = DebuggedApplication(make_app(), evalex=True)
        with inspected(app, tmp_path_factory.mktemp("workshop"), threaded=True) as site:
            yield site
    unmark_phases()


@pytest.fixture(scope="module")
def browser(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    url = f"http://127.0.0.1:{site.server.port}"
    browser = Browser(url, tmp_path_factory.mktemp("browser"))
    yield browser
    browser.quit()


@pytest.fixture(autouse=True)
def page(site: Site, browser: Browser) -> Iterator[None]:
    """Three requests in the list, which is open; no complaints of the browser in the end."""
    site.post("clear")
    visit(browser, "/basket/3?x=1")
    site.row("/basket/3")
    visit(browser, "/orders", "what=tea&password=hush")
    site.row("/orders")
    visit(browser, "/fails")
    site.row("/fails")
    browser.open("/__dovetail__/")
    expect_rows(browser, 3)
    browser.complaints()
    yield
    assert browser.complaints() == []


def visit(browser: Browser, path: str, form: str = "") -> None:
    """Make a request as somebody else."""
    try:
        with urllib.request.urlopen(browser.url + path, form.encode() or None, timeout=60) as found:
            found.read()
    except HTTPError as error:
        error.close()


def rows(browser: Browser) -> list[str]:
    """The texts of the rows that are shown."""
    found: str = browser.run(
        "return JSON.stringify([...document.querySelectorAll('#requests tbody tr')]"
        ".filter((row) => !row.hidden).map((row) => row.innerText.replace(/\\s+/g, ' ')))"
    )
    texts: list[str] = json.loads(found)
    return texts


def shown(browser: Browser) -> str:
    """The text of the page, in one step: another one may be about to take its place."""
    text: str = browser.run("return document.body ? document.body.innerText : ''")
    return text


def expect_rows(browser: Browser, count: int) -> None:
    wait_for(lambda: len(rows(browser)) == count, f"{count} rows are shown")


def test_requests_are_listed_and_new_ones_come_by_themselves(browser: Browser) -> None:
    first = rows(browser)[-1]
    for part in ("GET", "/basket/3?x=1", "/basket/<int:guests>", "200 OK", " ms"):
        assert part in first
    assert "500" in rows(browser)[0]
    browser.run("document.querySelector('#requests tbody tr a').focus()")
    focused = browser.label(browser.focused())
    browser.run("getSelection().selectAllChildren(document.querySelector('#requests .c-route'))")
    selected = browser.run("return getSelection().toString()")
    visit(browser, "/basket/4")
    expect_rows(browser, 4)
    assert "/basket/4" in rows(browser)[0]
    assert browser.text("#count") == "4 requests"
    assert browser.label(browser.focused()) == focused == "/fails"
    assert browser.run("return getSelection().toString()") == selected


def test_a_row_that_came_by_itself_is_as_one_that_was_there(browser: Browser) -> None:
    visit(browser, "/basket/5?<b>token=hidden</b>&token=hidden")
    expect_rows(browser, 4)
    # Elements, attributes and texts of the first row; numbers may be written in other ways.
    script = """
        const plain = (value) => (value && Number(value) >= 0 ? Number(value) : value);
        const attribute = ({name, value}) => `${name}=${plain(value)}`;
        const row = document.querySelector("#requests tbody tr");
        return [row, ...row.querySelectorAll("*")]
          .filter((element) => !element.closest("[hidden]"))
          .map((element) => [element.tagName, ...[...element.attributes].map(attribute).sort(),
                             element.children.length ? "" : element.textContent].join(" "));
    """
    came = browser.run(script)
    browser.open("/__dovetail__/")
    expect_rows(browser, 4)
    assert browser.run(script) == came
    assert "=hidden" not in "".join(came)


def test_filters(browser: Browser) -> None:
    browser.enter("#words", "post TEA")
    expect_rows(browser, 0)
    assert browser.text("#none") == "No request is like that."
    browser.enter("#words", "post orders")
    expect_rows(browser, 1)
    assert browser.text("#count") == "1 of 3 requests"
    visit(browser, "/orders", "what=scone")
    expect_rows(browser, 2)
    browser.enter("#words", " ")
    expect_rows(browser, 4)
    browser.click("#errors")
    expect_rows(browser, 1)
    assert "/fails" in rows(browser)[0]


def test_the_filter_is_in_the_address(site: Site, browser: Browser) -> None:
    browser.enter("#words", "get")
    browser.click("#errors")
    browser.expect("/__dovetail__/?q=get&errors=1")
    # What the user does is told; what comes in meanwhile is not.
    assert browser.run("return document.getElementById('said').textContent") == "1 of 3 requests"
    browser.click("#requests .error:not([hidden]) .c-path a")
    wait_for(lambda: browser.path.startswith("/__dovetail__/requests/"), "its page is open")
    browser.call("POST", "/back")
    expect_rows(browser, 1)
    assert browser.run("return document.getElementById('words').value") == "get"
    visit(browser, "/fails")
    expect_rows(browser, 2)
    assert browser.run("return document.getElementById('said').textContent") == ""


def test_the_slowest_are_put_first(site: Site, browser: Browser) -> None:
    wait_for(lambda: browser.run("return document.querySelector('tbody tr').sought"), "it is ready")
    browser.run("document.querySelector('#requests tbody tr:last-child a').focus()")
    focused = browser.label(browser.focused())
    browser.run("document.getElementById('slowest').click()")
    browser.expect("/__dovetail__/?order=slowest")

    def shown() -> list[int]:
        script = (
            "return [...document.querySelectorAll('#requests tbody tr')].map(r => +r.dataset.id)"
        )
        numbers: list[int] = browser.run(script)
        return numbers

    def slowest() -> list[int]:
        found = sorted(site.rows(), key=lambda row: (-row["duration"], -row["id"]))
        return [row["id"] for row in found]

    assert shown() == slowest()
    assert browser.label(browser.focused()) == focused
    visit(browser, "/basket/7")
    expect_rows(browser, 4)
    assert shown() == slowest()
    browser.click("#slowest")
    wait_for(lambda: shown() == sorted(shown(), reverse=True), "the newest are first again")


def test_of_many_log_lines_the_worse_are_found(site: Site, browser: Browser) -> None:
    visit(browser, "/chatty")
    browser.open(site.row("/chatty")["url"])
    assert browser.text("#h-log + p").startswith("200 lines; 31 more were not kept")
    browser.click("#worse")
    levels = browser.run(
        "return [...document.querySelectorAll('.log li')]"
        ".filter(line => line.checkVisibility()).map(line => line.className)"
    )
    assert len(levels) == 100
    assert set(levels) == {"l-warning", "l-error"}


def test_no_heading_of_the_list_is_broken(browser: Browser) -> None:
    try:
        for width in (900, 960, 1440):
            browser.resize(width, 800)
            for name in ("time", "method", "path", "route", "status"):
                lines = browser.run(
                    "const range = document.createRange();"
                    "range.selectNodeContents(document.querySelector(arguments[0]));"
                    "return range.getClientRects().length",
                    f"#requests th.c-{name}",
                )
                assert lines == 1, (name, width)
            widths = browser.run(
                "return [...document.querySelectorAll('thead th')].map(cell => cell.offsetWidth)"
            )
            assert min(widths) > 70, width
    finally:
        browser.resize(1280, 800)


def test_refreshing_can_be_stopped(site: Site, browser: Browser) -> None:
    browser.click("#refresh")
    visit(browser, "/basket/6")
    site.row("/basket/6")
    # What the page would ask for now is answered before what is asked for after it.
    browser.run(
        """
        document.dispatchEvent(new Event('visibilitychange'));
        const {url} = document.getElementById('requests').dataset;
        return fetch(`${url}?after=0`).then(answer => answer.text()).then(() => null);
        """
    )
    assert len(rows(browser)) == 3
    browser.click("#refresh")
    expect_rows(browser, 4)


def test_a_request_is_opened_by_the_keyboard(browser: Browser) -> None:
    browser.tab_to("/basket/3?x=1")
    browser.press(ENTER)
    wait_for(lambda: browser.path.startswith("/__dovetail__/requests/"), "its page is open")
    assert "GET /basket/3?x=1" in browser.text("h1").replace("\n", " ")
    assert "a basket for 3" in browser.text(".log")
    assert "template" in browser.text(".phases")
    bar = browser.find(".bar.whole")
    assert browser.label(bar).startswith("queue") or "routing" in browser.label(bar)
    assert browser.tab_until(lambda label: label == "Replay") == "Replay"


def test_a_request_is_replayed_and_the_new_one_shown(site: Site, browser: Browser) -> None:
    number = site.row("/orders")["id"]
    browser.open(f"/__dovetail__/requests/{number}")
    browser.click_text("Replay")
    new = wait_for(lambda: [row for row in site.rows() if row["origin"] == number], "it is sent")[0]
    browser.expect(new["url"])
    assert f"replayed from #{number}" in browser.text(".masthead").replace("\n", " ")
    assert "200 OK" in browser.text(".masthead")
    browser.open("/__dovetail__/")
    expect_rows(browser, 4)
    assert f"replayed from #{number}" in rows(browser)[0]


def test_an_error_leads_to_the_debugger(site: Site, browser: Browser) -> None:
    place = site.row("/fails")["error_page"]
    assert "error page" in str(site.row("/fails")["phases"])
    browser.click("#requests .error .debugger:not([hidden])")
    browser.expect(place)
    wait_for(lambda: "the oven is cold" in shown(browser), "the traceback is shown")
    browser.open(site.row("/fails")["url"])
    browser.click_text("Open in the debugger")
    browser.expect(place)
    # What its page asks for is no request of the application's.
    site.ask("/fails?__debugger__=yes&cmd=printpin")
    assert len(site.rows()) == 3


def test_secrets_are_shown_on_request(site: Site, browser: Browser) -> None:
    browser.open(site.row("/orders")["url"])
    assert "hush" not in shown(browser)
    browser.click_text("Show secrets")
    wait_for(lambda: "hush" in shown(browser), "the secret is shown")
    browser.click_text("Hide secrets")
    wait_for(lambda: "hush" not in shown(browser), "it is hidden")


def test_the_command_is_copied(site: Site, browser: Browser) -> None:
    browser.open(site.row("/orders")["url"])
    browser.click_text("Copy as curl")
    wait_for(lambda: browser.text("#copied") == "Copied.", "it says")
    browser.expect_focus("Copy as curl")
    command = browser.text("#curl")
    assert command.startswith("curl ")
    assert "--data-raw 'what=tea&password=" in command


def test_a_replay_that_is_not_answered_is_said(site: Site, browser: Browser) -> None:
    browser.open(site.row("/orders")["url"])
    site.inspector.address = "/nowhere/at/all"
    try:
        browser.click_text("Replay")
        wait_for(lambda: "could not be sent" in browser.text("#progress"), "it is said")
    finally:
        site.inspector.address = None


def test_without_scripts(site: Site, browser: Browser) -> None:
    browser.emulate("setScriptExecutionDisabled", value=True)
    try:
        browser.open("/__dovetail__/")
        browser.enter("#words", "basket")
        browser.press(ENTER)
        browser.expect("/__dovetail__/?q=basket")
        assert "/orders" not in browser.text("#requests")
        browser.open(site.row("/orders")["url"])
        browser.click_text("Replay")
        wait_for(lambda: len(site.rows()) == 4, "it is sent again")
        browser.open(site.row("/orders", count=2)["url"])
        assert "replayed from" in browser.text(".masthead")
        browser.open("/__dovetail__/")
        browser.click_text("Clear the list")
        wait_for(lambda: "No request yet" in shown(browser), "the list is empty")
    finally:
        browser.emulate("setScriptExecutionDisabled", value=False)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_small_windows_and_contrast(site: Site, browser: Browser, scheme: str) -> None:
    browser.prefer(scheme)
    number = site.row("/basket/3")["id"]
    try:
        for width in (320, 1280):
            browser.resize(width, 800)
            for name, path in (("list", ""), ("request", f"requests/{number}")):
                browser.open(f"/__dovetail__/{path}")
                browser.screenshot(f"inspector-{name}-{scheme}-{width}")
                assert browser.excess_width() <= 0, (name, width)
                assert browser.faint_texts() == [], (name, width)
    finally:
        browser.resize(1280, 800)
        browser.prefer("light")


def test_the_skip_link_comes_first(browser: Browser) -> None:
    browser.press(TAB)
    assert browser.label(browser.focused()) == "Skip to the requests"
