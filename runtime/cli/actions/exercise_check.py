"""Whether the lines of an exercise are right: compared at random inputs, as `derive --check` does.

Any spelling of the same mathematics is right.  Where a line is wrong, a smallest input shows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field

import numpy as np

from gradc_compiler.diagnostics.source import CompileError
from gradc_compiler.elaborate.types.fixits import names_in
from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph.types import Kind
from gradc_compiler.ops.leaf import Input
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.study import numbers
from gradc_compiler.study.step_rule import step_rule
from gradc_runtime.cli.actions.check_derivation import agree
from gradc_runtime.cli.actions.counter_example import at_text, smallest
from gradc_runtime.cli.actions.exercise_text import DerivativeLine
from gradc_runtime.cli.actions.exercise_values import Attempt, Truth, Values, results_at
from gradc_runtime.cli.faults import Refused

SEEDS = range(5)  # of random inputs


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterExample:
    """An input at which a line is wrong."""

    line: DerivativeLine
    at: Mapping[str, np.ndarray]  # inputs and parameters
    known: Mapping[str, np.ndarray]  # what the line reads
    yours: np.ndarray
    true: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is right, wrong and open, and the first mistake."""

    right: Sequence[str]
    wrong: Sequence[str]
    open: Sequence[str]
    mistake: CounterExample | None = field(default=None)

    @property
    def done(self) -> bool:
        """Whether every line is right."""
        return not self.wrong and not self.open


def verdict_on(attempt: Attempt, truth: Truth) -> Verdict:
    """Every line judged by itself.

    Raises `CompileError` for a line that does not compile, `Refused` for a file that is no longer
    the exercise.
    """
    filled = attempt.filled
    graph = _compiled(attempt, truth)
    given = [(values, results_at(truth.graph, values)) for values in map(truth.values_at, SEEDS)]
    if _first_apart(graph, ["loss"], given):
        raise Refused(
            f"{attempt.source.name}: loss is another than the exercise's; the lines above the "
            "derivative are given"
        )
    mistakes = _mistakes(attempt, truth, given) if _first_apart(graph, filled, given) else {}
    first = next(iter(mistakes), None)
    shown = None
    if first is not None:
        shown = _counter_example(attempt.lines[first], *mistakes[first], truth)
    return Verdict(
        right=[name for name in filled if name not in mistakes],
        wrong=[*mistakes],
        open=[name for name, line in attempt.lines.items() if line.is_open],
        mistake=shown,
    )


def _mistakes(
    attempt: Attempt, truth: Truth, given: Sequence[tuple[Values, Values]]
) -> dict[str, tuple[Graph, Values]]:
    """The wrong lines: each with the program in which it alone is the learner's, and values at
    which it shows.
    """
    found = {}
    for name in attempt.filled:
        alone = attempt.program(truth, [name])
        values = _first_apart(alone, [name], given)
        if values is not None:
            found[name] = alone, values
    return found


def _compiled(attempt: Attempt, truth: Truth) -> Graph:
    """The program with answers in the open lines; a fault is told of the line that it is in."""
    try:
        return attempt.program(truth, attempt.filled)
    except CompileError:
        for name in attempt.filled:
            attempt.program(truth, [name])
        raise


def _first_apart(
    graph: Graph, names: Sequence[str], given: Sequence[tuple[Values, Values]]
) -> Values | None:
    """The first values at which a result is not what it should be."""
    for values, true in given:
        found = results_at(graph, values)
        if not all(agree(found[name], true[name]) for name in names):
            return values
    return None


def _counter_example(
    line: DerivativeLine, graph: Graph, values: Values, truth: Truth
) -> CounterExample:
    """The smallest that is found."""

    def differs(at: Values) -> bool:
        true = results_at(truth.graph, at)
        sound = all(np.isfinite(array).all() for array in true.values())
        return sound and not agree(results_at(graph, at)[line.name], true[line.name])

    inputs = {n.op.key: n.type for n in truth.forward.nodes if isinstance(n.op, Input)}
    at = smallest(differs, values, {n for n, type in inputs.items() if type.kind is Kind.INDEX})
    true, read = results_at(truth.graph, at), names_in(line.value)
    return CounterExample(
        line=line,
        at={_short(n): a[0] if n in inputs else a for n, a in at.items()},
        known={name: array for name, array in true.items() if name in read and name not in at},
        yours=results_at(graph, at)[line.name],
        true=true[line.name],
    )


def _short(name: str) -> str:
    """A parameter without the name of its model."""
    return name.partition(".")[2] or name


def mistake_lines(found: CounterExample, truth: Truth) -> Iterator[str]:
    """The first value that differs, at an input that shows it."""
    name, place = found.line.name, found.line.span
    yield f"{place.source.name}:{place.line}: {name} is the first value that differs"
    yield f"    yours   {numbers.tensor_text(found.yours)}   from   {name} = {written(place.text)}"
    yield f"    true    {numbers.tensor_text(found.true)}"
    yield f"    at      {at_text(found.at)}"
    if found.known:
        yield f"    where   {at_text(found.known)}"
    yield from readers_lines(found.line.of, truth)


def readers_lines(name: str, truth: Truth, *, rules: bool = False) -> Iterator[str]:
    """Who reads a value, and so sends its derivative something; with `rules`, by which rule."""
    for step in truth.readers(name):
        place = step.span
        said = step.value if place is None else f"{place.source.line_text(place.line).strip()}"
        yield f"    {name} is read in   {said}"
        if rules:
            yield f"            {step_rule(step)}"


def written(text: str) -> str:
    """An expression in one line."""
    return " ".join(text.split())
