"""A nest as loops of a language that people read.

A sum over the innermost loops is made in a variable.  Where loops within it move the result, as in

    for i of 32: sum j of 10: for k of 32: y[i * 32 + k] = sum of g[j] * W[j * 32 + k]

y is set to 0 first and added to, so that the innermost loop goes along rows of both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from gradc_compiler.emitted.nest_syntax import NestSyntax
from gradc_compiler.emitted.scalar_writer import WHOLE, Text
from gradc_compiler.graph.types import Kind
from gradc_compiler.loops.ir import (
    KernelArgument,
    LoopCounter,
    MemAccess,
    Scalar,
    Statement,
    Store,
    Variable,
)
from gradc_compiler.loops.scalar_form import functions, leaves
from gradc_compiler.records.fast_dataclass import dataclass

COUNTERS = "ijklopqrtuwxyz"  # v, n, m, s and e begin other names
LONGEST = 80  # characters of what is written in place of a name
GATHERED = {Store.SUM, Store.SUM_ADD, Store.MAX, Store.ARGMAX}


@dataclass(kw_only=True)
class NestWriter(NestSyntax):
    """Writes one nest.  The loop over examples is the caller's, the others are written out."""

    def __post_init__(self) -> None:
        own = [(j, n) for j, n in enumerate(self.nest.loops) if not n.over_rows or n.scale > 1]
        self.loops = [j for j, _ in own]
        self.extents = {j: n.in_a_row for j, n in own}
        self.counters = {j: COUNTERS[k] for k, j in enumerate(self.loops)}
        self.reduced = [j for j in self.loops if self.nest.loops[j].reduces]
        self.names: dict[Scalar, Text] = {
            KernelArgument("first"): (self.first, WHOLE),
            KernelArgument("count"): (self.count, WHOLE),
            **{LoopCounter(j): (self.outer, WHOLE) for j in range(len(self.nest.loops))},
            **{LoopCounter(j): (name, WHOLE) for j, name in self.counters.items()},
        }

    def write(self) -> list[str]:
        """The lines of the nest; raises `NotPrinted` for one that has no text yet."""
        gathered = [k for k, (_, _, store) in enumerate(self.nest.stores) if store in GATHERED]
        first = self.loops.index(self.reduced[0]) if self.reduced else len(self.loops)
        after = [j for j in self.loops[first:] if not self.nest.loops[j].reduces]
        level = self.depth
        for j in self.loops[:first]:
            self.open(j)
        if not gathered or not self.reduced:
            for j in self.loops[first:]:
                self.open(j)
            self.body({})
        elif after:
            self.in_memory(first, after)
        else:
            self.in_variables(first, gathered)
        self.close(level)
        return self.lines

    def in_variables(self, first: int, gathered: Sequence[int]) -> None:
        """Sums and maxima in variables, stored when their loops are done."""
        level = self.depth
        for k in gathered:
            store = self.nest.stores[k][2]
            if store in (Store.MAX, Store.ARGMAX):
                self.begin(Kind.REAL, f"greatest{_number(k)}", self.least)
            else:
                self.begin(Kind.REAL, f"sum{_number(k)}", self.scalars.literal(0.0))
            if store is Store.ARGMAX:
                self.begin(Kind.INDEX, f"where{_number(k)}", "0")
        for j in self.loops[first:]:
            self.open(j)
        self.body(dict.fromkeys(gathered, first))
        self.close(level)
        for k in gathered:
            _, access, store = self.nest.stores[k]
            word = {Store.MAX: "greatest", Store.ARGMAX: "where"}.get(store, "sum")
            sign = "+=" if store is Store.SUM_ADD else "="
            self.do(f"{self.place(access)} {sign} {self.kept(access, word + _number(k))}")

    def gather(self, k: int, first: int, value: str) -> None:
        """Add a value to a sum or a maximum."""
        store, number = self.nest.stores[k][2], _number(k)
        if store is Store.MAX:
            self.called.add("maximum")
            self.do(f"greatest{number} = maximum(greatest{number}, {value})")
        elif store is Store.ARGMAX:
            at = ""
            for j in self.loops[first:]:
                at = f"({at}) * {self.extents[j]} + {self.counters[j]}" if at else self.counters[j]
            self.greater(number, at, value)
        else:
            self.do(f"sum{number} += {value}")

    def in_memory(self, first: int, after: Sequence[int]) -> None:
        """Write sums and maxima that are gathered in memory, where their start is stored first."""
        level = self.depth
        starts = {Store.SUM: self.scalars.literal(0.0), Store.MAX: self.least}
        cleared = [(a, starts[s]) for _, a, s in self.nest.stores if s in starts]
        if cleared:
            for j in after:
                self.open(j)
            for access, start in cleared:
                self.do(f"{self.place(access)} = {start}")
            self.close(level)
        for j in self.loops[first:]:
            self.open(j)
        self.body({})

    def open(self, level: int) -> None:
        """The head of a loop."""
        self.line(self.head(self.counters[level], self.extents[level]))
        self.depth += 1

    def close(self, depth: int) -> None:
        """End the loops that are open, down to a depth."""
        while self.depth > depth:
            self.depth -= 1
            self.end()

    def body(self, gathered: dict[int, int]) -> None:
        """One iteration: loads, statements, stores."""
        self.body_before_stores()
        for k, (variable, access, store) in enumerate(self.nest.stores):
            value, _ = self.names[variable]
            if k in gathered:
                self.gather(k, gathered[k], value)
            else:
                self.put(access, store, value)

    def body_before_stores(self) -> None:
        """Loads and statements of an iteration; what is used once stands where it is used."""
        used = Counter(leaf for s in self.nest.statements for leaf in leaves(s.value))
        used.update(variable for variable, _, _ in self.nest.stores)
        used.update(a.at.number for a in self.nest.accesses() if a.at is not None)
        used.update(a.row for a in self.nest.accesses() if a.row is not None)
        often = {Store.LOST: 2, Store.ARGMAX: 4}
        used.update(v for v, _, s in self.nest.stores for _ in range(often.get(s, 1) - 1))
        written = {a.storage for _, a, _ in self.nest.stores}
        several = len(self.nest.stores) > 1
        loads = sorted(self.nest.loads, key=lambda load: _after_others(load[1]))
        for variable, access in loads:
            once = used[variable] == 1 and not (several and access.storage in written)
            once = once or self.array(access).startswith("(")
            self.let(variable, self.read(variable, access), once, used[variable])
        for statement in self.nest.statements:
            self.compute(statement, used[statement.target])

    def compute(self, statement: Statement, uses: int) -> None:
        """Compute a statement into a named variable, or keep its text for the place of its use."""
        self.called.update(functions(statement.value))
        value = self.scalars.text(statement.value, self.names)
        simple = isinstance(statement.value, Variable)
        self.let(statement.target, value, simple or (uses == 1 and len(value[0]) < LONGEST), uses)

    def let(self, variable: Variable, value: Text, in_place: bool, uses: int) -> None:
        """Store a value in a named variable, or note the text that stands for it."""
        if uses == 0:
            return
        if not in_place:
            self.name(variable, value[0])
            value = str(variable), WHOLE
        self.names[variable] = value

    def put(self, access: MemAccess, store: Store, value: str) -> None:
        """A store to memory."""
        place, value = self.place(access), self.kept(access, value)
        if store is Store.LOST:
            total = self.place(self.nest.stores[-1][1])
            self.called.add("lost")
            self.begin(Kind.REAL, "term", f"{value} + {place}")
            self.do(f"{place} = lost({total}, term)")
        elif store is Store.PAIR:
            self.do(f"{place} += term")
        elif store is Store.ARGMAX:
            self.do(f"{place} = 0")
        elif store is Store.MAX and self.reduced:
            self.called.add("maximum")
            self.do(f"{place} = maximum({place}, {value})")
        else:
            adds = store in (Store.ADD, Store.SUM_ADD) or (store is Store.SUM and self.reduced)
            self.do(f"{place} {'+=' if adds else '='} {value}")

    def words(self, access: MemAccess, more: Sequence[str] = ()) -> str:
        """The offset of an access in its array, such as `i * 112 + j * 8 + k`."""
        terms = [*more, *self._terms(access)]
        if access.at is not None:
            self.called.add("clamp")
            number, _ = self.names[access.at.number]
            row = f"clamp({number}, {access.at.rows})"
            terms.append(row if access.at.words == 1 else f"{row} * {access.at.words}")
        if access.offset or not terms:
            terms.append(str(access.offset))
        return " + ".join(terms)

    def _terms(self, access: MemAccess) -> list[str]:
        """The terms of an offset: counters times their strides."""
        moves = [(self.counters[j], access.moves[j]) for j in self.loops if access.moves[j]]
        return [name if move == 1 else f"{name} * {move}" for name, move in moves]


def _after_others(access: MemAccess) -> bool:
    """Whether the place of a load depends on values that other loads read."""
    return access.at is not None or access.row is not None


def _number(k: int) -> str:
    """The suffix of a name that tells several sums apart."""
    return "" if k == 0 else str(k + 1)
