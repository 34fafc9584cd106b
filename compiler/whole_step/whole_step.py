"""Whole-step fusion: a small entry becomes a single kernel (a megakernel).

In a tiny network the calls of its kernels take longer than the arithmetic.  So for batches too
small for a second thread to help, the whole step is one kernel: unrolled where an example has few
numbers (`compiler/whole_step/step_writer.py`), else of short loops over vectors of examples
(`compiler/whole_step/lane_writer.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby
from math import prod

from gradc_compiler.graph.types import Kind
from gradc_compiler.loops.ir import LoopNest
from gradc_compiler.loops.unroll import extents_of
from gradc_compiler.loops.vectorize_batch import LANES
from gradc_compiler.machine.addition_chains import IN_A_ROW, LONG
from gradc_compiler.machine.cost_model import examples_of_one_kernel
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.printing import cpu_gather
from gradc_compiler.program.deferred import Deferred
from gradc_compiler.program.entry import (
    Entry,
    Instruction,
    Kernel,
    OpCost,
    Operand,
    Phase,
    Space,
    WholeStep,
)
from gradc_compiler.program.kernel_abi import Extent
from gradc_compiler.rewrites.algebra.switches import Switches
from gradc_compiler.select.builder import ProgramBuilder
from gradc_compiler.whole_step.example_loop import ExampleLoop
from gradc_compiler.whole_step.lane_writer import LaneWriter
from gradc_compiler.whole_step.step import StepNests, step_of
from gradc_compiler.whole_step.step_code import Remark
from gradc_compiler.whole_step.step_passes import run_step_passes
from gradc_compiler.whole_step.step_text import print_step
from gradc_compiler.whole_step.step_words import NotApplicable, Word
from gradc_compiler.whole_step.step_writer import UNROLLED, StepWriter
from gradc_compiler.whole_step.verify_code import verify_code


def fuse_whole_step(entry: Entry, table: ProgramBuilder) -> WholeStep | None:
    """The same entry as one kernel, and up to how many examples that is faster; None if it never
    is.
    """
    if entry.times or not table.instructions or _is_far_too_long(entry):
        return None
    switches = Switches(table.switches.without)
    step = run_step_passes(step_of(entry, table), switches)
    if _takes_too_long(step):
        return None
    for needed, written in FORMS:
        if not switches.allow(needed):
            continue
        own = Switches(switches.without, {**switches.applied})
        try:
            whole = written(entry, [*table.kernels], step, own)
        except NotApplicable:
            continue
        return replace(whole, applied=own.applied)
    return None


def _is_far_too_long(entry: Entry) -> bool:
    """Whether the work of the instructions alone shows that a kernel would be too long: no pass
    makes that much less.
    """
    items = (item for phase in entry.phases if phase.examples for item in phase.instructions)
    own = (item for item in items if entry.kernels[item.kernel].source is not None)
    work = [item.work.operations_each for item in own]
    one, several = MACHINE.step_statements, MACHINE.looped_statements
    return max(work, default=0) > MACHINE.far * one and sum(work) > MACHINE.far * several


def _takes_too_long(step: StepNests) -> bool:
    """Whether both forms would give up in the end; found out before any text is written."""
    found = (task.loops for task in step.tasks if task.phase.examples)
    nests = [nest for nest in found if nest is not None]
    work = [prod(extents_of(nest)) * (1 + len(nest.statements)) for nest in nests]
    return max(work, default=0) > MACHINE.step_statements and sum(work) > MACHINE.looped_statements


def _written_out(
    entry: Entry,
    kernels: Sequence[Kernel],
    step: StepNests,
    switches: Switches,
    form: ExampleLoop = ExampleLoop.IN_A_ROW,
) -> WholeStep:
    """The kernel in which every number is a variable; one that adds up more than LONG terms is
    another kernel.

    Raises `NotApplicable`, also if memory must hold values of single examples.
    """
    if any(task.phase.examples and not task.scalars for task in step.tasks):
        raise NotApplicable("has words that are no variables")
    writer = StepWriter(locate=step.where, switches=switches, carried=_carried(entry), form=form)
    whole = _whole(entry, step, kernels, writer)
    if form is ExampleLoop.OF_ONE:
        return WholeStep(entry=whole, examples=1)
    if form is ExampleLoop.IN_BLOCKS:
        return WholeStep(entry=whole, examples=_most_examples(writer))
    again = partial(_written_out, entry, kernels, step)
    of_one = Deferred(partial(again, Switches(switches.without), ExampleLoop.OF_ONE))
    most, few = _most_in_a_row(writer)
    beyond = again(switches, ExampleLoop.IN_BLOCKS) if few else None
    return WholeStep(entry=whole, examples=most, deferred_alone=of_one, beyond=beyond)


def _most_in_a_row(writer: StepWriter) -> tuple[int, bool]:
    """How many examples one loop may add up, and whether more may be added up in blocks."""
    most, added = _most_examples(writer), max(writer.added.values(), default=1)
    short, few = (LONG - writer.longest) // added, IN_A_ROW * added + most // IN_A_ROW
    return min(most, short), short < most and few <= LONG - writer.longest


def _in_lanes(
    entry: Entry, kernels: Sequence[Kernel], step: StepNests, switches: Switches
) -> WholeStep:
    """The kernel of loops over vectors of examples."""
    writer = LaneWriter(
        locate=step.where,
        switches=switches,
        carried=_carried(entry),
        most_unrolled=UNROLLED,
        runs=[run for phase in entry.phases for run in phase.sums],
        block=entry.block_words,
    )
    whole = _whole(entry, step, kernels, writer)
    return WholeStep(entry=whole, examples=_most_examples(writer))


FORMS: tuple[tuple[str, Callable[..., WholeStep]], ...] = (
    ("unroll", _written_out),
    ("vectorize-batch", _in_lanes),
)  # each with the pass that it cannot do without


def _carried(entry: Entry) -> frozenset[int]:
    """The spaces of arrays that every step uses again."""
    arrays = enumerate(entry.arrays, Space.ARRAY)
    return frozenset(space for space, array in arrays if array.role == "carried")


def _most_examples(writer: StepWriter) -> int:
    """Up to how many examples a kernel is faster.  The sums of each vector go to memory, so there
    must not be too many.
    """
    return min(examples_of_one_kernel(writer.effort()), LANES * IN_A_ROW)


def _whole(entry: Entry, step: StepNests, kernels: Sequence[Kernel], writer: StepWriter) -> Entry:
    """An entry as one of the writers has it; raises `NotApplicable`."""
    for phase, own in groupby(step.tasks, lambda task: task.phase):
        if phase.examples:
            writer.enter()
        for task in own:
            _write(writer, task.instruction, task.loops, kernels[task.instruction.kernel])
            if not task.scalars:
                writer.settle_all()
        if phase.examples:
            writer.leave()
    for number, result in enumerate(entry.results, Space.ARRAY + len(entry.arrays)):
        first = Word(Operand(Space.UNIFORM, result.offset), result.type.kind is Kind.INDEX, 0)
        writer.result(first, result.words, Operand(number, 0))
    return _entry(entry, writer)


def _write(
    writer: StepWriter, instruction: Instruction, nest: LoopNest | None, kernel: Kernel
) -> None:
    """Write one instruction: a nest, or a kernel that reads where the data say."""
    writer.line(Remark(instruction.note))
    if nest is not None:
        writer.nest(nest)
        return
    match kernel.source:
        case cpu_gather.TAKE:
            writer.take(instruction)
        case cpu_gather.SCATTER if instruction.operands[-1].space != Space.PARTIAL:
            writer.scatter(instruction)
        case cpu_gather.ARGMAX:
            writer.argmax(instruction)
        case _:
            raise NotApplicable(f"{instruction.note} has a kernel of its own")


def _entry(entry: Entry, writer: StepWriter) -> Entry:
    """An entry with one instruction."""
    instructions = [item for phase in entry.phases for item in phase.instructions]
    works = [item.work for item in instructions]
    work = OpCost(
        operations=sum(w.operations for w in works),
        operations_each=sum(w.operations_each for w in works),
        words=sum(w.words for w in works),
        words_each=sum(w.words_each for w in works),
    )
    whole = Instruction(
        kernel=0,
        operands=tuple(Operand(space, offset) for space, offset, _ in writer.pointers),
        geometry=(Extent.EVERY,),
        note=f"the whole of {entry.name}",
        work=work,
    )
    source = print_step(verify_code(writer.code()))
    kernel = Kernel("k0", source, f"all of {entry.name}, for small batches")
    phase = Phase(examples=False, instructions=(whole,))
    return replace(entry, kernels=(kernel,), phases=(phase,))
