"""From an ONNX graph to a spec: each node by the rule of its operator, in order.

What is known is worked out at once (`known_values.py`): shapes above all, which graphs compute from
one another.  Everything else becomes an expression.  The model's inputs and outputs are those of
the graph, without the batch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import field, replace
from typing import Any

import numpy as np

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.onnx.importer.atoms import Atom, Axes, Axis, Free, axis_of, sizes, slots_of
from gradc_runtime.onnx.importer.constants import Stored
from gradc_runtime.onnx.importer.expression import Expr, name, shape_text
from gradc_runtime.onnx.importer.graph_value import GraphValue, of_array
from gradc_runtime.onnx.importer.imported_graph import GraphInput, GraphNode, ImportedGraph
from gradc_runtime.onnx.importer.known_values import known_results
from gradc_runtime.onnx.importer.names import SpecNames, cleaned
from gradc_runtime.onnx.importer.rule import RULES, ComputedHere, RuleContext
from gradc_runtime.onnx.importer.spec_writer import SpecWriter
from gradc_runtime.system.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """What a user, or a caller, says of a graph beside the graph."""

    batch_axis: int | None = None  # of every input; None: there is none
    batch: str | None = None  # the symbol of the batch
    time: str | None = None  # the symbol of the time
    known: Mapping[str, np.ndarray] = field(default_factory=dict)  # inputs with their numbers
    name: str = "network"
    taken: Collection[str] | None = None  # words that the language has a meaning for
    inline: bool = False  # tables are written out, not kept beside the text


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedInput:
    """An input of the model: its name and type in the spec."""

    name: str
    type: str
    axes: Axes
    kind: np.dtype[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedSpec:
    """A spec's text, the numbers that belong to it, and how its inputs and outputs read in ONNX."""

    text: str
    model: str
    arrays: Mapping[str, np.ndarray]
    sources: Sequence[tuple[str, str]]
    inputs: Mapping[str, ImportedInput]  # by the name in ONNX
    outputs: Mapping[str, GraphValue]
    results: Mapping[str, str]  # ONNX's name of an output to the spec's

    def first_sizes(self) -> list[int]:
        """The sizes of the first output."""
        return sizes(slots_of(next(iter(self.outputs.values())).axes))


class SpecBuilder:
    """One graph on its way."""

    def __init__(self, graph: ImportedGraph, options: ImportOptions) -> None:
        self.graph, self.options = graph, options
        self.names = SpecNames(options.taken)
        self.model = self.names.fresh(options.name)
        self.stored = Stored(self.names, inline=options.inline)
        self.values: dict[str, GraphValue] = {}
        self.inputs: dict[str, ImportedInput] = {}
        self.free = {Free.BATCH: Atom(1, Free.BATCH), Free.TIME: Atom(1, Free.TIME)}
        self.readers = Counter(i for node in graph.nodes for i in node.inputs if i)
        self.readers.update(graph.outputs)

    def spec(self) -> ImportedSpec:
        """The whole of it.

        Raises `DataError` for what has no counterpart.
        """
        for tensor, array in self.graph.initializers.items():
            trained = array.dtype.kind == "f"
            self.values[tensor] = of_array(
                tensor, array, trained=trained, shared=self.readers[tensor] > 1
            )
        for given in self.graph.inputs:
            self.take_input(given)
        for node in self.graph.nodes:
            self.translate(node)
        return self.written()

    def take_input(self, given: GraphInput) -> None:
        """An input of the graph as one of the model, or as numbers that are known."""
        if given.name in self.values:  # old versions list initializers among inputs
            return
        if given.name in self.options.known:
            array = self.options.known[given.name]
            self.values[given.name] = of_array(given.name, array, given.kind)
            return
        axes = self.input_axes(given)
        called = self.names.fresh(given.name)
        slots = slots_of(axes)
        self.inputs[given.name] = ImportedInput(
            name=called, type=type_text(slots), axes=axes, kind=given.kind
        )
        self.values[given.name] = GraphValue(
            name=given.name, axes=axes, kind=given.kind, expr=name(called), slots=slots,
            roots=frozenset([given.name]),
        )  # fmt: skip

    def input_axes(self, given: GraphInput) -> Axes:
        """The axes of an input: sizes, and the batch where it is.

        Raises `DataError` where a size is not known.
        """
        axes: list[Axis] = []
        for k, size in enumerate(given.shape):
            if k == self.options.batch_axis or (size and size == self.options.batch):
                axes.append((self.free[Free.BATCH],))
            elif isinstance(size, int):
                axes.append(axis_of(size))
            else:
                said, symbol = (f"`{size}`", size) if size else ("no size", "NAME")
                where = f"axis {k} of input {given.name}"
                raise DataError(f"{where} has {said}: fix it with --size {symbol}=N")
        return tuple(axes)

    def translate(self, node: GraphNode) -> None:
        """The values that a node gives.

        Raises `DataError` that says where it is.
        """
        try:
            found = self.results(node)
        except ComputedHere as fault:
            raise ComputedHere(f"{node.place}: {fault}", fault.roots) from None
        except DataError as fault:
            raise DataError(f"{node.place}: {fault}") from None
        for output, value in zip(node.outputs, found, strict=False):
            if output and value is not None:
                self.values[output] = replace(
                    value, shared=self.readers[output] > 1 or value.shared
                )

    def results(self, node: GraphNode) -> Sequence[GraphValue | None]:
        """What a node gives: worked out now where all is known, else written by its rule.

        Raises `DataError` for an operator that has no rule.
        """
        inputs = [self.value(i) if i else None for i in node.inputs]
        known = known_results(node, inputs)
        if known is not None:
            return known
        if node.op not in RULES or node.domain not in ("", "ai.onnx"):
            raise DataError(f"{node.op} is not among the operators that can be imported")
        context = RuleContext(
            node.op, inputs, node.attributes, node.opset, self.stored, node.outputs
        )
        found = RULES[node.op].lower(context)
        return [found] if isinstance(found, GraphValue) else found

    def value(self, name: str) -> GraphValue:
        """The value of a name; the nodes of a graph are in order, so it is there.

        Raises `DataError` where it is not.
        """
        if name not in self.values:
            raise DataError(f"it reads {name}, which nothing before it gives")
        return self.values[name]

    def written(self) -> ImportedSpec:
        """The text."""
        values = {output: self.value(output) for output in self.graph.outputs}
        exprs = [self.output_expr(v) for v in values.values()]
        results = self.output_names(values)
        writer = SpecWriter(self.names)
        writer.write(exprs)
        types = [self.output_type(v) for v in values.values()]
        arguments = ", ".join(f"{i.name} : {i.type}" for i in self.inputs.values())
        parts = ", ".join(f"{r} : {t}" for r, t in zip(results.values(), types, strict=True))
        result = types[0] if len(types) == 1 else f"({parts})"
        body = "\n".join(f"    {line}" for line in [*self.stored.lines, *writer.lines])
        text = f"model {self.model}({arguments}) -> {result} {{\n{body}\n}}\n"
        arrays = {
            f"{self.model}.{k}": a for k, a in {**self.stored.arrays, **writer.arrays}.items()
        }
        return ImportedSpec(
            text=text, model=self.model, arrays=arrays, sources=writer.sources,
            inputs=self.inputs, outputs=values, results=results,
        )  # fmt: skip

    def output_expr(self, value: GraphValue) -> Expr:
        """An output as ONNX has it."""
        context = RuleContext("", [value], {}, 0, self.stored, [value.name])
        return context.plain(value)

    def output_names(self, values: Mapping[str, GraphValue]) -> dict[str, str]:
        """SpecNames for the parts of the model's result, which are its alone."""
        names = SpecNames(self.options.taken)
        return {output: names.fresh(cleaned(output)) for output in values}

    def output_type(self, value: GraphValue) -> str:
        """The type of an output."""
        return type_text(slots_of(value.axes))


def type_text(slots: Axes) -> str:
    """The type of a tensor with these slots."""
    return shape_text(sizes(slots)) if slots else "scalar"


def imported_spec(graph: ImportedGraph, options: ImportOptions) -> ImportedSpec:
    """A graph as a spec.

    Raises `DataError` for what has no counterpart.
    """
    return SpecBuilder(graph, options).spec()
