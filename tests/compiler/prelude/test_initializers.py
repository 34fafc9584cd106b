"""First values: their moments, their range, and that a seed decides them."""

from __future__ import annotations

import numpy as np
import pytest

from tests.compiler.prelude.cases import initial

DRAWS = {  # shape [80, 75]: variance, and the greatest absolute value there can be
    "glorot_uniform": (2 / 155, np.sqrt(6 / 155)),
    "glorot_normal": (2 / 155, None),
    "he_uniform": (2 / 75, np.sqrt(6 / 75)),
    "he_normal": (2 / 75, None),
    "normal(0, 3)": (9.0, None),
    "uniform(-2, 2)": (4 / 3, 2.0),
}


@pytest.mark.parametrize("name", DRAWS)
def test_moments_and_range(name):
    w = initial(f"~ {name}", "[80, 75]")
    variance, limit = DRAWS[name]
    assert abs(w.mean()) < 4 * np.sqrt(variance / w.size)
    np.testing.assert_allclose(w.var(), variance, rtol=0.1)
    if limit is not None:
        assert np.abs(w).max() <= limit
        assert np.abs(w).max() > 0.99 * limit


def test_filters_count_their_window():
    w = initial("~ he_uniform", "[80, 5, 5, 3]")
    np.testing.assert_allclose(np.abs(w).max(), np.sqrt(6 / 75), rtol=0.01)
    w = initial("~ glorot_uniform", "[80, 5, 5, 3]")
    np.testing.assert_allclose(np.abs(w).max(), np.sqrt(6 / (75 + 2000)), rtol=0.01)


@pytest.mark.parametrize(
    ("name", "value"), [("zeros", 0), ("ones", 1), ("constant(2.5)", 2.5), ("constant(-1)", -1)]
)
@pytest.mark.parametrize("shape", ["[3, 2]", "[4]", "scalar"])
def test_constants(name, value, shape):
    w = initial(f"~ {name}", shape)
    np.testing.assert_array_equal(w, np.full(w.shape, value))


@pytest.mark.parametrize("name", [*DRAWS, "orthogonal"])
def test_seed_and_name_decide(name):
    first = initial(f"~ {name}", "[4, 5]", seed=3)
    np.testing.assert_array_equal(first, initial(f"~ {name}", "[4, 5]", seed=3))
    assert not np.array_equal(first, initial(f"~ {name}", "[4, 5]", seed=4))
    assert not np.array_equal(first, initial(f"~ {name}", "[4, 5]", seed=3, name="other"))


@pytest.mark.parametrize(
    "shape", ["[1, 1]", "[16, 16]", "[3, 64]", "[64, 3]", "[8, 3, 3, 2]", "[5]"]
)
@pytest.mark.parametrize("seed", range(3))
def test_orthogonal_rows_or_columns(shape, seed):
    w = initial("~ orthogonal", shape, seed)
    w = w.reshape(len(w), -1)
    w = w if w.shape[0] <= w.shape[1] else w.T
    np.testing.assert_allclose(w @ w.T, np.eye(len(w)), atol=1e-5)


def test_orthogonal_gain():
    w = initial("~ orthogonal(gain = 2)", "[6, 6]")
    np.testing.assert_allclose(w @ w.T, 4 * np.eye(6), atol=1e-5)
