"""One thing that a program can do, as a table: an `Entry`, from the compiler to the runtime.

It has kernels, and instructions that name a kernel, where its operands lie, and its geometry.  The
runtime compiles the kernels, allocates the spaces and walks the table; it knows no calculus.
All offsets and strides count words (4 bytes in a float32 session, 8 in a float64 one).

A batch of N examples is cut into blocks of at most `Entry.block` examples; the blocks, in order,
into `Entry.chunks` chunks: chunk c holds blocks [c * blocks // chunks, (c + 1) * blocks // chunks).
Results depend on these two numbers, never on the number of threads (Note [The same bits on any
number of threads] in `reduction_chunks.py`).  `wide` phases have blocks of their own, of at most
`Entry.wide_block` examples, whose values stand in BLOCK behind all others.  Phases run in turn:

* an EXAMPLES phase zeroes every chunk's PARTIAL copy, then runs all instructions on every block;
  the blocks of a chunk run in order on one team of threads, chunks on several.  Afterwards each
  `PartialReduction` adds the chunks' partials in chunk order into UNIFORM, divided by N.
* a ONCE phase runs its instructions in order, once.  An instruction with `split` may be shared out
  over threads by cutting its range [0, extent).  Instructions that `follow` another are cut with
  it, so that what one piece has just written is still in the cache when it is read.  The
  runtime finds from the operands, and which of them are written (`writes`), where to put barriers.

Sequences.  The elements of a block's sequences are its *rows* of their time.  Within a block the
examples are ordered by length, the longest first; the rows of step 0 come first, one for each
example that is long enough, then those of step 1, and so on.  So the rows of a step are contiguous,
the rows of all steps as well, and nothing is padded.  An array of the role `clock` holds whole
numbers that the runtime knows, with rows counted from the block's first: for each row its `owner`
(the example within the block), `position` (the step), `remaining` (steps to come), and the rows
`mirror`, `before` and `after` of the same example (any row where there is none); for each example
`length` and the rows `first` and `last`.

A kernel is native code, `void kernel(int64 *pointers, int64 *geometry, int64 begin, int64 end,
int64 first)`: operand addresses, geometry, the range of its outermost loop (the block's examples,
or a share of [0, extent) in a ONCE phase), and the number in the batch of the first example.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from enum import IntEnum
from itertools import takewhile
from typing import Any

import numpy as np

from gradc_compiler.graph.outputs import OutputKey
from gradc_compiler.graph.types import Limit, TensorType, Time
from gradc_compiler.machine.targets import CPU
from gradc_compiler.program.arrays import Array, ClockName, Result
from gradc_compiler.program.deferred import Deferred
from gradc_compiler.program.inner_cut import InnerCut
from gradc_compiler.records.fast_dataclass import dataclass

MOST_OPERANDS = 64  # of an instruction
MOST_TIMES = 31  # of an entry


class Space(IntEnum):
    """Where an operand lies."""

    PERSISTENT = 0  # parameters, optimiser and layer state, counters: one copy for a session
    UNIFORM = 1  # values that are the same for every example: one copy for an entry
    BLOCK = 2  # values of the examples of one block: one copy a thread, zeroed when allocated
    PARTIAL = 3  # sums over a chunk's examples: one copy a chunk
    ARRAY = 4  # the first array; array k of the entry is space ARRAY + k


@dataclass(frozen=True, slots=True)
class StepMemory:
    """Where BLOCK has the rows of one step: from `offset` words an example on, `words` each."""

    offset: int
    words: int


@dataclass(frozen=True, slots=True)
class Operand:
    """Address = base(space) + offset + inner, in words.

    In BLOCK the offset is per row and is multiplied by the rows there is room for (`inner` is not:
    it is the place within one row's tensor).  In an array the address moves on by `stride` words
    for each row before the block (0: shared by all).  A row is an example, or an element of a
    sequence of the entry's time number `time`.  A value that only the step of
    a recurrence that makes it reads may lie at `step` instead: the step's first row comes first.
    """

    space: int
    offset: int
    stride: int = 0
    inner: int = 0
    time: int | None = None
    step: StepMemory | None = None
    words: int = 0  # of a row of its storage, in BLOCK


@dataclass(frozen=True, slots=True)
class Kernel:
    """A generated kernel (its source text), or one of the runtime's own library (`source` None)."""

    name: str
    source: str | None = None
    note: str = ""  # the nodes and lines of the spec it came from


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """The same work as one CUDA kernel over the whole batch, a block of N examples.

    `kernel(words, numbers, table, at, begin, count, total)`: all memory as reals and as whole
    numbers; table[at:] has the first word of each operand, then the geometry; the outermost loop is
    over rows [begin, begin + count), in a recurrence those of one step; `total` pieces of work are
    shared out over the threads, and no two of them write the same word.
    """

    source: str
    operands: tuple[Operand, ...]
    geometry: tuple[int, ...]
    pieces: int  # for each row, or in all
    each: bool
    time: int | None  # of its rows; where it sums over time, not the instruction's


@dataclass(frozen=True, slots=True, kw_only=True)
class OpCost:
    """Operations, and words read or written: once a step, and for each row (example)."""

    operations: int = 0
    operations_each: int = 0
    words: int = 0
    words_each: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One call of a kernel."""

    kernel: int  # index into Entry.kernels
    operands: tuple[Operand, ...]
    geometry: tuple[int, ...]
    writes: tuple[int, ...] | None = None  # the operands that are written; None: any may be
    extent: int = 1  # iterations of the outermost loop, in a serial (ONCE) phase
    split: bool = False
    follows: bool = False  # cut into n pieces, piece k reads only piece k of the one before it
    note: str = ""
    deferred_launch: Deferred[Launch] | None = field(default=None, compare=False)
    time: int | None = None  # its outermost loop is over the rows of a time, not over examples
    work: OpCost = OpCost()
    added: int = 0  # additions to a word of memory for each row, or each piece of a product
    cuts: tuple[InnerCut, ...] = ()

    @property
    def launch(self) -> Launch | None:
        """The kernel of the `cuda` target, made when it is first asked for; None on others."""
        return None if self.deferred_launch is None else self.deferred_launch.value


def consumers(instructions: Sequence[Instruction], number: int) -> list[Instruction]:
    """The instructions after one that run piece by piece with it (`Instruction.follows`)."""
    return list(takewhile(lambda item: item.follows, instructions[number + 1 :]))


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialReduction:
    """Sum of a PARTIAL region over the chunks, divided by N, into UNIFORM."""

    partial: int
    uniform: int
    words: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecurrenceLoop:
    """A recurrence: instructions [start, start + count), on the rows of one step after another."""

    start: int
    count: int
    time: int
    backwards: bool
    deferred_launch: Deferred[Any] | None = field(default=None, compare=False)  # or all at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """Instructions for every block of examples, `wide` or not, or once."""

    examples: bool
    wide: bool = False
    instructions: tuple[Instruction, ...]
    sums: tuple[PartialReduction, ...] = ()
    loops: tuple[RecurrenceLoop, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstantWords:
    """Words of UNIFORM that are filled when it is allocated and never change."""

    offset: int
    value: np.ndarray | range  # not repeated: one number for all words, or a range


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing a program can do, as a table of instructions."""

    name: str
    target: str = CPU  # whose second stage of rewrites it went through
    deferred_graph: Deferred[Any] = field(compare=False)  # see `graph`
    kernels: tuple[Kernel, ...]
    arrays: tuple[Array, ...]
    results: tuple[Result, ...]
    constants: tuple[ConstantWords, ...]
    phases: tuple[Phase, ...]
    block: int
    chunks: int
    uniform_words: int
    block_words: int  # per example
    partial_words: int
    recomputed: tuple[str, ...] = ()  # what is kept for the derivative and what is not, for people
    times: tuple[Time, ...] = ()
    time_words: tuple[int, ...] = ()  # words of BLOCK, per row of each time
    kept_words: tuple[int, ...] = ()  # the same where values with a `step` lie there
    deferred_whole_step: Deferred[WholeStep | None] | None = field(default=None, compare=False)
    most_block: int = 1 << 12  # examples: tuning goes no further
    wide_block: int = 0  # examples, where weights dominate; 0: no stage is wide
    wide_words: int = 0  # words of BLOCK, per example of a wide stage
    limits: tuple[Limit, ...] = ()  # on lengths of sequences; checked before a run
    applied: Mapping[str, int] = field(default_factory=dict)  # optimisations, and how often each

    @property
    def graph(self) -> Any:
        """The `Graph` that the `reference` target evaluates; made when it is first asked for."""
        return self.deferred_graph.value

    @property
    def inputs(self) -> dict[str, TensorType]:
        """The types of what it reads, by name: of one row each."""
        return {str(a.name): a.type for a in self.arrays if a.role == "input"}

    @property
    def outputs(self) -> dict[OutputKey, TensorType]:
        """The types of what it gives for each example."""
        made = ((a.name, a.type) for a in self.arrays if a.role == "output")
        return {name: type for name, type in made if not isinstance(name, ClockName)}

    @property
    def whole_step(self) -> WholeStep | None:
        """The entry as a single kernel, if that pays; decided when it is first asked for."""
        return None if self.deferred_whole_step is None else self.deferred_whole_step.value


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeStep:
    """The same entry as a single kernel, which a CPU runs for batches of up to `examples`."""

    entry: Entry
    examples: int
    deferred_alone: Deferred[WholeStep] | None = field(default=None, compare=False)
    beyond: WholeStep | None = None  # the kernel for more examples, whose sums are cut
    applied: Mapping[str, int] = field(default_factory=dict)  # loop passes, and how often each

    @property
    def alone(self) -> WholeStep | None:
        """The kernel for one example, without the loop over examples; made when first asked for."""
        return None if self.deferred_alone is None else self.deferred_alone.value
