"""Specs with sequences and random values for them: lengths from 0 to 7, evaluated plainly."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradc_compiler.diagnostics.source import Source
from gradc_compiler.elaborate import Module, elaborate
from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph.ragged import Ragged
from gradc_compiler.graph.verify_graph import verify
from gradc_compiler.graph_tools.evaluate import evaluate
from gradc_compiler.ops.leaf import Input, PersistentOp
from gradc_compiler.rewrites.table import optimise
from gradc_compiler.syntax.parse.parse import parse

LENGTHS = np.array([5, 0, 1, 3, 7])
OTHERS = np.array([2, 4, 0, 1, 3])


def module(text: str) -> Module:
    """The module of a text."""
    source = Source("spec.nn", text)
    return elaborate(parse(source), source, directory=None)


def given(graph: Graph, seed: int = 0, **lengths: Any) -> dict[str, Any]:
    """Random values of all that a graph reads; `lengths` of its times, LENGTHS where not given."""
    rng, found = np.random.default_rng(seed), {"seed": np.array(3), "step": np.array(1)}
    for node in graph.nodes:
        time, shape = node.type.time, node.type.shape
        counts = np.full(5, time) if isinstance(time, int) else lengths.get(str(time), LENGTHS)
        if isinstance(time, str):
            found[f"length/{time}"] = counts
        match node.op:
            case PersistentOp(key=key, index=False):
                found[key] = 0.6 * rng.normal(size=shape)
            case Input(key=key, classes=classes):
                size = (len(counts) if time is None else counts.sum(), *shape)
                drawn = rng.integers(0, classes, size) if classes else rng.normal(size=size)
                found[key] = drawn if time is None else Ragged(drawn, counts)
    return found


def run(graph: Graph, values: dict[str, Any]) -> dict[str, Any]:
    """The graph's results, after every pass."""
    return evaluate(optimise(verify(graph)), values, len(LENGTHS))


def result(text: str, **lengths: Any) -> tuple[Any, dict[str, Any]]:
    """What the first model of a text gives for random values, and the values."""
    made = module(text)
    graph = made.forward(next(iter(made.models)))
    values = given(graph, **lengths)
    found = run(graph, values)
    return found.get("result", found), values
