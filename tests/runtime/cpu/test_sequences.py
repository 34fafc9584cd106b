"""Sequences on the CPU against the reference: lengths of every kind, odd sizes, several batches."""

from __future__ import annotations

import numpy as np
import pytest

from gradc_compiler.graph.ragged import Ragged
from gradc_compiler.graph_tools.evaluate import evaluate
from gradc_compiler.rewrites.table import ALGEBRA, optimise
from gradc_runtime.cpu.executable import Executable
from tests.support.recurrences import KINDS, NETS, every_state, forwards, given, parameters
from tests.support.sequence_runs import check, compare, executable, wanted


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NETS)
def test_native_and_reference_agree(name: str, kind: str) -> None:
    check(Executable, name, kind, batch=37, longest=40)


@pytest.mark.parametrize("name", ["both directions", "two times"])
def test_passes_may_be_left_out(name: str) -> None:
    rng = np.random.default_rng(6)
    raw, batch = NETS[name](), 5
    values, fixed = given(rng, "unequal", batch), parameters(rng)
    expected = evaluate(raw, {**values, **fixed}, batch)
    for without in ALGEBRA:
        graph = optimise(raw, {without})
        results, outputs = executable(Executable, graph, fixed, np.float64).run(
            wanted(graph, values)
        )
        for key, value in expected.items():
            compare(results[key][0] if key in results else outputs[key], value, 1e-10)


@pytest.mark.parametrize("batch", [1, 16, 33])
def test_threads_and_batches_change_no_bit(batch: int) -> None:
    """Three batches in one call or one by one, on one, two or four threads."""
    rng = np.random.default_rng(7)
    graph = optimise(every_state())
    values, fixed = given(rng, "unequal", 3 * batch), parameters(rng)
    first = executable(Executable, graph, fixed, np.float32)
    whole, outputs = first.run(wanted(graph, values, np.float32), 3)
    for threads in (2, 4):
        runner = executable(Executable, graph, fixed, np.float32, threads)
        for _ in range(2):  # once on one thread, to measure; then on all
            again, _ = runner.run(wanted(graph, values, np.float32), 3)
            for key, value in whole.items():
                np.testing.assert_array_equal(again[key], value)
    for k in range(3):
        part = slice(k * batch, (k + 1) * batch)
        inputs = {
            key: value.take(part) if isinstance(value, Ragged) else value[part]
            for key, value in wanted(graph, values, np.float32).items()
        }
        alone, rows = first.run(inputs)
        for key, value in whole.items():
            np.testing.assert_array_equal(alone[key][0], value[k])
        np.testing.assert_array_equal(rows["x"].values, outputs["x"].take(part).values)


def test_two_thousand_steps() -> None:
    rng = np.random.default_rng(8)
    graph = optimise(forwards())
    lengths = np.array([2000, 1, 1999])
    values = {
        "length/t": lengths,
        "x": Ragged(rng.normal(size=(lengths.sum(), 7)), lengths),
        "v": rng.normal(size=(3, 13)),
    }
    fixed = parameters(rng)
    expected = evaluate(graph, {**values, **fixed}, 3)
    results, _ = executable(Executable, graph, fixed, np.float64).run(values)
    np.testing.assert_allclose(results["dW"][0], expected["dW"], rtol=1e-9, atol=1e-12)
