"""Cuts the sum of a product into pieces that one call of a smaller product can take.

A product adds up its terms in vector registers.  For two reasons it may not take all terms of a
long sum at once: every term would go through a long chain of additions, which loses digits (Note
[How long a chain of additions is] in `compiler/machine/addition_chains.py`), and what is read for
them would not stay in the nearest cache.
"""

from __future__ import annotations

from typing import Any

from gradc_compiler.program.kernel_abi import A_K1, A_K2, B_K1, B_K2
from gradc_runtime.cpu.codegen.language.subroutines import subroutine
from gradc_runtime.cpu.gemm.outer_loops import product_signature


def make_sum_of_pieces(word: int, piece: Any, steps: int, lanes: int = 1) -> Any:
    """A product of any number of terms, made of a `piece` that takes few.

    The piece is called with at most `steps` iterations of its loops over k1 and k2.  An iteration
    over k2 takes as many terms as a vector has `lanes`.  Pieces after the first add to y, whatever
    the mode says.
    """

    @subroutine(product_signature(word))
    def sum_of_pieces(
        a: Any, i: Any, b: Any, j: Any, y: Any, h: Any, geometry: Any,
        k1: Any, k2: Any, m: Any, n: Any, mode: Any,
    ) -> None:  # fmt: skip
        step2 = max(1, min(k2, steps * lanes))
        step1 = max(1, steps // ((step2 + lanes - 1) // lanes))
        for s1 in range(0, k1, step1):
            for s2 in range(0, k2, step2):
                at = i + s1 * geometry[A_K1] + s2 * geometry[A_K2]
                bt = j + s1 * geometry[B_K1] + s2 * geometry[B_K2]
                c1, c2 = min(step1, k1 - s1), min(step2, k2 - s2)
                piece(a, at, b, bt, y, h, geometry, c1, c2, m, n, mode)
                mode |= 1

    return sum_of_pieces
