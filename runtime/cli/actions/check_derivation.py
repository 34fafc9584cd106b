"""A gradient written by hand, held against the true one: which value is the first that differs.

The file is a program as `gradc show --stage joint` prints one: a model that gives the loss and
`d_W, ...`.  Its values are compared by their names, in the order in which it computes them, so that
a mistake is told where it was made and not where it shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path

import numpy as np

from gradc_compiler.ops.leaf import PersistentOp
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.study import numbers
from gradc_compiler.study.derivation import Derivation
from gradc_compiler.study.derivation_numbers import arrays_at, numbers_of
from gradc_compiler.study.derivation_text import NONE, term_text
from gradc_compiler.study.step_rule import step_rule
from gradc_compiler.study.value_labels import adjoint_label
from gradc_runtime.cli.actions.equal_values import (
    NodeNumbers,
    Pair,
    SharedPoint,
    differing,
    near,
    same_expressions,
)
from gradc_runtime.cli.actions.output import counted, write
from gradc_runtime.cli.actions.own_gradient import (
    OwnGradient,
    OwnValue,
    own_gradient,
    require_complete,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GradientsCompared:
    """A hand-written program beside the derivation, at one point."""

    derived: Derivation
    true: Mapping[str, int]  # the nodes of the derivation by name
    own: OwnGradient
    point: SharedPoint
    mine: NodeNumbers
    right: NodeNumbers
    known: Sequence[OwnValue] = field(default=())  # the values that have a counterpart

    def pair(self, value: OwnValue) -> Pair:
        """A value's node, and that of its counterpart."""
        return value.node, self.true[value.name]

    def wrong(self) -> list[OwnValue]:
        """The values that differ, in the order of their lines."""
        found = {*differing(self.mine, self.right, [*map(self.pair, self.known)])}
        return [value for value in self.known if self.pair(value) in found]

    def first_example(self, value: OwnValue) -> int:
        """The first example of several in which a value differs."""
        a, b = self.pair(value)
        own = self.mine.by_example(a), self.right.by_example(b)
        rows = zip(*own, strict=True) if len(own[0]) == len(own[1]) else ()
        return next((k for k, (mine, right) in enumerate(rows) if not near(mine, right)), 0)


def check_derivation(derived: Derivation, own: Path, points: Sequence[SharedPoint]) -> int:
    """Say whether a hand-written gradient is right, at each of the points; the exit code.

    Raises `Refused` for a file in which no model gives derivatives, or which wants other inputs.
    """
    true = true_nodes(derived)
    program = own_gradient(own, points[0].values.keys(), derived.graph, true)
    known = program.values
    for point in points:
        found = beside(derived, true, program, known, point)
        if wrong := found.wrong():
            write("\n".join([*difference(where_it_began(wrong, found), found)]))
            return 1
    given = {value.name for value in known}
    require_complete(own, given, [adjoint_names(derived, name) for name in derived.wrt])
    pairs = [(value.node, true[value.name]) for value in known]
    same = {*same_expressions(program.graph, derived.graph, pairs)}
    proven = {value.name for value in known if (value.node, true[value.name]) in same}
    write(right_text(own, len(given), len(proven), points))
    return 0


def beside(
    derived: Derivation,
    true: Mapping[str, int],
    program: OwnGradient,
    known: Sequence[OwnValue],
    point: SharedPoint,
) -> GradientsCompared:
    """Both at one point."""
    return GradientsCompared(
        derived=derived,
        true=true,
        own=program,
        point=point,
        mine=NodeNumbers(program.graph, [value.node for value in known], point),
        right=NodeNumbers(derived.graph, [true[value.name] for value in known], point),
        known=known,
    )


def true_nodes(derived: Derivation) -> dict[str, int]:
    """The nodes of a derivation by name: of every value, and of every adjoint."""
    true = {name: id for id, name in derived.names.items()}
    for step in derived.steps:
        true |= {adjoint_label(term.of): term.total for term in step.terms}
    for name, id in derived.wrt.items():
        true = {**dict.fromkeys(adjoint_names(derived, name), id), **true, adjoint_label(name): id}
    return true


def adjoint_names(derived: Derivation, name: str) -> list[str]:
    """What the derivative by a value may be called: that of a parameter after its whole path."""
    paths = [n.op.key for n in derived.graph.nodes
             if isinstance(n.op, PersistentOp) and derived.names.get(n.id) == name]  # fmt: skip
    return [adjoint_label(one) for one in (name, *paths)]


def right_text(own: Path, count: int, proven: int, points: Sequence[SharedPoint]) -> str:
    """That all is right, and how it is known."""
    told = f"right: {counted(count, 'value')} of {own} are those of the chain rule"
    where = f"{counted(len(points), 'input')}, but for rounding"
    if proven == count:
        return f"{told}, as expressions"
    if proven:
        return f"{told}: {proven} as expressions, {count - proven} at {where}"
    return f"{told} at {where}"


def where_it_began(wrong: Sequence[OwnValue], found: GradientsCompared) -> OwnValue:
    """The first of the values that differ; in a recurrence, which goes back through time and takes
    a mistake everywhere, the first of those that differ at the latest step.
    """
    if wrong[0].type.time is None:
        return wrong[0]

    def latest(value: OwnValue) -> int:
        a, b = found.pair(value)
        mine, right = found.mine.arrays[a], found.right.arrays[b]
        rows = zip(mine, right, found.mine.off[a], found.right.off[b], strict=True)
        return max((t for t, row in enumerate(rows) if not near(*row)), default=-1)

    shapes = ((m, *found.pair(m)) for m in wrong if m.type.time is not None)
    together = [
        m for m, a, b in shapes if found.mine.arrays[a].shape == found.right.arrays[b].shape
    ]
    return max(together, key=latest, default=wrong[0])


def difference(value: OwnValue, found: GradientsCompared) -> Iterator[str]:
    """The first value that differs, with what it is and should be, and the step that says so."""
    a, b = found.pair(value)
    example = found.first_example(value)
    mine, right = found.mine.of_example(a, example), found.right.of_example(b, example)
    texts = numbers.tensor_text(mine), numbers.tensor_text(right)
    yield f"{value.place}: {value.name} is the first value that differs"
    yield f"    yours   {texts[0]}   from   {value.text}"
    yield f"    true    {texts[1]}"
    if texts[0] == texts[1] and mine.shape == right.shape:
        apart = float(np.nanmax(np.abs(mine - right)))
        yield f"    apart   by {numbers.number(apart)}, more than rounding explains"
    yield from step_of(value, found)
    yield f"    at {found.point.told}"


def step_of(value: OwnValue, found: GradientsCompared) -> Iterator[str]:
    """The step that says what a value is."""
    derived, texts = found.derived, NONE
    if found.point.batch == 1:
        texts = numbers_of(derived, arrays_at(derived, derived.graph, found.point.values))
    for step in derived.steps:
        for term in step.terms:
            if adjoint_label(term.of) == value.name:
                yield f"    step {step.number}: {step_rule(step)}"
                yield f"            {''.join(term_text(term, texts))}"
    if value.name in derived.names.values():
        yield "    this is a value of the loss itself: its derivative comes after it"
