"""Random trees of exactly rounded operators, and numbers on which rounding, NaN and signs show."""

from __future__ import annotations

import numpy as np

from gradc_compiler.graph.graph import Builder, Graph
from gradc_compiler.graph_tools.evaluate import node_values
from gradc_compiler.ops.leaf import Input, PersistentOp
from tests.support.graphs import Array, Values

ONE = ("neg", "sqrt", "abs", "floor", "sign", "copy")
TWO = ("add", "sub", "mul", "div", "quotient", "rest", "maximum", "minimum")
TWO += ("gt", "ge", "lt", "le", "eq", "ne")
CONSTANTS = (0.0, -0.0, 1.0, -1.0, 0.1, 2.0, 3.0, np.inf, -np.inf, np.nan, 1e30, 41.0)
SIZE = 24


def tree(seed: int, operators: int = 24) -> Graph:
    """A random graph of elementwise operators, every node an output or part of one."""
    rng, builder = np.random.default_rng(seed), Builder()
    pool = [builder.add(Input(f"x{k}", (SIZE,))) for k in range(2)]
    pool += [builder.add(PersistentOp("p", (SIZE,))), builder.add(PersistentOp("q", ()))]
    for _ in range(operators):
        name = rng.choice([*ONE, *TWO, *TWO, "where"])
        count = 1 if name in ONE else 3 if name == "where" else 2
        picked = [pool[k] for k in rng.choice(len(pool), size=count)]
        if rng.random() < 0.3:
            picked[-1] = builder.constant(float(rng.choice(CONSTANTS)))
        pool.append(picked[0].apply(str(name), *picked))
    return builder.graph({f"y{k}": y.id for k, y in enumerate(pool[-8:])})


def numbers(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Array:
    """Half ordinary numbers, half special ones."""
    most, tiny = np.finfo(dtype).max, float(np.finfo(dtype).tiny)
    special = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, most, -most, tiny, 41.0, 1e-30]
    ordinary = rng.normal(size=shape) * 10.0 ** rng.integers(-3, 4, size=shape)
    mixed = np.where(rng.random(shape) < 0.5, ordinary, rng.choice(special, size=shape))
    return mixed.astype(dtype)


def given(graph: Graph, batch: int, dtype: str, seed: int) -> Values:
    """Numbers for the leaves of a graph."""
    rng = np.random.default_rng(seed)
    shapes = {op.key: (batch, *op.shape) for n in graph.nodes if isinstance(op := n.op, Input)}
    own = {op.key: op.shape for n in graph.nodes if isinstance(op := n.op, PersistentOp)}
    return {key: numbers(rng, shape, dtype) for key, shape in (shapes | own).items()}


def below_normal(graph: Graph, values: Values, batch: int, dtype: str) -> Array:
    """The elements on whose way a number is below the normal range."""
    tiny, found = np.finfo(dtype).tiny, np.zeros((batch, SIZE), bool)
    for _, array in node_values(graph, values, batch, dtype):
        small = (array != 0) & (np.abs(array) < tiny)
        found |= small if small.ndim > 1 else small[:, None]
    return found


def assert_same_bits(found: Array, wanted: Array, note: str) -> None:
    """The same numbers, signs of zeros included; any NaN is as good as another."""
    np.testing.assert_array_equal(found, wanted, err_msg=note)
    zero = wanted == 0
    np.testing.assert_array_equal(np.signbit(found[zero]), np.signbit(wanted[zero]), err_msg=note)
