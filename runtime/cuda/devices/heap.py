"""Which bytes of a memory are taken: the first stretch that is long enough is given out."""

from __future__ import annotations

from bisect import insort
from dataclasses import field

from gradc_compiler.records.fast_dataclass import dataclass

ALIGN = 256  # bytes, as the driver's


@dataclass
class Heap:
    """Stretches (begin, end) that are taken, in order; address 0 is none."""

    size: int
    taken: list[tuple[int, int]] = field(default_factory=lambda: [(0, ALIGN)])

    def take(self, size: int) -> int | None:
        """The address of so many bytes; None where there are not so many together."""
        size = -(-max(1, size) // ALIGN) * ALIGN
        start = 0
        for begin, end in self.taken:
            if begin - start >= size:
                break
            start = end
        if start + size > self.size:
            return None
        insort(self.taken, (start, start + size))
        return start

    def give(self, address: int) -> None:
        """Bytes that are not needed any more."""
        self.taken = [part for part in self.taken if part[0] != address]

    @property
    def left(self) -> int:
        """Bytes that are not taken."""
        return self.size - sum(end - begin for begin, end in self.taken)
