"""What can go wrong while a program runs: each fault is one clear line for the user.

The command line prints the line and leaves with `exit_code`; nothing here carries a traceback.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

LONGEST = 1000  # characters of a message


def bounded(message: str) -> str:
    """One line of bounded length: text from files may hold anything, and any amount of it."""
    line = message if len(message) <= LONGEST else f"{message[:LONGEST]} ..."
    return "".join(c if c.isprintable() else "?" for c in line)


class RunError(Exception):
    """Base of every fault of a run; its text is the one line to print."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str) -> None:
        super().__init__(bounded(message))


class DataError(RunError):
    """Data that cannot be read, or does not fit the fields declared for it."""


class SessionError(RunError):
    """A session was asked for something it cannot do: wrong name, shape, kind or value."""


class ToolchainError(RunError):
    """The C compiler is missing, or refuses what it was given."""

    exit_code: ClassVar[int] = 2


class UnknownParameter(SessionError, KeyError):
    """A parameter that a session does not have: a `KeyError`, as of any mapping."""

    __str__ = Exception.__str__  # not the quoted form of a `KeyError`


class CheckpointError(RunError):
    """A checkpoint that is damaged, missing, or belongs to another model."""


class Diverged(RunError):
    """The loss or a parameter is no longer a finite number."""


class Disagreement(RunError):
    """Kernels do not compute what the reference does."""


class RanksError(RunError):
    """Several ranks cannot train together: another spec, other data, or nothing to talk over."""


class RankLost(RanksError):
    """A rank does not answer any more."""


class Interrupted(RunError):
    """Stopped by a signal after a checkpoint was written to `path` (None where there is none)."""

    exit_code: ClassVar[int] = 130

    def __init__(self, message: str, path: Path | None = None) -> None:
        super().__init__(message)
        self.path = path
