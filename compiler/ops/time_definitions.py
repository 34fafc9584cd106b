"""What each operator of sequences gives: `operator_definitions.py` for a sequence x[0], x[1], ...

A sequence is an array with its elements along the first axis; `steps` are how many there are.
"""

from __future__ import annotations

import numpy as np

from gradc_compiler.graph.op import Array


def previous(start: Array, carried: Array, backwards: bool) -> Array:
    """y[0] = start, y[t] = carried[t - 1]; backwards, y[T - 1] = start, y[t] = carried[t + 1]."""
    y = np.zeros(carried.shape)
    for t in range(len(carried)):
        before = t + 1 if backwards else t - 1
        y[t] = carried[before] if 0 <= before < len(carried) else start
    return y


def spread(x: Array, steps: int) -> Array:
    """y[t] = x."""
    return np.array([x for _ in range(steps)])


def total(x: Array) -> Array:
    """y = x[0] + ... + x[T - 1]."""
    y = np.zeros(x.shape[1:])
    for element in x:
        y = y + element
    return y


def end(x: Array, first: bool) -> Array:
    """y = x[T - 1], or x[0]; 0 of an empty sequence."""
    if len(x) == 0:
        return np.zeros(x.shape[1:])
    return np.asarray(x[0] if first else x[len(x) - 1])


def at_end(x: Array, first: bool, steps: int) -> Array:
    """y[T - 1] = x, or y[0] = x, and 0 at all others."""
    y = np.zeros((steps, *x.shape))
    if steps:
        y[0 if first else steps - 1] = x
    return y


def reverse(x: Array) -> Array:
    """y[t] = x[T - 1 - t]."""
    return np.array([x[len(x) - 1 - t] for t in range(len(x))]).reshape(x.shape)


def from_rows(x: Array) -> Array:
    """y[t, ...] = x[t], no longer a sequence."""
    return np.array([x[t] for t in range(len(x))])


def length(steps: int) -> int:
    """T."""
    return steps


def position(steps: int) -> Array:
    """y[t] = t."""
    return np.array(range(steps))
