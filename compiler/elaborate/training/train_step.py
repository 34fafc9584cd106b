"""The clauses of one step, read into one graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import field
from typing import TypeVar

from gradc_compiler.diagnostics.source import CompileError, Span
from gradc_compiler.elaborate.expressions.context import ElaborationContext
from gradc_compiler.elaborate.functions.arithmetic import to_value
from gradc_compiler.elaborate.functions.sequences import of_types
from gradc_compiler.elaborate.layers.body import declared_names, run_statement
from gradc_compiler.elaborate.models.settings import SETTINGS, Rules, read_setting, read_using
from gradc_compiler.elaborate.names.library import prelude
from gradc_compiler.elaborate.names.problems import ErrorAlreadyReported, SpecError, require_sound
from gradc_compiler.elaborate.names.scope import Scope
from gradc_compiler.elaborate.names.values import Poison
from gradc_compiler.elaborate.parameters.parameter_groups import group_path
from gradc_compiler.elaborate.parameters.parameters import fit
from gradc_compiler.elaborate.parameters.recurrence import check_closed
from gradc_compiler.elaborate.training.train_plan import StepPlan
from gradc_compiler.elaborate.types.show_types import describe
from gradc_compiler.graph.graph import Value
from gradc_compiler.graph.op import TypeFault
from gradc_compiler.ops.reduce import BatchMean
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.syntax.grammar.tree import (
    Along,
    Argument,
    Assign,
    Call,
    Descend,
    Expr,
    Minimize,
    Name,
    Over,
    Report,
    Setting,
    Statement,
    Tree,
    Using,
)
from gradc_compiler.syntax.grammar.unparse import unparse

T = TypeVar("T", bound=Tree)


@dataclass
class Reading:
    """One step's clauses in one graph."""

    plan: StepPlan
    scope: Scope
    session: ElaborationContext
    rules: Rules = field(default_factory=Rules)
    loss: Value | None = None
    loss_span: Span | None = None
    reports: dict[str, Value] = field(default_factory=dict)
    report_spans: dict[str, Span] = field(default_factory=dict)
    over: list[tuple[Span, list[str]]] | None = None  # what is named, and its parameters
    descents: dict[str, Value] = field(default_factory=dict)
    sound: bool = True

    def read(self) -> Reading:
        """Elaborate every statement, in order."""
        for statement in self.plan.statements:
            self.scope.run.builder.span = statement.span
            self._guarded([statement], self._read)
        check_closed(self.scope)
        if self.loss is not None and self.reports.get("loss", self.loss).id != self.loss.id:
            self._report_hides_loss()
        return self

    def _report_hides_loss(self) -> None:
        """E0611: a report called `loss` would have the loss's name among the metrics."""
        self.sound = False
        assert self.loss_span is not None, "what is minimized stands somewhere"
        fault = self.scope.fault(
            "E0611",
            "a report called `loss` would take the place of what is minimized",
            self.report_spans["loss"],
            secondary=[(self.loss_span, "this is the loss")],
            hint="give it another name: report error = ...",
        )
        self.scope.report(fault)

    def _guarded(self, items: Iterable[T], read: Callable[[T], None]) -> None:
        """Read each item; an error in one leaves the others to be checked."""
        for item in items:
            try:
                read(item)
            except (SpecError, ErrorAlreadyReported, CompileError) as error:
                self.sound = False
                file_error(error, self.session)
            except TypeFault as fault:
                self.sound = False
                self.scope.report(of_types(fault, item.span, self.scope))

    def _read(self, statement: Statement) -> None:
        match statement:
            case Minimize(value=value):
                self.loss, self.loss_span = self._scalar(value, "E0606", "minimize"), value.span
            case Report(items=items):
                self._guarded(items, self._report)
            case Using(items=parts):
                self._guarded(parts, self._use)
            case Setting():
                read_setting(statement, self.rules, self.scope)
            case Over(targets=targets):
                self.over = self.over or []
                self._guarded(targets, self._train_over)
            case Descend(pairs=pairs):
                self._guarded(pairs, self._descend)
            case Assign(targets=(Name(name=name),), value=value) if name in SETTINGS:
                raise self.scope.fault(
                    "E0403",
                    f"`{name}` is a setting, and `=` only gives a name a value",
                    statement.span,
                    hint=f"write `{name} {value.span.text}`",
                )
            case _:
                self._run(statement)

    def _run(self, statement: Statement) -> None:
        run_statement(statement, self.scope)
        names = self.scope.names
        if any(isinstance(names.get(n), Poison) for n in declared_names(statement)):
            self.sound = False

    def _report(self, item: Argument) -> None:
        """A report moves no state, and sees all of them as they are before the step."""
        run = self.scope.run
        moved, run.updates, run.reporting = run.updates, {}, True
        try:
            value = self._scalar(item.value, "E0609", "report")
        finally:
            run.updates, run.reporting = moved, False
        name = _report_name(item, self.reports)
        self.reports[name] = value
        self.report_spans[name] = item.span

    def _use(self, item: Expr | Setting) -> None:
        read_using(item, self.rules, self.scope, self.session)

    def _train_over(self, tree: Expr) -> None:
        assert self.over is not None, "set where `over` begins"
        self.over.append((tree.span, self._parameters(tree)))

    def _scalar(self, tree: Expr, code: str, word: str) -> Value:
        meaning = self.scope.evaluate(tree)
        require_sound(meaning)
        value = to_value(meaning, self.scope, tree.span)
        if value.shape:
            raise self.scope.fault(
                code,
                f"{word} takes a scalar, this is {value.type}",
                tree.span,
                hint="sum(...) or mean(...) makes a scalar of it",
            )
        if value.type.time is not None:  # an example counts as the mean of its elements
            mean = self.scope.call(prelude().find("time_mean"), [value], tree.span)
            require_sound(mean)
            return to_value(mean, self.scope, tree.span)
        return value

    def _parameters(self, tree: Expr) -> list[str]:
        meaning = self.scope.evaluate(tree)
        require_sound(meaning)
        path = group_path(meaning)
        names = [d.name for d in self.scope.run.registry.below(path)] if path else []
        if not names:
            message = f"{describe(meaning)} has no parameters to train"
            raise self.scope.absent(path, self.scope.fault("E0604", message, tree.span))
        return names

    def _descend(self, pair: Along) -> None:
        names = self._parameters(pair.parameter)
        if len(names) != 1:
            raise self.scope.fault(
                "E0604",
                "descend moves one parameter along each direction",
                pair.parameter.span,
                f"this is {len(names)} parameters",
            )
        meaning = self.scope.evaluate(pair.direction)
        require_sound(meaning)
        type = self.scope.run.registry.declared[names[0]].type
        g = fit(
            to_value(meaning, self.scope, pair.direction.span),
            type,
            pair.direction.span,
            self.scope,
            pair.parameter.span,
        )
        self.descents[names[0]] = uniform(g)


def file_error(error: Exception, session: ElaborationContext) -> None:
    match error:
        case SpecError(diagnostic=diagnostic):
            session.problems.add(diagnostic)
        case CompileError(diagnostics=diagnostics):
            for diagnostic in diagnostics:
                session.problems.add(diagnostic)


def _report_name(item: Argument, taken: dict[str, Value]) -> str:
    """The given name, or that of the function reported."""
    name = item.name
    if name is None:
        called = item.value.function if isinstance(item.value, Call) else item.value
        name = called.name if isinstance(called, Name) else unparse(called).replace('"', "'")
    number, unique = 2, name
    while unique in taken:
        unique, number = f"{name}{number}", number + 1
    return unique


def uniform(value: Value) -> Value:
    """A value's mean over the batch; itself where all examples agree."""
    return value.builder.add(BatchMean(), value) if value.builder.is_varying(value) else value
