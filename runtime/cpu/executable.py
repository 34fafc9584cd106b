"""An entry ready to run: its compiled kernels, its memory, and a plan for each batch size so far.

    executable = Executable(entry, persistent, np.dtype(np.float32), threads=2)
    results, outputs = executable.run({"image": images, "label": labels})

One call runs `steps` batches inside native code.  Native code returns to Python about twice a
second, since only Python can answer Ctrl-C.  Results do not depend on the number of threads.
"""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.graph.types import Kind
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.arrays import Array, ClockName
from gradc_compiler.program.entry import Entry, Kernel, Space
from gradc_compiler.program.variants import variant
from gradc_runtime.binding.constant_pieces import pieces
from gradc_runtime.binding.io_binding import Arrays, IOBinding, address
from gradc_runtime.cpu.call_plan import BoundCall, CallPlan
from gradc_runtime.cpu.interpreter.encode import build_table
from gradc_runtime.cpu.objects.compile_kernels import OWN, addresses
from gradc_runtime.cpu.packed_time import PackedTime
from gradc_runtime.cpu.partition.batch_tiles import block_of
from gradc_runtime.cpu.partition.segments import cut_of
from gradc_runtime.cpu.partition.space_sizes import (
    arrays_read,
    block_bytes,
    partial_bytes,
    reserved,
)
from gradc_runtime.cpu.partition.sum_lengths import with_compensated_sums
from gradc_runtime.cpu.partition.tuned_tiles import tuned_block
from gradc_runtime.cpu.replay import CapturedCall
from gradc_runtime.cpu.threads import pool
from gradc_runtime.data.arrays.checked import Batches
from gradc_runtime.system.aligned_memory import aligned

WALKER, STRAIGHT = Kernel("walk"), Kernel("straight")
MOST_PLANS = MACHINE.cpu_plans  # batch sizes whose plans are kept
LONGEST_CALL = MACHINE.longest_call_s  # seconds in native code before Python may look for signals


class Executable:
    """Runs one entry on the CPU; `persistent` [words], its state, is shared with other entries.

    `block` is the examples in a tile of the batch; without it, what was measured or estimated.
    """

    compiler = OWN  # of the kernels

    def __init__(
        self,
        entry: Entry,
        persistent: NDArray[Any],
        dtype: np.dtype[Any] | type,
        threads: int = 1,
        block: int | None = None,
    ) -> None:
        self.persistent = persistent
        self.dtype = np.dtype(dtype)
        self.threads = max(1, threads)
        self.word = self.dtype.itemsize
        block = block or tuned_block(entry, self.word)
        self.entry = entry = replace(entry, block=block)
        self.exchange = IOBinding(entry, self.dtype)
        self._read = arrays_read(entry)
        self._plans: dict[int, CallPlan] = {}
        self._clock: tuple[Any, PackedTime] | None = None  # of the last call, and its lengths
        self._ended = 0.0  # when the last call did
        self._repeats: dict[int, CapturedCall] = {}
        self._partials = aligned(0, np.dtype(np.uint8))
        self._allocate()

    def _allocate(self) -> None:
        """Allocate the spaces whose size does not depend on the batch."""
        entry = self.entry
        self.uniform = reserved(entry.uniform_words, self.dtype, "what is computed once")
        for constant in entry.constants:
            for at, values in pieces(constant):
                self.uniform[at : at + len(values)] = values
        self._teams = min(self.threads, entry.chunks)
        self._copy_partials(entry.chunks)
        self._make_room(0, [1] * len(entry.times))

    def _copy_partials(self, chunks: int) -> None:
        """Allocate partial sums for at least so many chunks, and a BLOCK for each team."""
        if min(self.threads, chunks) > self._teams:
            self._teams = min(self.threads, chunks)
            self._make_room(self._block_words, self._room)
        if len(self._partials) < (size := partial_bytes(self.entry, self.word) * chunks):
            self._partials = reserved(size, np.dtype(np.uint8), "room for partial sums")
            self._forget_plans()

    def _make_room(self, words: int, room: list[int]) -> None:
        """Allocate BLOCK with so many words for examples, and for `room[k]` rows of time k; plans
        for the old memory are dropped.
        """
        self._block_words, self._room = words, room
        size = block_bytes(self.entry, words, room, self.word) * self._teams
        self._blocks = reserved(size, np.dtype(np.uint8), "what is computed of a block of examples")
        self._cut: tuple[int, ...] = ()  # examples of blocks, by which halos lie; none: it is new
        self._forget_plans()

    def _forget_plans(self) -> None:
        for plan in self._plans.values():
            plan.stale = True  # spaces have been moved
        self._plans.clear()
        self._repeats.clear()

    def plan(self, examples: int) -> CallPlan:
        """The plan for a batch size; the plans of the sizes used last are kept."""
        plan = self._plans.pop(examples, None) or self._made(examples)
        self._plans[examples] = plan
        while len(self._plans) > MOST_PLANS:
            oldest = next(iter(self._plans))
            del self._plans[oldest]
            self._repeats.pop(oldest, None)
        return plan

    def _made(self, examples: int) -> CallPlan:
        """Make the plan for a batch size: compile its kernels, write its bytecode, bind spaces."""
        entry = self.variant(examples)
        block = cut_of(entry, examples).usual.block
        return self.laid_out(entry, examples, block, entry is self.entry)

    def laid_out(self, entry: Entry, examples: int, block: int, whole: bool) -> CallPlan:
        """The plan in blocks of a size; of the `whole` entry, or of a single kernel for it."""
        entry = with_compensated_sums(entry, examples, block, self._room)
        threads = self.threads if whole else 1
        helped = pool.KERNELS if threads > 1 else ()
        walker, *kernels = addresses(
            (WALKER if whole else STRAIGHT, *entry.kernels, *helped), self.word, self.compiler
        )
        cut = cut_of(entry, examples, block)
        self._copy_partials(cut.chunks)
        if cut.block_words > self._block_words:
            self._make_room(cut.block_words, self._room)
        table = build_table(entry, kernels, examples, self.word, block, self._room, threads)
        carried = self.exchange.carried_arrays(examples, taking_turns=whole)
        spaces = {
            Space.PERSISTENT: address(self.persistent),
            Space.UNIFORM: address(self.uniform),
            Space.PARTIAL: address(self._partials),
            Space.BLOCK: address(self._blocks),
        }
        plan = CallPlan(examples, table, carried, threads, self.entry, walker)
        plan.place(spaces)
        return plan

    def variant(self, examples: int) -> Entry:
        """The entry as it is run for a batch size: a small batch may have a whole-step kernel."""
        return variant(self.entry, examples)

    def run(
        self, inputs: Batches, steps: int = 1, *, batch: int | None = None
    ) -> tuple[Arrays, Arrays]:
        """Run `steps` batches of N examples, which each input holds one after another.

        Inputs are arrays `[steps * N, ...]`; a sequence is a `Ragged` of as many, and
        `length/NAME` has the lengths `[steps * N]` of a time.  Returns the results, each
        `[steps, ...]`, and the outputs, each `[steps * N, ...]`.  `batch` is N, needed only by an
        entry without inputs.
        """
        bound = self.bind(inputs, steps, batch)
        self.advance(bound.plan, steps)
        outputs = {
            array.name: bound.clock.unpacked(array, words)
            for array, words in zip(self.exchange.arrays, bound.arrays, strict=True)
            if array.role == "output"
        }
        return self.exchange.results(bound.kept), outputs

    def bind(self, inputs: Batches, steps: int = 1, batch: int | None = None) -> BoundCall:
        """Give the plan the addresses of these inputs and of arrays for what they will give."""
        exchange = self.exchange
        arrays = exchange.inputs(inputs)
        examples = exchange.examples(inputs, steps, batch)
        count = steps * examples
        clock = self._clockwork(inputs, steps, count)
        if any(a > b for a, b in zip(clock.room(), self._room, strict=True)):
            room = [max(a, b) for a, b in zip(clock.room(), self._room, strict=True)]
            self._make_room(self._block_words, room)
        plan = self.plan(examples)
        kept = [
            np.empty((steps, words), exchange.dtypes[result.type.kind])
            for result, words in exchange.kept
        ]
        made = [self._array(array, arrays, clock, plan, count) for array in exchange.arrays]
        for slot, words in enumerate((*made, *kept, clock.words), Space.ARRAY):
            plan.words[slot] = address(words)
        return BoundCall(plan, clock, made, kept)

    def _clockwork(self, inputs: Batches, steps: int, count: int) -> PackedTime:
        """The packed order for this call: that of the last one, if all lengths are the same."""
        lengths = self.exchange.lengths(inputs, count)
        key = (steps, *(of_time.tobytes() for of_time in lengths))
        if self._clock is None or self._clock[0] != key:
            times = self.entry.times
            block = block_of(self.entry, count // steps) if times else self.entry.block
            self._clock = key, PackedTime(times, lengths, steps, block)
        return self._clock[1]

    def _array(
        self, array: Array, given: Arrays, clock: PackedTime, plan: CallPlan, count: int
    ) -> NDArray[Any]:
        """The memory [count, ...] (of a sequence [elements, ...]) of one array for a call."""
        exchange, rows = self.exchange, clock.of(array)
        match array.role:
            case "input":
                return clock.packed(array, given[array.name])
            case "carried":
                if rows is None:
                    return plan.carried[array.name]
                return exchange.zeros(array, rows.total)
            case "clock" if array.name in self._read:
                assert isinstance(array.name, ClockName), "a clock says what it tells"
                return clock.numbers(array.name, exchange.dtypes[Kind.INDEX])
            case _:  # written before it is read, or a clock that only a GPU reads
                pass
        return exchange.empty(array, count if rows is None else rows.total)

    def repeat(self, inputs: Batches) -> CapturedCall | None:
        """A replay of one step on inputs like these; None for an entry that has none."""
        plain = Kind.REAL, None
        if any((a.type.kind, a.type.time) != plain for a in self.exchange.outputs):
            return None
        bound = self.bind(inputs)
        if any(np.ptp(rows.lengths) for rows in bound.clock.rows):
            return None
        known = self._repeats.get(bound.plan.examples)
        if known is None or not known.fits(bound):
            known = CapturedCall(self.exchange, bound, self.advance)
            self._repeats[bound.plan.examples] = known
        return known

    def advance(self, plan: CallPlan, steps: int) -> None:
        """Run `steps` steps of a bound plan, in native calls of at most LONGEST_CALL seconds."""
        self.settle(plan)
        brief = plan.one.brief and not self.entry.times
        if steps == 1 and (plan.threads == 1 or brief):
            self.call(plan, 1, 1)
            return
        sharing = plan.one if steps == 1 else plan.many
        while steps > 0:
            start = perf_counter()
            count, shared = sharing.choose(steps, LONGEST_CALL, start - self._ended)
            self.call(plan, count, plan.threads if shared else 1)
            self._ended = perf_counter()
            sharing.learn(shared, (self._ended - start) / count, count)
            steps -= count

    def settle(self, plan: CallPlan) -> None:
        """Clear BLOCK where the last call had blocks of another size."""
        if plan.blocks != self._cut:
            if self._cut:  # halos lie elsewhere now, and must be 0 as they are in new memory
                self._blocks[:] = 0
            self._cut = plan.blocks

    def call(self, plan: CallPlan, steps: int, threads: int, table: int | None = None) -> None:
        """Enter native code, on `threads` threads at once; with a table in place of the plan's."""
        table = plan.table_at if table is None else table
        borrowed = pool.acquire(self.threads, self.word, self.compiler) if threads > 1 else None
        plan.begin(steps, threads if borrowed is not None else 1)
        if borrowed is None:
            plan.walk(plan.control_at, table, 0, 0, 0)
            return
        try:
            borrowed.call(plan.walker, plan.control_at, table, threads)
        finally:
            pool.release(borrowed)
