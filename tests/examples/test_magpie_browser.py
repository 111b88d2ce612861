"""The example application in Chromium: with a mouse, by keyboard alone, light, dark and narrow."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from tests.applications.deployment import wait_until
from tests.browser import ENTER, SPACE, TAB, Browser
from tests.examples.deployed import Deployed

from magpie import demo

pytestmark = [pytest.mark.process, pytest.mark.network]

PICTURE = Path(demo.__file__).parent / "demo_photos" / "mitten.png"


@pytest.fixture(scope="module")
def window(deployed: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    browser = Browser(deployed.url, tmp_path_factory.mktemp("browser"))
    yield browser
    browser.quit()


@pytest.fixture
def browser(window: Browser) -> Iterator[Browser]:
    """A window without cookies; whatever Chromium complained of fails the test."""
    window.call("DELETE", "/cookie")
    window.prefer("light")
    window.resize(1100, 900)
    window.complaints()
    yield window
    assert window.complaints() == []


def log_in(browser: Browser) -> None:
    browser.open("/login")
    browser.enter("#name", demo.NAME)
    browser.enter("#password", demo.PASSWORD)
    browser.click("main button")
    browser.expect("/")


def expect_width(browser: Browser, selector: str, pixels: int) -> None:
    """Return when an image is there that is so wide."""
    script = "return document.querySelector(arguments[0])?.naturalWidth"
    wait_until(lambda: browser.run(script, selector) == pixels, f"{selector} is {pixels} wide")


def expect_complaint(browser: Browser) -> None:
    """Return when Chromium has complained of a page with an error status."""
    complaints: list[str] = []

    def complained() -> bool:
        complaints.extend(browser.complaints())
        return bool(complaints)

    wait_until(complained, "Chromium complains")
    assert len(complaints) == 1


def test_register_post_mend_and_log_out(browser: Browser) -> None:
    browser.open("/")
    browser.click_text("Register")
    browser.expect("/register")
    browser.enter("#name", "Cleo")
    browser.enter("#password", "nine lives each")
    browser.click("main button")
    browser.expect("/")
    assert "Welcome, Cleo!" in browser.text()

    browser.click_text("Post an item")
    browser.expect("/items/new")
    browser.click("[value=lost]")
    browser.enter("#title", "Right mitten")
    browser.enter("#place", "Bakery <b>&</b> library")
    browser.enter("#day", date.today().strftime("%m%d%Y"))
    browser.enter("#photo", str(PICTURE))
    browser.click_text("Put it on the board")
    wait_until(lambda: re.fullmatch(r"/items/\d+", browser.path) is not None, "it is shown")
    item = browser.path
    assert "Bakery <b>&</b> library" in browser.text()
    expect_width(browser, ".item img", 640)

    browser.click_text("Board")
    browser.expect("/")
    assert browser.text(".card h2") == "Right mitten"
    expect_width(browser, ".card img", 640)

    browser.open(f"{item}/edit")
    browser.enter("#title", "x")
    browser.click_text("Save")
    assert browser.text("#title-error") == "Enter 3 to 80 characters; this has 1."
    browser.expect_focus("What is it?")
    browser.enter("#title", "Right-hand mitten")
    browser.click_text("Save")
    browser.expect(item)
    assert browser.text("h1") == "Right-hand mitten"

    browser.click_text("Log out")
    browser.expect("/")
    assert "You are logged out." in browser.text()
    browser.open(f"{item}/edit")
    browser.expect(f"/login?next={item}/edit")


def test_by_keyboard_alone(browser: Browser) -> None:
    browser.open("/login")
    browser.press(TAB)
    assert browser.label(browser.focused()) == "Skip to the content"
    assert browser.run(
        "return document.activeElement.getBoundingClientRect().left >= 0"
        " && getComputedStyle(document.activeElement).outlineStyle != 'none'"
    )
    browser.press(ENTER)
    browser.tab_to("Name")
    browser.press(*demo.NAME, TAB, *demo.PASSWORD, ENTER)
    browser.expect("/")

    browser.tab_to("Post an item")
    browser.press(ENTER)
    browser.expect("/items/new")
    browser.tab_until(lambda label: label.startswith("I have"))
    browser.press(SPACE, "\ue015")  # the arrow down: the other of the two
    browser.tab_to("What is it?")
    browser.press(*"Blue marble")
    browser.tab_to("Where was it?")
    browser.press(*"School yard", ENTER)
    assert browser.text("#day-error").startswith("Enter a day")
    browser.expect_focus("On which day?")
    browser.press(*date.today().strftime("%m%d%Y"), ENTER)
    browser.find(".flash.good")
    assert browser.text(".tag") == "FOUND"

    browser.tab_to("Remove…")
    browser.press(ENTER)
    browser.tab_to("Remove it for good")
    browser.press(ENTER)
    browser.expect("/")
    assert "“Blue marble” is off the board." in browser.text()


PAGES = ("/", "/items/1", "/items/5", "/items/new", "/items/7/edit", "/account", "/nowhere")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_can_be_read(browser: Browser, scheme: str) -> None:
    log_in(browser)
    browser.prefer(scheme)
    for path in PAGES:
        browser.open(path)
        assert browser.faint_texts() == [], path
    expect_complaint(browser)


def test_pages_fit_a_narrow_window(browser: Browser) -> None:
    log_in(browser)
    browser.resize(320, 640)
    for path in PAGES:
        browser.open(path)
        assert browser.excess_width() == 0, path
    expect_complaint(browser)


def test_all_fields_have_names(browser: Browser) -> None:
    log_in(browser)
    for path in PAGES:
        browser.open(path)
        # What is folded away has no name.
        browser.run("for (const fold of document.querySelectorAll('details')) fold.open = true")
        for element in browser.find_all("input:not([type=hidden]), textarea, select, button, a"):
            assert browser.label(element), path
    expect_complaint(browser)


def test_screenshots(browser: Browser) -> None:
    browser.open("/")
    light = browser.screenshot("board-light")
    log_in(browser)
    browser.prefer("dark")
    browser.open("/items/5")
    dark = browser.screenshot("item-dark")
    browser.resize(360, 1200)
    browser.prefer("light")
    browser.open("/items/new")
    browser.click_text("Put it on the board")
    browser.find(".error")
    narrow = browser.screenshot("form-narrow")
    sizes = [int.from_bytes(path.read_bytes()[16:20]) for path in (light, dark, narrow)]
    assert sizes == [1100, 1100, 360]
