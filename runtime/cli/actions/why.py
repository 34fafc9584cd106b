"""What `gradc why` and `gradc kinks` do: questions to a gradient."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gradc_compiler.pipeline import Compilation
from gradc_compiler.study.loss_as_written import WrittenLoss, loss_as_written
from gradc_compiler.study.questions import (
    Cut,
    Kink,
    backward_readers,
    cuts,
    forward_readers,
    kink_nodes,
    kinks,
    on_ways,
)
from gradc_compiler.study.step_rule import step_rule
from gradc_runtime.cli.actions.derive import derivation_of, target_of
from gradc_runtime.cli.actions.output import console, counted, table, tell, write, write_json
from gradc_runtime.cli.actions.request import Request
from gradc_runtime.cli.actions.why_made import made_by
from gradc_runtime.cli.actions.why_paths import gradient_at, paths
from gradc_runtime.cli.actions.with_weights import session_with_weights
from gradc_runtime.cli.faults import Refused
from gradc_runtime.session.state import suggestion

MOST_KINKS = 4  # that are named
CUTTING = ("maximum", "minimum", "where", "abs", "max")  # send nothing to some operand
QUESTIONS = ("no_gradient", "path", "who_reads", "made")


def why(spec: Path, inputs: Mapping[str, str], given: Mapping[str, Any]) -> int:
    """Answer one question.

    Raises `Refused` unless exactly one is asked.
    """
    asked = [question for question in QUESTIONS if given[question]]
    if len(asked) != 1:
        raise Refused(
            "ask one question: --no-gradient NAME, --path FROM TO, --who-reads NAME or --made NAME"
        )
    made, session, _ = session_with_weights(Request.of(spec, given), given, dtype="float64")
    match asked[0]:
        case "no_gradient":
            lines = [*no_gradient(made, session, inputs, given)]
        case "path":
            lines = [*paths(made, session, inputs, given)]
        case "made":
            lines = [*made_by(made, session, inputs, given)]
        case _:
            lines = [*who_reads(made, given["who_reads"], given)]
    if given["as_json"]:
        write_json({"question": asked[0], "answer": lines})
    else:
        tell("\n".join(lines))
    return 0


def written_loss(made: Compilation, given: Mapping[str, Any]) -> WrittenLoss:
    """The loss of the step that is asked about."""
    loss = target_of(made, {**given, "of": None, "model": None})
    return loss_as_written(loss.graph, loss.id, loss.name, loss.results)


def no_gradient(
    made: Compilation, session: Any, inputs: Mapping[str, str], given: Mapping[str, Any]
) -> Iterator[str]:
    """Where the derivative is cut, or that it is not; at given inputs, where it is 0.

    Raises `Refused` for a name of nothing.
    """
    name, written = given["no_gradient"], written_loss(made, given)
    keys = {getattr(n.op, "key", None): n.id for n in written.graph.nodes}
    id = keys.get(name, written.named(name))
    if id is None:
        yield from _not_read(made, written, name)
        return
    if untrained := [*_over(made, written, id, given)]:
        yield from untrained
        return
    found = cuts(written.graph, written.names, id, written.target)
    yield from map(cut_text, found)
    if found or id == written.target:
        return
    if inputs:
        yield from gradient_at(made, session, inputs, {**given, "path": ("loss", name)})
        return
    yield f"{name} has a gradient: gradc why SPEC --path loss {name} shows the ways to it"
    yield from bending(written, id)


def bending(written: WrittenLoss, id: int) -> Iterator[str]:
    """The kinks on the way to a value, which may cut it at some inputs."""
    way = on_ways(written.graph, id, written.target)
    nodes = kink_nodes(written.graph, written.names)
    found = [kink for node, kink in nodes if node.id in way and node.op.name in CUTTING]
    if found:
        places = ", ".join(f"{kink.value} ({kink.operator})" for kink in found[:MOST_KINKS])
        more = f" and {len(found) - MOST_KINKS} more" if len(found) > MOST_KINKS else ""
        yield f"    at some inputs a kink may cut it: {places}{more}; --at shows where"


def _not_read(made: Compilation, written: WrittenLoss, name: str) -> Iterator[str]:
    """That the loss does not read a parameter, and who does.

    Raises `Refused` where no parameter has the name.
    """
    keys = [p.name for p in made.program.persistents]
    own = [key for key in keys if key == name or key.endswith(f".{name}")]
    if not own:
        known = dict.fromkeys([*keys, *written.names.values()])
        raise Refused(f"nothing is called {name}{suggestion(name, known)}")
    yield f"the loss is not computed from {own[0]}: no operator on the way to it reads it"
    yield from _readers_elsewhere(made, own[0])


def _over(
    made: Compilation, written: WrittenLoss, id: int, given: Mapping[str, Any]
) -> Iterator[str]:
    """What a step does not train, as it says `over`."""
    key = getattr(written.graph[id].op, "key", None)
    train = made.module.train
    if train is None or key is None or key not in {p.name for p in made.module.parameters}:
        return
    step = next(s for s in train.steps if given["step"] in (None, s.name))
    if key not in step.over:
        others = [s.name for s in train.steps if key in s.over]
        trains = f"; step {others[0]} trains it" if others else ""
        yield f"step {step.name} does not train {key}: its `over` leaves it out{trains}"


def _readers_elsewhere(made: Compilation, key: str) -> Iterator[str]:
    """The models that do read a parameter."""
    for model in made.module.models:
        graph = made.module.forward(model)
        if any(getattr(node.op, "key", None) == key for node in graph.nodes):
            yield f"    model {model} reads it, and the loss does not call that"


def cut_text(cut: Cut) -> str:
    """`cut at line 3: c7 = stop_gradient(...) lets no derivative through (by request)`."""
    place = "" if cut.span is None else f" at line {cut.span.line}, {cut.span.text}"
    return f"cut{place}: {cut.operator} (of {cut.value}) lets no derivative through: {cut.reason}"


def who_reads(made: Compilation, name: str, given: Mapping[str, Any]) -> Iterator[str]:
    """The readers of a value, and until when it is kept.

    Raises `Refused` for a name of nothing.
    """
    _, derived = derivation_of(made, {**given, "of": None, "wrt": (), "model": None})
    short = name if name in derived.names.values() else name.partition(".")[2]
    if short not in derived.names.values():
        known = dict.fromkeys(derived.names.values())
        raise Refused(f"no value is called {name}{suggestion(name, known)}")
    readers = forward_readers(derived, short)
    yield f"forward: {counted(len(readers), 'reader')}"
    for node in readers:
        place = "" if node.span is None else f", line {node.span.line}: {node.span.text}"
        yield f"    {derived.names[node.id]} = {node.op.name}{place}"
    steps = backward_readers(derived, short)
    if not steps:
        yield "for the derivative: nobody; it may be forgotten once its readers are done"
        return
    yield f"for the derivative: {counted(len(steps), 'step')}"
    for step in steps:
        yield f"    step {step.number}, of {step.value}: {step_rule(step)}"
    last = steps[-1]
    yield f"it is kept from the forward pass until step {last.number} of {len(derived.steps)}"


def show_kinks(spec: Path, given: Mapping[str, Any]) -> int:
    """Print every point without a derivative."""
    made = Request.of(spec, given).compile()
    written = written_loss(made, given)
    found = [*kinks(written.graph, written.names)]
    if given["as_json"]:
        write_json([kink_data(kink) for kink in found])
        return 0
    if not found:
        write("every operator of the loss that a derivative goes through has one everywhere")
        return 0
    columns = ["line", "value", "operator", "where", "the rule says", "rule in"]
    console().print(table(columns, map(kink_row, found), right="line"))
    return 0


def kink_row(kink: Kink) -> list[str]:
    """A point as a line of the table."""
    line = "" if kink.span is None else str(kink.span.line)
    return [line, kink.value, kink.operator, kink.point, kink.convention, kink.rule]


def kink_data(kink: Kink) -> dict[str, Any]:
    """A point as data."""
    return {
        "value": kink.value,
        "operator": kink.operator,
        "point": kink.point,
        "convention": kink.convention,
        "rule": kink.rule,
        "place": None if kink.span is None else str(kink.span),
    }
