"""A browser without a window, told what to do through chromedriver (WebDriver, plain HTTP)."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

NEEDS_CHROMIUM = pytest.mark.skipif(
    shutil.which("chromium") is None or shutil.which("chromedriver") is None,
    reason="no browser is here (apt-get install chromium chromium-driver)",
)
WAIT = 120  # seconds of one request
OPTIONS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=900,700"]


class Browser:
    """One page."""

    def __init__(self, address: str) -> None:
        self.address = address
        asked = {"capabilities": {"alwaysMatch": {"goog:chromeOptions": {"args": OPTIONS}}}}
        self.address = f"{address}/session/{self.ask('POST', '/session', asked)['sessionId']}"

    def ask(self, method: str, path: str, given: object = None) -> Any:
        """The value that a request is answered with."""
        body = None if method != "POST" else json.dumps(given or {}).encode()
        request = Request(f"{self.address}{path}", body, method=method)
        with urlopen(request, timeout=WAIT) as answer:
            return json.load(answer)["value"]

    def open(self, path: Path) -> None:
        """Show a file."""
        self.ask("POST", "/url", {"url": path.absolute().as_uri()})

    def find(self, selector: str) -> str:
        """The first element that a selector of CSS names."""
        found: dict[str, str] = self.ask(
            "POST", "/element", {"using": "css selector", "value": selector}
        )
        return next(iter(found.values()))

    def text(self, selector: str) -> str:
        """What an element shows."""
        found: str = self.ask("GET", f"/element/{self.find(selector)}/text")
        return found

    def click(self, selector: str) -> None:
        """Press an element."""
        self.ask("POST", f"/element/{self.find(selector)}/click")

    def draw(self, selector: str, stroke: Sequence[tuple[int, int]]) -> None:
        """Move over an element with the button of the mouse down; places are from its middle."""
        element = {"element-6066-11e4-a52e-4f735466cecf": self.find(selector)}
        moves = [
            {"type": "pointerMove", "duration": 0, "x": x, "y": y, "origin": element}
            for x, y in stroke
        ]
        down, up = ({"type": what, "button": 0} for what in ("pointerDown", "pointerUp"))
        acts = [moves[0], down, *moves[1:], up]
        mouse = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}}
        self.ask("POST", "/actions", {"actions": [{**mouse, "actions": acts}]})

    def picture(self) -> bytes:
        """The page as PNG."""
        return base64.b64decode(self.ask("GET", "/screenshot"))


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser that is closed at the end."""
    command = ["chromedriver", "--port=0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as driver:
        try:
            assert driver.stdout is not None
            line = next(text for text in driver.stdout if "started successfully on port" in text)
            port = int(line.split()[-1].rstrip("."))
            page = Browser(f"http://127.0.0.1:{port}")
            try:
                yield page
            finally:
                page.ask("DELETE", "")
        finally:
            driver.terminate()
