"""`checkpoint`: what is kept for the derivative, and that the numbers stay what they were."""

from __future__ import annotations

import numpy as np
import pytest

from gradc_compiler.pipeline import compile_source
from gradc_compiler.program.program import Program
from gradc_runtime.session.session import Session

LAYERS = {
    "a recurrence": "scan(lstm(13))",
    "two recurrences": "scan(lstm(13)) |> scan(elman(5))",
    "dense layers": "dense(37) |> tanh |> dense(9) |> sigmoid |> dropout(0.5)",
}


def program(layer: str) -> Program:
    return compile_source(
        f"""
        model f(xs : seq [7]) -> [3] {{ xs |> {layer} |> last |> dense(3) }}
        data d(xs : seq [7], label : class(3)) = npz("none.npz")
        train on d {{
            minimize cross_entropy(f(xs), label)
            using adam(lr = 1e-3), batch 8
        }}
        """
    )


def gradients(made: Program, target: str = "cpu") -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    xs = [rng.normal(size=(n, 7)) for n in (5, 3, 9, 0, 1, 30)]
    session = Session(made, target=target, dtype="float64", seed=1)
    return dict(session.gradients(xs=xs, label=rng.integers(0, 3, 6))[1])


def words(made: Program) -> int:
    """Of every element, kept until the end of a block."""
    (found,) = made.entries["gradients/train"].kept_words
    return found


@pytest.mark.parametrize("products", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_the_numbers_stay_and_the_memory_shrinks(name: str, products: bool) -> None:
    layer, setting = LAYERS[name], ", products = true" if products else ""
    plain, again = program(layer), program(f"checkpoint({layer}{setting})")
    found, expected = gradients(again), gradients(plain)
    for key, value in gradients(plain, "reference").items():
        np.testing.assert_allclose(expected[key], value, atol=1e-12)
        np.testing.assert_allclose(found[key], value, atol=1e-12)
    bound = (0.75 if products else 0.95) if "recurrence" in name else 1.0
    assert words(again) <= bound * words(plain)


def test_a_minimal_cut_keeps_the_gates() -> None:
    """Of an LSTM, 4 numbers a unit; its states are known anyway, the tanh of one is cheap."""
    lines = program("checkpoint(scan(lstm(13)))").entries["gradients/train"].recomputed
    assert lines[0].startswith("kept for the derivative: 52 words an example or element")
    assert "tanh" in lines[1]


def test_nothing_is_computed_again_unasked() -> None:
    assert program("scan(lstm(13))").entries["gradients/train"].recomputed == ()
