"""A recurrence as `Scan`: a graph inside a node, run for one step of time after another.

States are the values carried between steps; sequences that the loop reads but does not compute are
scanned; all else that it reads stays outside the `Scan`.  All examples are in every step: a state
beyond the end of its sequence may hold any numbers, and no node reads it.  A backward loop
becomes a forward one over reversed sequences.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from gradc_compiler.graph.graph import Node
from gradc_compiler.graph.types import Time
from gradc_compiler.onnx.export.cell_nodes import native_cell
from gradc_compiler.onnx.export.node_rules import tensor_of
from gradc_compiler.onnx.export.onnx_tensors import ExportContext, Tensor, element_of, repeated
from gradc_compiler.onnx.export.sequence_rows import reversed_in_time
from gradc_compiler.onnx.records import ElementType, OnnxGraph, OnnxValue
from gradc_compiler.ops.sequence import Previous
from gradc_compiler.records.fast_dataclass import dataclass


def recurrence(c: ExportContext, ids: Sequence[int]) -> None:
    """Write the nodes of a loop; their tensors are known afterwards where anybody reads them."""
    loop = Loop.of(c, ids)
    wanted = loop.read_outside(c)
    if native_cell(c, ids, wanted):
        return
    scanned = loop.scanned(c)
    starts = [repeated(c, c.tensors[node.inputs[0]]).name for node in loop.states]
    given = [loop.turned(c, c.tensors[i].name) for i in scanned] or [c.times.places(loop.time)]
    names = [f"{node.name or c.writer.scope}.end" for node in loop.states]
    names += [f"{c.graph[i].name or c.writer.scope}.steps" for i in wanted]
    how = loop.axes(len(scanned), len(wanted)) | {"body": body_of(c, loop, scanned, wanted)}
    made = c.writer.add_many("Scan", (*starts, *given), names, **how)
    for i, name in zip(wanted, made[len(starts) :], strict=True):
        c.tensors[i] = Tensor(loop.turned(c, name), 2, c.graph[i].type)


def body_of(
    c: ExportContext, loop: Loop, scanned: Sequence[int], wanted: Sequence[int]
) -> OnnxGraph:
    """The graph of one step: from states and elements to the next states and the wanted values."""
    inner = replace(c, writer=c.writer.inside(), tensors=dict(c.tensors))
    inputs = [_state(inner, node) for node in loop.states]
    inputs += [_element(inner, i) for i in scanned] or [_place(inner)]
    for node in loop.nodes:
        if not isinstance(node.op, Previous):
            inner.at(node)
            inner.tensors[node.id] = tensor_of(inner, node)
    carried = [c.graph.carries[loop.number(node)] for node in loop.states]
    return OnnxGraph(
        name=f"{c.writer.scope}/step", inputs=tuple(inputs),
        outputs=_outputs(inner, [*carried, *wanted]), nodes=tuple(inner.writer.nodes),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Loop:
    """The nodes of a recurrence, in order, and the time that it runs over."""

    nodes: tuple[Node, ...]
    states: tuple[Node, ...]
    time: Time
    backwards: bool

    @staticmethod
    def of(c: ExportContext, ids: Sequence[int]) -> Loop:
        """The loop that these nodes are."""
        nodes = tuple(c.graph[i] for i in ids)
        states = tuple(node for node in nodes if isinstance(node.op, Previous))
        (time,) = {node.type.time for node in nodes}
        (backwards,) = {node.op.backwards for node in states if isinstance(node.op, Previous)}
        assert time is not None, "a recurrence runs over time"
        return Loop(nodes, states, time, backwards)

    @staticmethod
    def number(state: Node) -> int:
        """The number by which a state is carried."""
        assert isinstance(state.op, Previous)
        return state.op.loop

    def scanned(self, c: ExportContext) -> list[int]:
        """The sequences that the loop reads but does not compute."""
        own = {node.id for node in self.nodes}
        read = dict.fromkeys(i for node in self.nodes for i in node.inputs if i not in own)
        return [i for i in read if c.tensors[i].lead == 2]

    def read_outside(self, c: ExportContext) -> list[int]:
        """The loop's nodes that nodes outside it read, or that are results."""
        own, results = {node.id for node in self.nodes}, {*c.graph.results.values()}
        ends = [node.id for node in self.nodes if {*c.users[node.id]} - own or node.id in results]
        lagging = [n for n in c.graph.nodes if isinstance(n.op, Previous) and n.id not in own]
        also = {c.graph.carries[n.op.loop] for n in lagging if isinstance(n.op, Previous)}
        return ends + [i for i in sorted(also & own) if i not in ends]

    @property
    def is_turned(self) -> bool:
        """Whether sequences are reversed for a backward loop: where they differ in length."""
        return self.backwards and isinstance(self.time, str)

    def turned(self, c: ExportContext, name: str) -> str:
        """A sequence in the order in which the loop reads it."""
        return reversed_in_time(c.writer, c.times, name, self.time) if self.is_turned else name

    def axes(self, scanned: int, wanted: int) -> dict[str, Any]:
        """The attributes of `Scan` that give the axes and the direction."""
        found = {
            "num_scan_inputs": max(1, scanned),
            "scan_input_axes": (1,) * scanned or (0,),
            "scan_output_axes": (1,) * wanted,
        }
        if self.backwards and not self.is_turned:
            found["scan_input_directions"] = (1,) * max(1, scanned)
            found["scan_output_directions"] = (1,) * wanted
        return {name: value for name, value in found.items() if value != ()}


def _state(inner: ExportContext, node: Node) -> OnnxValue:
    """The input of the body for a state at the beginning of a step."""
    name = inner.writer.names.new(f"{node.name or inner.writer.scope}.before")
    inner.tensors[node.id] = Tensor(name, 1, node.type)
    return _value(inner, inner.tensors[node.id])


def _element(inner: ExportContext, i: int) -> OnnxValue:
    """The input of the body for the element of a sequence at a step."""
    outer = inner.tensors[i]
    inner.tensors[i] = Tensor(inner.writer.names.new(f"{outer.name}.step"), 1, outer.type)
    return _value(inner, inner.tensors[i])


def _place(inner: ExportContext) -> OnnxValue:
    """The input of the body for the step's number, where no sequence sets how many there are."""
    return OnnxValue(inner.writer.names.new("place"), ElementType.INT64)


def _value(inner: ExportContext, x: Tensor) -> OnnxValue:
    return OnnxValue(x.name, element_of(x.type), inner.times.sizes(x.type, x.lead))


def _outputs(inner: ExportContext, ids: Sequence[int]) -> tuple[OnnxValue, ...]:
    """The tensors of some nodes as outputs of the body, each made in it under a name of its own."""
    found = list[OnnxValue]()
    for i in ids:
        x = inner.tensors[i]
        made = any(x.name in node.outputs for node in inner.writer.nodes)
        if not made or any(value.name == x.name for value in found):
            x = replace(x, name=inner.writer.add("Identity", x.name))
        found.append(_value(inner, x))
    return tuple(found)
