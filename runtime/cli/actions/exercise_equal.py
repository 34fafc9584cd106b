"""Whether a line of an exercise is the derivative, and how that was found out.

First by the laws of real numbers, as an expression (`real_form.py`); where they say nothing, by
its numbers at points of every size, at 0 and at ties.  There a difference counts if rounding does
not explain it.  Where the true derivative itself jumps there is none, only a convention: a line
that is right on both sides is right, and what it gives there is told.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import field
from functools import cached_property

import numpy as np

from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph.types import Kind
from gradc_compiler.ops.leaf import Input
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.study.real_form import RealForms
from gradc_runtime.cli.actions.exercise_values import Truth, Values, results_at
from gradc_runtime.cli.actions.output import counted
from gradc_runtime.cli.actions.rounding_bound import leaves_range, rounding, within
from gradc_runtime.cli.actions.wide_points import Point, beside, wide_points

SEEDS = range(5)  # of random inputs; there an equal expression must be a number too
STEPS = (1e-6, 1e-9)  # beside a point: a jump is as high at both
BESIDE = range(4)  # directions
AS_EXPRESSION = "equal as an expression"


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFinding:
    """What was found of one line: values at which it is wrong, or how it is known to be right, and
    a kink at which it has another convention.
    """

    graph: Graph  # in which it alone is the learner's
    wrong: Values | None = field(default=None)
    how: str = field(default="")
    kink: Values | None = field(default=None)


class Judge:
    """Compares programs with the chain rule; points and what is true there are kept."""

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self.known: dict[int, Values] = {}  # what is true at the points that were asked for
        self.labels = {
            n.op.key
            for n in truth.forward.nodes
            if isinstance(n.op, Input) and n.type.kind is Kind.INDEX
        }

    @cached_property
    def near(self) -> list[Point]:
        """Points of ordinary size, and 0."""
        drawn = [self.truth.values_at(seed) for seed in SEEDS]
        zero = {n: a if n in self.labels else np.zeros_like(a) for n, a in drawn[0].items()}
        return [Point(values=values) for values in (*drawn, zero)]

    @cached_property
    def points(self) -> list[Point]:
        """All points."""
        first = self.near[0].values
        return [*self.near, *wide_points(first, self.labels)]

    def true_at(self, number: int, point: Point) -> Values:
        """What is true at the point of this number."""
        if number not in self.known:
            self.known[number] = results_at(self.truth.graph, point.values)
        return self.known[number]

    def equal_forms(self, graph: Graph, names: Collection[str]) -> set[str]:
        """The results that are equal by the laws of real numbers."""
        true = self.truth.graph
        if any(n.op.carried_by is not None for n in (*graph.nodes, *true.nodes)):
            return set()
        forms = RealForms()
        own, right = forms.numbers(graph), forms.numbers(true)
        same = {n for n in names if own[graph.results[n]] == right[true.results[n]]}
        return {n for n in same if self.first_wrong(graph, n, self.near) is None}

    def finding(self, graph: Graph, name: str) -> LineFinding:
        """What a line gives, `graph` being the program in which it alone is the learner's."""
        if self.equal_forms(graph, [name]):
            return LineFinding(graph=graph, how=AS_EXPRESSION)
        kink: Values | None = None
        for values in self.wrong_points(graph, name, self.points):
            if not self.jumps(graph, name, values):
                return LineFinding(graph=graph, wrong=values)
            kink = kink or values
        how = f"equal at {counted(len(self.points), 'point')}"
        return LineFinding(graph=graph, how=how, kink=kink)

    def first_wrong(self, graph: Graph, name: str, points: list[Point]) -> Values | None:
        """The first point at which a result is not the true one."""
        return next(self.wrong_points(graph, name, points), None)

    def wrong_points(self, graph: Graph, name: str, points: list[Point]) -> Iterator[Values]:
        """The points at which a result is not the true one."""
        for number, point in enumerate(points):
            if self.is_wrong(graph, name, point, self.true_at(number, point)[name]):
                yield point.values

    def is_wrong(self, graph: Graph, name: str, point: Point, right: np.ndarray) -> bool:
        """Whether a result is a number where it should be, and another."""
        mine = results_at(graph, point.values)[name]
        counts = np.isfinite(right) & (np.isfinite(mine) | (not point.large))
        if (within(mine, right) | ~counts).all():
            return False
        graphs = graph, self.truth.graph
        if point.large and any(leaves_range(g, point.values) for g in graphs):
            return False
        known_to = sum(self.off(g, name, point.values) for g in graphs)
        return not (within(mine, right, known_to) | ~counts).all()

    @staticmethod
    def off(graph: Graph, name: str, values: Values) -> np.ndarray:
        """How far rounding may put a result."""
        found = rounding(graph, values)[name]
        return found[0] if graph.results[name] in graph.varying else found

    def differs(self, graph: Graph, name: str, values: Values) -> bool:
        """Whether a line is wrong at a point, and not by a convention; the loss is a number."""
        true = results_at(self.truth.graph, values)
        if not all(np.isfinite(array).all() for array in true.values()):
            return False
        point = Point(values=values)
        wrong = self.is_wrong(graph, name, point, true[name])
        return wrong and not self.jumps(graph, name, values)

    def jumps(self, graph: Graph, name: str, values: Values) -> bool:
        """Whether the true derivative jumps at a point beside which the line is right."""
        here = results_at(self.truth.graph, values)[name]
        heights = []
        for step in STEPS:
            most = 0.0
            for seed in BESIDE:
                point = Point(values=beside(values, self.labels, seed, step))
                there = results_at(self.truth.graph, point.values)[name]
                if self.is_wrong(graph, name, point, there):
                    return False
                most = max(most, float(np.max(np.abs(there - here))))
            heights.append(most)
        return heights[1] > 0.5 * heights[0] > 0
