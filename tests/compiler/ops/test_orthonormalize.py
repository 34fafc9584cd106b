"""Orthonormal columns: the Q of LAPACK's QR with a positive diagonal of R, in bits of its own."""

from __future__ import annotations

import numpy as np
import pytest

import gradc
from gradc_compiler.ops.orthonormalize import Orthonormalize, exact_product

SHAPES = [(1, 1), (5, 1), (1, 7), (3, 3), (65, 64), (64, 65), (200, 131), (130, 130), (4100, 70)]


def columns(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(0).normal(size=shape)
    q = Orthonormalize().reference(x[None])[0]
    return (x, q) if shape[0] >= shape[1] else (x.T, q.T)


@pytest.mark.parametrize("shape", SHAPES)
def test_columns_or_rows_are_orthonormal(shape: tuple[int, int]) -> None:
    _, q = columns(shape)
    np.testing.assert_allclose(q.T @ q, np.eye(q.shape[1]), atol=1e-9)


@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_the_factor_q_whose_r_has_a_positive_diagonal(shape: tuple[int, int]) -> None:
    x, q = columns(shape)
    wanted, r = np.linalg.qr(x)
    np.testing.assert_allclose(q, wanted * np.sign(np.diag(r)), atol=1e-9)


@pytest.mark.parametrize("terms", [1, 33, 2048])
def test_products_are_the_same_bits_in_any_order_of_their_terms(terms: int) -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(40, terms)), rng.normal(size=(terms, 30)) * 10.0 ** rng.integers(
        -6, 6, (1, 30)
    )
    product = exact_product(a, b)
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(terms)
        one_by_one = exact_product(np.asfortranarray(a[:, order]), b[order])
        np.testing.assert_array_equal(one_by_one, product)
    np.testing.assert_allclose(product, a @ b, atol=1e-10 * np.abs(a @ b).max(axis=0).max())


def test_the_greatest_sum_of_full_parts_is_exact() -> None:
    """All bits of 2,048 factors of 21 bits are set: the sum has 53 bits, the most there are."""
    a = np.full((1, 2048), 2.0**21 - 1)
    wanted = 2048 * (2**21 - 1) ** 2
    assert int(exact_product(a, a.T)[0, 0]) == wanted


def test_only_first_values_are_made_of_it() -> None:
    text = "model f(x : [3, 3]) -> [3, 3] { orthonormalize(x) }"
    with pytest.raises(gradc.CompileError) as caught:
        gradc.compile_source(text)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "E0207"
