"""`attention` of rows that are not x: equation 1 of Vaswani et al., 2017, by NumPy, in float64."""

from __future__ import annotations

import numpy as np
import pytest

import gradc


def by_numpy(
    q: np.ndarray, k: np.ndarray, v: np.ndarray, heads: int, *, causal: bool
) -> np.ndarray:
    """Head by head."""
    found = []
    parts = (np.split(rows, heads, axis=-1) for rows in (q, k, v))
    for a, b, c in zip(*parts, strict=True):
        scores = a @ b.swapaxes(-1, -2) / np.sqrt(a.shape[-1])
        if causal:
            scores = np.where(np.triu(np.ones(scores.shape[-2:], bool), 1), -np.inf, scores)
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        found.append(weights / weights.sum(axis=-1, keepdims=True) @ c)
    return np.concatenate(found, axis=-1)


@pytest.mark.parametrize("target", ["reference", "cpu"])
@pytest.mark.parametrize(("heads", "causal"), [(1, False), (2, False), (2, True)])
def test_rows_gather_from_others(target: str, heads: int, causal: bool) -> None:
    said = f"heads = {heads}, causal = {str(causal).lower()}"
    text = f"""
    model f(q : [3, 4], k : [5, 4], v : [5, 6]) -> [3, 6] {{ attention(q, k, v, {said}) }}
    """
    session = gradc.Session(gradc.compile_source(text), target, "float64", threads=1)
    draws = np.random.default_rng(heads)
    q, k, v = (draws.normal(size=(2, *shape)) for shape in ((3, 4), (5, 4), (5, 6)))
    wanted = by_numpy(q, k, v, heads, causal=causal)
    np.testing.assert_allclose(session.run("f", q=q, k=k, v=v), wanted, rtol=1e-12)


def test_heads_divide_both_widths() -> None:
    text = "model f(q : [3, 4], k : [5, 4], v : [5, 6]) -> [3, 6] { attention(q, k, v, 4) }"
    with pytest.raises(gradc.CompileError, match="4 heads do not divide 6"):
        gradc.compile_source(text)
