"""Copy propagation in a whole step: what reads a copy reads the original instead.

In a table of kernels a matrix is transposed by a copy, so that a product reads it along its rows.
In a whole-step kernel every factor of a product is a single number, which can be read wherever it
lies.  There the copy would only take time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from gradc_compiler.loops.ir import LoopNest, MemAccess, Store, Variable
from gradc_compiler.program.entry import Space
from gradc_compiler.whole_step.step import Begin, StepNests, Task, begin_of


def propagate_copies(step: StepNests) -> StepNests:
    """The same step without copies of persistent storages: their readers read the storage
    itself.
    """
    result: dict[int, Task] = dict(enumerate(step.tasks))
    touching = _touching(step)
    for k in range(len(step.tasks)):
        copy = result[k].loops if not result[k].phase.examples else None
        if copy is None or not _is_copy(copy, step):
            continue
        ends = (copy.loads[0][1], copy.stores[0][1])
        near = sorted({n for end in ends for n in touching[step.begin(end)] if n > k})
        after = _reading_through(copy, {n: result[n] for n in near if n in result}, step)
        if after is not None:
            result.update(after)
            del result[k]
    return step if len(result) == len(step.tasks) else replace(step, tasks=(*result.values(),))


def _touching(step: StepNests) -> Mapping[Begin, list[int]]:
    """For each storage the tasks that read or write it, by their numbers."""
    touching = defaultdict[Begin, list[int]](list)
    for n, task in enumerate(step.tasks):
        begins = {begin_of(o) for o in task.instruction.operands}
        for _, access, _ in task.nest.stores if task.nest.affine else ():
            begins.add(step.begin(access))  # of a mean its instruction has the partial sum
        for begin in begins:
            touching[begin].append(n)
    return touching


def _is_copy(nest: LoopNest, step: StepNests) -> bool:
    """Whether a nest copies a persistent storage, or part of it, in another layout."""
    if len(nest.loads) != 1 or len(nest.stores) != 1 or nest.positional:
        return False
    (variable, source), (_, target, store) = nest.loads[0], nest.stores[0]
    if store is not Store.SET or source.index or min(target.moves, default=1) <= 0:
        return False
    spaces = step.where(source).space, step.where(target).space
    if spaces != (Space.PERSISTENT, Space.UNIFORM):
        return False
    given = {variable, *(statement.target for statement in nest.statements)}
    copied = all(statement.value in given for statement in nest.statements)
    return copied and step.begin(target) not in step.kept


def _reading_through(
    copy: LoopNest, after: Mapping[int, Task], step: StepNests
) -> dict[int, Task] | None:
    """The tasks after a copy, where those that read it read its source instead; None if one of them
    cannot.
    """
    source, target = copy.loads[0][1], copy.stores[0][1]
    made, result, intact = step.begin(target), dict[int, Task](), True
    for n, task in after.items():
        nest, writes = task.loops, _writes(task, step.begin(source), step)
        if task.touches(made):
            intact &= not writes  # a task may write the source before it has read all
            loads = _loads_through(copy, nest, made, step) if nest is not None else None
            if nest is None or loads is None or not intact:
                return None
            task = replace(task, nest=replace(nest, loads=loads))
        intact &= not writes
        result[n] = task
    return result


def _writes(task: Task, begin: Begin, step: StepNests) -> bool:
    """Whether a task may write a storage."""
    if not task.nest.affine:
        return task.touches(begin)
    return any(step.begin(access) == begin for _, access, _ in task.nest.stores)


def _loads_through(
    copy: LoopNest, nest: LoopNest, made: Begin, step: StepNests
) -> tuple[tuple[Variable, MemAccess], ...] | None:
    """The loads of a nest, where those of a copy are led to its source; None if that is not
    possible.
    """
    if any(step.begin(access) == made for _, access, _ in nest.stores):
        return None
    loads = []
    for variable, access in nest.loads:
        seen = _through(copy, nest, access) if step.begin(access) == made else access
        if seen is None:
            return None
        loads.append((variable, seen))
    return tuple(loads)


def _through(copy: LoopNest, nest: LoopNest, access: MemAccess) -> MemAccess | None:
    """Where the words of a copy come from, if each loop moves along one axis of it."""
    source, target = copy.loads[0][1], copy.stores[0][1]
    axes = sorted(range(len(copy.loops)), key=lambda j: -target.moves[j])
    last, rest = {}, access.offset - target.offset  # along each axis, the last that is read
    for j in axes:
        last[j], rest = divmod(rest, target.moves[j])
    if rest or min(last.values(), default=0) < 0:
        return None
    offset = source.offset + sum(last[j] * source.moves[j] for j in axes)
    moves = []
    for loop, move in zip(nest.loops, access.moves, strict=True):
        axis = next((j for j in axes if move and move % target.moves[j] == 0), None)
        if move < 0 or (move and (axis is None or loop.over_rows)):
            return None
        steps = move // target.moves[axis] if axis is not None else 0
        if axis is not None:
            last[axis] += steps * (loop.extent - 1)
        moves.append(steps * source.moves[axis] if axis is not None else 0)
    if any(last[j] >= copy.loops[j].extent for j in axes):
        return None
    return replace(source, offset=offset, moves=tuple(moves), row=access.row)
