"""A program that gives one derivative, asked for from outside: its own entry, and beside the
numbers of the spec a direction for each parameter that moves.
"""

from __future__ import annotations

from dataclasses import replace

from gradc_compiler.diagnostics.source import refused
from gradc_compiler.elaborate import Module
from gradc_compiler.elaborate.names.registry import PersistentSpec
from gradc_compiler.entry_maker import EntryMaker, placed
from gradc_compiler.graph.graph import Builder, Graph
from gradc_compiler.graph.types import TensorType
from gradc_compiler.lazy import Lazy
from gradc_compiler.ops.leaf import Input, PersistentOp
from gradc_compiler.program.derivative import AskedDerivative
from gradc_compiler.program.program import Program
from gradc_compiler.rewrites.table import optimise
from gradc_compiler.transform.asked_derivative import Leaf, derivative_graph
from gradc_compiler.transform.leading_axis import NotMapped


def derived_program(
    program: Program, module: Module, without: frozenset[str], asked: AskedDerivative
) -> Program:
    """The program of a derivative; what it is taken of and by exists, as the caller has seen.

    Raises `CompileError` where there is no such derivative.
    """
    graph = _graph(module, asked)
    key, graphs = asked.entry, {asked.entry: graph}
    given = [_direction(spec) for spec in module.persistents() if spec.name in asked.by]
    persistents, words = placed((*module.persistents(), *given))
    optimised = Lazy(graphs, lambda key: optimise(graphs[key], without))
    offsets = {p.name: p.offset for p in persistents}
    inputs = {n.op.key: n.type for n in graph.nodes if isinstance(n.op, Input)}
    outputs = {str(k): graph[i].type for k, i in graph.results.items()}
    program = replace(
        program, persistents=persistents, persistent_words=words, derive=None,
        models={key: key}, inputs={key: inputs}, outputs={key: outputs},
    )  # fmt: skip
    maker = EntryMaker(module, graphs, optimised, offsets)
    return maker.on_all_targets(program, without)


def _graph(module: Module, asked: AskedDerivative) -> Graph:
    of = module.forward(asked.model) if asked.model is not None else module.training(asked.step)
    try:
        return derivative_graph(of, asked, {name: _leaf(module, of, name) for name in asked.by})
    except NotMapped as missing:
        message = f"there is no derivative along many directions at once of {missing.what}"
        raise refused("call", "E0315", message, "ask for the derivative along one") from None


def _leaf(module: Module, graph: Graph, name: str) -> Leaf:
    """What a name stands for: an input, or else a parameter."""
    for node in graph.nodes:
        if isinstance(node.op, Input) and node.op.key == name:
            return node.op
    shape = next(spec.type.shape for spec in module.persistents() if spec.name == name)
    return PersistentOp(name, shape)


def _direction(spec: PersistentSpec) -> PersistentSpec:
    """Where the direction of a parameter is kept: zeros at first."""
    builder = Builder(span=spec.span)
    zeros = builder.constant(0.0, spec.type.shape)
    return PersistentSpec(
        name=f"tangent/{spec.name}", type=TensorType(spec.type.shape), role="state",
        initial=builder.graph({"value": zeros.id}), span=spec.span,
    )  # fmt: skip
