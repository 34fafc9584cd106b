"""What each operator with a class gives, as a textbook says it: loops over numbers of one example.

`gradc explain cumsum` shows these texts.  They are slow, and say nothing of rounding or of forms
that the compiler makes for itself (`pair`, `mean`, `part`).  Each is run beside the operator's
reference by `tests/compiler/ops/test_operator_definitions.py`.

A parameter that is no operand is a field of the operator, such as an axis; `batch_mean` is given
the whole batch.  Operators of sequences are in `time_definitions.py`.  An elementwise operator
is a row of `elementwise.py`, which is its definition.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from math import cos, inf, isnan, log, pi, sqrt
from typing import Any

import numpy as np

from gradc_compiler.graph.op import Array
from gradc_compiler.ops.contract import Map
from gradc_compiler.ops.time_definitions import (
    at_end,
    end,
    from_rows,
    length,
    position,
    previous,
    reverse,
    spread,
    total,
)

Shape = tuple[int, ...]


def contract(
    *xs: Array, extents: Shape, operands: tuple[Map, ...], result: Map, shape: Shape
) -> Array:
    """y[p] = sum over loops with result(loops) = p of x1[map1(loops)] * x2[map2(loops)]."""

    def place(axes: Map, loops: Shape) -> Shape:
        return tuple(p.offset + sum(c * loops[k] for k, c in p.terms) for p in axes)

    def inside(at: Shape, sizes: Shape) -> bool:
        return all(0 <= k < size for k, size in zip(at, sizes, strict=True))

    y = np.zeros(shape)
    for loops in np.ndindex(*extents):
        term = 1.0
        for x, axes in zip(xs, operands, strict=True):
            at = place(axes, loops)
            term *= x[at] if inside(at, x.shape) else 0.0
        if inside(at := place(result, loops), shape):
            y[at] += term
    return y


def cumsum(x: Array, axis: int, backwards: bool) -> Array:
    """y[k] = x[0] + ... + x[k]; backwards, y[k] = x[k] + ... + x[n - 1]."""
    y, along, sums = np.zeros(x.shape), np.moveaxis(x, axis, 0), np.zeros(np.delete(x.shape, axis))
    order = range(len(along))
    for k in reversed(order) if backwards else order:
        sums = sums + along[k]
        np.moveaxis(y, axis, 0)[k] = sums
    return y


def take(table: Array, index: Array) -> Array:
    """y[s] = table[index[s]], for every place s of the index."""
    y = np.zeros(index.shape + table.shape[1:])
    for s in np.ndindex(index.shape):
        y[s] = table[index[s]]
    return y


def scatter(x: Array, index: Array, rows: int) -> Array:
    """y[k] = the sum of x[s] over the places s with index[s] = k."""
    y = np.zeros((rows, *x.shape[index.ndim :]))
    for s in np.ndindex(index.shape):
        y[index[s]] += x[s]
    return y


def increment(count: int) -> int:
    """The next whole number."""
    return count + 1


def input_(key: str, data: Mapping[str, Array]) -> Array:
    """What the example's data has under this name."""
    return data[key]


def persistent(key: str, memory: Mapping[str, Array]) -> Array:
    """What lies in the network's memory under this name before the step."""
    return memory[key]


def constant(value: float, shape: Shape) -> Array:
    """y[i] = value."""
    y = np.zeros(shape)
    for i in np.ndindex(shape):
        y[i] = value
    return y


def literal(values: tuple[float, ...], shape: Shape) -> Array:
    """The numbers as they are written, the last axis fastest."""
    y = np.zeros(shape)
    for i, value in zip(np.ndindex(shape), values, strict=True):
        y[i] = value
    return y


def iota(size: int) -> Array:
    """y[k] = k."""
    return np.array([float(k) for k in range(size)])


def orthonormalize(x: Array) -> Array:
    """Gram and Schmidt's process: each vector less its shares of those before, at length 1."""
    rows = np.array(x if x.shape[0] < x.shape[1] else x.T)
    for k in range(len(rows)):
        for j in range(k):
            rows[k] -= np.sum(rows[k] * rows[j]) * rows[j]
        rows[k] /= sqrt(np.sum(rows[k] * rows[k]))
    return rows if x.shape[0] < x.shape[1] else rows.T


def random(
    seed: int, step: int, node: int, shape: Shape, normal: bool, example: int, time: int
) -> Array:
    """Philox4x32-10 of the place of a number; Box and Muller's transform of it where normal."""
    y = np.zeros(shape)
    for element, i in enumerate(np.ndindex(shape)):
        words, keys = [element, example, step, time], [seed, node]
        for _ in range(10):
            a, b = 0xD2511F53 * words[0], 0xCD9E8D57 * words[2]
            crossed = (b >> 32) ^ words[1] ^ keys[0], (a >> 32) ^ words[3] ^ keys[1]
            words = [crossed[0], b % 2**32, crossed[1], a % 2**32]
            keys = [(keys[0] + 0x9E3779B9) % 2**32, (keys[1] + 0xBB67AE85) % 2**32]
        u, v = (words[0] >> 8) * 2**-24, (words[1] >> 8) * 2**-24
        y[i] = sqrt(-2 * log(u + 2**-25)) * cos(2 * pi * v) if normal else u
    return y


def reshape(x: Array, shape: Shape) -> Array:
    """The same numbers, the last axis fastest, in another shape."""
    y = np.zeros(shape)
    for i, j in zip(np.ndindex(shape), np.ndindex(x.shape), strict=True):
        y[i] = x[j]
    return y


def concat(*xs: Array, axis: int) -> Array:
    """The slices of each operand along the axis, one after another."""
    slices = [part for x in xs for part in np.moveaxis(x, axis, 0)]
    return np.moveaxis(np.array(slices), 0, axis)


def max_(x: Array, axes: Shape) -> Array:
    """y[p] = the greatest x[i] whose axes but these are at p; NaN where one is."""
    y = np.full([n for axis, n in enumerate(x.shape) if axis not in axes], -inf)
    for i in np.ndindex(x.shape):
        p = tuple(k for axis, k in enumerate(i) if axis not in axes)
        if x[i] > y[p] or isnan(x[i]):
            y[p] = x[i]
    return y


def argmax(x: Array) -> Array:
    """y[p] = the first k for which x[p, k] is greatest; NaN is greater than any number."""
    y = np.zeros(x.shape[:-1], int)
    for p in np.ndindex(y.shape):
        for k, value in enumerate(x[p]):
            greatest = x[p][y[p]]
            if not isnan(greatest) and (value > greatest or isnan(value)):
                y[p] = k
    return y


def batch_mean(x: Array) -> Array:
    """y = (x of example 1 + ... + x of example N) / N."""
    total = np.zeros(x.shape[1:])
    for example in x:
        total = total + example
    return np.asarray(total / len(x))


def ruled(y: Array, *xs: Array) -> Array:
    """y itself: only its derivative is another."""
    return y


def argsort(x: Array) -> Array:
    """x[p, y[p, 0]], x[p, y[p, 1]], ... rise; equal ones stay in order, NaN come last."""
    y = np.zeros(x.shape, int)
    for p in np.ndindex(x.shape[:-1]):
        keys = [(isnan(v), 0.0 if isnan(v) else v, k) for k, v in enumerate(x[p])]
        y[p] = [k for _, _, k in sorted(keys)]
    return y


def take_along(x: Array, index: Array) -> Array:
    """y[p, i] = x[p, index[p, i]]."""
    y = np.zeros(index.shape)
    for *p, i in np.ndindex(index.shape):
        y[*p, i] = x[*p, index[*p, i]]
    return y


def add_along(x: Array, index: Array, size: int) -> Array:
    """y[p, k] = the sum of x[p, i] over the places i with index[p, i] = k."""
    y = np.zeros((*x.shape[:-1], size))
    for *p, i in np.ndindex(x.shape):
        y[*p, index[*p, i]] += x[*p, i]
    return y


Definition = Callable[..., Any]
DEFINITIONS: dict[str, Definition] = {
    function.__name__.rstrip("_"): function
    for function in (
        contract, cumsum, take, increment, scatter, input_, persistent, constant, literal, iota,
        orthonormalize, random, reshape, concat, max_, argmax, batch_mean, previous, spread, total,
        end, at_end, reverse, from_rows, length, position, ruled, argsort, take_along, add_along,
    )
}  # fmt: skip


def text_of(name: str) -> str:
    """The definition of an operator with a class, as it stands in these modules."""
    return source_of(name, DEFINITIONS[name])


def source_of(name: str, function: Definition) -> str:
    """The text of a definition, by the name that it has in the language."""
    return inspect.getsource(function).replace(f"def {name}_(", f"def {name}(").rstrip()
