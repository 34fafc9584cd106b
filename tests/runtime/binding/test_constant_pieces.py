"""Large constants: no memory while compiled, and the right numbers when run."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from gradc_compiler.pipeline import compile_source
from gradc_compiler.program.entry import ConstantWords
from gradc_runtime.binding.constant_pieces import PIECE, pieces
from gradc_runtime.session.session import Session

LARGE = 2**21 + 3


@pytest.mark.parametrize("body", ["sum(iota(2^27))", "sum(full([2^27], 1))", "iota(2^27)[5]"])
def test_compiling_a_constant_takes_no_memory(body: str) -> None:
    program = compile_source(f"model f(x : scalar) {{ x + {body} }}")
    tracemalloc.start()
    assert program.entries["forward/f"].kernels
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**27  # an eighth of the bytes of its numbers


def test_numbers_come_in_pieces() -> None:
    value = range(LARGE)
    found = np.full(LARGE + 7, -1.0)
    for at, numbers in pieces(ConstantWords(offset=5, value=value)):
        assert len(numbers) <= PIECE
        found[at : at + len(numbers)] = numbers
    np.testing.assert_array_equal(found[5:-2], np.arange(LARGE))
    assert [*found[:5], *found[-2:]] == [-1.0] * 7


@pytest.mark.parametrize("target", ["cpu", "reference"])
def test_a_large_constant_is_what_it_says(target: str) -> None:
    ends = f"iota({LARGE})[{LARGE - 2}:{LARGE}]"
    text = f"model f(x : scalar) {{ x * {ends} + sum(full([{LARGE}], 1)) }}"
    found = Session(compile_source(text), target, "float64").run("f", x=[2.0])
    np.testing.assert_array_equal(found, [[2 * (LARGE - 2) + LARGE, 2 * (LARGE - 1) + LARGE]])


@pytest.mark.wide
def test_eight_hundred_layers_are_no_more_than_may_be() -> None:
    assert compile_source("""
model f(x : [4]) -> [4] { x |> repeat(800, dense(4)) }
data d(x : [4]) = csv("none.csv")
train on d { minimize sum(f(x)^2) using adam(lr = 1e-3) }
""").training
