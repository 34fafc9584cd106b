"""Reverse-mode differentiation as a graph-to-graph transformation.

Takes a typed graph in the making, a scalar loss and the values to differentiate by; appends the
nodes that compute dL/dx for each of them.  Nothing is evaluated: each operator's rule (`Op.vjp`)
adds nodes, made of operators that have rules themselves, so a derivative can be differentiated
again. Runs inside `elaborate` (for `minimize` and `grad(e, x)`), before `passes`.  Background:
Griewank & Walther, "Evaluating Derivatives", 2008, ch. 3.

Names: `y` an operator's result, `x` its operands, `g` the cotangent dL/dy that reaches it.
`adjoint` is the table of cotangents summed so far.  A g here is a graph value, never a number.

`cuts` has, beside it, where a cotangent was cut to 0 (Note [Cut cotangents] in
`cotangent_masks.py`).

See Note [Examples and the mean] for what `mean` does, Note [Recurrences] for time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gradc_compiler.graph.graph import Builder, Value
from gradc_compiler.graph.op import NoDerivative
from gradc_compiler.graph.provenance import Origin
from gradc_compiler.ops.leaf import Constant
from gradc_compiler.ops.reduce import BatchMean
from gradc_compiler.ops.sequence import Previous, TimeBroadcast, TimeSum
from gradc_compiler.ops.shape import unbroadcast
from gradc_compiler.transform.active_path import carried_on, path_between
from gradc_compiler.transform.adjoints_summed import Adjoints, Contribution
from gradc_compiler.transform.cotangent_masks import (
    below,
    either,
    masked,
    may_be_infinite,
    over_rows,
    safe,
    selected,
)
from gradc_compiler.transform.cut_carries import CarriedCuts, all_cut
from gradc_compiler.transform.missing_rule import without_rule
from gradc_compiler.transform.value_ranges import Bounds


def differentiate(
    builder: Builder,
    loss: Value,
    wrt: Sequence[Value],
    *,
    mean: bool,
    told: list[Contribution] | None = None,
) -> list[Value]:
    """dL/dx for every x in `wrt`, each of x's shape; zeros where the loss does not depend on x.

    With `mean`, L is the batch mean of the per-example loss, and derivatives by uniform values are
    uniform.  Without, every example differentiates its own loss.  `told` hears of each step.
    Raises `CompileError` at the author's line where an operator has no rule.
    """
    graph = builder.graph({})
    active = path_between(graph, [x.id for x in wrt], [loss.id])
    adjoint = Adjoints(loss, builder.constant(1.0, loss.shape), told)
    bounds, nodes = Bounds(builder), [graph[i] for i in active]
    wild = set[int]()  # nodes whose cotangent may be infinite, as some rule on the way may be
    before = builder.span, builder.origin, builder.block
    carried = carried_on(builder, nodes)
    sent = CarriedCuts(builder, carried, all_cut(builder, nodes, loss.id, carried))
    cuts = sent.begin()
    waiting = _carry_back(builder, carried, adjoint)
    for node in reversed(graph.nodes):
        if node.id in waiting and node.id in adjoint:
            builder.carries[waiting[node.id]] = adjoint[node.id].id
        if node.id not in adjoint or not any(i in active for i in node.inputs):
            continue
        builder.span, builder.block = node.span, node.block
        y, xs = builder.value(node.id), [builder.value(i) for i in node.inputs]
        g, cut = adjoint[node.id], cuts.get(node.id)
        builder.origin = Origin(f"vjp of {node.op.name}", node.tag, g.node.tag)
        for k, gx in enumerate(_rule(g, y, safe(cut, bounds, y, xs))):
            x = xs[k]
            if gx is None or x.id not in active or _is_zero(gx):
                continue
            gx = masked(y, k, xs, gx) if y.id in wild else gx
            gx = selected(cut, bounds, y, k, xs, gx)
            if y.id in wild or may_be_infinite(bounds, y, k, xs, far=True):
                wild.add(x.id)
            gx = _in_time_of(x, y, unbroadcast(gx, x.shape))
            if mean and not builder.is_varying(x) and builder.is_varying(gx):
                gx = builder.add(BatchMean(), gx)
            reach = over_rows(below(cut, y, k, xs), x, y, mean=mean)
            cuts[x.id] = either(cuts.get(x.id), reach) if x.id in adjoint else reach
            adjoint.add(x, gx, node.id, k, g)
    sent.close(cuts, adjoint)
    found = [adjoint.get(x.id) or builder.constant(0.0, x.shape) for x in wrt]
    result = [_over_time_of(x, g) for x, g in zip(wrt, found, strict=True)]
    builder.span, builder.origin, builder.block = before
    return result


def _carry_back(
    builder: Builder, carried_by: Mapping[int, int], adjoint: Adjoints
) -> dict[int, int]:
    """Let the adjoint of every carried node begin with what the step after it sends back.

    Gives, for each `previous` node, the loop that waits for its adjoint.
    """
    waiting = {}
    for number, carried in carried_by.items():
        node = builder.nodes[number]
        before = node.op
        assert isinstance(before, Previous), "a recurrence"
        builder.span, builder.origin = node.span, Origin("vjp of previous", node.tag)
        op = Previous(builder.new_loop(), before.time, not before.backwards)
        zero = builder.constant(0.0, node.type.shape)
        sent = builder.add(op, zero)
        adjoint.add(builder.value(carried), sent, number)
        builder.carries[op.loop] = builder.add(
            TimeBroadcast(op.time), zero
        ).id  # unless one is found
        waiting[node.id] = op.loop
    return waiting


def _in_time_of(x: Value, y: Value, g: Value) -> Value:
    """A cotangent of x's own time: where every element of y read one x, their sum."""
    if y.type.time is None or y.node.op.sequential:
        return g
    g = _over_time_of(y, g)
    return g if x.type.time is not None else g.builder.add(TimeSum(), g)


def _over_time_of(x: Value, g: Value) -> Value:
    """A cotangent that is the same for all elements, of each of them where x is a sequence."""
    if x.type.time is None or g.type.time is not None:
        return g
    return g.builder.add(TimeBroadcast(x.type.time), g)


def _is_zero(g: Value) -> bool:
    """Whether nothing flows: zeros are left out, so that 0 * NaN is never made of them."""
    return isinstance(g.node.op, Constant) and g.node.op.value == 0


def _rule(g: Value, y: Value, xs: Sequence[Value]) -> Sequence[Value | None]:
    try:
        return y.node.op.vjp(g, y, *xs)
    except NoDerivative as missing:
        raise without_rule(missing, y.node.span) from None


# Note [Examples and the mean]
#
# A loss l_i belongs to one example; what is minimised is L = (1/N) sum_i l_i.  Count the adjoint of
# a varying node as N dL/dx_i and that of a uniform node as dL/du.  Then the seed is 1, every rule
# keeps its per-example form, and where a cotangent passes from a varying node to a uniform operand
# (a parameter read by every example) the implicit broadcast is transposed: it becomes
# batch_mean(g). `batch_mean` in a model is its own adjoint in this counting.  The `batch` pass
# later turns batch_mean(contract(...)) into one contraction that also sums over the examples.
# A loss that is uniform is the batch's, and nothing is different for it.
#
# Without `mean` the broadcast is left as it is: what reaches a uniform operand is each example's
# own share, dl_i/du.  `grad(e, x)` asks for that where e is an example's own; where e is uniform,
# as a batch_mean is, there is one de/du, and it asks for `mean`.

# Note [Recurrences]
#
# h[t] = f(h[t - 1], x[t]) stands in the graph as p = previous(start), h = f(p, x), and a carry from
# h back to p.  The adjoint of h[t] is what its readers send, and what f sends to p[t + 1]: so it
# begins with a `previous` in the other direction of time, whose carry is the adjoint of p.  That is
# known when the walk comes to p, and closes the loop.  The adjoints form a recurrence again, in a
# graph like any other; what of it does not depend on the step after it is no part of its loop.
