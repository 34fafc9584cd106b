"""Nests along one axis in source for people: running sums, orders, and sums at places.

What such a nest does to an element depends on others of its row, so its loops are not those of
`nest_writer.py`.  The loops over rows are.
"""

from __future__ import annotations

from dataclasses import replace

from gradc_compiler.emitted.nest_writer import NestWriter
from gradc_compiler.graph.types import Kind
from gradc_compiler.loops.ir import Indirect, MemAccess, Store
from gradc_compiler.machine.addition_chains import LONG
from gradc_compiler.records.fast_dataclass import dataclass


@dataclass(kw_only=True)
class RowWriter(NestWriter):
    """Writes one nest, of whichever kind."""

    def write(self) -> list[str]:
        """The lines of the nest; raises `NotPrinted` for one that has no text yet."""
        stores = {store for _, _, store in self.nest.stores}
        if self.nest.zeroed:
            self.clear()
        if Store.SCAN in stores:
            return self.running_sum()
        if Store.ORDER in stores:
            return self.order()
        return super().write()

    def clear(self) -> None:
        """Set to 0 every place of each row that is added to."""
        level, (*outer, along) = self.depth, self.loops
        for j in outer:
            self.open(j)
        for _, access, _ in self.nest.stores:
            assert access.at is not None, "a sum at places is cleared, and no other"
            self.line(self.head(self.counters[along], access.at.rows))
            self.depth += 1
            self.do(f"{self.place(self.every(access, access.at))} = {self.scalars.literal(0.0)}")
            self.close(self.depth - 1)
        self.close(level)

    def every(self, access: MemAccess, at: Indirect) -> MemAccess:
        """The places that the data choose from, gone over by the innermost loop."""
        return replace(access, at=None, moves=(*access.moves[:-1], at.words))

    def running_sum(self) -> list[str]:
        """The sum of values along the innermost loop so far, at each."""
        ((value, access, _),) = self.nest.stores
        level, (*outer, along) = self.depth, self.loops
        for j in outer:
            self.open(j)
        long = self.extents[along] > LONG
        for name in ["sum", "carry"] if long else ["sum"]:
            self.begin(Kind.REAL, name, self.scalars.literal(0.0))
        self.open(along)
        self.body_before_stores()
        term = self.names[value][0]
        if long:
            self.called.add("lost")
            self.begin(Kind.REAL, "term", f"{term} + carry")
            self.do("carry = lost(sum, term)")
            term = "term"
        self.do(f"sum += {term}")
        self.do(f"{self.place(access)} = sum")
        self.close(level)
        return self.lines

    def order(self) -> list[str]:
        """The iterations of the innermost loop in rising order of a value, NaN last."""
        level, (*outer, along) = self.depth, self.loops
        for j in outer:
            self.open(j)
        self.sort(along)
        self.close(level)
        return self.lines

    def sort(self, along: int) -> None:
        """Store the order of one row."""
        raise NotImplementedError
