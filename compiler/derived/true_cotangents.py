"""Whether a value is dloss/dx, so that it may be called `d_x`.

The ledger says what a rule of differentiation made; laws of algebra then move factors from node to
node, and a node that tells the story of d_x may be a half of it.  So a name is tried: the loss, as
the program computes it, is differentiated by x, and both values are computed in float64 at random
numbers.  Two formulas that agree there to six digits are the same function (Schwartz, 1980).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph.ragged import Ragged, length_key
from gradc_compiler.graph.rebuild import builder_after
from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.graph_tools.evaluate import node_values
from gradc_compiler.graph_tools.samples import drawn, random_lengths
from gradc_compiler.ops.index_limits import limits_of
from gradc_compiler.ops.leaf import Input, PersistentOp
from gradc_compiler.ops.sequence import Length
from gradc_compiler.transform.differentiate import differentiate

EXAMPLES = 2
SEED = 1
SAME = 1e-6  # of the largest number: six digits
KINDS = ("normal", "shares")  # of random numbers; the second for what has no value below 0

Claim = tuple[int, int]  # a node, and the node whose cotangent it is said to be


def true_cotangents(graph: Graph, claims: Iterable[Claim]) -> set[Claim]:
    """The claims that hold: of values that are the cotangent, once where it is the same along
    leading axes.
    """
    claims = set(claims)
    ys = sorted({y for _, y in claims})
    builder = builder_after(graph)
    loss = builder.value(graph.results["loss"])
    slopes = differentiate(builder, loss, [builder.value(y) for y in ys], mean=True)
    whole, told = builder.graph(graph.results), dict(zip(ys, (g.id for g in slopes), strict=True))
    arrays = _finite_values(whole, {*told.values(), *(g for g, _ in claims)})
    return {(g, y) for g, y in claims if _same(arrays[g], arrays[told[y]])}


def _finite_values(graph: Graph, wanted: set[int]) -> dict[int, np.ndarray]:
    """The values of some nodes, at numbers where all are finite if there are any."""
    found: dict[int, np.ndarray] = {}
    with np.errstate(all="ignore"):
        for kind in KINDS:
            values = random_values(graph, kind)
            every = node_values(graph, values, EXAMPLES, "float64")
            found = {id: array for id, array in every if id in wanted}
            if all(np.isfinite(array).all() for array in found.values()):
                return found
    return found


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two values are equal but for rounding, wherever both are numbers."""
    shape, wanted = one.shape[1:], other.shape[1:]
    one = one.reshape(len(one), *(1,) * (len(wanted) - len(shape)), *shape)
    sizes = [*zip(one.shape, other.shape, strict=False)]
    if one.ndim > other.ndim or any(n not in (1, m) for n, m in sizes):
        return False
    one, other = np.broadcast_arrays(one, other)
    known = np.isfinite(one) & np.isfinite(other)
    apart = np.abs(one[known] - other[known])
    return bool(np.all(apart <= SAME * np.max(np.abs(other[known]), initial=0)))


def random_values(graph: Graph, numbers: str) -> Mapping[str, Any]:
    """Random inputs for a graph, and numbers for what persists: weights of the size at which a
    layer gives about what it is given.
    """
    limits, found = limits_of(graph), dict[str, Any]()
    for node in graph.nodes:
        match node.op:
            case Input(key=key):
                draws = np.random.default_rng([SEED, *key.encode()])
                found[key] = _batch(draws, node.type, numbers, limits)
            case PersistentOp(key=key):
                draws = np.random.default_rng([SEED, *key.encode()])
                found[key] = drawn(draws, 1, node.type, numbers)[0] * _scale(node.type)
        time = node.op.time if isinstance(node.op, Length) else node.type.time
        if isinstance(time, str):
            found[length_key(time)] = random_lengths(time, EXAMPLES, SEED, limits)
    return found


def _batch(draws: np.random.Generator, type: TensorType, numbers: str, limits: Any) -> Any:
    if type.time is None:
        return drawn(draws, EXAMPLES, type, numbers)
    lengths = random_lengths(type.time, EXAMPLES, SEED, limits)
    return Ragged(drawn(draws, int(lengths.sum()), type, numbers), lengths)


def _scale(type: TensorType) -> Any:
    """What random numbers of a weight are multiplied by."""
    if type.kind is Kind.INDEX or len(type.shape) < 2:
        return 1
    return (type.shape[0] / type.size) ** 0.5
