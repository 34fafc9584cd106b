"""What is written instead of a function of another library is what that function computes."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from gradc_compiler.diagnostics.source import Source
from gradc_compiler.elaborate.names.aliases import INSTEAD
from gradc_compiler.pipeline import compilation

OF_VECTORS = {"outer": np.outer}
OF_MATRICES = {"einsum": np.matmul, "tensordot": np.matmul, "matmul": np.matmul, "dot": np.matmul}
OF_ONE = {
    "relu6": lambda x: np.clip(x, 0, 6),
    "hardsigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "selu": lambda x: 1.0507 * np.where(x > 0, x, 1.6733 * np.expm1(x)),
    "cumprod": np.cumprod,
    "rmsnorm": lambda x: x / np.sqrt(np.mean(x**2) + 1e-6),
}


def advised(name: str, head: str, **values: np.ndarray) -> np.ndarray:
    """What the advice for a name gives."""
    (formula,) = re.findall(r"`([^`]*)`", INSTEAD[name])[:1]
    made = compilation(Source("a.nn", f"model f({head} {{ {formula} }}"), Path("."), {})
    given = {key: value[None] for key, value in values.items()}
    (found,) = made.program.evaluate(made.graphs["forward/f"], given, 1).values()
    return np.asarray(found)[0]


@pytest.mark.parametrize("name", OF_VECTORS)
def test_advice_for_a_product_of_vectors(name: str) -> None:
    a, b = np.array([1.0, 2.0, 3.0]), np.array([5.0, 7.0])
    found = advised(name, "a : [3], b : [2]) -> [3, 2]", a=a, b=b)
    np.testing.assert_allclose(found, OF_VECTORS[name](a, b))


@pytest.mark.parametrize("name", OF_MATRICES)
def test_advice_for_a_product_of_matrices(name: str) -> None:
    A, B = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4) - 3
    small = name in ("matmul", "dot")
    head = "a : [2, 3], b : [3, 4]) -> [2, 4]" if small else "A : [2, 3], B : [3, 4]) -> [2, 4]"
    found = advised(name, head, **({"a": A, "b": B} if small else {"A": A, "B": B}))
    np.testing.assert_allclose(found, OF_MATRICES[name](A, B))


@pytest.mark.parametrize("name", OF_ONE)
def test_advice_for_a_function_of_one_tensor(name: str) -> None:
    x = np.array([0.5, 2.0, 9.0]) if name == "cumprod" else np.array([-4.0, -0.5, 0.7, 8.0])
    found = advised(name, f"x : [{len(x)}]) -> [{len(x)}]", x=x)
    np.testing.assert_allclose(found, OF_ONE[name](x), rtol=1e-12)
