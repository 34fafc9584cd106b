"""Cut cotangents along a recurrence: where a step and all steps after it send 0 back, the step
before gets 0.

The adjoint of a carried h[t] is what its readers send, and what the step after it sends through p[t
+ 1].  It is cut where both are, so the mask is a recurrence like the adjoint itself,

    m[t] = max(readers' mask at t, mask of p at t + 1),    and 0 beyond the last step.

It is built only when it is asked for, and only if every way back is cut somewhere: see `all_cut`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import field
from functools import partial

from gradc_compiler.graph.graph import Builder, Node, Value
from gradc_compiler.graph.provenance import Origin
from gradc_compiler.ops.sequence import Previous
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.transform.cotangent_masks import CotangentMask, below, either, whole
from gradc_compiler.transform.value_ranges import COMPARISONS

NO_SLOPE = (*COMPARISONS, "stop_gradient")  # whose operands have no cotangent
ANYWHERE = CotangentMask(lambda: _never())  # a cut whose mask is never asked for


def _never() -> Value:
    raise AssertionError("whether something is cut is asked before anything is built")


def _same(mask: Value) -> Value:
    return mask


@dataclass
class CarriedCuts:
    """The masks of what later steps send back, in one derivative."""

    builder: Builder
    carried: Mapping[int, int]  # `previous` -> what it carries
    cut: Collection[int]  # those whose cotangent is cut
    loops: dict[int, int] = field(default_factory=dict)  # `previous` -> loop of its mask

    def begin(self) -> dict[int, CotangentMask | None]:
        """The masks of all carried values, as far as the later steps decide them."""
        found = dict[int, CotangentMask | None]()
        for before, carried in self.carried.items():
            sent = (
                CotangentMask(partial(self._mask, before), far=True) if before in self.cut else None
            )
            found[carried] = either(found[carried], sent) if carried in found else sent
        return found

    def _mask(self, before: int) -> Value:
        node = self.builder.nodes[before]
        assert isinstance(node.op, Previous), "a recurrence"
        op = Previous(self.builder.new_loop(), node.op.time, not node.op.backwards)
        self.loops[before] = op.loop
        return self.builder.add(op, self.builder.constant(0.0, node.type.shape))

    def close(self, cuts: Mapping[int, CotangentMask | None], reached: Collection[int]) -> None:
        """Complete the masks that were asked for, and those that are asked for meanwhile."""
        done = set[int]()
        while waiting := self.loops.keys() - done:
            before = max(waiting)
            done.add(before)
            y, cut = self.builder.value(before), cuts.get(before)
            self.builder.span = y.node.span
            self.builder.origin = Origin("vjp of previous", y.node.tag)
            if cut is None:
                everywhere = self.builder.constant(float(before in reached), y.shape)
                cut = CotangentMask(partial(_same, everywhere))
            self.builder.carries[self.loops[before]] = whole(cut, y).id


def all_cut(
    builder: Builder, nodes: Sequence[Node], loss: int, carried: Mapping[int, int]
) -> set[int]:
    """The recurrences for which every path from the loss to the step before is cut somewhere.

    It is the greatest such set: all recurrences are taken to be in it, until one is found that is
    not.
    """
    active, assumed = {node.id for node in nodes}, set(carried)
    while assumed:
        cuts = _walk(builder, nodes, active, {loss: False} | _starts(carried, assumed))
        held = {before for before in assumed if cuts.get(before, True)}
        if held == assumed:
            break
        assumed = held
    return assumed


def _starts(carried: Mapping[int, int], assumed: Collection[int]) -> dict[int, bool]:
    found = dict[int, bool]()
    for before, node in carried.items():
        found[node] = found.get(node, True) and before in assumed
    return found


def _walk(
    builder: Builder, nodes: Sequence[Node], active: Collection[int], cuts: dict[int, bool]
) -> dict[int, bool]:
    """Whether the cotangent of each node is cut, as `differentiate` will find it."""
    for node in sorted(nodes, key=lambda n: -n.id):
        if node.id not in cuts or node.op.name in NO_SLOPE:
            continue
        y, xs = builder.value(node.id), [builder.value(i) for i in node.inputs]
        cut = ANYWHERE if cuts[node.id] else None
        for k, x in enumerate(xs):
            if x.id in active and not (node.op.name == "where" and k == 0):
                cuts[x.id] = cuts.get(x.id, True) and below(cut, y, k, xs) is not None
    return cuts
