"""What the instructions of a stage mean, as loop nests: for people, for C, and for the kernel of a
whole step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradc_compiler.loops.ir import LoopNest
from gradc_compiler.program.deferred import Deferred


class Nests(Sequence[LoopNest]):
    """What instructions mean, in order; some are built when they are first asked for."""

    def __init__(self) -> None:
        self._made: list[LoopNest | tuple[Deferred[Nests], int]] = []

    def append(self, nest: LoopNest) -> None:
        """Add the nest of one instruction."""
        self._made.append(nest)

    def append_later(self, several: Deferred[Nests], number: int) -> None:
        """Add the nest of one instruction, which is one of several that are built together when
        first asked for.
        """
        self._made.append((several, number))

    def __len__(self) -> int:
        return len(self._made)

    def __getitem__(self, number: Any) -> Any:
        if isinstance(number, slice):
            return [self[k] for k in range(len(self))[number]]
        found = self._made[number]
        if isinstance(found, tuple):
            found = self._made[number] = found[0].value[found[1]]
        return found
