"""What `gradc derive` does: a gradient as numbered steps of the chain rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gradc_compiler.derived.step_labels import model_results
from gradc_compiler.graph.graph import Builder, Graph
from gradc_compiler.graph.named_values import values_by_name
from gradc_compiler.graph.types import Kind
from gradc_compiler.ops.leaf import PersistentOp
from gradc_compiler.ops.reduce import BatchMean
from gradc_compiler.pipeline import Compilation
from gradc_compiler.study.derivation import Derivation, derive_steps
from gradc_compiler.study.derivation_forms import derivation_data, derivation_markdown
from gradc_compiler.study.derivation_latex import derivation_latex
from gradc_compiler.study.derivation_numbers import Arrays, arrays_at, numbers_of
from gradc_compiler.study.derivation_text import derivation_text
from gradc_compiler.study.loss_as_written import WrittenLoss, loss_as_written
from gradc_compiler.study.single_path import single_paths
from gradc_runtime.cli.actions.adjoints import LossNode
from gradc_runtime.cli.actions.check_derivation import check_derivation
from gradc_runtime.cli.actions.check_points import check_points
from gradc_runtime.cli.actions.explain import chosen, input_types, one_example
from gradc_runtime.cli.actions.output import say, tell, write, write_json
from gradc_runtime.cli.actions.request import Request
from gradc_runtime.cli.actions.with_weights import session_with_weights
from gradc_runtime.cli.faults import Refused
from gradc_runtime.session.state import suggestion

FORMS = {"text": derivation_text, "md": derivation_markdown, "latex": derivation_latex}


def derive(spec: Path, inputs: Mapping[str, str], given: Mapping[str, Any]) -> int:
    """Print a derivation.

    Raises `Refused` for what cannot be differentiated, or by which nothing can.
    """
    made, session, _ = session_with_weights(Request.of(spec, given), given, dtype="float64")
    if given["check"]:
        given = {**given, "wrt": given["wrt"] or trained(made, given)}
    loss, derived = derivation_of(made, given)
    if given["check"]:
        points = check_points(derived.graph, input_types(loss), inputs, session)
        return check_derivation(derived, given["check"], points)
    builder = Builder(list(derived.graph.nodes))
    paths = single_paths(derived, builder)
    found: Arrays = {}
    if inputs:
        values = values_by_name(session.memory.views, one_example(loss, inputs, session))
        found = arrays_told(derived, builder, values)
    if given["form"] == "json" or given["as_json"]:
        data = {id: np.asarray(array).tolist() for id, array in found.items()}
        write_json(derivation_data(derived, paths, data))
    else:
        page = FORMS[given["form"]](derived, paths, numbers_of(derived, found))
        (tell if given["form"] == "text" else write)(page)
    return 0


def arrays_told(derived: Derivation, builder: Builder, values: Mapping[str, Any]) -> Arrays:
    """The numbers of every step; a mean over a batch, which is of one example here, is told of."""
    if has_batch_mean(derived.graph):
        say("batch_mean looks across examples, and here is one: it is its own mean")
    return arrays_at(derived, builder.graph(derived.graph.outputs), values)


def derivation_of(made: Compilation, given: Mapping[str, Any]) -> tuple[LossNode, Derivation]:
    """What is differentiated, and its derivation.

    Raises `Refused` for what cannot be differentiated, or by which nothing can.
    """
    loss = target_of(made, given)
    written = loss_as_written(loss.graph, loss.id, loss.name, loss.results)
    wrt = sources(made, written, given["wrt"])
    mean = has_batch_mean(written.graph)
    return loss, derive_steps(written.graph, written.target, written.names, wrt, mean=mean)


def trained(made: Compilation, given: Mapping[str, Any]) -> Sequence[str]:
    """The parameters that the step moves, if a step's loss is asked for: gradients of others are
    never computed.
    """
    train = made.module.train
    if train is None or given["of"] not in (None, "loss"):
        return ()
    step = next((s for s in train.steps if given["step"] in (None, s.name)), None)
    if step is None:
        return ()
    graph = made.graphs[f"gradients/{step.name}"]
    read = {n.op.key for n in graph.nodes if isinstance(n.op, PersistentOp)}
    return [name for name in step.over if name in read]


def target_of(made: Compilation, given: Mapping[str, Any]) -> LossNode:
    """What is differentiated.

    Raises `Refused` for a name that is neither the loss, a model, nor a value on the way to it.
    """
    name = given["of"]
    if name in made.module.models:
        return chosen(made, {**given, "model": name})
    loss = chosen(made, {**given, "model": None})
    if name in (None, loss.name):
        return loss
    written = loss_as_written(loss.graph, loss.id, loss.name, loss.results)
    id = written.named(name)
    if id is None:
        known = dict.fromkeys([loss.name, *made.module.models, *written.names.values()])
        raise Refused(f"there is no value {name} to differentiate{suggestion(name, known)}")
    return LossNode(graph=written.graph, id=id, name=name, results=model_results(made.tree))


def sources(made: Compilation, written: WrittenLoss, asked: Sequence[str]) -> list[int]:
    """The nodes to differentiate by: what was asked for, else every parameter.

    Raises `Refused` where the target is no number, and for names of nothing.
    """
    graph, name = written.graph, written.names[written.target]
    type = graph[written.target].type
    if type.size != 1 or type.time is not None or type.kind is not Kind.REAL:
        raise Refused(
            f"{name} is {type}, and a gradient is that of one number: add --of with a value that "
            "is a scalar"
        )
    trained = {p.name for p in made.program.persistents if p.role == "parameter"}
    keys = {n.op.key: n.id for n in graph.nodes if isinstance(n.op, PersistentOp)}
    found = [id for key, id in keys.items() if key in trained]
    if not asked and not found:
        raise Refused(f"{name} has no parameter: add --wrt with an input")
    return [source(written, keys, one) for one in asked] or found


def source(written: WrittenLoss, keys: Mapping[str, int], name: str) -> int:
    """The node of a name, or of a path.

    Raises `Refused` where nothing has it, or what has it is no real number.
    """
    id = keys.get(name, written.named(name))
    if id is None:
        known = dict.fromkeys([*keys, *written.names.values()])
        raise Refused(f"there is no value {name} to differentiate by{suggestion(name, known)}")
    type = written.graph[id].type
    if type.kind is not Kind.REAL:
        raise Refused(f"{name} is {type}: it does not vary, so nothing is derived by it")
    return id


def has_batch_mean(graph: Graph) -> bool:
    """Whether examples of a batch see one another."""
    return any(isinstance(node.op, BatchMean) for node in graph.nodes)
