"""`train`: what is minimised, over which parameters, how, and what is reported.

The block is read twice for each step, for evaluation and for training; the graph of the gradients
and that of the update begin with the same nodes.  The registry and the paths make both readings
speak of the same parameters.
"""

from __future__ import annotations

from collections.abc import Mapping

from gradc_compiler.diagnostics.source import CompileError, Span
from gradc_compiler.elaborate.expressions.context import ElaborationContext
from gradc_compiler.elaborate.models.models import field_input
from gradc_compiler.elaborate.models.module import StepGraphs, StepInfo
from gradc_compiler.elaborate.models.settings import Rules, computed_settings, in_words
from gradc_compiler.elaborate.names.problems import ErrorAlreadyReported, SpecError
from gradc_compiler.elaborate.names.scope import GraphContext
from gradc_compiler.elaborate.names.values import Duration
from gradc_compiler.elaborate.training.optimizers import update
from gradc_compiler.elaborate.training.predictions import predictions
from gradc_compiler.elaborate.training.train_plan import StepPlan
from gradc_compiler.elaborate.training.train_step import Reading, file_error, uniform
from gradc_compiler.graph.graph import Graph, Value
from gradc_compiler.graph.outputs import OutputKey, Role, Tagged, with_role
from gradc_compiler.ops.index import Increment
from gradc_compiler.ops.leaf import Constant
from gradc_compiler.program.program import Meaning
from gradc_compiler.transform.differentiate import differentiate


def _read(plan: StepPlan, session: ElaborationContext, *, training: bool) -> Reading:
    run = session.run(training=training)
    scope = session.scope(run, "train")
    run.builder.span = plan.span
    for name, type, span in plan.fields:
        run.builder.span = span
        scope.names[name] = field_input(name, type, scope)
        if isinstance(type.time, str):
            scope.names.setdefault(type.time, Duration(type.time))
    return Reading(plan, scope, session).read()


def build_step(
    plan: StepPlan, session: ElaborationContext
) -> tuple[StepGraphs, StepInfo, Rules] | None:
    """The graphs of a step; None after an error."""
    evaluation = _read(plan, session, training=False)
    training = _read(plan, session, training=True)
    if not (evaluation.sound and training.sound):
        return None
    try:
        plan.check(
            training.loss is not None, bool(training.descents), training.rules, training.scope
        )
        over = tuple(_over(training))
        graphs = _graphs(evaluation, training, over)
    except (SpecError, ErrorAlreadyReported, CompileError) as error:
        file_error(error, session)
        return None
    return graphs, _info(evaluation, training, over, session), training.rules


def _graphs(evaluation: Reading, training: Reading, over: tuple[str, ...]) -> StepGraphs:
    """The graphs of a step from its two readings; the update comes last, as it moves states."""
    run = training.scope.run
    found, uses = _gradients(training, over), tuple(run.uses)
    with run.aside():
        gradients = _gradient_graph(training, found)
        derived = _training_graph(training, found)
    return StepGraphs(
        step=_step_graph(training, found),
        gradients=gradients,
        training=derived,
        evaluate=_graph(evaluation.scope.run, _losses(evaluation, mean=False)),
        predict=_prediction_graph(evaluation),
        uses=uses,
    )


def _prediction_graph(evaluation: Reading) -> Graph | None:
    """What the loss compares with fields, as a graph that reads none but what it is made from."""
    found = {name: value for name, (_, value) in _predictions(evaluation).items()}
    if not found:
        return None
    return _graph(evaluation.scope.run, with_role(Role.PREDICTION, found))


def _predictions(evaluation: Reading) -> Mapping[str, tuple[Meaning, Value]]:
    run = evaluation.scope.run
    return predictions(run.builder, evaluation.loss, run.uses)


def _info(
    evaluation: Reading, training: Reading, over: tuple[str, ...], session: ElaborationContext
) -> StepInfo:
    """The description of a step, without its graphs."""
    return StepInfo(
        name=training.plan.name,
        over=over,
        using=in_words(training.rules),
        rules=training.rules,
        reports=tuple(training.reports),
        descends=bool(training.descents),
        schedules=session.registry.schedules.get(training.plan.prefix),
        predicted={name: meaning for name, (meaning, _) in _predictions(evaluation).items()},
    )


def _over(reading: Reading) -> list[str]:
    """The parameters a step moves: those named, or all that its loss depends on."""
    if reading.descents:
        return list(reading.descents)
    registry, run = reading.scope.run.registry, reading.scope.run
    assert reading.loss is not None, "a step without a loss was reported"
    used = run.builder.graph({}).reachable([reading.loss.id])
    found = [
        d.name for d in registry.parameters() if d.name in run.read and run.read[d.name].id in used
    ]
    if reading.over is not None:
        return _named(reading, reading.over, found)
    if not found:
        raise reading.scope.fault(
            "E0604",
            "there is nothing to train: the loss uses no parameter",
            reading.loss_span or reading.plan.span,
        )
    return found


def _named(reading: Reading, over: list[tuple[Span, list[str]]], used: list[str]) -> list[str]:
    """The parameters named by `over`; E0610 for each target that the loss does not depend on."""
    idle = [span for span, names in over if not set(names) & set(used)]
    for span in idle:
        reading.scope.report(
            reading.scope.fault(
                "E0610",
                f"this step cannot move `{span.text}`: its loss does not depend on it",
                span,
                secondary=[(reading.loss_span or reading.plan.span, "this is minimized")],
                hint=_instead(used),
            )
        )
    if idle:
        raise ErrorAlreadyReported
    return list(dict.fromkeys(name for _, names in over for name in names))


def _instead(used: list[str]) -> str:
    """Which models a loss depends on."""
    models = list(dict.fromkeys(name.split(".")[0] for name in used))
    return f"it depends on {', '.join(models)}" if models else "it depends on no parameter"


def _gradients(reading: Reading, over: tuple[str, ...]) -> dict[str, Value]:
    if reading.descents:
        return reading.descents
    assert reading.loss is not None, "a step without a loss was reported"
    run = reading.scope.run
    parameters = [run.persistent(n, run.registry.declared[n].type) for n in over]
    found = differentiate(run.builder, reading.loss, parameters, mean=True)
    if all(isinstance(g.node.op, Constant) and g.node.op.value == 0 for g in found):
        raise _no_derivative(reading)
    return dict(zip(over, map(uniform, found), strict=True))


def _no_derivative(reading: Reading) -> SpecError:
    """Every derivative of the loss is 0 wherever it is taken."""
    return reading.scope.fault(
        "E0503",
        "the derivative of this by every parameter is 0",
        reading.loss_span or reading.plan.span,
        hint="argmax, floor, comparisons and accuracy jump, and a jump has no slope; "
        "minimize cross_entropy(...) or another smooth loss",
    )


def _losses(reading: Reading, *, mean: bool) -> dict[OutputKey, Value]:
    """The loss and the reports; a step without a loss has its first report, or 0."""
    loss = reading.loss
    if loss is None:
        loss = next(iter(reading.reports.values()), None) or reading.scope.run.builder.constant(0.0)
    found: dict[OutputKey, Value] = {"loss": loss, **with_role(Role.REPORT, reading.reports)}
    return {name: uniform(v) for name, v in found.items()} if mean else found


def _gradient_graph(reading: Reading, gradients: Mapping[str, Value]) -> Graph:
    loss = _losses(reading, mean=True)["loss"]
    return _graph(reading.scope.run, {"loss": loss, **with_role(Role.GRADIENT, gradients)})


def _training_graph(reading: Reading, gradients: Mapping[str, Value]) -> Graph:
    """All that a training step computes before the optimizer has its turn; see `Module`."""
    outputs = _losses(reading, mean=False)
    outputs |= with_role(Role.GRADIENT, gradients)
    outputs |= with_role(Role.UPDATE, reading.scope.run.updates)
    settings = {str(k): v for k, v in enumerate(computed_settings(reading.rules))}
    outputs |= with_role(Role.SETTING, settings)
    return _graph(reading.scope.run, outputs)


def _step_graph(reading: Reading, gradients: dict[str, Value]) -> Graph:
    scope = reading.scope
    run = scope.run
    update(gradients, reading.rules, reading.plan.prefix, scope)
    outputs = _losses(reading, mean=True) | with_role(Role.UPDATE, run.updates)
    outputs[Tagged(Role.UPDATE, "step")] = run.builder.add(Increment(), run.counters()[1])
    return _graph(run, outputs)


def _graph(run: GraphContext, outputs: dict[OutputKey, Value]) -> Graph:
    return run.builder.graph({name: v.id for name, v in outputs.items()})
