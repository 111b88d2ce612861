"""The shop with the debugger, and what people do on the debugger's pages."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.applications.deployment import Process, wait_until
from tests.browser import ENTER, Browser

from dovetail.dev.workshop import VARIABLE

__all__ = [
    "FAILING",
    "PIN",
    "SHOP",
    "Shop",
    "answers",
    "evaluate",
    "frame",
    "give_pin",
    "is_open",
    "open_folds",
    "press_console",
    "type_code",
    "unlock",
]

PIN = "271-828-182"
ROOT = Path(__file__).parents[2]
SHOP = Path(__file__).with_name("shop.py")

#: The last failure of /orders/0 is in ``order``; in the middle of its cause is ``split``.
FAILING = "/orders/0"

# Returns the id of the first frame of a function, null if there is none yet.
FIND_FRAME = """
const name = [...document.querySelectorAll('.frame .name')]
    .find(name => name.textContent === arguments[0]);
if (!name) return null;
const frame = name.closest('.frame');
let fold = frame.closest('details');
for (; fold; fold = fold.parentElement.closest('details')) fold.open = true;
frame.scrollIntoView();
return frame.id;
"""


class Shop:
    """The shop, served by a process with the debugger."""

    def __init__(self, directory: Path, processes: int = 1, script: Path = SHOP) -> None:
        self.process = Process(
            [sys.executable, "-X", "utf8", str(script), str(processes)],
            output=directory / f"shop-{processes}.log",
            directory=directory,
            # A workshop of its own: wrong PINs are counted there.
            environ={"WERKZEUG_DEBUG_PIN": PIN, "PYTHONPATH": str(ROOT), VARIABLE: ""},
        )
        try:
            found = self.process.wait_for_line(r"http://127\.0\.0\.1:(\d+)")
        except BaseException:
            self.process.kill()
            raise
        self.url = found[0]
        self.port = int(found[1])

    def stop(self) -> None:
        self.process.stop()


def frame(browser: Browser, name: str) -> str:
    """Return a selector for the first frame of a function, in view, once it is there."""
    found = ""

    def find() -> bool:
        nonlocal found
        found = browser.run(FIND_FRAME, name)
        return found is not None

    wait_until(find, f"there is a frame of {name}")
    return f"#{found}"


def press_console(browser: Browser, place: str) -> None:
    # Frames in folds that were opened just now get their buttons in the next task.
    name = browser.text(f"{place} .name")
    browser.click(f"{place} button[aria-label='Console in {name}']")


def give_pin(browser: Browser, pin: str) -> None:
    browser.enter("#pin-text", pin)
    browser.click("#pin [type=submit]")


def unlock(browser: Browser, place: str) -> None:
    press_console(browser, place)
    give_pin(browser, PIN)
    wait_until(lambda: browser.count(f"{place} .console") == 1, "the console is open")


def type_code(browser: Browser, place: str, code: str) -> None:
    browser.call("POST", f"{browser.find(f'{place} textarea')}/value", text=code)


def answers(browser: Browser, place: str) -> list[str]:
    texts: list[str] = browser.run(
        "return [...document.querySelectorAll(arguments[0])].map(answer => answer.innerText)",
        f"{place} .answer",
    )
    return texts


def evaluate(browser: Browser, place: str, code: str) -> str:
    """Type code in a frame's console; return what is shown for it."""
    before = len(answers(browser, place))
    type_code(browser, place, code + ENTER)
    wait_until(lambda: len(answers(browser, place)) > before, f"{code!r} is answered")
    return answers(browser, place)[-1]


def is_open(browser: Browser) -> bool:
    opened: bool = browser.run("return document.getElementById('pin').open")
    return opened


def open_folds(browser: Browser) -> None:
    browser.run("for (const fold of document.querySelectorAll('details')) fold.open = true")
