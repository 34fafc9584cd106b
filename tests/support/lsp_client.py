"""A client of the Language Server Protocol: JSON-RPC over the pipes of a `gradc lsp`.

It asks and waits, and keeps what the server says unasked.  Nothing has to be installed for it; the
sessions of pytest-lsp are in `tests/runtime/cli/language_server/test_sessions.py`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import deque
from pathlib import Path
from threading import Timer
from typing import Any

LONGEST = 120.0  # seconds until a server that hangs is ended, so that the test fails and ends


class LspClient:
    """A server process, and one text that is open in it."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gradc_runtime.cli", "lsp"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder,
        )  # fmt: skip
        self.guard = Timer(LONGEST, self.process.kill)
        self.guard.start()
        self.count, self.told = 0, deque[dict[str, Any]]()
        self.folder, self.uri, self.version, self.text = folder, "", 0, ""
        self.capabilities = self.ask(
            "initialize", processId=None, rootUri=folder.as_uri(), capabilities={}
        )["capabilities"]
        self.tell("initialized")

    def close(self) -> int:
        """End the session as an editor does; the exit code."""
        self.ask("shutdown", None)
        self.tell("exit", None)
        code = self.process.wait()
        self.guard.cancel()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()
        return code

    def ask(self, method: str, given: Any = ..., **named: Any) -> Any:
        """A question; raises `RuntimeError` with what the server answers in place of a result."""
        self.count += 1
        self.send({"id": self.count, "method": method, "params": named if given is ... else given})
        while True:
            message = self.receive()
            if message.get("id") == self.count and "method" not in message:
                if "error" in message:
                    raise RuntimeError(message["error"]["message"])
                return message["result"]
            self.told.append(message)

    def tell(self, method: str, given: Any = ..., **named: Any) -> None:
        """Something that has no answer."""
        self.send({"method": method, "params": named if given is ... else given})

    def send(self, message: dict[str, Any]) -> None:
        data = json.dumps({"jsonrpc": "2.0", **message}).encode()
        stream = self.process.stdin
        assert stream is not None
        stream.write(b"Content-Length: %d\r\n\r\n" % len(data) + data)
        stream.flush()

    def receive(self) -> dict[str, Any]:
        stream, length = self.process.stdout, 0
        assert stream is not None
        while line := stream.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        assert length, f"the server has ended: {self.process.stderr.read().decode()[-2000:]}"
        message: dict[str, Any] = json.loads(stream.read(length))
        return message

    def open(self, name: str, text: str) -> list[dict[str, Any]]:
        """Open a text; what is wrong with it."""
        self.uri, self.version, self.text = (self.folder / name).as_uri(), 1, text
        document = {"uri": self.uri, "languageId": "gradc", "version": 1, "text": text}
        self.tell("textDocument/didOpen", textDocument=document)
        return self.diagnostics()

    def change(self, text: str) -> list[dict[str, Any]]:
        """Write another text; what is wrong with that."""
        self.version, self.text = self.version + 1, text
        identifier = {"uri": self.uri, "version": self.version}
        changes = [{"text": text}]
        self.tell("textDocument/didChange", textDocument=identifier, contentChanges=changes)
        return self.diagnostics()

    def diagnostics(self) -> list[dict[str, Any]]:
        """What is said next of the text as it is now."""
        while True:
            message = self.told.popleft() if self.told else self.receive()
            if message.get("method") == "textDocument/publishDiagnostics":
                said = message["params"]
                if said["uri"] == self.uri and said.get("version") == self.version:
                    found: list[dict[str, Any]] = said["diagnostics"]
                    return found

    def at(self, method: str, word: str, **more: Any) -> Any:
        """A question about the first place that a word has in the text."""
        document = {"uri": self.uri}
        place = self.place(word)
        return self.ask(f"textDocument/{method}", textDocument=document, position=place, **more)

    def of_text(self, method: str, **more: Any) -> Any:
        """A question about the whole text."""
        return self.ask(f"textDocument/{method}", textDocument={"uri": self.uri}, **more)

    def place(self, word: str, behind: int = 0) -> dict[str, int]:
        """Where a word stands, in the protocol's units."""
        start = self.text.index(word) + behind
        line = self.text.count("\n", 0, start)
        before = self.text[self.text.rfind("\n", 0, start) + 1 : start]
        return {"line": line, "character": len(before.encode("utf-16-le")) // 2}
