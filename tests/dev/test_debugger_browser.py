"""The debugger in Chromium: consoles, the PIN, what is refused, and whether all can use it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlencode

import pytest
from tests.applications.deployment import PATIENCE_SECONDS, Process, wait_until
from tests.browser import DOWN, ENTER, ESCAPE, SHIFT, TAB, UP, Browser
from tests.dev.debugged import (
    FAILING,
    PIN,
    Shop,
    answers,
    evaluate,
    frame,
    give_pin,
    is_open,
    open_folds,
    press_console,
    type_code,
    unlock,
)

from dovetail.dev.workshop import VARIABLE

pytestmark = [pytest.mark.process, pytest.mark.network]

# Sends wrong PINs at once, as the page's script would one after the other.
GUESS = """
const guess = async (_, number) => {
  const s = document.getElementById("console-parts").dataset.secret;
  const body = new URLSearchParams({__debugger__: "yes", s, cmd: "pinauth", pin: number});
  return (await fetch("?__debugger__=yes", {method: "POST", body})).json();
};
return Promise.all(Array.from({length: arguments[0]}, guess));
"""


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots stay."""
    kept = os.environ.get("DOVETAIL_TEST_ARTIFACTS")
    directory = Path(kept) if kept else tmp_path_factory.mktemp("artifacts")
    directory.mkdir(parents=True, exist_ok=True)
    return directory


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    shop = Shop(tmp_path_factory.mktemp("shop"))
    yield shop
    shop.stop()


@pytest.fixture(scope="module")
def window(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    rules = "--host-resolver-rules=MAP evil.test 127.0.0.1"
    browser = Browser(shop.url, tmp_path_factory.mktemp("browser"), rules)
    yield browser
    browser.quit()


@pytest.fixture
def browser(window: Browser, shop: Shop) -> Iterator[Browser]:
    """A window that has not given the PIN."""
    window.url = shop.url
    window.open("/")
    window.call("DELETE", "/cookie")
    window.prefer("light")
    window.resize(1100, 900)
    window.complaints()
    yield window
    # The status of an error's page is all that Chromium may mind: no breach of the page's policy.
    assert [
        complaint
        for complaint in window.complaints()
        if "Failed to load resource: the server responded with a status of" not in complaint
    ] == []


def test_an_expression_in_a_middle_frame(browser: Browser, artifacts: Path) -> None:
    browser.open(FAILING)
    assert browser.label(browser.find("h1")).endswith("OrderError: No bill for 0 guests")
    assert browser.text(".relation").startswith("The above exception was the direct cause")
    middle = frame(browser, "split")
    press_console(browser, middle)
    assert is_open(browser)
    assert browser.count(f"{middle} .console") == 0

    give_pin(browser, "000-000-000")
    wait_until(lambda: browser.text("#pin-wrong") == "This is not the PIN.", "it is refused")
    assert is_open(browser)
    assert browser.count(f"{middle} .console") == 0

    give_pin(browser, PIN)
    browser.expect_focus("Code to run in split")
    assert "1020" in evaluate(browser, middle, "total")
    assert "['scone', 'tea']" in evaluate(browser, middle, "pieces")
    # A name of the frame inside of it, which this one does not know.
    assert "NameError" in evaluate(browser, middle, "parts")

    taken = browser.screenshot("debugger").rename(artifacts / "debugger.png")
    assert taken.stat().st_size > 10_000


def test_the_pin_is_asked_for_once(browser: Browser) -> None:
    browser.open(FAILING)
    unlock(browser, frame(browser, "split"))
    browser.open(FAILING)
    inner = frame(browser, "rounded")
    press_console(browser, inner)
    assert not is_open(browser)
    assert "0" in evaluate(browser, inner, "parts")


def test_the_pin_can_be_declined(browser: Browser) -> None:
    browser.open(FAILING)
    place = frame(browser, "order")
    press_console(browser, place)
    browser.press(ESCAPE)
    browser.expect_focus("Console in order")
    assert browser.count(f"{place} .console") == 0


def test_trust_that_is_lost_is_asked_for_again(browser: Browser) -> None:
    browser.open(FAILING)
    place = frame(browser, "split")
    unlock(browser, place)
    browser.call("DELETE", "/cookie")
    type_code(browser, place, f"total{ENTER}")
    wait_until(lambda: is_open(browser), "the PIN is asked for")
    browser.press(ESCAPE)
    wait_until(lambda: len(answers(browser, place)) == 1, "it is said that nothing was run")
    assert answers(browser, place) == ["Not run: this needs the PIN."]
    type_code(browser, place, f"total{ENTER}")
    wait_until(lambda: is_open(browser), "the PIN is asked for")
    give_pin(browser, PIN)
    wait_until(lambda: len(answers(browser, place)) == 2, "it is run")
    assert "1020" in answers(browser, place)[1]


def test_several_lines_and_the_history(browser: Browser) -> None:
    browser.open(FAILING)
    place = frame(browser, "split")
    unlock(browser, place)
    browser.expect_focus("Code to run in split")
    # Behind the colon and in the block Enter goes on to the next line.
    type_code(browser, place, f"for piece in pieces:{ENTER}print('have', piece){ENTER}{ENTER}")
    wait_until(lambda: len(answers(browser, place)) == 1, "the loop is answered")
    assert "have scone\nhave tea" in answers(browser, place)[0]
    assert "2040" in evaluate(browser, place, "total * 2")

    def typed() -> str:
        text: str = browser.run("return document.activeElement.value")
        return text

    browser.press(UP)
    assert typed() == "total * 2"
    # Inside of several lines the arrows move between these.
    for key in (UP, UP, DOWN):
        browser.press(key)
        assert typed() == "for piece in pieces:\n    print('have', piece)"
    browser.press(DOWN)
    assert typed() == "total * 2"
    browser.press(DOWN)
    assert typed() == ""
    browser.press(UP, ENTER)
    wait_until(lambda: len(answers(browser, place)) == 3, "it is run again")
    assert "2040" in answers(browser, place)[2]


def test_several_statements_at_once(browser: Browser) -> None:
    browser.open(FAILING)
    place = frame(browser, "split")
    unlock(browser, place)
    browser.expect_focus("Code to run in split")
    held = f"{SHIFT}{ENTER}{SHIFT}"
    type_code(browser, place, f"half = total // 2{held}print('half', half){ENTER}")
    wait_until(lambda: len(answers(browser, place)) == 1, "they are answered")
    assert "half 510" in answers(browser, place)[0]


def test_names_stay_in_the_frame(browser: Browser) -> None:
    browser.open(FAILING)
    place = frame(browser, "split")
    unlock(browser, place)
    evaluate(browser, place, "mine = total + 1")
    assert "1021" in evaluate(browser, place, "mine")
    other = frame(browser, "rounded")
    press_console(browser, other)
    assert "NameError" in evaluate(browser, other, "mine")


def test_a_request_with_content_can_be_debugged(browser: Browser) -> None:
    browser.run(
        """
        document.body.innerHTML = '<form method=post action=/orders><button>Send</button></form>';
        document.querySelector('button').click();
        """
    )
    browser.expect("/orders")
    assert "JSONDecodeError" in browser.text("h1")
    place = frame(browser, "take")
    unlock(browser, place)
    assert "tru" in evaluate(browser, place, "from_kitchen")


def test_what_the_failure_says_does_not_run(browser: Browser) -> None:
    browser.open("/hostile")
    assert "<img src=x onerror=" in browser.text("h1")
    place = frame(browser, "hostile")
    unlock(browser, place)
    assert "<img src=x" in evaluate(browser, place, "name")
    assert "<img src=x" in evaluate(browser, place, "print(name)")
    assert browser.run("return document.title").startswith("ValueError")
    assert browser.run("return document.images.length") == 0


def test_a_host_that_is_not_trusted_gets_no_console(browser: Browser, shop: Shop) -> None:
    browser.url = f"http://evil.test:{shop.port}"
    browser.open(FAILING)
    assert "OrderError" in browser.text("h1")
    assert "does not trust" in browser.text(".notice")
    assert browser.count("[aria-label^=Console], dialog, template, .variables") == 0
    browser.open("/console")
    assert browser.count("[aria-label^=Console], dialog, template, [data-console]") == 0
    browser.complaints()


def test_without_scripts_all_is_there(browser: Browser) -> None:
    browser.emulate("setScriptExecutionDisabled", value=True)
    try:
        browser.open(FAILING)
        assert "ZeroDivisionError" in browser.text("main")
        browser.click(".earlier > summary")
        assert "in split" in browser.text("main")
        assert "total / parts" in browser.text("main")
        assert "Copy as text" not in browser.text("header")
        browser.click_text("Variables (2)")
    finally:
        browser.emulate("setScriptExecutionDisabled", value=False)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_can_be_read(browser: Browser, scheme: str) -> None:
    browser.prefer(scheme)
    for path in (FAILING, "/group", "/hostile"):
        browser.open(path)
        open_folds(browser)
        assert browser.faint_texts() == [], path
    unlock(browser, place := frame(browser, "hostile"))
    evaluate(browser, place, "1 / 0")
    evaluate(browser, place, "dump()")
    evaluate(browser, place, "name, 1, None, help")
    assert browser.faint_texts() == []
    browser.run("document.getElementById('pin').showModal()")
    browser.run("document.getElementById('pin-wrong').textContent = 'Wrong'")
    assert browser.faint_texts() == []


def test_pages_fit_a_narrow_window(browser: Browser) -> None:
    browser.resize(320, 640)
    for path in (FAILING, "/group", "/hostile"):
        browser.open(path)
        open_folds(browser)
        assert browser.excess_width() == 0, path
    place = frame(browser, "hostile")
    unlock(browser, place)
    evaluate(browser, place, "'x' * 60, dump()")
    assert browser.excess_width() == 0


def test_all_that_can_be_used_has_a_name(browser: Browser) -> None:
    for path in (FAILING, "/group"):
        browser.open(path)
        open_folds(browser)
        for element in browser.find_all("button:not(dialog *), a, summary"):
            assert browser.label(element), path
    assert browser.run("return document.querySelectorAll('main, header, footer').length") == 3
    levels = browser.run(
        "return [...document.querySelectorAll('h1, h2, h3, h4')].map(h => +h.tagName[1])"
    )
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_the_keyboard_is_enough(browser: Browser) -> None:
    browser.open(FAILING)
    browser.press(TAB)
    assert browser.label(browser.focused()) == "Skip to the traceback"
    browser.tab_to("Console in order")
    assert browser.run("return getComputedStyle(document.activeElement).outlineStyle") == "solid"
    browser.press(ENTER)
    browser.expect_focus("PIN")
    browser.press(*"123", ENTER)
    wait_until(lambda: browser.text("#pin-wrong") != "", "the PIN is refused")
    browser.press(*PIN, ENTER)
    browser.expect_focus("Code to run in order")
    browser.press(*"basket", ENTER)
    place = "#" + browser.run("return document.activeElement.closest('.frame').id")
    wait_until(lambda: len(answers(browser, place)) == 1, "it is answered")
    assert "'scone': 3" in answers(browser, place)[0]
    assert browser.run("return document.querySelector('[role=log]').ariaLive") == "polite"
    browser.press(TAB)
    assert browser.label(browser.focused()) == "Run"


def test_the_text_can_be_copied(browser: Browser) -> None:
    browser.open(FAILING)
    browser.call(
        "POST",
        "/goog/cdp/execute",
        cmd="Browser.grantPermissions",
        params={"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]},
    )
    browser.click_text("Copy as text")
    wait_until(lambda: browser.text("#said") == "Copied.", "it is copied")
    copied = browser.run("return navigator.clipboard.readText()")
    assert copied.startswith("Traceback (most recent call last):")
    assert copied.rstrip().endswith("OrderError: No bill for 0 guests")


def test_the_text_can_be_copied_from_another_machine(browser: Browser, shop: Shop) -> None:
    # A page of plain HTTP that is not the loopback's is not given the clipboard.
    browser.url = f"http://evil.test:{shop.port}"
    browser.open(FAILING)
    assert browser.run("return !isSecureContext && !navigator.clipboard")
    browser.click_text("Copy as text")
    wait_until(lambda: browser.text("#said") == "Copied.", "it is copied")
    browser.expect_focus("Copied")
    browser.run(
        """
        const field = document.createElement("textarea");
        document.body.append(field);
        field.focus();
        """
    )
    browser.call(
        "POST",
        "/goog/cdp/execute",
        cmd="Input.dispatchKeyEvent",
        params={"type": "keyDown", "key": "v", "code": "KeyV", "modifiers": 2}
        | {"windowsVirtualKeyCode": 86, "commands": ["paste"]},
    )
    pasted = browser.run("return document.activeElement.value")
    assert pasted.startswith("Traceback (most recent call last):")
    browser.complaints()


def test_values_have_most_of_the_room(browser: Browser) -> None:
    browser.open("/hostile")
    open_folds(browser)
    place = frame(browser, "hostile")
    unlock(browser, place)
    evaluate(browser, place, "dump()")
    for width in (320, 1100):
        browser.resize(width, 900)
        for table in (".variables", ".output"):
            name, value = browser.run(
                "return [...document.querySelector(arguments[0] + ' tr:has(td)').cells]"
                ".map(cell => cell.offsetWidth)",
                table,
            )
            assert value > 1.5 * name, (table, width)


def test_frames_of_groups_have_their_tools_once(browser: Browser) -> None:
    browser.open("/group")
    open_folds(browser)
    wait_until(lambda: browser.count(".frame:not(:has(> .head))") == 0, "all have theirs")
    assert browser.count(".frame > .head") == browser.count(".frame .tools")
    heads = browser.run("return [...document.querySelectorAll('.head')].map(h => h.innerText)")
    assert heads
    assert not [head for head in heads if "null" in head]
    assert "1 exception of this group" in browser.text("main")


def test_a_page_of_a_server_that_is_gone_says_so(browser: Browser, tmp_path: Path) -> None:
    gone = Shop(tmp_path)
    try:
        browser.url = gone.url
        browser.open(FAILING)
        place = frame(browser, "order")
        unlock(browser, place)
    finally:
        gone.stop()
    assert "the server cannot be reached" in evaluate(browser, place, "guests")
    assert browser.run("return document.activeElement.value") == "guests"
    browser.complaints()


def test_the_request_is_in_the_inspector(browser: Browser) -> None:
    browser.open("/orders/0?table=7")
    browser.open("/orders/0?table=8")
    browser.click_text("See this request in the inspector")
    wait_until(lambda: browser.path.startswith("/__dovetail__/requests/"), "the request is shown")
    assert "/orders/0?table=8" in browser.text("h1")
    assert browser.text(".masthead .failure").endswith("OrderError: No bill for 0 guests")
    assert browser.count("#replay") == 1
    browser.click_text("Open in the debugger")
    wait_until(lambda: browser.path.startswith("/__dovetail__/errors/"), "the page is shown again")
    place = frame(browser, "order")
    unlock(browser, place)
    assert "0" in evaluate(browser, place, "guests")


def test_the_console_page(browser: Browser) -> None:
    browser.open("/console")
    assert is_open(browser)
    give_pin(browser, PIN)
    browser.expect_focus("Code to run in the application")
    assert "5040" in evaluate(browser, "#frame-0", "import math; math.factorial(7)")


def test_wrong_pins_are_locked_out(browser: Browser, tmp_path: Path) -> None:
    locked = Shop(tmp_path)
    try:
        browser.url = locked.url
        browser.open(FAILING)
        press_console(browser, frame(browser, "order"))
        said = "return document.getElementById('pin-wrong').textContent"
        # Whoever guesses several at a time gets no more of them.
        guesses = browser.run(GUESS, 9)
        assert guesses == [{"auth": False, "exhausted": False}] * 9
        for _ in range(3):
            give_pin(browser, "999")
            wait_until(lambda: browser.run(said) != "", "the PIN is refused")
            if "Too many" in browser.run(said):
                break
        assert browser.run(said) == "Too many wrong PINs. Restart the server to try again."
        browser.expect_focus("Cancel")
        # The right one comes too late, also past the page that shows the lock.
        browser.open(FAILING)
        press_console(browser, frame(browser, "order"))
        give_pin(browser, PIN)
        wait_until(lambda: "Too many" in browser.run(said), "the PIN is locked out")
    finally:
        locked.stop()


@pytest.fixture
def several(browser: Browser, tmp_path: Path) -> Iterator[Shop]:
    """Two processes; the page of an error of one of them is open."""
    shop = Shop(tmp_path, processes=2)
    try:
        browser.url = shop.url
        browser.open(FAILING)
        yield shop
    finally:
        shop.stop()


def test_frames_are_found_in_whichever_process_they_are(browser: Browser, several: Shop) -> None:
    place = frame(browser, "split")
    unlock(browser, place)
    kept = int(place.removeprefix("#frame-"))
    secret = browser.run("return document.getElementById('console-parts').dataset.secret")
    cookies = [f"{cookie['name']}={cookie['value']}" for cookie in browser.call("GET", "/cookie")]
    fields = {
        "Origin": several.url,
        "Cookie": "; ".join(cookies),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    command = {"s": secret, "cmd": "total, __import__('os').getpid()", "frm": kept}
    with another_process(several, than=kept >> 24) as client:
        client.request("POST", "/?__debugger__=yes", urlencode(command), fields)
        answer = client.getresponse().read().decode()
    assert "1020" in answer
    assert str(kept >> 24) in answer


@pytest.mark.usefixtures("several")
def test_what_does_not_end_can_be_stopped(browser: Browser) -> None:
    place = frame(browser, "split")
    unlock(browser, place)
    browser.expect_focus("Code to run in split")
    type_code(browser, place, f"while True: pass{ENTER}")
    wait_until(lambda: browser.count(f"{place} .waiting") == 1, "it is said to be running")
    note = browser.text(f"{place} .waiting")
    assert " ".join(note.split()) == ">>> while True: pass It is running. Stop"
    browser.click(f"{place} .stop")
    # On a busy machine it is said before that it has been told to.
    wait_until(
        lambda: any("KeyboardInterrupt" in answer for answer in answers(browser, place)),
        "it has ended",
    )
    assert browser.count(f"{place} .waiting") == 0
    assert "1020" in evaluate(browser, place, "total")


@contextmanager
def another_process(shop: Shop, than: int) -> Iterator[HTTPConnection]:
    """Connect to a process that is not the one of this id: a connection stays with its process."""
    clients: list[HTTPConnection] = []

    def connect() -> bool:
        for client in clients:
            client.close()
        clients[:] = [HTTPConnection("127.0.0.1", shop.port, timeout=PATIENCE_SECONDS)]
        clients[0].request("GET", "/process")
        return int(clients[0].getresponse().read()) != than

    try:
        wait_until(connect, "another process takes a connection")
        yield clients[0]
    finally:
        clients[0].close()


def test_a_program_that_cannot_be_imported(browser: Browser, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    source = "from dovetail import App\n\napp = App(__name__)\n\n\n@app.get('/')\ndef front():\n"
    program.write_text(f"{source}    return 'ready'\n")
    command = [sys.executable, "-m", "dovetail", "--app", "program", "run", "--debug"]
    process = Process(
        [*command, "--port", "0"],
        output=tmp_path / "run.log",
        directory=tmp_path,
        environ={VARIABLE: ""},
    )
    try:
        browser.url = process.wait_for_line(r"http://127\.0\.0\.1:\d+")[0]
        browser.open("/")
        assert browser.text("body") == "ready"

        program.write_text(f"{source}    return 'mended' if\n")
        expect_text(browser, "SyntaxError:")
        assert "program.py:8" in browser.text("header")
        assert "the next save is picked up" in browser.text(".notice")
        assert browser.text(".syntax mark") != ""
        # With the lines around it.
        assert "def front():" in browser.text(".syntax")
        assert browser.faint_texts() == []

        program.write_text(f"{source}    return 'mended'\n")
        expect_text(browser, "mended")
    finally:
        process.stop()


def expect_text(browser: Browser, text: str) -> None:
    """Open the front page until it says so; return when it does."""

    def opened() -> bool:
        browser.open("/")
        found: bool = browser.run("return document.body.innerText.includes(arguments[0])", text)
        return found

    wait_until(opened, f"the page says {text!r}")
