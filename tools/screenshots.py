"""Take the pictures of docs/images again, in Chromium, of the shop that the tests debug.

``python -m tools.screenshots`` in the project's directory; it needs chromium and chromedriver.
"""

from __future__ import annotations

import atexit
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.applications.deployment import wait_until
from tests.browser import ENTER, Browser
from tests.dev.debugged import FAILING, SHOP, Shop, evaluate, frame, press_console, unlock

__all__ = ["main"]

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"


@contextmanager
def _window() -> Iterator[Browser]:
    with tempfile.TemporaryDirectory() as directory:
        shop = Shop(Path(directory), script=_copy(SHOP))
        try:
            browser = Browser(shop.url, Path(directory))
            try:
                yield browser
            finally:
                browser.quit()
        finally:
            shop.stop()


def _copy(script: Path) -> Path:
    """Return a copy whose path, which the pictures show, says nothing of who took them."""
    place = Path(tempfile.gettempdir(), "shop")
    # Nobody else's: what is in it is run.
    place.mkdir(mode=0o700)
    atexit.register(shutil.rmtree, place)
    return Path(shutil.copy(script, place))


def _keep(browser: Browser, name: str) -> None:
    picture = browser.screenshot(name).read_bytes()
    (IMAGES / f"{name}.png").write_bytes(picture)
    sys.stdout.write(f"{name}.png {len(picture):,} bytes\n")


def _debugger(browser: Browser) -> None:
    browser.prefer("light")
    browser.resize(960, 960)
    browser.open(FAILING)
    browser.run("document.querySelector('.last .variables').open = true")
    _keep(browser, "debugger")

    browser.resize(960, 560)
    press_console(browser, frame(browser, "order"))
    browser.enter("#pin-text", "123-456-789" + ENTER)
    wait_until(lambda: browser.text("#pin-wrong") != "", "the PIN is refused")
    _keep(browser, "debugger-pin")

    browser.prefer("dark")
    browser.resize(960, 860)
    browser.open(FAILING)
    place = frame(browser, "split")
    unlock(browser, place)
    evaluate(browser, place, "total, pieces")
    evaluate(browser, place, "[PRICES[piece] * basket[piece] for piece in pieces]")
    browser.run("document.querySelector(arguments[0]).scrollIntoView()", place)
    _keep(browser, "debugger-dark")


def _inspector(browser: Browser) -> None:
    browser.prefer("light")
    browser.resize(960, 560)
    for path in ("/", "/orders/4", "/process", "/nowhere", FAILING):
        browser.open(path)
    browser.open("/__dovetail__/")
    wait_until(lambda: browser.count("#requests tbody tr") >= 5, "the requests are listed")
    _keep(browser, "inspector")
    browser.resize(960, 900)
    browser.click("#requests tbody .error a")
    wait_until(lambda: browser.path != "/__dovetail__/", "a request is shown")
    _keep(browser, "inspector-request")


def main() -> None:
    """Write the pictures."""
    IMAGES.mkdir(exist_ok=True)
    with _window() as browser:
        _debugger(browser)
        _inspector(browser)


if __name__ == "__main__":
    main()
