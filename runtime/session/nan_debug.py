"""Finding the operator that made the first number that is not finite, for the message.

A native call may run many steps.  So the steps of a call that went wrong are run again one by one,
from the state that the session had before the call.  The step that goes wrong is then evaluated
operator by operator with NumPy, and the operator to blame (`blame.py`) is named, with the line of
the spec that it comes from.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from gradc_compiler.graph.named_values import values_by_name
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.data.arrays.checked import Batches
from gradc_runtime.session.backends import Arrays, examples_of, parts
from gradc_runtime.session.blame import culprit
from gradc_runtime.session.inputs import chosen

if TYPE_CHECKING:
    from gradc_runtime.session.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class NotFinite:
    """The step of a call that went wrong, and why."""

    index: int  # within the call
    what: str  # "loss is nan", "a parameter is not finite"
    where: str


def all_finite(found: Arrays) -> bool:
    """Whether every loss and report of a call is finite."""
    return all(bool(np.isfinite(values).all()) for values in found.values())


def find_fault(session: Session, arrays: Batches, steps: int) -> NotFinite:
    """Run a call's steps again one by one, from the words of state before the call.

    The words are left as they were before the step that goes wrong.
    """
    words = session.memory.words
    for index, part in enumerate(parts(arrays, steps)):
        start = words.copy()
        found = session.advance(part)
        if not all_finite(found) or not session.memory.finite():
            words[...] = start
            where = first_operator(session, part)
            words[...] = start
            return NotFinite(index=index, what=describe(found), where=where)
    return NotFinite(index=steps - 1, what="a loss was not finite", where="it did not happen again")


def describe(found: Arrays) -> str:
    """Which number of a step is not finite."""
    for name, values in found.items():
        if not np.isfinite(values).all():
            return f"{name} is {float(values.reshape(-1)[0])}"
    return "a parameter is no longer finite"


def first_operator(session: Session, inputs: Batches) -> str:
    """Which operator of the training steps to blame, and its line of the spec, as text."""
    for step in session.training.steps:
        entry = session.program.entries[step.entry]
        wanted = chosen(entry, inputs)
        if (node := blamed(session, entry.graph, wanted, examples_of(inputs))) is not None:
            return f"first non-finite value: {place_of(node)}"
        session.once(step.entry, inputs)
    return "the reference evaluator finds every value finite"


def blamed(session: Session, graph: Any, inputs: Batches, batch: int) -> Any:
    """The node to blame, found by evaluating the graph on a batch with NumPy; None if all numbers
    are finite.
    """
    everything = replace(
        graph, outputs={**graph.outputs, **{str(node.id): node.id for node in graph.nodes}}
    )
    values = values_by_name(session.memory.views, inputs)
    with np.errstate(all="ignore"):
        found = session.program.evaluate(everything, values, batch, session.dtype)
    return culprit(graph, {node.id: found[str(node.id)] for node in graph.nodes})


def place_of(node: Any) -> str:
    """An operator and the line of the spec that it comes from."""
    rule = f" ({node.origin.rule})" if node.origin is not None else ""
    what = f"{node.op.name}{rule}"
    if key := getattr(node.op, "key", None):
        what = f"{node.op.name} {key}"
    if node.span is None:
        return what
    return f"{what} at {node.span}: {node.span.source.line_text(node.span.line).strip()[:80]}"
