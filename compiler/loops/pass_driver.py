"""The driver of passes, whatever they take and give: a nest, or a whole step of nests.

Each pass is a row of a table.  The driver leaves out the passes that are switched off, runs the
others in order until none changes anything, and has the result verified after each pass that
changed it.  `loop_passes.py` is the table of passes from nest to nest,
`compiler/whole_step/step_passes.py` the table of passes of a step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

from gradc_compiler.machine.targets import CPU
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.rewrites.algebra.switches import Switches

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pass(Generic[T]):
    """A row: what the pass does, the law that it stands for, and whose kernels it changes.

    A `required` pass has no switch, because printers could not write a nest without it.
    """

    transform: Callable[[T], T]
    law: str
    required: bool = False
    targets: tuple[str, ...] = (CPU,)


P = TypeVar("P", bound=Pass)  # type: ignore[type-arg]
Rows = tuple[tuple[str, P], ...]


def switched_on(table: Mapping[str, P], names: Sequence[str], switches: Switches) -> Rows[P]:
    """The rows of these names, but for those that are switched off."""
    rows = ((name, table[name]) for name in names)
    return tuple((name, row) for name, row in rows if row.required or switches.allow(name))


def apply_passes(
    value: T, rows: Sequence[tuple[str, Pass[T]]], verify: Callable[[T, str], T]
) -> tuple[T, tuple[str, ...]]:
    """The value after passes, verified after each one that changed it; and the names of these."""
    made, before = list[str](), -1
    while len(made) > before:
        before = len(made)
        for name, row in rows:
            changed = row.transform(value)
            if changed != value:
                value = verify(changed, name)
                made.append(name)
    return value, tuple(made)


def count(table: Mapping[str, P], made: Sequence[str], switches: Switches) -> None:
    """Count the passes that changed something and could have been switched off."""
    for name in made:
        switches.count(name, not table[name].required)
