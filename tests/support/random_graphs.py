"""Random graphs as a hypothesis strategy: grown, differentiated, with updates.

The ways to grow are in `tests/support/growths.py`.
"""

from __future__ import annotations

from math import prod

from hypothesis import strategies as st

from gradc_compiler.graph.graph import Graph, Value
from gradc_compiler.graph.outputs import OutputKey, Role, with_role
from gradc_compiler.ops.contract import Affine, Contract
from gradc_compiler.ops.leaf import Input, Literal, PersistentOp
from gradc_compiler.ops.reduce import BatchMean
from gradc_compiler.ops.shape import sum_axes
from gradc_compiler.transform.differentiate import differentiate
from tests.support.growths import GROWTHS, LARGEST, Grower


def plant(g: Grower) -> None:
    """Inputs, a label, persistents, counters."""
    b = g.builder
    for k in range(2):
        g.pool.append(b.add(Input(f"x{k}", g.shape())))
    shape = g.shape()
    g.pool += [b.add(PersistentOp(key, shape)) for key in ("p", "q")]
    g.pool.append(b.add(PersistentOp("w", g.shape())))
    g.leaves = list(g.pool)


def grow(g: Grower) -> None:
    """Append one operator on values of the pool."""
    made = g.pick(GROWTHS)(g)
    if made is not None and prod(made.shape) <= LARGEST:
        g.pool.append(made)


@st.composite
def graphs(draw, most: int = 8) -> Graph:
    """Values, a loss with derivatives, and updates of the persistents, sometimes exchanged."""
    g = Grower(draw)
    plant(g)
    for _ in range(draw(st.integers(1, most))):
        grow(g)
    outputs = {f"v{x.id}": x.id for x in g.pool[-2:]}
    loss = scalar(g.pool[-1]) + scalar(g.value()) * 0.5
    outputs["loss"] = g.builder.add(BatchMean(), loss).id if g.chance() else loss.id
    wrt = {key: x for x in g.leaves if (key := getattr(x.node.op, "key", "")) in ("x0", "p", "w")}
    slopes = differentiate(g.builder, loss, list(wrt.values()), mean=True)
    outputs |= {f"d{key}": s.id for key, s in zip(wrt, slopes, strict=True)}
    return g.builder.graph(outputs | updates(g, slopes))


def scalar(x: Value) -> Value:
    """A sum in which every element counts differently."""
    weights = tuple(1.0 + 0.1 * (k % 7) for k in range(x.type.size))
    return sum_axes(x * x.builder.add(Literal(weights, x.shape)), range(len(x.shape)))


def updates(g: Grower, slopes: list[Value]) -> dict[OutputKey, int]:
    """What persistents become: moved along a slope, exchanged, or mixed."""
    p, q, w = (x for x in g.leaves if isinstance(x.node.op, PersistentOp))
    kind = g.pick(("none", "descend", "exchange", "mix", "rotate"))
    if kind == "descend":
        moved = {"p": (p - slopes[1] * 0.1).id, "w": (w - slopes[2] * 0.1).id}
        return with_role(Role.UPDATE, moved)
    if kind == "exchange":
        return with_role(Role.UPDATE, {"p": q.id, "q": p.id})
    if kind == "mix":
        return with_role(Role.UPDATE, {"p": (p + q).id, "q": (p - q * 0.5).id})
    if kind == "rotate" and p.shape:
        loops = tuple(Affine(((j, 1),)) for j in range(len(p.shape)))
        turned = (Affine(((0, -1),), p.shape[0] - 1), *loops[1:])
        op = Contract(p.shape, (turned,), loops, p.shape)
        return with_role(Role.UPDATE, {"p": g.builder.add(op, p).id, "q": (q + p).id})
    return {}
