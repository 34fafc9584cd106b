"""The clauses of one step, read into one graph."""

from __future__ import annotations

from dataclasses import dataclass, field

from compiler.elaborate.arithmetic import to_value
from compiler.elaborate.body import declared_names, run_statement
from compiler.elaborate.groups import group_path
from compiler.elaborate.parameters import fit
from compiler.elaborate.plan import StepPlan
from compiler.elaborate.problems import Fault, Silenced, require_sound
from compiler.elaborate.scope import Scope
from compiler.elaborate.session import Session
from compiler.elaborate.settings import Rules, read_setting, read_using
from compiler.elaborate.values import POISON, describe
from compiler.graph.graph import Value
from compiler.ops.reduce import BatchMean
from compiler.source import CompileError
from compiler.syntax.tree import (
    Along,
    Argument,
    Call,
    Descend,
    Expr,
    Minimize,
    Name,
    Over,
    Report,
    Setting,
    Statement,
    Using,
)


@dataclass
class Reading:
    """One step's clauses in one graph."""

    plan: StepPlan
    scope: Scope
    session: Session
    rules: Rules = field(default_factory=Rules)
    loss: Value | None = None
    reports: dict[str, Value] = field(default_factory=dict)
    over: list[str] | None = None
    descents: dict[str, Value] = field(default_factory=dict)
    sound: bool = True

    def read(self) -> Reading:
        """Elaborate every statement, in order."""
        builder = self.scope.run.builder
        for statement in self.plan.statements:
            builder.span = statement.span
            try:
                self._read(statement)
            except (Fault, Silenced, CompileError) as error:
                self.sound = False
                file_error(error, self.session)
        return self

    def _read(self, statement: Statement) -> None:
        scope = self.scope
        match statement:
            case Minimize(value=value):
                self.loss = self._scalar(value, "E0606", "minimize")
            case Report(items=items):
                for item in items:
                    self.reports[_report_name(item, self.reports)] = self._scalar(
                        item.value, "E0609", "report"
                    )
            case Using():
                read_using(statement, self.rules, scope, self.session)
            case Setting():
                read_setting(statement, self.rules, scope)
            case Over(targets=targets):
                self.over = [*(self.over or []), *(n for t in targets for n in self._parameters(t))]
            case Descend(pairs=pairs):
                for pair in pairs:
                    self._descend(pair)
            case _:
                run_statement(statement, scope)
                if any(scope.names.get(n) is POISON for n in declared_names(statement)):
                    self.sound = False

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
        return value

    def _parameters(self, tree: Expr) -> list[str]:
        meaning = self.scope.evaluate(tree)
        require_sound(meaning)
        path = group_path(meaning)
        names = [d.name for d in self.scope.run.registry.below(path)] if path else []
        if not names:
            raise self.scope.fault(
                "E0604", f"{describe(meaning)} has no parameters to train", tree.span
            )
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
        )
        self.descents[names[0]] = uniform(g)


def file_error(error: Exception, session: Session) -> None:
    match error:
        case Fault(diagnostic=diagnostic):
            session.problems.add(diagnostic)
        case CompileError(diagnostics=diagnostics):
            for diagnostic in diagnostics:
                session.problems.add(diagnostic)


def _report_name(item: Argument, taken: dict[str, Value]) -> str:
    """The given name, or that of the function reported."""
    name = item.name
    if name is None:
        called = item.value.function if isinstance(item.value, Call) else item.value
        name = called.name if isinstance(called, Name) else called.span.text
    number, unique = 2, name
    while unique in taken:
        unique, number = f"{name}{number}", number + 1
    return unique


def uniform(value: Value) -> Value:
    """A value's mean over the batch; itself where all examples agree."""
    return value.builder.add(BatchMean(), value) if value.builder.is_varying(value) else value
