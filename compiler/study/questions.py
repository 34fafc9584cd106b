"""Questions to a derivation: why has a value no gradient, which ways lead to it, who reads it.

Answers are read off the steps (`derivation.py`) and the dependencies of the loss: what a value
depends on, and what sends a cotangent.  Where these differ, a derivative was cut.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.graph.graph import Builder, Graph, Node
from gradc_compiler.graph.op import Op
from gradc_compiler.ops.leaf import Input
from gradc_compiler.ops.ruled import Ruled
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.study.derivation import ChainStep, Derivation
from gradc_compiler.study.read_back import FormulaReader
from gradc_compiler.study.textbook_formula import Letter, Numeral, symbols, text

MOST_PATHS = 12  # that are told, the shortest first
SINGULAR = {  # differentiable wherever they are defined, but for a point at their edge
    "sqrt": ("{0} = 0", "the slope is infinite"),
    "log": ("{0} = 0", "the slope is infinite; below 0 the value is NaN"),
    "log1p": ("{0} = -1", "the slope is infinite; below, the value is NaN"),
    "div": ("{1} = 0", "the slope is infinite, or NaN"),
    "pow": ("{0} = 0", "the limit: 0 by b where a^b is 0, and 0 by a where b is"),
}
POINTS = {
    "maximum": "{0} = {1}",
    "minimum": "{0} = {1}",
    "abs": "{0} = 0",
    "max": "equal greatest elements of {0}",
    "sign": "{0} = 0",
    "floor": "{0} a whole number",
    "rest": "{0} a multiple of {1}",
}
BY_NATURE = ("gt", "ge", "lt", "le", "eq", "ne", "argmax", "argsort", "quotient", "increment")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kink:
    """A point at which a value of the loss is not differentiable, and what its rule says there."""

    value: str
    operator: str
    point: str
    convention: str
    rule: str  # the module that has it
    span: Span | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Where a way to a value ends."""

    value: str
    operator: str
    reason: str
    span: Span | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way from what is differentiated to a value, step by step."""

    values: tuple[str, ...]  # from the loss
    steps: tuple[ChainStep, ...]


def kinks(graph: Graph, names: Mapping[int, str]) -> list[Kink]:
    """Every value of a loss whose operator has a point without a derivative, in order."""
    return [kink for _, kink in kink_nodes(graph, names)]


def kink_nodes(graph: Graph, names: Mapping[int, str]) -> Iterator[tuple[Node, Kink]]:
    """The same with their nodes; a division by a number that is not 0 has none."""
    reader = FormulaReader(graph, {i: Letter(name) for i, name in names.items()})
    for node in _differentiated(graph):
        found = kink_of(node.op)
        operands = [text(reader.of(i)) for i in node.inputs]
        constant = node.op.name == "div" and isinstance(reader.of(node.inputs[1]), Numeral)
        if found is not None and not constant:
            yield (
                node,
                Kink(
                    value=names.get(node.id, node.op.name),
                    operator=node.op.name,
                    point=found[0].format(*operands),
                    convention=found[1],
                    rule=type(node.op).__module__.replace("gradc_compiler", "compiler", 1),
                    span=node.span,
                ),
            )


def _differentiated(graph: Graph) -> Iterator[Node]:
    """The nodes of a graph, but for what only a value reads whose author wrote its derivative."""
    found = {*graph.outputs.values()} | {n.id for n in graph.nodes if not graph.users[n.id]}
    for node in reversed(graph.nodes):
        if node.id in found:
            found.update(node.inputs[1:] if isinstance(node.op, Ruled) else node.inputs)
    yield from (node for node in graph.nodes if node.id in found)


def kink_of(op: Op) -> tuple[str, str] | None:
    """The point, and the convention there; None where an operator is smooth."""
    if op.name in SINGULAR:
        return SINGULAR[op.name]
    if op.kink is None:
        return None
    if op.name in BY_NATURE:
        return "wherever it jumps", op.kink
    return POINTS.get(op.name, "everywhere"), op.kink


def cuts(graph: Graph, names: Mapping[int, str], x: int, target: int) -> list[Cut]:
    """Where each way from x to what is differentiated ends; none where a derivative comes through.

    A way ends at an operator that sends nothing: its rule says so for the operand that depends
    on x.
    """
    behind, ended = _moved_by(graph, x, graph.reachable([target]))
    return [] if target in behind else [_cut(node, names) for node in ended]


def on_ways(graph: Graph, x: int, target: int) -> set[int]:
    """The nodes on ways along which a cotangent comes from what is differentiated to x."""
    behind, _ = _moved_by(graph, x, graph.reachable([target]))
    found, before = {target}, -1
    while len(found) != before:  # twice where there are recurrences: they lead back
        before = len(found)
        for node in reversed(graph.nodes):
            if node.id in found and node.id in behind:
                found |= {i for k, i in enumerate(node.inputs) if sends(node, k, graph)}
                found |= {graph.carries[k] for k in [node.op.carried_by] if k in graph.carries}
    return found & behind


def _moved_by(graph: Graph, x: int, within: Collection[int]) -> tuple[set[int], list[Node]]:
    """What sends something towards x, and the nodes at which that ends."""
    behind, before, ended = {x}, -1, list[Node]()
    while len(behind) != before:  # twice where there are recurrences: they lead back
        before, ended = len(behind), []
        for node in graph.nodes:
            reads = [k for k, i in enumerate(node.inputs) if i in behind]
            carried = graph.carries.get(-1 if node.op.carried_by is None else node.op.carried_by)
            if node.id not in within or not (reads or carried in behind):
                continue
            if carried in behind or any(sends(node, k, graph) for k in reads):
                behind.add(node.id)
            else:
                ended.append(node)
    return behind, ended


def sends(node: Node, place: int, graph: Graph) -> bool:
    """Whether the rule of a node sends anything to an operand."""
    builder = Builder()
    xs = [
        builder.add(Input(f"x{k}", graph[i].type.shape, graph[i].type.classes, graph[i].type.time))
        for k, i in enumerate(node.inputs)
    ]
    y = builder.add(Input("y", node.type.shape, node.type.classes, node.type.time))
    g = builder.add(Input("g", node.type.shape, None, node.type.time))
    return node.op.vjp(g, y, *xs)[place] is not None


def _cut(node: Node, names: Mapping[int, str]) -> Cut:
    name = node.op.name
    reason = "by request" if name == "stop_gradient" else (node.op.kink or "its derivative is 0")
    if isinstance(node.op, Ruled):
        reason = "its author wrote another derivative, which reads something else"
    return Cut(value=names.get(node.id, name), operator=name, reason=reason, span=node.span)


def ways(made: Derivation, x: str) -> tuple[list[Way], int]:
    """The shortest ways from what is differentiated to x, and how many there are in all.

    Through time a way would never end, so one goes from a step to the step before it only where
    there is no other.
    """
    within = _senders(made, through_time=False)
    count = _count(within, x, made.of, {})
    if count:
        return _shortest(within, made.of, x), count
    found = _shortest(_senders(made, through_time=True), made.of, x)
    return found, len(found)


def _senders(made: Derivation, *, through_time: bool) -> Mapping[str, Sequence[ChainStep]]:
    """Which steps send something to each value."""
    senders: dict[str, list[ChainStep]] = {}
    for step in made.steps:
        if step.incoming is not None or through_time:
            for name in {term.of for term in step.terms}:
                senders.setdefault(name, []).append(step)
    return senders


def _shortest(senders: Mapping[str, Sequence[ChainStep]], of: str, x: str) -> list[Way]:
    """The shortest ways that meet no value twice."""
    found: list[Way] = []
    waiting = [Way(values=(x,), steps=())]
    while waiting and len(found) < MOST_PATHS:
        way = waiting.pop(0)
        if way.values[0] == of:
            found.append(way)
            continue
        for step in senders.get(way.values[0], ()):
            if step.value not in way.values:
                waiting.append(Way(values=(step.value, *way.values), steps=(step, *way.steps)))
        if len(waiting) > 50 * MOST_PATHS:
            waiting = waiting[: 50 * MOST_PATHS]
    return found


def _count(
    senders: Mapping[str, Sequence[ChainStep]], x: str, of: str, known: dict[str, int]
) -> int:
    """The number of ways, each value counted once."""
    if x == of:
        return 1
    if x not in known:
        known[x] = 0  # a recurrence comes back to itself
        known[x] = sum(_count(senders, step.value, of, known) for step in senders.get(x, ()))
    return known[x]


def forward_readers(made: Derivation, name: str) -> list[Node]:
    """The nodes of the loss that read a value."""
    ids = {i for i, known in made.names.items() if known == name}
    return [made.graph[i] for i in made.names if ids.intersection(made.graph[i].inputs)]


def backward_readers(made: Derivation, name: str) -> list[ChainStep]:
    """The steps whose terms need the value itself: until the last of them it is kept."""
    return [
        step for step in made.steps if any(name in symbols(term.formula) for term in step.terms)
    ]
