"""The verifier of steps: what must hold of any sequence of nests, checked after every pass.

Serial stages run once, batch stages for every block of examples on any thread; between stages all
threads wait for one another.  So a value that a batch stage makes for all examples together can
only be a sum: each team of threads adds up its own part, and the sum is complete when all have
waited.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from gradc_compiler.loops.ir import LoopNest, MemAccess, Store
from gradc_compiler.loops.verify_nest import verify_nest
from gradc_compiler.loops.writes_apart import writes_apart
from gradc_compiler.memory.layout import StorageKey
from gradc_compiler.program.entry import Space
from gradc_compiler.whole_step.step import StepNests, Task

GROWS = {Store.ADD, Store.SUM_ADD, Store.LOST, Store.PAIR}  # stores that need an old value
SHARED = {Space.PERSISTENT, Space.UNIFORM}  # one copy for all examples


def verify_step(step: StepNests, after: str, built: StepNests | None = None) -> StepNests:
    """The step, if it is valid.  Nests that it shares with `built` were verified when they were
    built.

    Raises `AssertionError`, naming the pass that ran last, where it is not.
    """
    known = set() if built is None else {id(task.nest) for task in built.tasks}
    for task in step.tasks:
        if id(task.nest) not in known:
            verify_nest(task.nest, after, step.words)
    for fault in _faults(step):
        raise AssertionError(f"after {after}: {fault}")
    return step


def _faults(step: StepNests) -> Iterator[str]:
    for one, two in pairwise(step.tasks):
        if two.phase < one.phase:
            yield f"{_named(two)} comes after a later stage"
    yield from _of_values(step)
    yield from _of_kinds(step)
    for task in step.tasks:
        yield from _of_threads(step, task)
    yield from _of_sums(step)


def _named(task: Task) -> str:
    return f"'{task.instruction.note}'"


def _of_values(step: StepNests) -> Iterator[str]:
    """A place has a value before it is read or added to; and each result has one."""
    known, made = set[StorageKey](), {*step.given}
    for task in step.tasks:
        for access in _needed(step, task.nest) if not _is_empty(task.nest) else ():
            if access.storage in known or access.storage in step.empty:
                continue
            begin = step.begin(access)
            if begin[0] != Space.PERSISTENT and begin not in step.given:
                yield f"{_named(task)} reads {access.storage}, which nothing has written"
        for access in _written(task):
            known.add(access.storage)
            made.add(step.begin(access))
    for begin in step.kept - made:
        yield f"the result at {begin} is nowhere written"


def _is_empty(nest: LoopNest) -> bool:
    """Whether a loop has no iterations; nothing need have written what it reads."""
    return any(loop.extent == 0 for loop in nest.loops)


def _needed(step: StepNests, nest: LoopNest) -> Iterator[MemAccess]:
    """The places that a nest reads or adds to, but for means, which begin at 0 by themselves."""
    yield from (access for _, access in nest.loads)
    for _, access, store in nest.stores:
        if store in GROWS and access.storage not in step.means and not nest.zeroed:
            yield access


def _written(task: Task) -> list[MemAccess]:
    """The places that a task gives values."""
    return [access for _, access, _ in task.nest.stores]


def _of_kinds(step: StepNests) -> Iterator[str]:
    """A storage holds whole numbers or real ones, not both."""
    kinds: dict[StorageKey, bool] = {}
    for task in step.tasks:
        for access in task.nest.accesses():
            if kinds.setdefault(access.storage, access.index) != access.index:
                yield f"{_named(task)} takes {access.storage} for numbers of the other kind"


def _of_threads(step: StepNests, task: Task) -> Iterator[str]:
    """No two threads write the same word: neither two blocks of a stage nor two pieces of an
    instruction.
    """
    spaces = {task.instruction.operands[k].space for k in task.instruction.writes or ()}
    if task.phase.examples and SHARED & spaces:
        yield f"{_named(task)} writes for every example what all share"
    if task.instruction.split and not any(map(writes_apart, _outermost(task.nest))):
        yield f"{_named(task)} is divided over threads that write the same words"
    for _, access, store in task.nest.stores if task.phase.examples else ():
        if step.where(access).space in SHARED:
            if access.storage not in step.means or store not in GROWS:
                yield f"{_named(task)} sets {access.storage} for every example"
        elif not _is_own(task.nest, access):
            yield f"{_named(task)} writes one row of {access.storage} for every example"


def _outermost(nest: LoopNest) -> Iterator[LoopNest]:
    """The nest once for each of its loops, with that loop first, which is where threads divide
    it.
    """

    def moved(access: MemAccess, order: Sequence[int]) -> MemAccess:
        return replace(access, moves=tuple(access.moves[j] for j in order))

    for first in range(len(nest.loops)):
        order = sorted(range(len(nest.loops)), key=lambda j: (j != first, j))
        stores = tuple((v, moved(access, order), store) for v, access, store in nest.stores)
        yield replace(nest, loops=tuple(nest.loops[j] for j in order), stores=stores)


def _is_own(nest: LoopNest, access: MemAccess) -> bool:
    """Whether each example has its own place."""
    moves = zip(nest.loops, access.moves, strict=True)
    return access.row is not None or all(move for loop, move in moves if loop.over_rows)


def _of_sums(step: StepNests) -> Iterator[str]:
    """A sum over examples is read only when all threads have waited for one another."""
    for stage in sorted({task.phase for task in step.tasks if task.phase.examples}):
        own = [task for task in step.tasks if task.phase == stage]
        sums = {a.storage for task in own for a in _written(task) if a.storage in step.means}
        for task in own:
            for _, access in task.nest.loads:
                if access.storage in sums:
                    yield f"{_named(task)} reads {access.storage} before its sum is whole"
