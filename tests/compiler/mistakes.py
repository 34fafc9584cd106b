"""Mistakes of people who come from other frameworks, each with its number and its program.

A program of `specs/errors` or `specs/warnings` that begins with `# mistake: 12 a comment` is one.
`python -m tests.compiler.mistakes > specs/mistakes.md` writes the page of all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SPECS = Path(__file__).parents[2] / "specs"
LINE = re.compile(r"# (mistake|expect|hint): (.*)")
HEAD = """# What people write first

What somebody from Python, PyTorch or Keras writes here at first, and what `gradc check` answers.
Each is a program of its own in `specs/errors` or `specs/warnings`, by the name at its end, and the
tests hold every answer; `gradc check specs/errors/habit_power.nn` shows one with its line and
caret. Written by `python -m tests.compiler.mistakes`."""
SECTIONS = {  # by the file at which each begins
    "syntax_missing_brace": "Words and signs of other languages",
    "habit_relu_capital": "Names of other frameworks",
    "habit_batch_shape": "Types and shapes",
    "habit_lstm_without_scan": "Sequences",
    "habit_adam": "Training and data",
    "softmax_before_cross_entropy": "It compiles, with a warning",
}


@dataclass(frozen=True)
class Mistake:
    """One, as its program tells it."""

    number: int
    written: str
    said: str
    hint: str | None
    path: Path

    def line(self) -> str:
        """An item of the page."""
        hint = f" Hint: {self.hint}{'' if self.hint.endswith('?') else '.'}" if self.hint else ""
        return f"{self.number}. **{self.written}**: {self.said}.{hint} ({self.path.stem})"


def mistakes() -> list[Mistake]:
    """All of them, by their numbers."""
    paths = [*SPECS.glob("errors/*.nn"), *SPECS.glob("warnings/*.nn")]
    return sorted((m for path in paths for m in _read(path)), key=lambda m: m.number)


def _read(path: Path) -> Iterator[Mistake]:
    lines = path.read_bytes().decode("utf-8", "surrogateescape").split("\n")
    found = [match.groups() for match in map(LINE.match, lines) if match is not None]
    told = dict(reversed(found))  # the first of each kind
    if "mistake" in told:
        number, _, written = told["mistake"].partition(" ")
        _, _, said = told["expect"].split(" ", 2)
        yield Mistake(int(number), written, said, told.get("hint"), path)


def page() -> str:
    """The page in Markdown."""
    lines = [HEAD]
    for mistake in mistakes():
        section = SECTIONS.get(mistake.path.stem)
        lines += ["", f"## {section}", ""] if section else []
        lines.append(mistake.line())
    return "\n".join(lines)


if __name__ == "__main__":
    print(page())
