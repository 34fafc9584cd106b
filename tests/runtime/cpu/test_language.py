"""Kernels mean what Numba makes of them, and what the language has no words for is refused."""

from __future__ import annotations

import ast
import ctypes
import textwrap
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gradc_compiler.program.entry import Kernel
from gradc_runtime.cpu.codegen import build_kernel, scalar_math
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.translate import translate
from gradc_runtime.cpu.codegen.language.translate_statements import TranslationError
from gradc_runtime.cpu.codegen.target import host
from gradc_runtime.cpu.objects.compile_kernels import NUMBA, OWN, addresses
from tests.runtime.cpu.test_kernels import contraction, geometry_of, words

NATIVE = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 5)
HEAD = "def k0(pointers, geometry, begin, end, first):\n"
EXPRESSIONS = [
    "x0[i0] / (x1[i0] + real(3.0)) - -x0[i0]",
    "select(x0[i0] > x1[i0], x0[i0], real(0.5))",
    "x0[i0] if x0[i0] < x1[i0] and i0 > 3 else x1[i0]",
    "real(i0 // 3 - (i0 - 40) // 7 + (i0 - 40) % 7 + (i0 << 2 ^ i0 & 5 | 1))",
    "real(index(x0[i0] * real(9.0))) + step(x0[i0] != x1[i0] or i0 == 5)",
    "maximum(x0[i0], x1[i0]) * minimum(x0[i0], real(1.0)) + floor(x1[i0])",
    "tanh(x0[i0]) + sigmoid(x1[i0]) * exp(x0[i0]) - expm1(x1[i0])",
    "log(abs_(x0[i0])) + log1p(abs_(x1[i0])) + sqrt(abs_(x0[i0]))",
    "erf(x0[i0]) + sin(x1[i0]) * cos(x0[i0]) + pow_(abs_(x0[i0]), x1[i0])",
    "philox_uniform(7, 3, first + i0, 5, i1, 2) + philox_normal(7, 3, i0, 5, i1, 2)",
]


def run(call: Any, arrays: list[NDArray[Any]], geometry: list[int], end: int) -> None:
    pointers, numbers = np.array([a.ctypes.data for a in arrays]), np.array([*geometry, 0])
    call(pointers.ctypes.data, numbers.ctypes.data, 0, end, 11)


def in_both(kernel: Kernel, arrays: list[Any], geometry: list[int], end: int) -> Any:
    """The last array after the translated kernel, and after Numba's."""
    found = []
    for compiler in (OWN, NUMBA):
        last = arrays[-1].copy()
        (address,) = addresses([kernel], last.dtype.itemsize, compiler)
        run(NATIVE(address), [*arrays[:-1], last], geometry, end)
        found.append(last)
    return found


@pytest.mark.parametrize("word", [4, 8])
def test_generated_kernels_mean_what_numba_makes_of_them(word: int) -> None:
    text = HEAD + "".join(f"    x{k} = reals(pointers, {k})\n" for k in range(3))
    text += "    for i0 in range(begin, end):\n        for i1 in range(1):\n"
    for k, expression in enumerate(EXPRESSIONS):
        text += f"            x2[{len(EXPRESSIONS)} * i0 + {k}] = {expression}\n"
    rng = np.random.default_rng(5)
    arrays = [rng.normal(size=113).astype(f"f{word}") for _ in range(2)]
    arrays.append(np.zeros(113 * len(EXPRESSIONS), f"f{word}"))
    ours, numbas = in_both(Kernel("k0", text), arrays, [], 113)
    assert np.isfinite(ours).all()
    np.testing.assert_allclose(ours, numbas, rtol=2e-6 if word == 4 else 1e-14, atol=1e-6)


@pytest.mark.parametrize(
    "name", [pytest.param("contract_rows", marks=pytest.mark.wide), "contract_dots"]
)
def test_library_kernels_mean_what_numba_makes_of_them(name: str) -> None:
    rng = np.random.default_rng(6)
    for mode in (0, 1):
        axes = contraction(rng, name)
        arrays = [rng.normal(size=words(axes, operand)).astype("f4") for operand in "aby"]
        geometry = geometry_of(axes, mode, name == "contract_dots")
        ours, numbas = in_both(Kernel(name), arrays, geometry, 0)
        np.testing.assert_allclose(ours, numbas, rtol=1e-4, atol=1e-4)


REFUSED = {
    "x0 = 1\nx0 = real(1.0)": "x0 is int64, so it cannot be float32",
    "x0 = real(1.0)[2]": "real(1.0) is float32, which has no elements",
    "x0 = geometry + 1": "int64* and int64 have nothing in common",
    "x0: int = 3": "AnnAssign is not in the language",
    "for i0 in [1, 2]:\n    pass": "a loop runs over a range, and has no else",
    "for i0 in range(1, 2, 3, 4):\n    pass": "a range has one to three bounds",
    "x0 = +begin": "a sign is not in the language",
    "x0 = [begin]": "[begin] is not in the language",
    "x0 = 'word'": "a str is no number",
    "x0, x1 = begin": "int64 is not several values",
    "if geometry:\n    pass": "int64* is no condition",
}


@pytest.mark.parametrize("body", REFUSED)
def test_what_the_language_has_no_words_for_is_refused(body: str) -> None:
    (tree,) = ast.parse(HEAD + textwrap.indent(body, "    ")).body
    assert isinstance(tree, ast.FunctionDef)
    with pytest.raises(TranslationError) as caught:
        translate("k", tree, scalar_math.names(4))
    assert REFUSED[body] in str(caught.value)


def test_a_narrow_loop_is_masked_vectors() -> None:
    body = "    x0 = reals(pointers, 0)\n"
    body += "    for i0 in {}(geometry[0]):\n        x0[i0] = tanh(x0[i0])\n"
    narrow, plain = (
        build_kernel.assembly("k0", HEAD + body.format(loop), 4) for loop in ("narrow", "range")
    )
    wide = [line for line in narrow.splitlines() if "zmm" in line or "ymm" in line]
    assert len(narrow) < len(plain) and (wide or host().vector_bytes == 16)
    x = np.linspace(-2, 2, 40, dtype="f4")
    (address,) = addresses([Kernel("k0", HEAD + body.format("narrow"))], 4)
    for count in (0, 1, 7, 16, 37):
        found = x.copy()
        run(NATIVE(address), [found], [count], 0)
        np.testing.assert_allclose(found[:count], np.tanh(x[:count]), rtol=1e-6)
        assert np.array_equal(found[count:], x[count:])


def test_types_meet_as_in_numba() -> None:
    kinds = [
        kernel_types.boolean,
        kernel_types.int32,
        kernel_types.int64,
        kernel_types.float32,
        kernel_types.float64,
    ]
    met = [[str(kernel_types.unify(a, b)) for b in kinds] for a in kinds]
    assert met[0] == ["bool", "int64", "int64", "float64", "float64"]
    assert met[1] == ["int64", "int32", "int64", "float64", "float64"]
    assert met[3] == ["float64", "float64", "float64", "float32", "float64"]
