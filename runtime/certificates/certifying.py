"""A run and the copy of its process that holds its kernels against the reference.

The first run of a program on a machine makes such a copy (`certifier`).  Between its native calls
the run looks whether the copy has said anything, and stops where kernels are wrong.  A run that is
over before does not wait: the copy goes on without it, and the next run of the program is told, and
whoever reads the weights of this one.  Only GRADC_CERTIFY=wait lets a run end with the verdict.
"""

from __future__ import annotations

import os
import select
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradc_runtime.data import Examples

if TYPE_CHECKING:
    from gradc_runtime.session.session import Session

SWITCH = "GRADC_CERTIFY"  # 0: no certificates; wait: no run ends before its own is there


class Certifying:
    """A run's end of it; does nothing where there is no copy."""

    def __init__(self, key: str = "", said: int = -1, go: int = -1) -> None:
        self.key, self.said, self.go = key, said, go
        self.poll = select.poll()
        if said >= 0:
            self.poll.register(said, select.POLLIN)

    def built(self) -> None:
        """The run has its kernels: the copy may use them."""
        if self.go >= 0:
            os.close(self.go)
            self.go = -1

    def look(self, *, wait: bool = False) -> str:
        """A line about what the copy has said, if it is worth one; nothing if it is at it still.

        Raises `Disagreement` where the kernels are wrong.
        """
        if self.said < 0 or not self.poll.poll(None if wait else 0):
            return ""
        with open(self.said, "rb") as stream:
            content = stream.read()
        self.said = -1
        told: str = import_module("gradc_runtime.certificates.certificate").told(self.key, content)
        return told

    def end(self) -> str:
        """As `look`, for the last time; waits only where that is asked for."""
        self.built()
        line = self.look(wait=os.environ.get(SWITCH) == "wait")
        self.leave()
        return line

    def leave(self) -> None:
        """Let the copy go on alone."""
        self.built()
        if self.said >= 0:
            os.close(self.said)
            self.said = -1


def begin(session: Session, data: Examples, batch: int, folder: Path | None) -> Certifying:
    """Look for the certificate of a program that is about to be trained, or have one made.

    Raises `Disagreement` where its kernels are known to be wrong.
    """
    if session.target != "cpu" or session.program.checks is None:
        return Certifying()
    certifier: Any = import_module("gradc_runtime.certificates.certifier")
    begun: Certifying = certifier.begin(session, data, batch, folder)
    return begun
