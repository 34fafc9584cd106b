"""The verifier of steps: every kind of fault is found, and named with what was done last."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gradc_compiler import schedule
from gradc_compiler.fusion.stages import Stage
from gradc_compiler.loops.ir import Apply, LoopNest, Store
from gradc_compiler.pipeline import compile_file
from gradc_compiler.program.entry import Entry, Operand, Space
from gradc_compiler.program.kernel_abi import Extent
from gradc_compiler.select.builder import ProgramBuilder
from gradc_compiler.whole_step.step import StepNests, Task, step_of
from gradc_compiler.whole_step.verify_step import verify_step
from tests.support.nests import at, loops, product
from tests.support.steps import COPY, LAST, MEAN, READER, STEP, task

SPECS = sorted((Path(__file__).parents[3] / "specs").glob("*.nn"))


def steps(*tasks: Task, **changes: Any) -> StepNests:
    return replace(STEP, tasks=tasks, **changes)


def nested(task: Task, **changes: Any) -> Task:
    """A task whose nest is another."""
    return replace(task, nest=replace(task.nest, **changes))


def stored(task: Task, change: Callable[..., Any]) -> Task:
    """A task that stores otherwise."""
    return nested(task, stores=tuple(change(*store) for store in task.nest.stores))


def times(places: tuple[str, ...], store: Store, *moves: int) -> LoopNest:
    """y = a * b for two words of every example."""
    a, b, y = (at(name, *moves) for name in places)
    return product(loops(Extent.RANGE, 2), (a, b, y), store)


set_mean = stored(MEAN, lambda v, access, _: (v, access, Store.SET))
one_row = stored(READER, lambda v, a, s: (v, replace(a, moves=(0, 1, 0)), s))
split = replace(LAST, instruction=replace(LAST.instruction, split=True, extent=2))
split = stored(split, lambda v, access, s: (v, replace(access, moves=(0,)), s))
to_weights = task("to weights", times(("y", "y", "W"), Store.ADD, 2, 1), Stage(0, True))
to_shared = task("to shared", times(("y", "y", "twice"), Store.SET, 2, 1), Stage(0, True))
reads_mean = task("reads mean", times(("mean", "y", "y"), Store.SET, 2, 1), Stage(0, True))
adds = task(
    "adds", product(loops(2), (at("W", 1), at("W", 1), at("twice", 1)), Store.ADD), LAST.phase
)
whole = stored(LAST, lambda v, access, s: (v, replace(access, index=True), s))
other = replace(READER, nest=replace(READER.nest, loads=(
    READER.nest.loads[0], (READER.nest.loads[1][0], at("turned", 0, 1, 3)))))  # fmt: skip

BAD = {
    "'product' reads ('turned',), which nothing has written": steps(READER, MEAN, LAST),
    "'mean' reads ('y',), which nothing has written": steps(COPY, MEAN, LAST),
    "'last' reads ('mean',), which nothing has written": steps(COPY, READER, LAST),
    "'product' reads ('x',), which nothing has written": replace(STEP, given=frozenset()),
    "'adds' reads ('twice',), which nothing has written": steps(COPY, READER, MEAN, adds),
    "the result at (1, 8) is nowhere written": steps(COPY, READER, MEAN),
    "'copy' comes after a later stage": steps(READER, COPY, MEAN, LAST),
    "'mean' sets ('mean',) for every example": steps(COPY, READER, set_mean, LAST),
    "'to shared' writes for every example what all share": steps(COPY, READER, to_shared),
    "'to weights' writes for every example what all share": steps(
        COPY, READER, to_weights, kept=frozenset()
    ),
    "'product' writes one row of ('y',) for every example": steps(COPY, one_row, MEAN, LAST),
    "'reads mean' reads ('mean',) before its sum is whole": steps(
        COPY, READER, MEAN, replace(reads_mean, phase=MEAN.phase), LAST
    ),
    "'last' is divided over threads that write the same words": steps(COPY, READER, MEAN, split),
    "'last' takes ('twice',) for numbers of the other kind": steps(
        COPY, READER, MEAN, LAST, whole
    ),
    "words 0 to 7 of ('turned',), which has 6": steps(COPY, other, MEAN, LAST),
    "v9 is read before it has a value": steps(COPY, READER, MEAN, nested(LAST, statements=())),
    "v9 is given a value of the other kind": steps(
        COPY, READER, MEAN,
        nested(LAST, statements=(replace(LAST.nest.statements[0], value=Apply("index", (
            LAST.nest.loads[0][0],))),)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", BAD)
def test_a_fault_is_found_and_named(fault: str) -> None:
    with pytest.raises(AssertionError, match=r"^after propagate-copies: ") as caught:
        verify_step(BAD[fault], "propagate-copies")
    assert fault in str(caught.value)


def test_a_step_without_fault_is_given_back() -> None:
    assert verify_step(STEP, "build") is STEP
    assert len(BAD) >= 10


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_all_that_specs_do_is_without_fault(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of recurrences, whose values a step reads before they are written, nothing is said."""
    seen = list[tuple[Entry, ProgramBuilder]]()

    def watched(name: str, graph: Any, table: ProgramBuilder) -> Entry:
        entry = sized(name, graph, table)
        seen.append((entry, table))
        return entry

    sized = schedule._sized
    monkeypatch.setattr(schedule, "_sized", watched)
    entries = compile_file(path).entries
    for entry in entries.values():
        assert entry.phases
    for entry, table in seen:
        constants = entries[entry.name].constants
        if not entry.times:
            verify_step(step_of(replace(entry, constants=constants), table), "build")


def test_the_operand_of_a_mean_is_its_partial_sum() -> None:
    assert MEAN.instruction.operands[-1] == Operand(Space.PARTIAL, 0)
