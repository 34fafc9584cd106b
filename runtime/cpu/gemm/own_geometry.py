"""The geometry of a product alone, without outer loops, and its exchanges.

A kernel copies a geometry to change it; what it gets may belong to other threads too.
"""

from __future__ import annotations

from typing import Any

from gradc_compiler.program.kernel_abi import (
    A_K1,
    A_K2,
    A_ROW,
    B_COLUMN,
    B_K1,
    B_K2,
    LOOP_COUNT,
    LOOPS,
    Y_COLUMN,
    Y_ROW,
)
from gradc_runtime.cpu.codegen.intrinsics import WORDS
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import subroutine
from gradc_runtime.cpu.gemm.multi_index import copy_words

OWN = LOOPS + 2  # numbers of a geometry without outer loops


@subroutine(kernel_types.void(WORDS, WORDS, *[kernel_types.int64] * 2))
def without_loops(geometry: Any, own: Any, b_column: Any, y_column: Any) -> None:
    """Copy the geometry of a product alone to `own`, with its strides along the columns."""
    copy_words(geometry, own, LOOPS)
    own[LOOP_COUNT] = 0
    own[LOOPS + B_COLUMN], own[LOOPS + Y_COLUMN] = b_column, y_column


@subroutine(kernel_types.void(WORDS))
def exchange_sums(own: Any) -> None:
    """Let the loops over k1 and k2 change places."""
    own[A_K1], own[A_K2] = own[A_K2], own[A_K1]
    own[B_K1], own[B_K2] = own[B_K2], own[B_K1]


@subroutine(kernel_types.void(WORDS))
def exchange_operands(own: Any) -> None:
    """Let rows and columns, and with them a and b, change places."""
    column = LOOPS + B_COLUMN
    own[A_ROW], own[column] = own[column], own[A_ROW]
    own[Y_ROW], own[LOOPS + Y_COLUMN] = own[LOOPS + Y_COLUMN], own[Y_ROW]
    own[A_K1], own[B_K1] = own[B_K1], own[A_K1]
    own[A_K2], own[B_K2] = own[B_K2], own[A_K2]
