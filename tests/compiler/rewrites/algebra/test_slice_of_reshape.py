"""Rows of a vector that is seen as a matrix: read as slices, and joined where they are written."""

from __future__ import annotations

import pytest

from gradc_compiler.pipeline import compile_source
from gradc_compiler.rewrites.algebra.pads_to_concat import pads_to_concat
from gradc_compiler.rewrites.algebra.slice_of_reshape import slice_of_reshape
from tests.compiler.rewrites.algebra.test_simplify import I, J

VECTOR = "%0 = input{key='x', shape=(6,)}; %1 = reshape{shape=(3, 2)} %0;"


def view(source: str, result: str, extents: str, shape: str) -> str:
    return (
        f"contract{{extents={extents}, operands=(({source}),), result=({result}), shape={shape}}}"
    )


def row(k: int) -> str:
    """x[k] for a matrix [3, 2]."""
    return view(f"((), {k}), {I}", f"{I},", "(2,)", "(2,)")


def part(start: int, size: int) -> str:
    """x[start : start + size] for a vector."""
    return view(f"(((0, 1),), {start}),", f"{I},", f"({size},)", f"({size},)")


def test_a_row_of_a_reshaped_vector_is_a_slice(assert_rewrites) -> None:
    assert_rewrites(
        slice_of_reshape,
        before=VECTOR + f"%2 = {row(0)} %1; %3 = {row(2)} %1; return a=%2 b=%3",
        after=VECTOR + f"%2 = {part(0, 2)} %0; %3 = {part(4, 2)} %0; return a=%2 b=%3",
    )


def test_several_rows_are_a_slice_in_their_shape(assert_rewrites) -> None:
    rows = view(f"(((0, 1),), 1), {J}", f"{I}, {J}", "(2, 2)", "(2, 2)")
    assert_rewrites(
        slice_of_reshape,
        before=VECTOR + f"%2 = {rows} %1; return a=%2",
        after=VECTOR + f"%2 = {part(2, 4)} %0; %3 = reshape{{shape=(2, 2)}} %2; return a=%3",
    )


def test_a_column_and_a_transposed_matrix_stay(assert_rewrites) -> None:
    column = view(f"{I}, ((), 1)", f"{I},", "(3,)", "(3,)")
    turned = view(f"{I}, {J}", f"{J}, {I}", "(3, 2)", "(2, 3)")
    for kept in (column, turned):
        text = VECTOR + f"%2 = {kept} %1; return a=%2"
        assert_rewrites(slice_of_reshape, before=text, after=text)


def test_rows_side_by_side_are_a_concatenation_of_vectors(assert_rewrites) -> None:
    given = "%0 = input{key='x', shape=(2,)}; %1 = input{key='y', shape=(2, 2)};"
    first = view(f"{I},", f"((), 0), {I}", "(2,)", "(3, 2)")
    second = view(f"{I}, {J}", f"(((0, 1),), 1), {J}", "(2, 2)", "(3, 2)")
    pieces = given + f"%2 = {first} %0; %3 = {second} %1; %4 = add %3 %2;"
    assert_rewrites(
        pads_to_concat,
        before=pieces + "return a=%4",
        after=given + f"%2 = {first} %0; %3 = {second} %1; %4 = reshape{{shape=(4,)}} %1;"
        "%5 = concat{axis=0} %0 %4; %6 = reshape{shape=(3, 2)} %5; return a=%6",
    )


def test_columns_side_by_side_are_a_concatenation(assert_rewrites) -> None:
    given = "%0 = input{key='x', shape=(3,)}; %1 = input{key='y', shape=(3,)};"
    left, right = (view(f"{I},", f"{I}, ((), {k})", "(3,)", "(3, 2)") for k in (0, 1))
    pieces = given + f"%2 = {left} %0; %3 = {right} %1; "
    assert_rewrites(
        pads_to_concat,
        before=pieces + "%4 = add %2 %3; return a=%4",
        after=pieces + "%4 = reshape{shape=(3, 1)} %0; %5 = reshape{shape=(3, 1)} %1;"
        "%6 = concat{axis=1} %4 %5; return a=%6",
    )
    kept = pieces + "%4 = add %2 %2; return a=%4"
    assert_rewrites(pads_to_concat, before=kept, after=kept)


@pytest.mark.parametrize(
    ("cell", "kernels"),
    [("lstm(7)", (3, 2)), ("gru_reset_after(7)", (3, 5)), ("gru(7)", (5, 5))],
)
def test_a_step_of_a_cell_is_a_few_kernels(cell: str, kernels: tuple[int, int]) -> None:
    """Forwards: the state before, then products and what is between them; backwards the same."""
    made = compile_source(
        f"""
        model f(xs : seq [3]) -> [2] {{ xs |> scan({cell}) |> last |> dense(2) }}
        data d(xs : seq [3], label : class(2)) = npz("none.npz")
        train on d {{ minimize cross_entropy(f(xs), label) using sgd(lr = 0.1), batch 8 }}
        """
    )
    loops = [loop for phase in made.entries["step/train"].phases for loop in phase.loops]
    assert tuple(loop.count for loop in loops) == kernels
