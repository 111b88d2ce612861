"""Chromium without a window, driven over HTTP (W3C WebDriver)."""

from __future__ import annotations

import base64
import json
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

from tests.applications.deployment import PATIENCE_SECONDS, Process, wait_until
from tests.programs import find_program

__all__ = ["BACKSPACE", "DOWN", "ENTER", "ESCAPE", "SHIFT", "SPACE", "TAB", "UP", "Browser"]

# WebDriver, section 17.4.2.
TAB, ENTER, SPACE = "\ue004", "\ue007", " "
BACKSPACE, SHIFT, ESCAPE, UP, DOWN = "\ue003", "\ue008", "\ue00c", "\ue013", "\ue015"
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"

# Returns the texts that can be seen, but have less contrast with what is behind them than 4.5
# (WCAG 2.2, 1.4.3).
FAINT_TEXTS = """
const channels = color => color.match(/[\\d.]+/g).map(Number);
const luminance = color => {
  const [r, g, b] = channels(color).map(c => c / 255)
    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const background = element => {
  for (let at = element; at; at = at.parentElement) {
    const color = getComputedStyle(at).backgroundColor;
    if ((channels(color)[3] ?? 1) === 1) return color;
  }
  return "rgb(255, 255, 255)";
};
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const faint = [];
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
  const [a, b] = [getComputedStyle(element).color, background(element)].map(luminance);
  const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (contrast < 4.5) faint.push(walker.currentNode.data.trim() + ": " + contrast.toFixed(2));
}
return faint;
"""


class Browser:
    """One window, in which ``url`` is the address that paths are relative to.

    ``options`` are more of Chromium's own.
    """

    def __init__(self, url: str, directory: Path, *options: str) -> None:
        chromium = find_program("chromium", package="chromium")
        driver = find_program("chromedriver", package="chromium-driver")
        self.url = url
        self.directory = directory
        self.process = Process(
            [driver, "--port=0"],
            output=directory / "chromedriver.log",
            directory=directory,
            # Chromium writes caches there, and complains if it cannot.
            environ={"HOME": str(directory), "XDG_CONFIG_HOME": str(directory)},
        )
        try:
            port = self.process.wait_for_line(r"started successfully on port (\d+)")[1]
            self.driver = f"http://127.0.0.1:{port}/session"
            session = self.call("POST", "", capabilities=capabilities(chromium, options))
            self.driver += f"/{session['sessionId']}"
        except BaseException:
            self.process.kill()
            raise

    def quit(self) -> None:
        try:
            self.call("DELETE", "")
        finally:
            self.process.kill()

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        """Send a command to the driver; return its value."""
        body = json.dumps(arguments).encode() if method == "POST" else None
        fields = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.driver + path, body, fields, method=method)
        try:
            # The driver gives up first, and says why.
            with urllib.request.urlopen(request, timeout=2 * PATIENCE_SECONDS) as response:
                return json.load(response)["value"]
        except HTTPError as error:
            with error:
                raise AssertionError(json.load(error)["value"]["message"]) from None

    def run(self, script: str, *arguments: Any) -> Any:
        """Run the body of a JavaScript function; return what it returns."""
        return self.call("POST", "/execute/sync", script=script, args=arguments)

    def emulate(self, command: str, **parameters: Any) -> None:
        """Send a command of the DevTools protocol, domain Emulation."""
        self.call("POST", "/goog/cdp/execute", cmd=f"Emulation.{command}", params=parameters)

    def resize(self, width: int, height: int) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.emulate("setDeviceMetricsOverride", **metrics)

    def prefer(self, scheme: str) -> None:
        """Prefer pages that are light or dark."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.emulate("setEmulatedMedia", features=features)

    def faint_texts(self) -> list[str]:
        """Return the texts on the page that have too little contrast."""
        faint: list[str] = self.run(FAINT_TEXTS)
        return faint

    def excess_width(self) -> int:
        """Return by how many pixels the page is wider than the window."""
        root = "document.documentElement"
        excess: int = self.run(f"return {root}.scrollWidth - {root}.clientWidth")
        return excess

    def open(self, path: str) -> None:
        self.call("POST", "/url", url=self.url + path)

    @property
    def path(self) -> str:
        address: str = self.call("GET", "/url")
        url = urlsplit(address)
        return f"{url.path}?{url.query}".rstrip("?")

    def expect(self, path: str) -> None:
        """Return when the page of this path is there."""
        wait_until(lambda: self.path == path, f"{path} is shown")

    def find(self, selector: str) -> str:
        found: str = self.call("POST", "/element", using="css selector", value=selector)[ELEMENT]
        return f"/element/{found}"

    def find_all(self, selector: str) -> list[str]:
        found = self.call("POST", "/elements", using="css selector", value=selector)
        return [f"/element/{element[ELEMENT]}" for element in found]

    def click(self, selector: str) -> None:
        self.call("POST", f"{self.find(selector)}/click")

    def click_text(self, text: str) -> None:
        """Click the link or button that says so."""
        path = f"//*[self::a or self::button or self::summary][normalize-space()={text!r}]"
        found = self.call("POST", "/element", using="xpath", value=path)[ELEMENT]
        self.call("POST", f"/element/{found}/click")

    def enter(self, selector: str, text: str) -> None:
        """Type into a field, in place of what it holds; for a file, its path."""
        element = self.find(selector)
        if self.call("GET", f"{element}/property/type") not in {"file", "date"}:
            self.call("POST", f"{element}/clear")
        self.call("POST", f"{element}/value", text=text)

    def count(self, selector: str) -> int:
        """Return how many elements there are now; none is an answer, too."""
        number: int = self.run("return document.querySelectorAll(arguments[0]).length", selector)
        return number

    def text(self, selector: str = "main") -> str:
        text: str = self.call("GET", f"{self.find(selector)}/text")
        return text

    def label(self, element: str) -> str:
        """Return the name by which a screen reader calls an element."""
        label: str = self.call("GET", f"{element}/computedlabel")
        return label

    def focused(self) -> str:
        return f"/element/{self.call('GET', '/element/active')[ELEMENT]}"

    def expect_focus(self, label: str) -> None:
        """Return when the focus is on what is called so."""
        wait_until(lambda: self.label(self.focused()) == label, f"{label} has the focus")

    def press(self, *keys: str) -> None:
        """Press and release keys, wherever the focus is."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        sources = [{"type": "key", "id": "keyboard", "actions": actions}]
        self.call("POST", "/actions", actions=sources)

    def tab_until(self, condition: Callable[[str], bool]) -> str:
        """Press Tab until the focused element meets a condition; return its label."""
        for _ in range(40):
            self.press(TAB)
            label = self.label(self.focused())
            if condition(label):
                return label
        raise AssertionError("Tab does not lead there")

    def tab_to(self, label: str) -> None:
        self.tab_until(lambda found: found == label)

    def screenshot(self, name: str) -> Path:
        path = self.directory / f"{name}.png"
        path.write_bytes(base64.b64decode(self.call("GET", "/screenshot")))
        return path

    def complaints(self) -> list[str]:
        """Return what Chromium has written on its console since it was last asked."""
        return [entry["message"] for entry in self.call("POST", "/se/log", type="browser")]


def capabilities(chromium: str, options: tuple[str, ...]) -> dict[str, Any]:
    # Chromium's sandbox does not work in containers, nor for root.
    arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    arguments += options
    milliseconds = int(PATIENCE_SECONDS * 1000)
    return {
        "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": {"binary": chromium, "args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
            "timeouts": dict.fromkeys(("implicit", "pageLoad", "script"), milliseconds),
        }
    }
