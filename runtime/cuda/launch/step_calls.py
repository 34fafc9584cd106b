"""The calls of kernels that one step makes, in order, each with the words it reads and writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.arrays import Array
from gradc_compiler.program.entry import (
    Entry,
    Instruction,
    Launch,
    Operand,
    Phase,
    RecurrenceLoop,
    Space,
)
from gradc_compiler.program.recurrence_launch import RecurrenceLaunch, launch_of
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cuda.kernels import CLEAR, END, GATHER, KEEP, LOAD, MEAN
from gradc_runtime.cuda.launch.arena import Arena
from gradc_runtime.cuda.launch.control import Control
from gradc_runtime.cuda.launch.kernel_call import CudaCall, Interval, kernels_in

THREADS = MACHINE.gpu_threads
*_, SHARED, MOST_PRODUCTS = MACHINE.gpu_recurrence  # words of 4 bytes; of a thread, in a step


@dataclass(frozen=True, slots=True)
class DeviceRegion:
    """Words of the device beside the arena: an array over several batches."""

    first: int
    words: int

    @property
    def interval(self) -> Interval:
        """All of them."""
        return self.first, self.first + self.words


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPlaces:
    """Where a step finds what the host has brought, and leaves what the host will fetch."""

    counter: DeviceRegion  # the number of the batch
    control: DeviceRegion  # its words
    controls: DeviceRegion  # those of all batches
    brought: dict[int, DeviceRegion]  # by the array's number: a part for each batch
    chosen: dict[int, DeviceRegion]  # by the array's number: a data set, of which rows are chosen
    rows: DeviceRegion  # the numbers of those rows
    outputs: dict[int, DeviceRegion]  # by the array's number
    results: dict[int, DeviceRegion]  # by the result's number
    meeting: DeviceRegion  # where blocks are counted that wait for one another


@dataclass(frozen=True)
class StepCalls:
    """Lists the calls of one batch size."""

    entry: Entry
    arena: Arena
    control: Control
    places: StepPlaces
    blocks: int = 0  # that surely run at once, one on each multiprocessor
    word: int = 4  # bytes of a number

    def all(self) -> list[CudaCall]:
        """Every call of a step in order."""
        phases = (call for phase in self.entry.phases for call in self.phase(phase))
        return [*self.begin(), *phases, *self.end()]

    def begin(self) -> Iterator[CudaCall]:
        """What the host knows of the batch comes to where kernels read it."""
        at, words = self.places, self.control.words
        yield CudaCall(
            source=LOAD, pieces=words, note="the batch's numbers",
            numbers=(at.controls.first, at.control.first, at.counter.first, words),
            reads=(at.controls.interval, at.counter.interval), writes=(at.control.interval,),
        )  # fmt: skip
        for number, array in enumerate(self.entry.arrays):
            if number in at.chosen:
                yield self.moved(GATHER, number, array, at.chosen[number], at.rows)
            elif number in at.brought:
                yield self.moved(LOAD, number, array, at.brought[number])

    def moved(
        self,
        source: str,
        number: int,
        array: Array,
        region: DeviceRegion,
        rows: DeviceRegion | None = None,
    ) -> CudaCall:
        """A copy of a batch's part of an array, into the arena or (KEEP) out of it."""
        first = self.arena.bases[Space.ARRAY + number]
        own, time = (first, first + self.arena.words_of(array)), self.number(array)
        ends = (first, region.first) if source == KEEP else (region.first, first)
        chosen = () if rows is None else (rows.first,)
        at = self.places.control.first + self.control.first(time)
        reads = (own if source == KEEP else region.interval, self.places.control.interval)
        call = CudaCall(
            source=source, numbers=(*ends, *chosen, at, array.type.size), pieces=array.type.size,
            reads=reads if rows is None else (*reads, rows.interval),
            writes=(region.interval if source == KEEP else own,),
            note=f"{array.role} {array.name}",
        )  # fmt: skip
        return self.over_rows(call, time)

    def number(self, array: Array) -> int | None:
        """The number of an array's time; None: it has a row for each example."""
        time = array.type.time
        return None if time is None else self.entry.times.index(time)

    def over_rows(self, call: CudaCall, time: int | None) -> CudaCall:
        """A call for each row of a time, or for each example."""
        if time is None:
            return replace(call, each=True, count=self.arena.examples, most=self.arena.examples)
        slot = self.places.control.first + self.control.rows(time)
        reads = (*call.reads, self.places.control.interval)
        most = self.arena.room.rows[time]
        return replace(call, each=True, slot=slot, most=most, reads=reads)

    def phase(self, phase: Phase) -> Iterator[CudaCall]:
        """Everything that a phase calls; a recurrence once for each step that there may be."""
        bases, partial_words = self.arena.bases, self.entry.partial_words
        partial = bases[Space.PARTIAL]
        if phase.examples and partial_words:
            yield CudaCall(
                source=CLEAR, numbers=(partial,), pieces=partial_words, note="sums begin",
                writes=((partial, partial + partial_words),),
            )  # fmt: skip
        items, start = phase.instructions, 0
        for loop in phase.loops:
            end = loop.start + loop.count
            for item in items[start : loop.start]:
                yield from self.instruction(item)
            yield from self.recurrence(loop, items[loop.start : end])
            start = end
        for item in items[start:]:
            yield from self.instruction(item)
        for total in phase.sums:
            x, y = partial + total.partial, bases[Space.UNIFORM] + total.uniform
            yield CudaCall(
                source=MEAN, numbers=(x, y), pieces=total.words, count=self.arena.examples,
                reads=((x, x + total.words),), writes=((y, y + total.words),), note="means",
            )  # fmt: skip

    def recurrence(self, loop: RecurrenceLoop, items: Sequence[Instruction]) -> Iterator[CudaCall]:
        """The calls of every step that there may be, or the one that makes all of them."""
        launch = launch_of(loop)
        if launch is not None and self.is_at_once(launch):
            yield self.at_once(loop, launch, items)
            return
        for step in range(self.arena.room.steps[loop.time]):
            slot = self.places.control.first
            slot += self.control.step(loop.time, loop.backwards, step)
            for item in items:
                yield from self.instruction(item, slot)

    def is_at_once(self, launch: RecurrenceLaunch) -> bool:
        """Whether a recurrence is one kernel: if all its blocks can run at once, have room for what
        they keep, and have not so much to do that more blocks should share it.
        """
        fits = launch.blocks <= self.blocks and launch.kept * self.word <= 4 * SHARED
        return fits and self.arena.examples * launch.kept <= MOST_PRODUCTS * THREADS

    def at_once(
        self, loop: RecurrenceLoop, launch: RecurrenceLaunch, items: Sequence[Instruction]
    ) -> CudaCall:
        """The call that makes all steps, which touches what those of a step touch."""
        steps, slot = self.arena.room.steps[loop.time], self.places.control.first
        slot += self.control.step(loop.time, loop.backwards, 0)
        own = [self.arena.interval(operand) for operand in launch.operands]
        beside = (self.places.meeting.interval, self.places.control.interval)
        rows, work = self.arena.room.rows[loop.time], [item.work for item in items]
        return CudaCall(
            source=launch.source, pieces=launch.blocks * THREADS, meetings=steps * launch.meetings,
            numbers=(*map(self.arena.first, launch.operands), slot, steps, beside[0][0]),
            reads=(*own, *beside), writes=(*(own[k] for k in launch.writes), beside[0]),
            operations=sum(part.operations_each for part in work) * rows,
            words=sum(part.words_each for part in work) * rows + launch.blocks * launch.kept,
            note="all steps of " + "; ".join(item.note for item in items),
        )  # fmt: skip

    def instruction(self, item: Instruction, slot: int = 0) -> Iterator[CudaCall]:
        """The calls of an instruction; in a recurrence for the rows of a step."""
        launch = item.launch
        assert launch is not None, f"an instruction without a CUDA kernel: {item.note}"
        reads, writes = self.touched(item, launch)
        examples = most = self.arena.examples  # a step has a row of each at most
        if slot == 0 and launch.time is not None:
            slot = self.places.control.first + self.control.rows(launch.time)
            most = self.arena.room.rows[launch.time]
        call = CudaCall(
            source=launch.source,
            numbers=(*map(self.arena.first, launch.operands), *launch.geometry),
            pieces=launch.pieces, each=launch.each, slot=slot, count=0 if slot else examples,
            most=most,
            reads=(*reads, self.places.control.interval) if slot else tuple(reads),
            writes=tuple(writes), note=item.note,
            operations=item.work.operations + item.work.operations_each * most,
            words=item.work.words + item.work.words_each * most,
        )  # fmt: skip
        yield call
        for number in range(1, kernels_in(launch.source)):  # which add up what the first has made
            yield replace(call, function=number, operations=0, words=0)

    def touched(self, item: Instruction, launch: Launch) -> tuple[list[Interval], list[Interval]]:
        """The words that a launch reads and writes.

        What it writes may be a part of a storage, or be added to, and so counts as read.  An
        operand that the instruction does not have is room for parts of sums.
        """
        written = item.writes
        targets = {
            _key(operand)
            for k, operand in enumerate(item.operands)
            if written is None or k in written
        }
        known = {*map(_key, item.operands)}
        reads = [self.arena.interval(operand) for operand in launch.operands]
        writes = [
            self.arena.interval(operand)
            for operand in launch.operands
            if _key(operand) in targets or _key(operand) not in known
        ]
        return reads, writes

    def end(self) -> Iterator[CudaCall]:
        """Outputs and results go where the host will fetch them; then comes the next batch."""
        at = self.places
        for number, array in enumerate(self.entry.arrays):
            if number in at.outputs:
                yield self.moved(KEEP, number, array, at.outputs[number])
        for number, result in enumerate(self.entry.results):
            x, region = self.arena.bases[Space.UNIFORM] + result.offset, at.results[number]
            yield CudaCall(
                source=KEEP, pieces=result.words, note=f"result {result.name}",
                numbers=(x, region.first, at.control.first, result.words),
                reads=((x, x + result.words), at.control.interval), writes=(region.interval,),
            )  # fmt: skip
        yield CudaCall(
            source=END, numbers=(at.counter.first,), pieces=1, note="the next batch",
            reads=(at.counter.interval,), writes=(at.counter.interval,),
        )  # fmt: skip


def _key(operand: Operand) -> tuple[int, int, int | None]:
    return operand.space, operand.offset, operand.time


def kernels_of(calls: Sequence[CudaCall]) -> list[tuple[str, int]]:
    """The kernels of some calls, each once."""
    return list(dict.fromkeys(call.kernel for call in calls))
