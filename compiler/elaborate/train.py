"""`train`: what is minimised, over which parameters, how, and what is reported.

The block is read three times for each step, into the graph of the update, of the gradients alone
and of evaluation; the registry and the paths make all three speak of the same parameters.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from compiler.differentiate import differentiate
from compiler.elaborate.arithmetic import to_value
from compiler.elaborate.body import declared_names, run_statement
from compiler.elaborate.calls import group_path
from compiler.elaborate.module import StepGraphs, StepInfo
from compiler.elaborate.optimizers import update
from compiler.elaborate.parameters import fit
from compiler.elaborate.plan import StepPlan
from compiler.elaborate.problems import Fault, Silenced, require_sound
from compiler.elaborate.scope import Run, Scope
from compiler.elaborate.session import Session
from compiler.elaborate.settings import Rules, read_setting, read_using
from compiler.elaborate.values import POISON, describe
from compiler.graph.graph import Graph, Value
from compiler.ops.leaf import Input
from compiler.ops.reduce import BatchMean
from compiler.source import CompileError
from compiler.syntax.tree import (
    Along, Argument, Call, Descend, Expr, Minimize, Name, Over, Report, Setting, Statement, Using,
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
                _file(error, self.session)
        return self

    def _read(self, statement: Statement) -> None:
        scope = self.scope
        match statement:
            case Minimize(value=value):
                self.loss = self._scalar(value, "E0606", "minimize")
            case Report(items=items):
                for item in items:
                    self.reports[_report_name(item, self.reports)] = self._scalar(item.value, "E0609", "report")
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
            raise self.scope.fault(code, f"{word} takes a scalar, this is {value.type}", tree.span,
                                   hint="sum(...) or mean(...) makes a scalar of it")
        return value

    def _parameters(self, tree: Expr) -> list[str]:
        meaning = self.scope.evaluate(tree)
        require_sound(meaning)
        path = group_path(meaning)
        names = [d.name for d in self.scope.run.registry.below(path)] if path else []
        if not names:
            raise self.scope.fault("E0604", f"{describe(meaning)} has no parameters to train", tree.span)
        return names

    def _descend(self, pair: Along) -> None:
        names = self._parameters(pair.parameter)
        if len(names) != 1:
            raise self.scope.fault("E0604", "descend moves one parameter along each direction",
                                   pair.parameter.span, f"this is {len(names)} parameters")
        meaning = self.scope.evaluate(pair.direction)
        require_sound(meaning)
        type = self.scope.run.registry.declared[names[0]].type
        g = fit(to_value(meaning, self.scope, pair.direction.span), type, pair.direction.span, self.scope)
        self.descents[names[0]] = uniform(g)


def _file(error: Exception, session: Session) -> None:
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


def build_step(plan: StepPlan, session: Session) -> tuple[StepGraphs, StepInfo, Rules] | None:
    """The three graphs of a step; None after an error."""
    evaluation = _read(plan, session, training=False)
    training = _read(plan, session, training=True)
    gradients = _read(plan, session, training=True)
    if not (evaluation.sound and training.sound and gradients.sound):
        return None
    try:
        plan.check(training.loss is not None, bool(training.descents), training.rules, training.scope)
        over = tuple(_over(training))
        graphs = StepGraphs(
            step=_step_graph(training, over), gradients=_gradient_graph(gradients, over),
            evaluate=_graph(evaluation.scope.run, _losses(evaluation, mean=False)))
    except (Fault, Silenced, CompileError) as error:
        _file(error, session)
        return None
    return graphs, StepInfo(name=plan.name, over=over, reports=tuple(training.reports)), training.rules


def _read(plan: StepPlan, session: Session, *, training: bool) -> Reading:
    run = session.run(training=training)
    scope = session.scope(run, "train")
    run.builder.span = plan.span
    for name, type, span in plan.fields:
        run.builder.span = span
        scope.names[name] = run.builder.add(Input(name, type.shape, type.classes), name=name)
    return Reading(plan, scope, session).read()


def _over(reading: Reading) -> list[str]:
    """The parameters a step moves: those named, or all that its loss depends on."""
    if reading.descents:
        return list(reading.descents)
    registry, run = reading.scope.run.registry, reading.scope.run
    assert reading.loss is not None, "a step without a loss was reported"
    if reading.over is not None:
        return list(dict.fromkeys(reading.over))
    used = run.builder.graph({}).reachable([reading.loss.id])
    found = [d.name for d in registry.parameters() if d.name in run.read and run.read[d.name].id in used]
    if not found:
        raise reading.scope.fault("E0604", "there is nothing to train: the loss uses no parameter",
                                  reading.loss.node.span or reading.plan.span)
    return found


def _gradients(reading: Reading, over: tuple[str, ...]) -> dict[str, Value]:
    if reading.descents:
        return reading.descents
    assert reading.loss is not None, "a step without a loss was reported"
    run = reading.scope.run
    parameters = [run.persistent(n, run.registry.declared[n].type) for n in over]
    found = differentiate(run.builder, reading.loss, parameters, mean=True)
    return dict(zip(over, map(uniform, found), strict=True))


def _losses(reading: Reading, *, mean: bool) -> dict[str, Value]:
    """The loss and the reports; a step without a loss has its first report, or 0."""
    loss = reading.loss
    if loss is None:
        loss = next(iter(reading.reports.values()), None) or reading.scope.run.builder.constant(0.0)
    found = {"loss": loss, **{f"report/{n}": v for n, v in reading.reports.items()}}
    return {name: uniform(v) for name, v in found.items()} if mean else found


def _gradient_graph(reading: Reading, over: tuple[str, ...]) -> Graph:
    gradients = _gradients(reading, over)
    outputs = {"loss": _losses(reading, mean=True)["loss"]}
    return _graph(reading.scope.run, outputs | {f"gradient/{n}": g for n, g in gradients.items()})


def _step_graph(reading: Reading, over: tuple[str, ...]) -> Graph:
    scope = reading.scope
    run = scope.run
    update(_gradients(reading, over), reading.rules, reading.plan.prefix, scope)
    outputs = _losses(reading, mean=True) | {f"update/{n}": v for n, v in run.updates.items()}
    outputs["update/step"] = run.counters()[1] + 1.0
    return _graph(run, outputs)


def _graph(run: Run, outputs: dict[str, Value]) -> Graph:
    return run.builder.graph({name: v.id for name, v in outputs.items()})

