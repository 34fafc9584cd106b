"""A headless Chromium, driven over its DevTools protocol through a pair of pipes.

Messages are JSON, each ended by a zero byte (`--remote-debugging-pipe`), so no port is opened and
no package is needed.  A page is asked to evaluate expressions, and is given real events of mouse
and keyboard; what it reports as an error ends up in `faults`.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--no-first-run",
    "--disable-dev-shm-usage", "--disable-background-networking", "--hide-scrollbars",
    "--force-color-profile=srgb", "--font-render-hinting=none",
)  # fmt: skip
PATIENCE = 60.0  # seconds until a page that does not answer is a fault
KEYS = {" ": ("Space", 32), "Enter": ("Enter", 13), "Escape": ("Escape", 27), "Tab": ("Tab", 9),
        "ArrowLeft": ("ArrowLeft", 37), "ArrowUp": ("ArrowUp", 38), "ArrowDown": ("ArrowDown", 40),
        "ArrowRight": ("ArrowRight", 39), "Home": ("Home", 36), "End": ("End", 35)}  # fmt: skip


def chromium() -> str | None:
    """Where the program is; None where it is not installed."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Page:
    """One tab."""

    def __init__(self, folder: Path) -> None:
        program = chromium()
        assert program is not None, "asked for only where it is installed"
        to_read, self.outgoing = os.pipe()
        self.incoming, to_write = os.pipe()

        def as_three_and_four() -> None:
            ours = os.dup(to_read), os.dup(to_write)
            os.dup2(ours[0], 3)
            os.dup2(ours[1], 4)

        self.process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={folder}", "about:blank"],
            pass_fds=(3, 4), preexec_fn=as_three_and_four,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_read)
        os.close(to_write)
        self.number, self.buffer, self.session = 0, b"", ""
        self.faults: list[str] = []
        self.requests: list[str] = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self.ask("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def close(self) -> None:
        """End the program."""
        with suppress(OSError, AssertionError):
            self.session = ""
            self.ask("Browser.close")
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        self.process.kill()
        self.process.wait()
        os.close(self.outgoing)
        os.close(self.incoming)

    def ask(self, method: str, /, **parameters: Any) -> dict[str, Any]:
        """Send a command, and wait for its answer; what happens meanwhile is noted."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.outgoing, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self.number:
            self._note(answer)
        assert "error" not in answer, f"{method}: {answer['error']}"
        found: dict[str, Any] = answer["result"]
        return found

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self.buffer:
            part = os.read(self.incoming, 1 << 16)
            assert part, "Chromium has ended"
            self.buffer += part
        text, _, self.buffer = self.buffer.partition(b"\0")
        found: dict[str, Any] = json.loads(text)
        return found

    def _note(self, event: Mapping[str, Any]) -> None:
        match event.get("method"), event.get("params", {}):
            case "Runtime.exceptionThrown", {"exceptionDetails": told}:
                self.faults.append(told.get("exception", {}).get("description") or told["text"])
            case "Log.entryAdded", {"entry": {"level": "error", "text": text}}:
                self.faults.append(text)
            case "Network.requestWillBeSent", {"request": {"url": url}}:
                self.requests.append(url)

    def open(
        self, path: Path, ready: str = "document.documentElement?.dataset.ready === 'yes'"
    ) -> None:
        """Show a file, and wait until it says that it is ready (or another condition is true)."""
        self.ask("Page.navigate", url=path.resolve().as_uri())
        self.wait(ready)

    def wait(self, condition: str) -> None:
        """Until an expression is true."""
        end = monotonic() + PATIENCE
        while not self.value(condition):
            assert monotonic() < end, f"{condition} never came true; {self.faults}"
            sleep(0.02)

    def value(self, expression: str) -> Any:
        """What an expression gives, as data."""
        found = self.ask(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def size(self, width: int, height: int, *, dark: bool = False) -> None:
        """How large the window is, and whether the system is dark."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height,
                 deviceScaleFactor=1, mobile=False)  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])

    def middle(self, selector: str) -> tuple[float, float]:
        """Where an element is."""
        box = self.value(
            f"(() => {{ const b = document.querySelector({json.dumps(selector)})"
            ".getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2] })()"
        )
        return box[0], box[1]

    def hover(self, selector: str) -> None:
        """Move the mouse onto an element."""
        x, y = self.middle(selector)
        self.ask("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def click(self, selector: str, times: int = 1) -> None:
        """Press and release the mouse on an element."""
        self.hover(selector)
        x, y = self.middle(selector)
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left",
                     clickCount=times)  # fmt: skip

    def press(self, *keys: str) -> None:
        """Type keys, by name or as a character."""
        for key in keys:
            code, number = KEYS.get(key, ("", ord(key[0])))
            text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
            for kind in ("keyDown", "keyUp"):
                sent = {"text": text} if text and kind == "keyDown" else {}
                self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=code,
                         windowsVirtualKeyCode=number, **sent)  # fmt: skip

    def picture(self, path: Path) -> None:
        """A screenshot as a PNG."""
        found = self.ask("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(found["data"]))


@contextmanager
def browser(folder: Path) -> Iterator[Page]:
    """A page for as long as it is used."""
    page = Page(folder)
    try:
        yield page
    finally:
        page.close()
