"""A loop nest: what an instruction does, before it is text of any target.

A nest reads places, computes statements, and stores; each loop moves every place by a fixed number
of words.  A statement gives a variable the value of a small typed expression, that of one operator.
Passes take a nest and give a nest; text is made of it last, in `compiler/printing`.
"""

from __future__ import annotations

from enum import Enum
from typing import TypeAlias

from gradc_compiler.graph.types import Kind
from gradc_compiler.loops.thread_groups import LoopKind, ThreadGroup
from gradc_compiler.memory.layout import StorageKey
from gradc_compiler.program.kernel_abi import Extent
from gradc_compiler.records.fast_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Variable:
    """What a load or a statement gives: `v12` a real number, `n12` a whole one."""

    kind: Kind
    number: int

    def __str__(self) -> str:
        return f"{'n' if self.kind is Kind.INDEX else 'v'}{self.number}"


@dataclass(frozen=True, slots=True)
class LoopCounter:
    """How far the loop of a level is: `i2`."""

    level: int

    def __str__(self) -> str:
        return f"i{self.level}"


@dataclass(frozen=True, slots=True)
class KernelArgument:
    """A whole number that a kernel is given: the batch's `first` example, or their `count`."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Accumulator:
    """What a sum or a maximum is so far: `r3`."""

    number: int

    def __str__(self) -> str:
        return f"r{self.number}"


@dataclass(frozen=True, slots=True)
class ScalarConstant:
    """A number that is known now."""

    value: float
    kind: Kind


@dataclass(frozen=True, slots=True)
class Apply:
    """A sign or a function of the kernel language, applied: `+`, `<`, `select`, `tanh`."""

    op: str
    args: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Address:
    """How many words from a pointer on: counters times moves, and an offset."""

    moves: tuple[tuple[str, int], ...]
    offset: int

    def __str__(self) -> str:
        terms = [name if move == 1 else f"{name} * {move}" for name, move in self.moves]
        return " + ".join([*terms, *([str(self.offset)] if self.offset or not terms else [])])


@dataclass(frozen=True, slots=True)
class PointerWord:
    """A word of memory by its pointer: `x0[n0 * 10 + 3]`, where a row has 10 words."""

    pointer: str
    row: tuple[str, int] | None  # what counts rows, and the words of one
    at: Address

    def __str__(self) -> str:
        own = "" if self.row is None else f"{self.row[0]} * {self.row[1]} + "
        return f"{self.pointer}[{own}{self.at}]"


Leaf: TypeAlias = Variable | LoopCounter | KernelArgument | Accumulator | Address | PointerWord
Scalar: TypeAlias = Leaf | ScalarConstant | Apply


@dataclass(frozen=True, slots=True)
class Statement:
    """target = value."""

    target: Variable
    value: Scalar


class Store(Enum):
    """What happens to the value a nest computes."""

    SET = "set"  # y = v
    ADD = "add"  # y += v, in memory, at every iteration
    LOST = "lost"  # y = what rounding loses when v + y is added at the place of the PAIR after it
    PAIR = "pair"  # y += v and what was lost before
    SUM = "sum"  # summed over the inner loops in a register, then y = v
    SUM_ADD = "sum_add"  # the same, then y += v
    MAX = "max"  # greatest over the inner loops, then y = v
    ARGMAX = "argmax"  # the iteration of the inner loops at the first greatest v, or at NaN
    SCAN = "scan"  # y = sum of v from the innermost loop's first iteration on, at each
    PAIRS = "pairs"  # y = sums of what is computed of pairs of rows, as in `pair_sums.py`
    ORDER = "order"  # along the innermost loop, its iterations in rising order of v, NaN last

    __hash__ = object.__hash__  # by identity, which is faster than by name


BY_HAND = {Store.ARGMAX, Store.SCAN, Store.ORDER, Store.PAIRS}  # in kernels written by hand


@dataclass(frozen=True, slots=True)
class Indirect:
    """The row that a number in the data says, or the nearest, of so many rows of `words` words."""

    number: Variable
    words: int
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MemAccess:
    """A place, and the words by which each loop moves it.  If it has a `row`, that number takes the
    place of the counter of the loop over rows.
    """

    storage: StorageKey
    offset: int
    moves: tuple[int, ...]
    index: bool = False
    row: Variable | None = None  # the variable with that number
    at: Indirect | None = None

    def depth(self) -> int:
        """How many of the loops it depends on, counted to the innermost that moves it."""
        return max((j + 1 for j, m in enumerate(self.moves) if m), default=0)


@dataclass(frozen=True, slots=True)
class Read:
    """target = what lies at a place: a load that stands among statements."""

    target: Variable
    access: MemAccess


@dataclass(frozen=True, slots=True)
class Write:
    """A store that stands among statements."""

    value: Variable
    access: MemAccess
    store: Store


BodyItem: TypeAlias = Read | Statement | Write


@dataclass(frozen=True, slots=True, kw_only=True)
class NestLoop:
    """A loop of `extent` iterations (`Extent.RANGE`: begin..end, times `scale`); `reduces` says
    that it is summed over.

    The last vector of a `masked` loop may be filled in part.  A loop in blocks adds up so many
    terms of a `block` first, and then the sums of blocks.
    """

    extent: int
    scale: int = 1
    reduces: bool = False
    masked: bool = False
    block: int = 0
    kind: LoopKind = LoopKind.SERIAL

    @property
    def over_rows(self) -> bool:
        """Whether it runs over the rows that the kernel is called for."""
        return self.extent == Extent.RANGE

    @property
    def in_a_row(self) -> int:
        """Its iterations on a single row."""
        return self.scale if self.extent == Extent.RANGE else self.extent

    def iterations(self, rows: int) -> int:
        """Its iterations on so many rows."""
        return rows * self.scale if self.extent == Extent.RANGE else self.extent


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """Where an example's first row is, how many it has, and which row follows each."""

    first: MemAccess
    length: MemAccess
    after: MemAccess


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopNest:
    """Loops, outermost first; loads by variable; statements; stores of variables.

    If loops are unrolled, `body` has their iterations one after another, in place of statements.
    With `lanes` the nest is run for so many rows side by side, and has no loop over rows.
    """

    loops: tuple[NestLoop, ...]
    loads: tuple[tuple[Variable, MemAccess], ...]
    statements: tuple[Statement, ...]
    stores: tuple[tuple[Variable, MemAccess, Store], ...]
    positional: bool = False  # statements use the loop counters: loops must not be merged
    note: str = ""
    walk: Walk | None = None  # of the WALK loop
    body: tuple[BodyItem, ...] = ()
    lanes: int = 1
    hoisted: bool = False  # loads are made before the loops that do not move them
    zeroed: bool = False  # the same instruction first zeroes the result that it adds to
    groups: tuple[ThreadGroup, ...] = ()  # of the loops that are divided over a GPU's threads

    @property
    def affine(self) -> bool:
        """Whether every place follows from the loops alone, so that any loops can be made of it."""
        stores = {store for _, _, store in self.stores}
        return not stores & BY_HAND and not any(access.at for access in self.accesses())

    def accesses(self) -> list[MemAccess]:
        """All places, loads first."""
        within = [item.access for item in self.body if not isinstance(item, Statement)]
        return [a for _, a in self.loads] + within + [a for _, a, _ in self.stores]

    def in_order(self) -> tuple[BodyItem, ...]:
        """What one iteration does, item by item."""
        loads = (Read(v, a) for v, a in self.loads)
        stores = (Write(v, a, s) for v, a, s in self.stores)
        return (*loads, *(self.body or self.statements), *stores)
