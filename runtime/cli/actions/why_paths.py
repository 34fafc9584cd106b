"""The ways from a loss to a value, and what is left of a cotangent on each of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from gradc_compiler.graph.named_values import values_by_name
from gradc_compiler.pipeline import Compilation
from gradc_compiler.study import numbers
from gradc_compiler.study.derivation import ChainStep, Derivation
from gradc_compiler.study.derivation_numbers import Arrays, arrays_at
from gradc_compiler.study.questions import Way, ways
from gradc_compiler.study.step_rule import step_rule
from gradc_runtime.cli.actions.derive import derivation_of
from gradc_runtime.cli.actions.explain import one_example
from gradc_runtime.cli.actions.output import counted


def derived_at(
    made: Compilation, session: Any, inputs: Mapping[str, str], given: Mapping[str, Any]
) -> tuple[Derivation, Arrays]:
    """The derivation of `path`, and its numbers where inputs are given.

    Raises `Refused` for names of nothing.
    """
    start, end = given["path"] or ("loss", None)
    of, wrt = None if start == "loss" else start, () if end is None else (end,)
    loss, derived = derivation_of(made, {**given, "of": of, "wrt": wrt, "model": None})
    if not inputs:
        return derived, {}
    values = values_by_name(session.memory.views, one_example(loss, inputs, session))
    return derived, arrays_at(derived, derived.graph, values)


def paths(
    made: Compilation, session: Any, inputs: Mapping[str, str], given: Mapping[str, Any]
) -> Iterator[str]:
    """Every way with its length and, at given inputs, its smallest factor.

    Raises `Refused` for names of nothing.
    """
    derived, found = derived_at(made, session, inputs, given)
    name = next(iter(derived.wrt))
    told, count = ways(derived, name)
    yield f"{counted(count, 'way')} from {derived.of} to {name}" + (
        f", the {len(told)} shortest:" if count > len(told) else ":" if told else ""
    )
    for way in told:
        yield f"    {counted(len(way.steps), 'step')}: {' <- '.join(way.values)}"
        if found:
            yield f"        {factor_text(way, derived, found)}"
    yield from through_time(derived, told, name)


def through_time(derived: Derivation, told: Sequence[Way], name: str) -> Iterator[str]:
    """That a recurrence has a way for each step of time as well."""
    loops = {step.loop for way in told for step in way.steps} - {None}
    carried = [
        (step.value, term.of)
        for step in derived.steps
        for term in step.terms
        if step.incoming is None and (step.loop in loops or not told)
    ]
    if carried:
        back = " and ".join(f"{before} <- {after}" for before, after in carried)
        yield (
            f"    and through time: from each step to the one before it by {back}, so {name} has "
            "a way for every step of the sequence"
        )


def gradient_at(
    made: Compilation, session: Any, inputs: Mapping[str, str], given: Mapping[str, Any]
) -> Iterator[str]:
    """How long a gradient is at given inputs; of one that is 0, where each way to it ends."""
    derived, found = derived_at(made, session, inputs, given)
    name = next(iter(derived.wrt))
    size = float(np.linalg.norm(found[derived.wrt[name]]))
    if size > 0:
        yield f"{name} has a gradient at these inputs, of length {numbers.short(size)}"
        return
    told, count = ways(derived, name)
    led = counted(count, "way")
    yield f"the gradient of {name} is 0 at these inputs; of {led} to it each ends:"
    yield from dict.fromkeys(f"    {dead_end(way, found)}" for way in told)


def dead_end(way: Way, found: Arrays) -> str:
    """Where a cotangent becomes 0 on its way."""
    for step, x in zip(way.steps, way.values[1:], strict=True):
        if factor(step, x, found) == 0:
            place = "" if step.span is None else f" (line {step.span.line})"
            return f"at {step.value}{place}, which sends {x} nothing: {step_rule(step)}"
    return f"in sums: what comes to {way.values[-1]} by {' <- '.join(way.values)} cancels"


def factor_text(way: Way, derived: Derivation, found: Arrays) -> str:
    """The smallest factor of a way: where most of a cotangent is lost."""
    factors = [
        (factor(step, x, found), step) for step, x in zip(way.steps, way.values[1:], strict=True)
    ]
    least, step = min(factors, key=lambda pair: pair[0])
    place = "" if step.span is None else f" (line {step.span.line})"
    return f"smallest factor {numbers.short(least)}, at {step.value}{place}: {step_rule(step)}"


def factor(step: ChainStep, x: str, found: Arrays) -> float:
    """How long what a step sends to x is, for a cotangent of length 1; to the step before in time
    goes what comes, or nothing.
    """
    sent = next(t.sent for t in step.terms if t.of == x)
    total = found[sent if len(sent) > 1 else sent[0]]
    if step.incoming is None:
        return float(np.any(total))
    own = float(np.linalg.norm(found[step.incoming]))
    return float(np.linalg.norm(total)) / own if own else 0.0
