"""Which lines of an exercise are right, and for the first that is wrong a smallest input.

Any spelling of the same mathematics is right (`exercise_equal.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field

import numpy as np

from gradc_compiler.diagnostics.source import CompileError
from gradc_compiler.elaborate.types.fixits import names_in
from gradc_compiler.graph.graph import Graph
from gradc_compiler.ops.leaf import Input
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.study import numbers
from gradc_compiler.study.step_rule import step_rule
from gradc_runtime.cli.actions.counter_example import at_text, smallest
from gradc_runtime.cli.actions.exercise_equal import AS_EXPRESSION, Judge, LineFinding
from gradc_runtime.cli.actions.exercise_text import DerivativeLine
from gradc_runtime.cli.actions.exercise_values import Attempt, Truth, Values, results_at
from gradc_runtime.cli.actions.wide_points import Point
from gradc_runtime.cli.faults import Refused

KINK_TRIES = 60  # evaluations for a simpler kink


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

    right: Mapping[str, str]  # how each is known to be
    wrong: Sequence[str]
    open: Sequence[str]
    mistake: CounterExample | None = field(default=None)
    kinks: Sequence[CounterExample] = ()  # where right lines have another convention

    @property
    def done(self) -> bool:
        """Whether every line is right."""
        return not self.wrong and not self.open


def verdict_on(attempt: Attempt, truth: Truth) -> Verdict:
    """Every line judged by itself.

    Raises `CompileError` for a line that does not compile, `Refused` for a file that is no longer
    the exercise.
    """
    judge = Judge(truth)
    graph = _compiled(attempt, truth)
    if judge.first_wrong(graph, "loss", judge.near) is not None:
        raise Refused(
            f"{attempt.source.name}: loss is another than the exercise's; the lines above the "
            "derivative are given"
        )
    found = _findings(attempt, judge, graph)
    wrong = [name for name, finding in found.items() if finding.wrong is not None]
    first = wrong[0] if wrong else None
    kinks = {name: finding for name, finding in found.items() if finding.kink is not None}
    return Verdict(
        right={name: finding.how for name, finding in found.items() if name not in wrong},
        wrong=wrong,
        open=[name for name, line in attempt.lines.items() if line.is_open],
        mistake=_counter_example(attempt.lines[first], found[first], judge) if first else None,
        kinks=[_at_kink(attempt.lines[name], finding, judge) for name, finding in kinks.items()],
    )


def _findings(attempt: Attempt, judge: Judge, graph: Graph) -> dict[str, LineFinding]:
    """What is found of each line; `graph` has all of the learner's lines at once.

    Where all of those are equal as expressions, each is by itself too.
    """
    names = attempt.filled
    if judge.equal_forms(graph, names) == {*names}:
        return {name: LineFinding(graph=graph, how=AS_EXPRESSION) for name in names}
    return {name: judge.finding(attempt.program(judge.truth, [name]), name) for name in names}


def _compiled(attempt: Attempt, truth: Truth) -> Graph:
    """The program with answers in the open lines; a fault is told of the line that it is in."""
    try:
        return attempt.program(truth, attempt.filled)
    except CompileError:
        for name in attempt.filled:
            attempt.program(truth, [name])
        raise


def _counter_example(line: DerivativeLine, found: LineFinding, judge: Judge) -> CounterExample:
    """The smallest that is found."""
    assert found.wrong is not None, "asked of wrong lines only"
    at = smallest(
        lambda values: judge.differs(found.graph, line.name, values), found.wrong, judge.labels
    )
    return _shown(line, found.graph, at, judge.truth)


def _at_kink(line: DerivativeLine, found: LineFinding, judge: Judge) -> CounterExample:
    """A kink at which a line has another convention, the smallest that is found."""
    assert found.kink is not None, "asked of such lines only"

    def is_kink(values: Values) -> bool:
        true = results_at(judge.truth.graph, values)[line.name]
        wrong = judge.is_wrong(found.graph, line.name, Point(values=values), true)
        return wrong and judge.jumps(found.graph, line.name, values)

    at = smallest(is_kink, found.kink, judge.labels, KINK_TRIES)
    return _shown(line, found.graph, at, judge.truth)


def _shown(line: DerivativeLine, graph: Graph, at: Values, truth: Truth) -> CounterExample:
    """A line and what is true of it at some values, the inputs by the names that they have."""
    true, read = results_at(truth.graph, at), names_in(line.value)
    inputs = {n.op.key for n in truth.forward.nodes if isinstance(n.op, Input)}
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
    if numbers.tensor_text(found.yours) == numbers.tensor_text(found.true):
        apart = float(np.nanmax(np.abs(found.yours - found.true)))
        yield f"    apart   by {numbers.number(apart)}, more than rounding explains"
    yield f"    at      {at_text(found.at)}"
    if found.known:
        yield f"    where   {at_text(found.known)}"
    yield from readers_lines(found.line.of, truth)


def kink_lines(found: CounterExample) -> Iterator[str]:
    """What a right line gives where the derivative jumps, and what the convention is."""
    name, place = found.line.name, found.line.span
    yield f"{place.source.name}:{place.line}: {name} is right beside a kink, and another at it"
    yield f"    yours        {numbers.tensor_text(found.yours)}"
    yield f"    by gradc     {numbers.tensor_text(found.true)}, a convention where none exists"
    yield f"    at           {at_text(found.at)}"


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
