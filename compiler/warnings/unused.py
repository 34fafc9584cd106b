"""What is declared, and then stands for nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gradc_compiler.diagnostics.source import Label
from gradc_compiler.elaborate import Module
from gradc_compiler.elaborate.names.values import Defined
from gradc_compiler.graph.graph import Graph
from gradc_compiler.ops.leaf import Input, PersistentOp
from gradc_compiler.ops.sequence import Length
from gradc_compiler.syntax.grammar.tree import Parameter
from gradc_compiler.warnings.step_view import FoundWarning


def unread(module: Module) -> Iterator[FoundWarning]:
    """An input of a model, or a parameter, on which nothing depends."""
    for name, graph in module.forwards.items():
        if (defined := module.unit.find(name)) is not None:
            yield from _unread_inputs(defined, graph)
    yield from _unread_parameters(module)


def _unread_inputs(defined: Defined, graph: Graph) -> Iterator[FoundWarning]:
    nodes = [graph[i] for i in graph.reachable(graph.results.values())]
    read = {node.op.key.split(".")[0] for node in nodes if isinstance(node.op, Input)}
    times = {node.type.time for node in nodes} | {
        node.op.time for node in nodes if isinstance(node.op, Length)
    }
    lasting = {n.op.key.split(".")[0]: n.type.time for n in graph.nodes if isinstance(n.op, Input)}
    for parameter in defined.definition.inputs:
        time = lasting.get(parameter.name)
        counted = time is not None and time in times
        if parameter.name not in read and not counted and not _gives_sizes(parameter, defined):
            yield FoundWarning(
                span=parameter.name_span,
                message=f"nothing that `{defined.definition.name}` gives depends on "
                f"`{parameter.name}`",
                hint="use it, or leave it out",
            )


def _gives_sizes(parameter: Parameter, defined: Defined) -> bool:
    """Whether the body speaks of the input's sizes, if not of its numbers."""
    written = parameter.type.span.text if parameter.type is not None else ""
    sizes = {*re.findall(r"[a-z_]\w*", written)} - {"seq", "class", "scalar"}
    words = {w for s in defined.definition.body for w in re.findall(r"\w+", s.span.text)}
    return bool(sizes & words) or "shape" in words


def _unread_parameters(module: Module) -> Iterator[FoundWarning]:
    graphs = [*module.forwards.values(), *(step.training for step in module.steps.values())]
    graphs += [spec.initial for spec in module.parameters]
    read = {
        node.op.key
        for graph in graphs
        for node in (graph[i] for i in graph.reachable(graph.outputs.values()))
        if isinstance(node.op, PersistentOp)
    }
    for spec in module.parameters:
        if spec.role == "parameter" and spec.name not in read:
            yield FoundWarning(
                span=spec.span,
                message=f"nothing reads the parameter `{spec.name}`",
                hint="use it, or leave it out: it would be kept and never moved",
            )


def hidden_models(module: Module) -> Iterator[FoundWarning]:
    """A field of the data that training sees where a model of its name was meant."""
    for train in module.unit.trains:
        for field in module.unit.data[train.data.name].fields:
            known = module.unit.find(field.name)
            if known is not None and known.is_model:
                place = Label(known.definition.name_span, "the model")
                yield FoundWarning(
                    span=field.name_span,
                    message=f"in `train`, `{field.name}` is this field and hides the model",
                    secondary=(place,),
                    hint="call the field by another name",
                )
