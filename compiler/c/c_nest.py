"""A nest as loops in C: the loop over examples is the caller's, the others are written out.

A sum over the innermost loops is made in a variable.  Where loops within it move the result, as in

    for i of 32: sum j of 10: for k of 32: y[i * 32 + k] = sum of g[j] * W[j * 32 + k]

y is set to 0 first and added to, so that the innermost loop goes along rows of both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import field

from gradc_compiler.c.c_scalar import WHOLE, CScalars, NotPrinted, Text, variable_type
from gradc_compiler.graph.types import Kind
from gradc_compiler.loops.ir import (
    KernelArgument,
    LoopCounter,
    LoopNest,
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
Place = Callable[[MemAccess], str]  # the array that a storage is, as C


@dataclass(kw_only=True)
class CNest:
    """Writes one nest."""

    nest: LoopNest
    scalars: CScalars
    array: Place
    lines: list[str] = field(default_factory=list)
    depth: int = 1
    called: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        own = [(j, n) for j, n in enumerate(self.nest.loops) if not n.over_rows or n.scale > 1]
        self.loops = [j for j, _ in own]
        self.extents = {j: n.in_a_row for j, n in own}
        self.counters = {j: COUNTERS[k] for k, j in enumerate(self.loops)}
        self.reduced = [j for j in self.loops if self.nest.loops[j].reduces]
        self.names: dict[Scalar, Text] = {
            KernelArgument("first"): ("example", WHOLE),
            KernelArgument("count"): ("n", WHOLE),
            **{LoopCounter(j): ("0", WHOLE) for j in range(len(self.nest.loops))},
            **{LoopCounter(j): (name, WHOLE) for j, name in self.counters.items()},
        }

    def line(self, text: str) -> None:
        """Add a line, indented by the loops that are open."""
        self.lines.append("    " * self.depth + text)

    def write(self) -> list[str]:
        """The lines of the nest; raises `NotPrinted` for one that has no C yet."""
        gathered = [k for k, (_, _, store) in enumerate(self.nest.stores) if store in GATHERED]
        first = self.loops.index(self.reduced[0]) if self.reduced else len(self.loops)
        after = [j for j in self.loops[first:] if not self.nest.loops[j].reduces]
        if self.nest.zeroed:
            raise NotPrinted("a sum that is cleared in its own nest has no C yet")
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
        self.close(0)
        return self.lines

    def in_variables(self, first: int, gathered: Sequence[int]) -> None:
        """Sums and maxima in variables, stored when their loops are done."""
        real, level = self.scalars.real, self.depth
        for k in gathered:
            store = self.nest.stores[k][2]
            if store in (Store.MAX, Store.ARGMAX):
                self.line(f"{real} greatest{_number(k)} = -INFINITY;")
            else:
                self.line(f"{real} sum{_number(k)} = {self.scalars.literal(0.0)};")
            if store is Store.ARGMAX:
                self.line(f"int32_t where{_number(k)} = 0;")
        for j in self.loops[first:]:
            self.open(j)
        self.body({k: self.gather(k, first) for k in gathered})
        self.close(level)
        for k in gathered:
            _, access, store = self.nest.stores[k]
            word = {Store.MAX: "greatest", Store.ARGMAX: "where"}.get(store, "sum")
            sign = "+=" if store is Store.SUM_ADD else "="
            self.line(f"{self.place(access)} {sign} {self.kept(access, word + _number(k))};")

    def gather(self, k: int, first: int) -> str:
        """The statement that adds a value to a sum; `VALUE` stands for it."""
        store, number = self.nest.stores[k][2], _number(k)
        if store is Store.MAX:
            self.called.add("maximum")
            return f"greatest{number} = maximum(greatest{number}, VALUE);"
        if store is Store.ARGMAX:
            at = ""
            for j in self.loops[first:]:
                at = f"({at}) * {self.extents[j]} + {self.counters[j]}" if at else self.counters[j]
            greatest = f"greatest{number}"
            sooner = f"VALUE > {greatest} || (VALUE != VALUE && {greatest} == {greatest})"
            return f"if ({sooner}) {{ {greatest} = VALUE; where{number} = {at}; }}"
        return f"sum{number} += VALUE;"

    def in_memory(self, first: int, after: Sequence[int]) -> None:
        """Sums that lie in memory from the beginning."""
        level = self.depth
        starts = {Store.SUM: self.scalars.literal(0.0), Store.MAX: "-INFINITY"}
        cleared = [(a, starts[s]) for _, a, s in self.nest.stores if s in starts]
        if cleared:
            for j in after:
                self.open(j)
            for access, start in cleared:
                self.line(f"{self.place(access)} = {start};")
            self.close(level)
        for j in self.loops[first:]:
            self.open(j)
        self.body({})

    def open(self, level: int) -> None:
        """The head of a loop."""
        name = self.counters[level]
        self.line(f"for (int {name} = 0; {name} < {self.extents[level]}; {name}++) {{")
        self.depth += 1

    def close(self, depth: int) -> None:
        """End the loops that are open, down to a depth."""
        while self.depth > max(depth, 1):
            self.depth -= 1
            self.line("}")

    def body(self, gathered: dict[int, str]) -> None:
        """One iteration: loads, statements, stores; what is used once stands where it is used."""
        used = Counter(leaf for s in self.nest.statements for leaf in leaves(s.value))
        used.update(variable for variable, _, _ in self.nest.stores)
        used.update(a.at.number for a in self.nest.accesses() if a.at is not None)
        often = {Store.LOST: 2, Store.ARGMAX: 4}
        used.update(v for v, _, s in self.nest.stores for _ in range(often.get(s, 1) - 1))
        written = {a.storage for _, a, _ in self.nest.stores}
        several = len(self.nest.stores) > 1
        for variable, access in sorted(self.nest.loads, key=lambda load: load[1].at is not None):
            once = used[variable] == 1 and not (several and access.storage in written)
            once = once or self.array(access).startswith("(")
            self.let(variable, self.read(variable, access), once, used[variable])
        for statement in self.nest.statements:
            self.compute(statement, used[statement.target])
        for k, (variable, access, store) in enumerate(self.nest.stores):
            value, _ = self.names[variable]
            if k in gathered:
                self.line(gathered[k].replace("VALUE", value))
            else:
                self.put(access, store, value)

    def compute(self, statement: Statement, uses: int) -> None:
        """A statement, as a name or in its place."""
        self.called.update(functions(statement.value))
        value = self.scalars.text(statement.value, self.names)
        simple = isinstance(statement.value, Variable)
        self.let(statement.target, value, simple or (uses == 1 and len(value[0]) < LONGEST), uses)

    def let(self, variable: Variable, value: Text, in_place: bool, uses: int) -> None:
        """Give a value a name, or note what stands for it."""
        if uses == 0:
            return
        if not in_place:
            kind = variable_type(variable, self.scalars.real)
            self.line(f"const {kind} {variable} = {value[0]};")
            value = str(variable), WHOLE
        self.names[variable] = value

    def put(self, access: MemAccess, store: Store, value: str) -> None:
        """A store to memory."""
        place, value = self.place(access), self.kept(access, value)
        if store is Store.LOST:
            total = self.place(self.nest.stores[-1][1])
            self.called.add("lost")
            self.line(f"const {self.scalars.real} term = {value} + {place};")
            self.line(f"{place} = lost({total}, term);")
        elif store is Store.PAIR:
            self.line(f"{place} += term;")
        elif store is Store.ARGMAX:
            self.line(f"{place} = 0;")
        elif store is Store.MAX and self.reduced:
            self.called.add("maximum")
            self.line(f"{place} = maximum({place}, {value});")
        else:
            adds = store in (Store.ADD, Store.SUM_ADD) or (store is Store.SUM and self.reduced)
            self.line(f"{place} {'+=' if adds else '='} {value};")

    def kept(self, access: MemAccess, value: str) -> str:
        """A value as a place holds it."""
        return f"(int32_t)({value})" if access.index and not value.isidentifier() else value

    def read(self, variable: Variable, access: MemAccess) -> Text:
        """A load; a whole number that is read as a real one becomes one."""
        place = self.place(access)
        if access.index and variable.kind is not Kind.INDEX:
            return f"({self.scalars.real}){place}", WHOLE - 1
        return place, WHOLE

    def place(self, access: MemAccess) -> str:
        """`m->conv1[i * 112 + j * 8 + k]`."""
        terms = list(self.terms(access))
        array = self.array(access)
        if access.at is not None:
            self.called.add("clamp")
            number, _ = self.names[access.at.number]
            row = f"clamp({number}, {access.at.rows})"
            terms.append(row if access.at.words == 1 else f"{row} * {access.at.words}")
        if access.offset or not terms:
            terms.append(str(access.offset))
        base, plus, more = array.partition(" + ")
        at = " + ".join([*([more] if plus else []), *(terms if terms != ["0"] or not plus else [])])
        return f"{base}[{at}]"

    def terms(self, access: MemAccess) -> Iterator[str]:
        """Counters times how far they move."""
        for j in self.loops:
            if move := access.moves[j]:
                yield self.counters[j] if move == 1 else f"{self.counters[j]} * {move}"


def _number(k: int) -> str:
    """Of several sums, which."""
    return "" if k == 0 else str(k + 1)
