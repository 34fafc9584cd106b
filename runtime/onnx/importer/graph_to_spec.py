"""From an ONNX graph to a spec: each node by the rule of its operator, in order.

What is known is worked out at once (`known_values.py`): shapes above all, which graphs compute from
one another.  Everything else becomes an expression.  The model's inputs and outputs are those of
the graph, without the batch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from gradc_runtime.onnx.importer.atoms import Atom, Axes, Axis, Free, axis_of, slots_of
from gradc_runtime.onnx.importer.attribute_check import require_attributes
from gradc_runtime.onnx.importer.constants import Stored
from gradc_runtime.onnx.importer.expression import Expr, name
from gradc_runtime.onnx.importer.function_bodies import function_body
from gradc_runtime.onnx.importer.graph_value import GraphValue, of_array
from gradc_runtime.onnx.importer.imported_graph import GraphInput, GraphNode, ImportedGraph
from gradc_runtime.onnx.importer.imported_spec import (
    ImportedInput,
    ImportedSpec,
    ImportOptions,
    type_text,
)
from gradc_runtime.onnx.importer.known_values import KNOWN, known_results
from gradc_runtime.onnx.importer.names import SpecNames, cleaned, is_generated, is_table_name
from gradc_runtime.onnx.importer.norm_patterns import with_norms
from gradc_runtime.onnx.importer.patterns import label_inputs, with_dense_layers
from gradc_runtime.onnx.importer.rule import RULES, ComputedHere, RuleContext
from gradc_runtime.onnx.importer.spec_writer import SpecWriter, reachable
from gradc_runtime.system.errors import DataError

MOST_NODES, MOST_KNOWN = 100_000, 1 << 26  # nodes, and numbers worked out while importing
DEEPEST = 16  # graphs within graphs


@contextmanager
def fitting() -> Iterator[None]:
    """Turn errors that a rule meets in a node of a wrong shape or kind into a `DataError`."""
    try:
        yield
    except (ValueError, LookupError, TypeError, ArithmeticError, AttributeError, AssertionError,
            RecursionError) as fault:  # fmt: skip
        what = str(fault).partition("\n")[0][:80]
        raise DataError(f"its operands or attributes are none of its own ({what})") from None


class SpecBuilder:
    """One graph that is being translated to a spec."""

    def __init__(self, graph: ImportedGraph, options: ImportOptions) -> None:
        self.graph, self.options = graph, options
        self.labels = {} if options.inline else label_inputs(graph)
        self.names = SpecNames(options.taken)
        self.model = self.names.fresh(options.name)
        self.stored = Stored(self.names, inline=options.inline)
        self.values: dict[str, GraphValue] = {}
        self.inputs: dict[str, ImportedInput] = {}
        self.free = {Free.BATCH: Atom(self.batch_size(), Free.BATCH), Free.TIME: Atom(0, Free.TIME)}
        self.readers = Counter(i for node in graph.nodes for i in node.inputs if i)
        self.readers.update(graph.outputs)
        self.depth, self.absent, self.count, self.known = 0, set[str](), 0, 0
        self.room = MOST_KNOWN + 4 * sum(a.size for a in graph.initializers.values())

    def batch_size(self) -> int:
        """The batch that a graph was written for; 0 where any will do."""
        axis = self.options.batch_axis
        sizes = [g.shape[axis] for g in self.graph.inputs if axis is not None]
        return next((s for s in sizes if isinstance(s, int)), 0)

    def spec(self) -> ImportedSpec:
        """The spec of the whole graph.

        Raises `DataError` for what has no counterpart.
        """
        for tensor, array in self.graph.initializers.items():
            made_up = is_generated(tensor) and array.size and bool((array == array.flat[0]).all())
            trained = array.dtype.kind == "f" and not made_up and not is_table_name(tensor)
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
        classes = self.labels.get(given.name, 0) if len(slots) < 2 else 0
        self.inputs[given.name] = ImportedInput(
            name=called, type=type_text(axes, classes), axes=axes, kind=given.kind
        )
        self.values[given.name] = GraphValue(
            name=given.name, axes=axes, kind=given.kind, expr=name(called), slots=slots,
            roots=frozenset([given.name]), classes=classes,
        )  # fmt: skip

    def input_axes(self, given: GraphInput) -> Axes:
        """The axes of an input: sizes, and the batch where it is.

        Raises `DataError` where a size is not known.
        """
        axes: list[Axis] = []
        for k, size in enumerate(given.shape):
            if k == self.options.batch_axis or (size and size == self.options.batch):
                axes.append((self.free[Free.BATCH],))
            elif size and size == self.options.time:
                axes.append((self.free[Free.TIME],))
            elif isinstance(size, int):
                axes.append(axis_of(size))
            else:
                said, symbol = (f"`{size}`", size) if size else ("no size", "NAME")
                where = f"axis {k} of input {given.name}"
                raise DataError(f"{where} has {said}: say --size {symbol}=N or --sequence {symbol}")
        return tuple(axes)

    def translate(self, node: GraphNode) -> None:
        """Add the values that a node gives.

        Raises `DataError` that names the node.
        """
        self.count += 1
        if self.count > MOST_NODES:
            raise DataError(f"the graph has more than {MOST_NODES:,} nodes, functions written out")
        try:
            require_attributes(node)
            with fitting():
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
        """The outputs of a node: computed now where all operands are known, else by its rule.

        Raises `DataError` for an operator that has no rule.
        """
        inputs = [self.value(i) if i and i not in self.absent else None for i in node.inputs]
        known = known_results(node, inputs)
        if known is not None:
            self.known += sum(v.array.size for v in known if v is not None and v.array is not None)
            if self.known > self.room:
                raise DataError("its tables are larger than is accepted, all of them together")
            return known
        if node.op == "If":
            return self.branch(node, inputs[0])
        if node.op not in RULES or node.domain not in ("", "ai.onnx"):
            return self.by_function(node, inputs)
        context = RuleContext(
            node.op, inputs, node.attributes, node.opset, self.stored, node.outputs, self.free
        )
        found = RULES[node.op].lower(context)
        return [found] if isinstance(found, GraphValue) else found

    def branch(self, node: GraphNode, condition: GraphValue | None) -> list[GraphValue]:
        """The branch of an `If` whose condition is known.

        Raises `ComputedHere` for one that is computed.
        """
        if condition is None or condition.array is None:
            roots = frozenset[str]() if condition is None else condition.roots
            raise ComputedHere("its condition must be known", roots)
        taken = node.attributes["then_branch" if condition.array.reshape(()) else "else_branch"]
        return self.inner(taken, {}, len(taken.outputs))

    def by_function(
        self, node: GraphNode, inputs: Sequence[GraphValue | None]
    ) -> list[GraphValue | None]:
        """The outputs of a node whose operator is a function of simpler operators.

        Raises `DataError` for an operator that is no such function.
        """
        if node.op in KNOWN:
            roots = frozenset[str]().union(*(v.roots for v in inputs if v is not None))
            raise ComputedHere("its operands must be known", roots)
        body = function_body(node, inputs, self.graph.functions)
        if body is None:
            raise DataError(f"{node.op} is not among the operators that can be imported")
        given = dict(zip(body.parameters, inputs, strict=False))
        return [*self.inner(body, given, len(node.outputs))]

    def inner(
        self, graph: ImportedGraph, given: Mapping[str, GraphValue | None], count: int
    ) -> list[GraphValue]:
        """The outputs of a graph within this one, which sees the values around it.

        Raises `DataError` where operands do not fit.
        """
        if self.depth >= DEEPEST:
            raise DataError("functions within functions without end")
        outer, readers = self.values, self.readers
        self.values = {**outer, **{k: v for k, v in given.items() if v is not None}}
        for held, array in graph.initializers.items():
            self.values[held] = of_array(held, array)
        self.readers = Counter(i for node in graph.nodes for i in node.inputs if i)
        self.absent = {k for k, v in given.items() if v is None}
        self.depth += 1
        try:
            for node in graph.nodes:
                self.translate(node)
            return [self.value(name) for name in graph.outputs[:count]]
        finally:
            self.values, self.readers = outer, readers
            self.depth -= 1

    def value(self, name: str) -> GraphValue:
        """The value of a name; the nodes of a graph are in order, so it is there.

        Raises `DataError` where it is not.
        """
        if name not in self.values:
            raise DataError(f"it reads {name}, which nothing before it gives")
        return self.values[name]

    def written(self) -> ImportedSpec:
        """The spec as text, with its arrays."""
        values = {output: self.value(output) for output in self.graph.outputs}
        exprs = [self.output_expr(v) for v in values.values()]
        results = self.output_names(values)
        writer = SpecWriter(self.names)
        writer.write(exprs)
        types = [self.output_type(v) for v in values.values()]
        arguments = ", ".join(f"{i.name} : {i.type}" for i in self.inputs.values())
        parts = ", ".join(f"{r} : {t}" for r, t in zip(results.values(), types, strict=True))
        result = types[0] if len(types) == 1 else f"({parts})"
        declared = self.stored.read_by(reachable(exprs))
        body = "\n".join(f"    {line}" for line in [*(t.line for t in declared), *writer.lines])
        text = f"model {self.model}({arguments}) -> {result} {{\n{body}\n}}\n"
        held = {table.name.text: table.array for table in declared} | writer.arrays
        arrays = {f"{self.model}.{name}": array for name, array in held.items()}
        return ImportedSpec(
            text=text, model=self.model, arrays=arrays, sources=writer.sources,
            inputs=self.inputs, outputs=values, results=results,
        )  # fmt: skip

    def output_expr(self, value: GraphValue) -> Expr:
        """An output as ONNX has it."""
        context = RuleContext("", [value], {}, 0, self.stored, [value.name])
        return context.plain(value)

    def output_names(self, values: Mapping[str, GraphValue]) -> dict[str, str]:
        """Spec names for the outputs of the model, used for nothing else."""
        names = SpecNames(self.options.taken)
        return {output: names.fresh(cleaned(output)) for output in values}

    def output_type(self, value: GraphValue) -> str:
        """The type of an output."""
        return type_text(value.axes)


def imported_spec(graph: ImportedGraph, options: ImportOptions) -> ImportedSpec:
    """A graph as a spec.

    Raises `DataError` for what has no counterpart.
    """
    return SpecBuilder(with_dense_layers(with_norms(graph)), options).spec()
