"""Small steps for the tests of passes of steps, and their text."""

from __future__ import annotations

from gradc_compiler.fusion.stages import Stage
from gradc_compiler.loops.ir import LoopNest, MemAccess, Store
from gradc_compiler.printing.nest_text import nest_text
from gradc_compiler.program.entry import Instruction, Operand, Space
from gradc_compiler.program.kernel_abi import Extent
from gradc_compiler.whole_step.step import StepNests, Task
from tests.support.nests import REAL, at, loops, product

WHERE = {
    "W": Operand(Space.PERSISTENT, 0),
    "turned": Operand(Space.UNIFORM, 0),
    "mean": Operand(Space.UNIFORM, 6),
    "twice": Operand(Space.UNIFORM, 8),
    "x": Operand(Space.ARRAY, 0, 3),
    "y": Operand(Space.BLOCK, 0),
}
WORDS = {("W",): 6, ("turned",): 6, ("mean",): 2, ("twice",): 2, ("x",): 3, ("y",): 2}


def where(access: MemAccess) -> Operand:
    """The address of a place."""
    return WHERE[str(access.storage[0])]


def task(note: str, nest: LoopNest, phase: Stage) -> Task:
    """An instruction that does what a nest says."""
    operands = tuple(where(access) for access in nest.accesses())
    writes = tuple(range(len(nest.loads), len(operands)))
    if phase.examples and any(access.storage == ("mean",) for _, access, _ in nest.stores):
        operands = (*operands[:-1], Operand(Space.PARTIAL, 0))
    return Task(
        Instruction(kernel=0, operands=operands, geometry=(), writes=writes, note=note), nest, phase
    )


COPY = task(  # turned[j, i] = W[i, j], for W: [2, 3]
    "copy",
    LoopNest(
        loops=loops(3, 2), loads=((REAL[0], at("W", 1, 3)),), statements=(),
        stores=((REAL[0], at("turned", 2, 1), Store.SET),),
    ),
    Stage(0, False),
)  # fmt: skip
READER = task(  # y[i] = sum over j of x[j] * turned[j, i]
    "product",
    product(
        loops(Extent.RANGE, 2, 3, summed=(2,)),
        (at("x", 3, 0, 1), at("turned", 0, 1, 2), at("y", 2, 1, 0)),
        Store.SUM,
    ),
    Stage(0, True),
)
MEAN = task(  # mean += y * y
    "mean",
    product(loops(Extent.RANGE, 2), (at("y", 2, 1), at("y", 2, 1), at("mean", 0, 1)), Store.ADD),
    Stage(0, True),
)
LAST = task(  # twice = mean * mean
    "last", product(loops(2), (at("mean", 1), at("mean", 1), at("twice", 1))), Stage(1, False)
)
STEP = StepNests(
    tasks=(COPY, READER, MEAN, LAST),
    where=where,
    kept=frozenset({(int(Space.UNIFORM), 8)}),
    given=frozenset({(int(Space.ARRAY), 0)}),
    means=frozenset({("mean",)}),
    words=WORDS,
)


def step_text(step: StepNests) -> str:
    """The nests of a step, and where what they compute is."""
    lines = list[str]()
    for task in step.tasks:
        stage = "for every example" if task.phase.examples else "once"
        kept = "in variables" if task.scalars else "in memory"
        lines += [f"{task.instruction.note}, {stage}, {kept}:"]
        lines += [f"  {line}" for line in nest_text(task.nest).splitlines()]
    return "\n".join(lines) + "\n"
