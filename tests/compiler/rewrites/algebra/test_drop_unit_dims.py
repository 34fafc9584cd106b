"""Contractions read and write without the axes of one element that a reshape adds or drops."""

from __future__ import annotations

from gradc_compiler.rewrites.algebra.drop_unit_dims import drop_unit_dims
from tests.compiler.rewrites.algebra.test_simplify import I, J

MATRIX = "%0 = input{key='x', shape=(5, 7)}; %1 = input{key='y', shape=(7,)};"
ZERO, ONE = "((), 0)", "((), 1)"


def product(x: str, result: str, shape: str) -> str:
    """The product of a matrix, read at `x`, with a vector."""
    maps = f"operands=(({x}), ({J},)), result=({result}), shape={shape}"
    return f"contract{{extents=(5, 7), {maps}}}"


def test_contractions_read_what_is_reshaped(assert_rewrites) -> None:
    assert_rewrites(
        drop_unit_dims,
        before=MATRIX + f"%2 = reshape{{shape=(5, 1, 7)}} %0;"
        f"%3 = {product(f'{I}, {ZERO}, {J}', f'{I}, {J}', '(5, 7)')} %2 %1; return a=%3",
        after=MATRIX + f"%2 = reshape{{shape=(5, 1, 7)}} %0;"
        f"%3 = {product(f'{I}, {J}', f'{I}, {J}', '(5, 7)')} %0 %1; return a=%3",
    )


def test_contractions_write_what_is_reshaped(assert_rewrites) -> None:
    plain = product(f"{I}, {J}", f"{I},", "(5,)")
    assert_rewrites(
        drop_unit_dims,
        before=MATRIX + f"%2 = {plain} %0 %1; %3 = reshape{{shape=(5, 1)}} %2; return a=%3",
        after=MATRIX + f"%2 = {plain} %0 %1;"
        f"%3 = {product(f'{I}, {J}', f'{I}, {ZERO}', '(5, 1)')} %0 %1; return a=%3",
    )
    kept = MATRIX + f"%2 = {plain} %0 %1; %3 = reshape{{shape=(5, 1)}} %2; return a=%3 b=%2"
    assert_rewrites(drop_unit_dims, before=kept, after=kept)


def test_an_axis_that_is_read_outside_stays(assert_rewrites) -> None:
    kept = (
        MATRIX + f"%2 = reshape{{shape=(5, 1, 7)}} %0;"
        f"%3 = {product(f'{I}, {ONE}, {J}', f'{I},', '(5,)')} %2 %1; return a=%3"
    )
    assert_rewrites(drop_unit_dims, before=kept, after=kept)
