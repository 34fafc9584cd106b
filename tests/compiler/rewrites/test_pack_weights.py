"""Weights of recurrences in panels: where, and that products with them stay what they were."""

from __future__ import annotations

import numpy as np
import pytest

from gradc_compiler.pipeline import compile_source
from gradc_compiler.program.program import Program
from gradc_compiler.rewrites.pack_weights import WIDTH
from gradc_compiler.rewrites.table import rewrite_for_target
from gradc_runtime.session.session import Session


def program(cell: str) -> Program:
    return compile_source(
        f"""
        model f(xs : seq [7]) -> [3] {{ xs |> scan({cell}) |> last |> dense(3) }}
        data d(xs : seq [7], label : class(3)) = npz("none.npz")
        train on d {{ minimize cross_entropy(f(xs), label) using sgd(lr = 1e-3), batch 8 }}
        """
    )


def panels(made: Program) -> set[tuple[int, ...]]:
    """Shapes of the panels that a training step packs."""
    graph = rewrite_for_target(made.entries["gradients/train"].graph).graph
    shapes = {n.type.shape for n in graph.nodes if n.op.name == "copy"}
    return {shape for shape in shapes if len(shape) == 3 and shape[-1] == WIDTH}


def gradients(
    made: Program, target: str = "cpu", dtype: str = "float64", threads: int = 1
) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    xs = [rng.normal(size=(n, 7)) for n in rng.integers(0, 12, 37)]
    session = Session(made, target=target, dtype=dtype, threads=threads, seed=1)
    return dict(session.gradients(xs=xs, label=rng.integers(0, 3, 37))[1])


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("elman(64)", {(2, 64, 32)}),
        ("lstm(16)", {(2, 16, 32)}),
        ("gru(96)", {(6, 96, 32), (3, 192, 32), (3, 96, 32)}),
        ("elman(37)", set()),
        ("elman(32)", set()),
    ],
)
def test_products_with_panels(cell: str, expected: set[tuple[int, ...]]) -> None:
    made = program(cell)
    assert panels(made) == expected
    found = gradients(made)
    for key, value in gradients(made, "reference").items():
        np.testing.assert_allclose(found[key], value, atol=1e-12)


def test_threads_change_no_bit() -> None:
    made = program("lstm(32)")
    alone = gradients(made, dtype="float32")
    for threads in (2, 4):
        again = gradients(made, dtype="float32", threads=threads)
        for key, value in alone.items():
            np.testing.assert_array_equal(again[key], value)
