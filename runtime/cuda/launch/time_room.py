"""How much there may be of each time of an entry, in the memory of one batch size."""

from __future__ import annotations

from gradc_compiler.records.fast_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class TimeRoom:
    """How much there may be of each time: rows, and steps of a recurrence."""

    rows: tuple[int, ...] = ()
    steps: tuple[int, ...] = ()

    def holds(self, other: TimeRoom) -> bool:
        """Whether all that another has room for fits."""
        own, others = (*self.rows, *self.steps), (*other.rows, *other.steps)
        return all(a <= b for a, b in zip(others, own, strict=True))

    def joined(self, other: TimeRoom) -> TimeRoom:
        """Room for either."""
        return TimeRoom(
            tuple(map(max, zip(self.rows, other.rows, strict=True))),
            tuple(map(max, zip(self.steps, other.steps, strict=True))),
        )
