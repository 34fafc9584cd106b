"""The gradient of one value as numbered steps of the chain rule.

Takes the graph of a loss and what to differentiate by; `differentiate` walks it backwards and says
what each rule sends where (`Contribution`), and that is what is told here: a step for each value on
the way, in the order of reverse accumulation, with the rule, the cotangent that comes in, and what
goes out.  Nothing is derived a second time, so what is told is what is computed.

A recurrence is one rule on its loop: what a step carries on gets its cotangent from the step after
it.  What the author wrote once is told as one expression (`drop_unit_dims` within it).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import reduce
from itertools import groupby

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.graph.loop_order import loop_of
from gradc_compiler.graph.rebuild import builder_after
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.ops.leaf import Constant
from gradc_compiler.ops.ruled import Ruled
from gradc_compiler.ops.sequence import Previous
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.study.flow import Flow, flow_of
from gradc_compiler.study.read_back import FormulaReader
from gradc_compiler.study.textbook_formula import Formula, Letter, plus
from gradc_compiler.study.value_labels import adjoint_label
from gradc_compiler.transform.adjoints_summed import Contribution
from gradc_compiler.transform.differentiate import differentiate


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """What one rule sends to one value."""

    of: str  # the value
    formula: Formula
    adds: bool  # to what others have sent before
    more: bool  # others send later
    carried: bool  # a recurrence sends it something, too
    summed: bool  # over elements that all read the one value
    sent: tuple[int, ...]  # nodes: what adds up to this term, and all so far
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainStep:
    """One value on the way back, and what its rule sends on."""

    number: int
    value: str  # y
    node: Node
    computed: Formula  # how y is computed
    operands: tuple[str | None, ...]  # names of what it reads; None: a number
    incoming: int | None  # the node of its cotangent; None: what the next step of a loop sends
    terms: tuple[Term, ...]
    loop: int | None  # of the recurrence it is part of, if any
    cut: Mapping[str, str]  # operands to which nothing is sent on, and the operator that ends it

    @property
    def span(self) -> Span | None:
        """Where the author wrote it."""
        return self.node.span

    @property
    def cotangent(self) -> str:
        """What comes in, by name."""
        return adjoint_label(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Derivation:
    """All steps, and the graph that has their numbers."""

    graph: Graph  # the loss and its derivative
    loss: int
    of: str  # what is differentiated
    wrt: Mapping[str, int]  # by what: the names, and the nodes of the results
    names: Mapping[int, str]  # of the values of the loss
    steps: Sequence[ChainStep]
    zero: Collection[str]  # of `wrt`: what it does not depend on


def derive_steps(
    graph: Graph, target: int, names: Mapping[int, str], wrt: Sequence[int], *, mean: bool
) -> Derivation:
    """The derivation of a graph's node `target` by the nodes `wrt`, of one example (or, with
    `mean`, of the mean over a batch).

    Raises `CompileError` where an operator on the way has no derivative.
    """
    builder, told = builder_after(graph), list[Contribution]()
    values = [builder.value(i) for i in wrt]
    found = differentiate(builder, builder.value(target), values, mean=mean, told=told)
    joint = builder.graph({"loss": target})
    flow = flow_of(graph, told, wrt)
    names = {i: names.get(flow.root(i), name) for i, name in names.items()}
    return Derivation(
        graph=joint,
        loss=target,
        of=names[target],
        wrt={names[x]: g.id for x, g in zip(wrt, found, strict=True)},
        names=names,
        steps=_StepMaker(joint, names, told, loop_of(graph), flow).steps(),
        zero={names[x] for x in wrt if x != target and x not in {c.x for c in told}},
    )


class _StepMaker:
    """Makes steps of contributions."""

    def __init__(
        self,
        graph: Graph,
        names: Mapping[int, str],
        told: Sequence[Contribution],
        loops: Mapping[int, int],
        flow: Flow,
    ) -> None:
        self.graph, self.names, self.loops, self.flow = graph, names, loops, flow
        self.reader = FormulaReader(graph, {i: Letter(name) for i, name in names.items()})
        self.told = [c for c in told if flow.reaches(c.x) and flow.root(c.node) == c.node]
        self.handed_on = {c.node: c.total for c in told if flow.root(c.node) != c.node}
        self.final = {flow.root(c.x): c.total for c in told}
        self.carried = {flow.root(c.x) for c in told if c.operand is None}
        self.left = [flow.root(c.x) for c in self.told]  # who is still to be sent something
        self.seen = set[int]()  # who has been

    def steps(self) -> list[ChainStep]:
        """The steps, numbered in the order in which they are told."""
        return [self._step(number, group) for number, group in enumerate(self._groups(), 1)]

    def _groups(self) -> Iterator[list[Contribution]]:
        """Contributions of one node together; what a loop carries comes where the loop begins."""
        carried = [c for c in self.told if c.operand is None]
        others = (c for c in self.told if c.operand is not None)
        for node, group in groupby(others, key=lambda c: c.node):
            loop = self.loops.get(node)
            for first in [f for f in carried if loop is not None and self.loops[f.node] == loop]:
                carried.remove(first)
                yield [first]
            yield [*group]

    def _step(self, number: int, group: Sequence[Contribution]) -> ChainStep:
        """One step."""
        first = group[0]
        node = self.graph[first.node]
        carried = first.operand is None
        return ChainStep(
            number=number,
            value=self.names[node.id],
            node=node,
            computed=self._one_back(first) if carried else self.reader.written_out(node),
            operands=tuple(self._operand(i) for i in node.inputs),
            incoming=first.incoming,
            terms=tuple(self._terms(node, group)),
            loop=self.loops.get(node.id),
            cut={} if carried else self._cut(node),
        )

    def _terms(self, node: Node, group: Sequence[Contribution]) -> Iterator[Term]:
        """What goes to each operand; to one that is read twice, both as one term."""
        incoming = group[0].incoming
        own = {} if incoming is None else {incoming: Letter(adjoint_label(self.names[node.id]))}
        for x in dict.fromkeys(self.flow.root(c.x) for c in group):
            parts = [c for c in group if self.flow.root(c.x) == x]
            formulas = [
                self._carried(node) if c.operand is None else self.reader.of(c.sent, own)
                for c in parts
            ]
            for _ in parts:
                self.left.remove(x)
            yield Term(
                of=self.names[x],
                formula=reduce(plus, formulas),
                adds=x in self.seen,
                more=x in self.left,
                carried=x in self.carried,
                summed=self._is_summed(node, x),
                sent=tuple(c.sent for c in parts),
                total=self._total(x, parts[-1]),
            )
            self.seen.add(x)

    def _total(self, x: int, last: Contribution) -> int:
        """The node of what x has been sent by now: after the last term, of all of it."""
        if x not in self.left:
            return self.final[x]
        return self.handed_on.get(last.x, last.total)

    def _is_summed(self, node: Node, x: int) -> bool:
        """Whether one number of x is read for many: by an elementwise operator, or at each step."""
        own, read = node.type, self.graph[x].type
        if own.time is not None and read.time is None and not node.op.sequential:
            return True
        return isinstance(node.op, Elementwise) and own.size > read.size

    def _cut(self, node: Node) -> dict[str, str]:
        """The operands that depend on what is differentiated by, but through a dead end."""
        reads = node.inputs[1:] if isinstance(node.op, Ruled) else node.inputs  # its rule stands in
        ends = {i: self.flow.ends.get(i) for i in reads if i in self.names}
        return {self.names[i]: end for i, end in ends.items() if end is not None}

    def _one_back(self, first: Contribution) -> Letter:
        """What a recurrence looks back at."""
        op = self.graph[first.node].op
        assert isinstance(op, Previous), "only a recurrence looks back"
        return Letter(f"{self.names[first.x]}[t {'+' if op.backwards else '-'} 1]")

    def _carried(self, node: Node) -> Letter:
        """What the next step of a recurrence sends back."""
        assert isinstance(node.op, Previous), "only a recurrence is sent something"
        sign = "-" if node.op.backwards else "+"
        return Letter(f"{adjoint_label(self.names[node.id])}[t {sign} 1]")

    def _operand(self, id: int) -> str | None:
        return None if isinstance(self.graph[id].op, Constant) else self.names.get(id)
