"""What may be optimised, and what was: every optimisation asks here by its name, and is counted."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import field

from gradc_compiler.records.fast_dataclass import dataclass

FORMER = {  # names that users may still type, and those of today
    "straight": "whole-step",
}


@dataclass
class Switches:
    """The optimisations that are off, and how often each of the others changed something."""

    without: Collection[str] = ()
    applied: dict[str, int] = field(default_factory=dict)

    def allow(self, name: str) -> bool:
        """Whether an optimisation may be made."""
        return name not in self.without

    def count(self, name: str, times: int = 1) -> None:
        """Note that an optimisation was made, so often."""
        if times:
            self.applied[name] = self.applied.get(name, 0) + times
