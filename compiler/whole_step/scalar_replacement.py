"""Scalar replacement (register promotion): words of memory become variables of a kernel.

The kernel's only loop is the one over examples, so every address is known, and a word that has been
read or written is remembered as the variable that holds it.  A word of BLOCK belongs to one example
and is never written to memory.  A word of UNIFORM is written there if a loop or a later step reads
it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from gradc_compiler.graph.types import Kind
from gradc_compiler.loops.chain_lengths import Chain
from gradc_compiler.loops.ir import Accumulator, Apply, Leaf, Scalar, ScalarConstant, Variable
from gradc_compiler.loops.loop_passes import SCALAR_REPLACEMENT
from gradc_compiler.loops.scalar_form import functions
from gradc_compiler.machine.addition_chains import IN_A_ROW, LONG
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.printing.common import with_definitions
from gradc_compiler.printing.scalar_text import scalar_text
from gradc_compiler.program.entry import MOST_OPERANDS, Operand, Space
from gradc_compiler.rewrites.algebra.switches import Switches
from gradc_compiler.whole_step.step_words import NotApplicable, Word, Words

MOST_STATEMENTS = MACHINE.step_statements  # of the whole text
MASKED = MACHINE.masked_statements  # statements from which a remainder is a loop


@dataclass(kw_only=True)
class ScalarPromoter:
    """Statements, and the variables that hold words."""

    switches: Switches
    carried: frozenset[int] = frozenset()  # spaces of arrays that every step uses again
    lines: list[str] = field(default_factory=list)
    head: list[str] = field(default_factory=list)  # lines before the loop over the steps
    before: list[str] = field(default_factory=list)  # lines before the loop over the examples
    depth: int = 2
    inside: bool = False  # the loop over the examples
    numbers: int = 0
    pointers: dict[tuple[int, int, bool], str] = field(default_factory=dict)
    called: set[str] = field(default_factory=set)  # functions
    known: dict[tuple[int, int], Scalar] = field(default_factory=dict)
    pending: dict[tuple[int, int], Word] = field(default_factory=dict)  # memory has not their value
    totals: dict[tuple[int, int], tuple[Accumulator, Word]] = field(default_factory=dict)
    added: Counter[Accumulator] = field(default_factory=Counter)  # how often an example adds to it
    longest: int = 0  # additions of an example's own terms, before they are added to a total
    blocked: bool = False  # sum up so many examples that blocks of them have sums of their own

    def expect(self, statements: int) -> None:
        """Give up if so many more statements are too many.

        Raises `NotApplicable`.
        """
        if len(self.lines) + statements > MOST_STATEMENTS:
            raise NotApplicable("has too many numbers")

    def allow(self, chain: Chain, own: bool) -> None:
        """Give up if a sum is too long a chain; if no example's own, those of examples follow.

        Raises `NotApplicable`.
        """
        total = self.inside and not own
        if chain.length > (LONG // 2 if total else LONG):
            raise NotApplicable("adds up many numbers in a row")
        if total:
            self.longest = max(self.longest, chain.inside - 1)

    def line(self, text: str) -> None:
        """Add a statement."""
        self.expect(1)
        self.lines.append("    " * self.depth + text)

    def let(self, kind: Kind, value: Scalar | str) -> Variable:
        """A new variable with a value, or with what a text reads from memory."""
        variable = Variable(kind, self._fresh())
        self.assign(variable, value)
        return variable

    def assign(self, target: Leaf, value: Scalar | str) -> None:
        """A statement: a variable or a sum so far gets a value."""
        if not isinstance(value, str):
            self.called.update(functions(value))
        self.line(f"{target} = {value if isinstance(value, str) else scalar_text(value)}")

    def _fresh(self) -> int:
        self.numbers += 1
        return self.numbers

    def pointer(self, operand: Operand, index: bool) -> str:
        """The pointer to the beginning of a storage.

        Raises `NotApplicable` where the kernel would have more pointers than it may.
        """
        key = (operand.space, operand.offset, index)
        if len(self.pointers) == MOST_OPERANDS:
            raise NotApplicable("has too many storages")
        return self.pointers.setdefault(key, f"x{len(self.pointers)}")

    def place(self, cell: Word) -> str:
        """A word of memory: `x0[n0 * 10 + 3]`, where n0 counts the examples of all steps."""
        own, space = "", cell.operand.space
        if space >= Space.ARRAY:
            own = f"{'i0' if space in self.carried else 'n0'} * {cell.operand.stride} + "
        return f"{self.pointer(cell.operand, cell.index)}[{own}{cell.inner}]"

    def get(self, cell: Word, whole: bool) -> Scalar:
        """What holds a word, as a real or as a whole number."""
        value = self.known.get(cell.word) or self._load(cell)
        return value if whole or not is_whole(value) else Apply("real", (value,))

    def _load(self, cell: Word) -> Scalar:
        if cell.operand.space == Space.BLOCK:  # a border, which nothing has written
            return ScalarConstant(0.0, Kind.REAL)
        place = self.place(cell)
        variable = Variable(Kind.INDEX if cell.index else Kind.REAL, self._fresh())
        text = f"index({place})" if cell.index else place
        if self.inside and not cell.varying:
            self.before.append(f"        {variable} = {text}")
        else:
            self.assign(variable, text)
        self.known[cell.word] = variable
        return variable

    def set(self, cell: Word, value: Scalar) -> None:
        """A word has a new value."""
        if cell.index and not is_whole(value):
            value = self.let(Kind.INDEX, Apply("index", (value,)))
        self.known[cell.word] = value
        if cell.operand.space == Space.UNIFORM:
            self.pending[cell.word] = cell
        elif cell.operand.space != Space.BLOCK:
            self._store(cell)

    def _store(self, cell: Word) -> None:
        self.line(f"{self.place(cell)} = {stored(cell.index, self.known[cell.word])}")

    def settle(self, words: Words) -> None:
        """Write to memory what somebody is about to read there."""
        for word in [w for w in self.pending if words.has(w)]:
            self._store(self.pending.pop(word))

    def settle_all(self) -> None:
        """Let every word lie in memory between two instructions, if none is to be a variable."""
        if self.switches.allow(SCALAR_REPLACEMENT):
            self.switches.count(SCALAR_REPLACEMENT, bool(self.known))
        elif not self.inside:
            for cell in self.pending.values():
                self._store(cell)
            self.pending, self.known = {}, {}

    def add(self, cell: Word, value: Scalar) -> None:
        """A word grows; what is the same for all examples grows by the value of each."""
        if cell.varying or not self.inside:
            total = Apply("plus", (self.get(cell, whole=False), value))
            self.set(cell, self.let(Kind.REAL, total))
            return
        so_far, _ = self.totals.setdefault(cell.word, (Accumulator(self._fresh()), cell))
        self.added[so_far] += 1
        self.assign(so_far, Apply("plus", (so_far, value)))

    def result(self, first: Word, words: int, target: Operand) -> None:
        """Words of UNIFORM as one step's row of an array."""
        array = self.pointer(target, first.index)
        for k in range(words):
            value = self.get(first.moved(k), whole=first.index)
            self.line(f"{array}[t0 * {words} + {k}] = {stored(first.index, value)}")

    def forget(self, words: Words) -> None:
        """What a loop has written lies in memory only."""
        self.known = {word: name for word, name in self.known.items() if not words.has(word)}

    def enter(self) -> None:
        """Begin the loop over the examples."""
        self.before, self.lines = self.lines, []
        self.inside, self.depth = True, 3

    def leave(self) -> None:
        """End it, and divide what was summed up by the number of examples.

        Blocks of very many examples are summed up one by one: no chain of additions gets long.
        """
        sums = [str(total) for total, _ in self.totals.values()]
        kind = "range" if len(self.lines) < MASKED else "narrow"
        self.lines = self._in_blocks(sums, kind) if self.blocked else self._in_a_row(sums, kind)
        self.inside, self.depth = False, 2
        self.known = {w: name for w, name in self.known.items() if w[0] < Space.BLOCK}
        for total, cell in self.totals.values():
            self.set(cell, self.let(Kind.REAL, f"mean({'q' if self.blocked else ''}{total}, g0)"))
        self.totals = {}

    def _in_a_row(self, sums: Sequence[str], kind: str) -> list[str]:
        """The loop over the examples."""
        loop = [f"        for i0 in {kind}(g0):", "            n0 = t0 * g0 + i0"]
        zeros = [f"        {name} = real(0.0)" for name in sums]
        return [*self.before, *zeros, *loop, *self.lines]

    def _in_blocks(self, sums: Sequence[str], kind: str) -> list[str]:
        """The same with the sums of a block in r1, and those of blocks in qr1."""
        blocks = [f"for j0 in range(0, g0, {IN_A_ROW}):", f"    e0 = j0 + {IN_A_ROW}"]
        blocks += ["    if e0 > g0:", "        e0 = g0"]
        blocks += [*(f"    {name} = real(0.0)" for name in sums), f"    for i0 in {kind}(j0, e0):"]
        blocks += ["        n0 = t0 * g0 + i0"]
        return [
            *self.before,
            *(f"        q{name} = real(0.0)" for name in sums),
            *(f"        {text}" for text in blocks),
            *(f"    {line}" for line in self.lines),
            *(f"            q{name} = q{name} + {name}" for name in sums),
        ]

    def text(self) -> str:
        """The kernel."""
        head = ["def k0(pointers, geometry, begin, end, first):", "    g0 = geometry[0]"]
        for (_, _, index), name in self.pointers.items():
            kind = "indices" if index else "reals"
            head.append(f"    {name} = {kind}(pointers, {name[1:]})")
        head += [f"    {line}" for line in self.head]
        lines = [*head, "    for t0 in range(begin, end):", *self.lines]
        return with_definitions("\n".join(lines) + "\n", self.called)


def is_whole(value: Scalar) -> bool:
    """Whether a variable holds a whole number."""
    return isinstance(value, Variable) and value.kind is Kind.INDEX


def stored(index: bool, value: Scalar) -> str:
    """A value as the text that a place of whole numbers or of reals is given."""
    return f"index({scalar_text(value)})" if index else scalar_text(value)
