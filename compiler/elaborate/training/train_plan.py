"""The shape of a `train` block before it has a meaning: which statements make up which step."""

from __future__ import annotations

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.models.settings import Rules
from gradc_compiler.elaborate.names.scope import Scope
from gradc_compiler.graph.types import TensorType
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.syntax.grammar.tree import (
    Descend,
    Minimize,
    Over,
    Report,
    Statement,
    Step,
    Train,
)

OF_ONE_STEP = (Minimize, Descend, Over)


@dataclass(frozen=True)
class StepPlan:
    """One step: the statements it shares with the others, and its own."""

    name: str
    prefix: str  # of its optimizer's states: the step's name where there are several
    span: Span
    fields: tuple[tuple[str, TensorType, Span], ...]  # of the data
    statements: tuple[Statement, ...]

    def check(self, minimizes: bool, descends: bool, rules: Rules, scope: Scope) -> None:
        """A step has a loss or directions, not both, and an optimizer."""
        if minimizes and descends:
            raise scope.fault("E0602", "a step either minimizes or descends", self.span)
        if not minimizes and not descends:
            raise scope.fault(
                "E0601",
                f"`{self.name}` minimizes nothing",
                self.span,
                hint="minimize squared_error(...)",
            )
        if rules.optimizer is None:
            raise scope.fault(
                "E0603", f"`{self.name}` has no optimizer", self.span, hint="using sgd(lr = 0.01)"
            )


def head_span(train: Train) -> Span:
    """`train on digits`."""
    return Span(source=train.span.source, start=train.span.start, end=train.data.span.end)


def plans(
    train: Train, fields: tuple[tuple[str, TensorType, Span], ...], scope: Scope
) -> list[StepPlan]:
    """The steps of a block in order; one of the name `train` where it has no `step`."""
    steps = [s for s in train.body if isinstance(s, Step)]
    common = tuple(s for s in train.body if not isinstance(s, Step))
    if not steps:
        _check_once(common, scope)
        return [StepPlan("train", "", head_span(train), fields, common)]
    _check_steps(steps, common, scope)
    shared = tuple(s for s in common if not isinstance(s, OF_ONE_STEP))
    of_later = tuple(s for s in shared if not isinstance(s, Report))
    several, result = len(steps) > 1, []
    for k, step in enumerate(steps):
        statements = (*(of_later if k else shared), *step.body)
        prefix = f"{step.name}." if several else ""
        result.append(StepPlan(step.name, prefix, step.name_span, fields, statements))
    return result


def _check_steps(steps: list[Step], common: tuple[Statement, ...], scope: Scope) -> None:
    """E0605 where what belongs in a step stands beside them, E0202 where two have one name."""
    for statement in common:
        if isinstance(statement, OF_ONE_STEP):
            scope.report(
                scope.fault(
                    "E0605",
                    f"`{statement.span.text.split(maxsplit=1)[0]}` belongs in a step",
                    statement.span,
                    secondary=[(steps[0].name_span, "this block has steps")],
                    hint="move it into the braces of a step",
                )
            )
    for step in steps:
        first = next(s for s in steps if s.name == step.name)
        if first is not step:
            message, firstly = f"there are two steps `{step.name}`", (first.name_span, "first here")
            place = step.name_span
            scope.report(scope.fault("E0202", message, place, "again here", secondary=[firstly]))
        _check_once(step.body, scope)


def _check_once(body: tuple[Statement, ...], scope: Scope) -> None:
    found = [s for s in body if isinstance(s, Minimize)]
    if len(found) > 1:
        scope.report(
            scope.fault(
                "E0602",
                "a step minimizes one thing",
                found[1].span,
                "a second one",
                secondary=[(found[0].span, "the first")],
                hint="add them up, or write two steps",
            )
        )
