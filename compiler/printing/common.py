"""What both writers of kernels share: the lines so far, and how numbers are read and written."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from gradc_compiler.loops.ir import MemAccess


@dataclass
class CodeLines:
    """The text of a kernel in the making; its geometry and its pointers in order."""

    lines: list[str] = field(default_factory=list)
    geometry: list[int] = field(default_factory=list)
    pointers: list[MemAccess] = field(default_factory=list)
    depth: int = 1

    def line(self, text: str) -> None:
        """Add a line where the loops stand now."""
        self.lines.append("    " * self.depth + text)

    def number(self, value: int) -> str:
        """The name of a number that is read from the geometry."""
        self.geometry.append(value)
        return f"g{len(self.geometry) - 1}"


def read(variable: str, access: MemAccess, place: str) -> str:
    """A number of the session's real type; a variable `n12` stays a whole number."""
    if variable.startswith("n"):
        return f"index({place})"
    return f"real({place})" if access.index else place


def written(variable: str, access: MemAccess) -> str:
    """A variable as a place holds it."""
    return f"index({variable})" if access.index else variable


def renumbered(lines: list[str]) -> list[str]:
    """Values numbered in the order they appear, so that equal work has equal text."""
    names: dict[str, str] = {}

    def short(match: re.Match[str]) -> str:
        return names.setdefault(match[0], f"{match[1]}{len(names)}")

    return [re.sub(r"\b([vn])\d+\b", short, line) for line in lines]
