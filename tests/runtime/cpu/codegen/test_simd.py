"""Vectors in kernels: the same functions in every lane, memory in steps, sums over lanes."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from gradc_compiler.program.entry import Kernel
from gradc_runtime.cpu.codegen.language.translate_statements import TranslationError
from gradc_runtime.cpu.objects.compile_kernels import addresses
from tests.runtime.cpu.test_language import EXPRESSIONS, HEAD, NATIVE, run

BRANCHES = (" if ", " or ", " and ")
PLAIN = [t for t in EXPRESSIONS if "philox" not in t and not any(b in t for b in BRANCHES)]


def result_of(body: str, arrays: list[NDArray], end: int) -> NDArray:
    """The last array after a kernel."""
    reals = "".join(f"    x{k} = reals(pointers, {k})\n" for k in range(len(arrays)))
    (address,) = addresses([Kernel("k0", HEAD + reals + body)], arrays[0].dtype.itemsize)
    last = arrays[-1].copy()
    run(NATIVE(address), [*arrays[:-1], last], [], end)
    return last


def one_by_one(expression: str) -> str:
    return f"    for i0 in range(end):\n        x2[i0] = {expression}\n"


def side_by_side(expression: str) -> str:
    """The same, 32 at a time; x2 counts, so that whole numbers are vectors too."""
    text = expression.replace("x0[i0]", "v0").replace("x1[i0]", "v1").replace("i0", "n0")
    lines = [
        "for i0 in range(0, end, 32):",
        "    m0 = below(end - i0, 32)",
        "    n0 = index(gather(x2, i0, 1, m0))",
        "    v0 = gather(x0, i0, 1, m0)",
        "    v1 = gather(x1, i0, 1, m0)",
        f"    scatter(x3, i0, 1, m0, {text})",
    ]
    return "".join(f"    {line}\n" for line in lines)


@pytest.mark.parametrize("word", [4, 8])
def test_functions_are_the_same_in_every_lane(word: int) -> None:
    rng = np.random.default_rng(5)
    arrays = [rng.normal(size=113).astype(f"f{word}") for _ in range(2)]
    numbers = np.arange(113).astype(f"f{word}")
    for expression in PLAIN:
        zeros = np.zeros(113, f"f{word}")
        wanted = result_of(one_by_one(expression), [*arrays, zeros], 113)
        found = result_of(side_by_side(expression), [*arrays, numbers, zeros], 113)
        np.testing.assert_allclose(found, wanted, rtol=1e-6 if word == 4 else 1e-14, atol=1e-7)


@pytest.mark.parametrize("word", [4, 8])
@pytest.mark.parametrize(("count", "stride"), [(1, 1), (7, 3), (31, 1), (32, 5)])
def test_memory_in_steps(word: int, count: int, stride: int) -> None:
    body = f"    m0 = below(end, 32)\n    v0 = gather(x0, 2, {stride}, m0)\n"
    body += f"    scatter(x1, 1, {stride}, m0, v0 + v0)\n"
    source = np.arange(1.0, 200.0).astype(f"f{word}")
    found = result_of(body, [source, np.zeros(200, f"f{word}")], count)
    wanted = np.zeros(200)
    wanted[1 : 1 + count * stride : stride] = 2 * source[2 : 2 + count * stride : stride]
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("word", [4, 8])
@pytest.mark.parametrize("count", [1, 16, 17, 32])
def test_sums_over_lanes(word: int, count: int) -> None:
    lines = [
        "r0 = rows(48, 16)",
        "m0 = below(end, 32)",
        "for i0 in range(48):",
        "    v0 = gather(x0, i0 * 32, 1, spread(1 < 2, 32))",
        "    r0[i0] = folded(v0, m0)",
        "y0 = after(x1, 3)",
        "for i0 in range(2):",
        "    totals(y0, i0 * 16, r0, i0 * 16 + 16)",
    ]
    table = np.random.default_rng(1).integers(-9, 9, (48, 32)).astype(f"f{word}")
    table[:, count:] = np.nan
    body = "".join(f"    {line}\n" for line in lines)
    found = result_of(body, [table, np.ones(40, f"f{word}")], count)
    wanted = np.ones(40)
    wanted[3:35] += table[16:, :count].sum(axis=1)
    np.testing.assert_array_equal(found, wanted)


def test_a_branch_cannot_go_both_ways() -> None:
    body = side_by_side("x0[i0] if x0[i0] < x1[i0] else x1[i0]")
    with pytest.raises(TranslationError, match="bool x 32 goes no single way"):
        result_of(body, [np.zeros(40, "f4")] * 4, 32)
