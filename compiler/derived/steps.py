"""One step of a derived program: its graph as a model's statements, and its clauses in `train`.

The graph holds what a training step computes and what is evaluated, side by side: equal parts are
written once, and where the two results differ (dropout, batch normalisation) the model gives one
`if training else` the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from textwrap import wrap

from gradc_compiler.derived.kept import is_known
from gradc_compiler.derived.merged_step import merged_step
from gradc_compiler.derived.naming import RESERVED, TRAIN, Names, fresh, numbered
from gradc_compiler.derived.plain_graph import plain
from gradc_compiler.derived.step_labels import key_about, labels_of, result_name
from gradc_compiler.elaborate import StepInfo
from gradc_compiler.elaborate.models.settings import in_words
from gradc_compiler.graph.graph import Builder, Graph
from gradc_compiler.graph.outputs import Carry, OutputKey, Role, Tagged, is_of, of_role
from gradc_compiler.graph.types import TensorType
from gradc_compiler.ops.leaf import Input, PersistentOp
from gradc_compiler.ops.sequence import Previous
from gradc_compiler.pipeline import Compilation
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.rewrites.table import optimise
from gradc_compiler.syntax.grammar.unparse import name_text
from gradc_compiler.transform.statement_writer import StatementWriter
from gradc_compiler.transform.unparse_expr import input_text, type_text

ROLES = (Role.GRADIENT, Role.UPDATE, Role.SETTING, Role.REPORT)
SHORT = 88  # characters of a signature on one line
LEFT_OUT = (  # so that means and masks stay formulas, and layers what their author wrote
    *("batch", "fold", "rows", "slices", "pieces", "concats", "powers", "pairs", "axes"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """A step as text."""

    name: str
    model: str  # that computes it
    signature: str
    lines: Sequence[str]  # of the model
    clauses: Sequence[str]  # in `train`


def derive(made: Compilation, step: StepInfo, names: Names) -> Derived:
    """The text of one step."""
    trained = merged_step(made.module.training(step.name), step)
    both = beside(trained, made.module.evaluate(step.name))
    graph = plain(optimise(both, LEFT_OUT))
    writer = _StepWriter(made, step, names, graph)
    return Derived(
        name=step.name,
        model=writer.model,
        signature=writer.signature(),
        lines=list(writer.lines()),
        clauses=list(writer.clauses()),
    )


def beside(first: Graph, second: Graph) -> Graph:
    """Both graphs in one; outputs of the second have the role `EVALUATED`."""
    builder, offset = Builder(), 1 + max(first.carries, default=-1)
    outputs: dict[OutputKey, int] = {}
    for graph, second_mode, shift in ((first, False, 0), (second, True, offset)):
        mapping: dict[int, int] = {}
        for node in graph.nodes:
            if isinstance(node.op, Previous):
                node = replace(node, op=replace(node.op, loop=node.op.loop + shift))
            mapping[node.id] = builder.copy(node, [mapping[i] for i in node.inputs])
        for key, i in graph.results.items():
            outputs[evaluated(key) if second_mode else key] = mapping[i]
        outputs |= {Carry(loop + shift): mapping[i] for loop, i in graph.carries.items()}
    return Graph(tuple(builder.nodes), outputs)


def evaluated(key: OutputKey) -> Tagged:
    """The key that an output of evaluation has beside that of training."""
    return Tagged(Role.EVALUATED, str(key))


class _StepWriter:
    """The parts of a step's text."""

    def __init__(self, made: Compilation, step: StepInfo, names: Names, graph: Graph) -> None:
        self.made, self.step, self.names, self.graph = made, step, names, graph
        self.model = names.heads[0] if names.merged else names.made(f"{step.name}_step")
        self.fields = _fields(made, graph)
        own = [n.op.key for n in graph.nodes if isinstance(n.op, PersistentOp)]
        self.passed = [key for key in own if key.startswith(f"{TRAIN}.")]
        weights = dict(zip(self.passed, numbered(names.prefix("w"), self.passed), strict=True))
        paths = {key: names.by_path(key) for key in own}
        self.given = {**names.inputs, **paths, **weights}
        loss = made.module.gradients(step.name)
        taken = {*names.taken, *RESERVED, *self.given.values()} - {names.merged and self.model}
        known = labels_of(graph, loss, made.tree, self.given, taken)
        prefix = names.prefix("v")
        self.statements = StatementWriter(graph, self.given, prefix, known.labels, known.spare)
        self.body = self.statements.lines()
        self.results = self._results()

    def _results(self) -> dict[OutputKey, str]:
        """What the model gives: an output of the graph, and the name for it."""
        found: dict[OutputKey, str] = {"loss": self.names.made("loss")}
        for role in ROLES:
            keys = [key for key in self.graph.results if is_of(role, key)]
            if role is Role.REPORT:
                keys = [key for key in keys if self._differs(key)]
            for number, key in enumerate(keys):
                name = self.names.made(result_name(role, key_about(key), self.given, number))
                found[key] = fresh(name, {*found.values(), *self.given.values()})
        return found

    def _differs(self, report: OutputKey) -> bool:
        """Whether a report is anything but the loss."""
        results = self.graph.results
        other = results[evaluated(report)] != results[evaluated("loss")]
        return other or results[report] != results["loss"]

    def signature(self) -> str:
        """The inputs and results of the model."""
        inputs = [self._typed(name, type) for name, type in self.fields.items()]
        for key in self.passed:
            inputs.append(f"{self.given[key]} : {type_text(self.names.specs[key].type)}")
        results = [
            f"{name} : {type_text(self.graph[self.graph.results[key]].type)}"
            for key, name in self.results.items()
        ]
        short = f"({', '.join(inputs)}) -> ({', '.join(results)})"
        if len(self.model) + len(short) <= SHORT:
            return short
        parts = "".join(f"    {result},\n" for result in results)
        return f"({', '.join(inputs)}) -> (\n{parts})"

    def _typed(self, name: str, type: TensorType) -> str:
        time = self.given.get(str(type.time))
        return input_text(self.given[name], type if time is None else type.over(time))

    def lines(self) -> Iterator[str]:
        """The statements of the model, and its result."""
        yield from self.body
        yield from wrapped("(", [*map(self._result, self.results)], ")")

    def _result(self, key: OutputKey) -> str:
        node = self.graph.results[key]
        name = self.statements.names[node]
        other = self.graph.results.get(evaluated(key), node)
        return name if other == node else f"{name} if training else {self.statements.names[other]}"

    def clauses(self) -> Iterator[str]:
        """The statements of the step in `train`."""
        inputs = [self.names.aliases.get(name, name) for name in self.fields]
        arguments = [*inputs, *map(self.names.in_train, self.passed)]
        call = f"{self.model}({', '.join(arguments)})"
        yield from wrapped("", [*self.results.values()], f" = {call}")
        yield from self._updates()
        directions = of_role(Role.GRADIENT, self.results).items()
        yield from _descend([(self.names.in_train(name), g) for name, g in directions])
        unit = self.made.module.unit
        settings = of_role(Role.SETTING, self.results).values()
        yield "using " + in_words(self.step.rules, settings, lambda d: is_known(d, unit))
        reports: dict[str, OutputKey] = {"loss": "loss"}
        reports |= {name: Tagged(Role.REPORT, name) for name in self.step.reports}
        told = [
            f"{name_text(name)} = {self.results.get(key, self.results['loss'])}"
            for name, key in reports.items()
        ]
        yield f"report {', '.join(told)}"

    def _updates(self) -> Iterator[str]:
        for name, value in of_role(Role.UPDATE, self.results).items():
            yield f"{self.names.in_train(name)}' = {value}"


def _fields(made: Compilation, graph: Graph) -> dict[str, TensorType]:
    """The fields that a step reads, and one for each length that it reads of no other."""
    assert made.module.train is not None, "looked at before"
    source = next(d for d in made.module.data if d.name == made.module.train.data)
    read = {n.op.key for n in graph.nodes if isinstance(n.op, Input)}
    times = {n.type.time for n in graph.nodes} | {getattr(n.op, "time", None) for n in graph.nodes}
    known = {type.time for name, type in source.fields if name in read}
    found: dict[str, TensorType] = {}
    for name, type in source.fields:
        if name in read or (type.time in times - known and isinstance(type.time, str)):
            found[name] = type
            known.add(type.time)
    return found


def wrapped(start: str, names: Sequence[str], end: str) -> Iterator[str]:
    """`a, b = f(x)` or `(a, b)` on as many lines as it takes; after a comma a line may end."""
    said = start + ", ".join(names) + end
    if len(said) <= SHORT:
        yield said
        return
    lines = wrap(", ".join(names), SHORT - len(end), break_long_words=False)
    for k, line in enumerate(lines):
        first, last = k == 0, k + 1 == len(lines)
        yield f"{start if first else '    '}{line}{end if last else ''}"


def _descend(pairs: Sequence[tuple[str, str]]) -> Iterator[str]:
    """One clause, a parameter a line."""
    for k, (parameter, direction) in enumerate(pairs):
        word = "        " if k else "descend "
        yield f"{word}{parameter} along {direction}{',' if pairs[k + 1 :] else ''}"
