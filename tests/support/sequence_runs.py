"""Networks over sequences on a target, beside the reference."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph.ragged import Ragged
from gradc_compiler.graph_tools.evaluate import evaluate
from gradc_compiler.ops.leaf import Input
from gradc_compiler.rewrites.table import optimise
from gradc_compiler.schedule import schedule
from gradc_runtime.cpu.executable import Executable as CpuExecutable
from gradc_runtime.data.arrays.checked import check_inputs
from tests.support.graphs import share_always
from tests.support.recurrences import NETS, given, parameters


def executable(
    target: Any,
    graph: Graph,
    values: dict[str, Any],
    dtype: Any,
    threads: int = 1,
    without: Collection[str] = (),
) -> Any:
    """A target's executable of a graph, with the parameters in place."""
    offsets, words = {}, np.zeros(sum(value.size for value in values.values()), dtype)
    start = 0
    for name, value in values.items():
        offsets[name] = start
        part = words[start : start + value.size]
        if name in ("seed", "step"):
            part = part.view(f"i{words.itemsize}")
        part[:] = value.reshape(-1)
        start += value.size
    name = "cpu" if issubclass(target, CpuExecutable) else "cuda"
    return target(schedule("net", graph, offsets, without, name), words, dtype, threads=threads)


def wanted(graph: Graph, values: dict[str, Any], dtype: Any = np.float64) -> dict[str, Any]:
    """The inputs that a graph reads, as this kind of number."""
    types = {n.op.key: n.type for n in graph.nodes if isinstance(n.op, Input)}
    lengths = {k: v for k, v in values.items() if k.startswith("length/")}
    return lengths | check_inputs({k: v for k, v in values.items() if k in types}, types, dtype)


def compare(found: Any, expected: Any, bound: float) -> None:
    """Equal within a bound, and sequences in their lengths too."""
    if isinstance(expected, Ragged):
        np.testing.assert_array_equal(found.lengths, expected.lengths)
        found, expected = found.values, expected.values
    np.testing.assert_allclose(found, expected, rtol=bound, atol=bound)


def check(target: Any, name: str, kind: str, batch: int, longest: int) -> None:
    """A network and its gradients on a target, whose memory another batch has been in before."""
    rng = np.random.default_rng(5)
    graph = optimise(NETS[name]())
    values, fixed = given(rng, kind, batch, longest), parameters(rng)
    expected = evaluate(graph, {**values, **fixed}, batch)
    for dtype, bound in ((np.float64, 1e-11), (np.float32, 2e-4)):
        runner = executable(target, graph, fixed, dtype)
        runner.run(wanted(graph, given(rng, "unequal", batch, longest), dtype))
        results, outputs = runner.run(wanted(graph, values, dtype))
        for key, value in expected.items():
            scale = 1.0 if isinstance(value, Ragged) else 1.0 + np.abs(value).max()
            compare(
                results[key][0] / scale if key in results else outputs[key],
                value / scale if key in results else value,
                bound,
            )


def plain(found: dict[str, Any]) -> dict[str, Any]:
    """Sequences as one array of all their elements."""
    return {k: v.values if isinstance(v, Ragged) else v for k, v in found.items()}


def outputs_of(
    target: Any,
    graph: Graph,
    inputs: dict[str, Any],
    persistents: dict[str, Any],
    threads: int = 1,
    without: Collection[str] = (),
) -> dict[str, Any]:
    """Every output of a graph on a target in float64, sequences as one array."""
    runner = executable(target, graph, persistents, np.float64, threads, without)
    batch = len(inputs["length/t"])
    if threads > 1:
        runner.run(wanted(graph, inputs), batch=batch)
        share_always(runner.plan(batch))
    results, outputs = runner.run(wanted(graph, inputs), batch=batch)
    return plain({name: array[0] for name, array in results.items()} | outputs)
