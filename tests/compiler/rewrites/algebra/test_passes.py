"""The passes beside `simplify`, and the pipeline: text before, text after, equal numbers."""

from __future__ import annotations

from gradc_compiler.graph_tools.graph_text import parse_graph, print_graph
from gradc_compiler.rewrites.algebra.cse import eliminate_common_subexpressions
from gradc_compiler.rewrites.algebra.dce import eliminate_dead_code
from gradc_compiler.rewrites.algebra.fold import LARGEST, fold_constants
from gradc_compiler.rewrites.algebra.fuse_batch_reduction import fuse_batch_reduction
from gradc_compiler.rewrites.algebra.pads_to_concat import pads_to_concat
from gradc_compiler.rewrites.algebra.sink_slices import sink_slices
from gradc_compiler.rewrites.table import ALGEBRA, optimise
from tests.compiler.rewrites.algebra.test_simplify import XY, I, J, X


def test_cse_merges_equal_subtrees(assert_rewrites) -> None:
    assert_rewrites(
        eliminate_common_subexpressions,
        before=X + "%1 = exp %0; %2 = exp %0; %3 = mul %1 %2; return a=%3",
        after=X + "%1 = exp %0; %2 = mul %1 %1; return a=%2",
    )


def test_cse_knows_what_commutes(assert_rewrites) -> None:
    assert_rewrites(
        eliminate_common_subexpressions,
        before=XY + "%2 = add %0 %1; %3 = add %1 %0; %4 = mul %2 %3; return a=%4",
        after=XY + "%2 = add %0 %1; %3 = mul %2 %2; return a=%3",
    )
    kept = XY + "%2 = sub %0 %1; %3 = sub %1 %0; %4 = mul %2 %3; return a=%4"
    assert_rewrites(eliminate_common_subexpressions, before=kept, after=kept)


def test_cse_merges_draws_of_the_same_node_only(assert_rewrites) -> None:
    head = "%0 = persistent{key='seed', index=True}; %1 = persistent{key='step', index=True};"
    kept = head + (
        "%2 = random{node=1, shape=(3,)} %0 %1; %3 = random{node=2, shape=(3,)} %0 %1;"
        "%4 = sub %2 %3; return a=%4"
    )
    assert_rewrites(eliminate_common_subexpressions, before=kept, after=kept)
    assert_rewrites(
        eliminate_common_subexpressions,
        before=head + "%2 = random{node=1, shape=(3,)} %0 %1;"
        "%3 = random{node=1, shape=(3,)} %0 %1; %4 = sub %2 %3; return a=%4",
        after=head + "%2 = random{node=1, shape=(3,)} %0 %1; %3 = sub %2 %2; return a=%3",
    )


def test_cse_tells_negative_zero_from_zero(assert_rewrites) -> None:
    kept = X + (
        "%1 = constant{value=0.0}; %2 = constant{value=-0.0}; %3 = div %0 %1; %4 = div %0 %2;"
        "return a=%3 b=%4"
    )
    assert_rewrites(eliminate_common_subexpressions, before=kept, after=kept)


def test_dce_drops_what_no_output_needs(assert_rewrites) -> None:
    before = XY + "%2 = exp %0; %3 = log %1; %4 = neg %2; return a=%4"
    after = X + "%1 = exp %0; %2 = neg %1; return a=%2"
    assert_rewrites(eliminate_dead_code, before, after)
    assert print_graph(eliminate_dead_code(parse_graph(before))) == print_graph(parse_graph(after))


def test_fold_evaluates_constants(assert_rewrites) -> None:
    assert_rewrites(
        fold_constants,
        before="%0 = iota{size=3}; %1 = constant{value=2.0}; %2 = mul %0 %1; return a=%2",
        after="%0 = literal{values=(0.0, 2.0, 4.0), shape=(3,)}; return a=%0",
    )
    assert_rewrites(
        fold_constants,
        before="%0 = constant{value=3.0}; %1 = constant{value=2.0}; %2 = add %0 %1; return a=%2",
        after="%0 = constant{value=5.0}; return a=%0",
    )


def test_fold_leaves_large_tensors_to_the_program(assert_rewrites) -> None:
    kept = f"%0 = constant{{value=2.0, shape=({LARGEST + 1},)}}; %1 = exp %0; return a=%1"
    assert_rewrites(fold_constants, kept, kept)


def outer_product(extra: str = "") -> str:
    return (
        "%0 = input{key='x', shape=(2,)}; %1 = input{key='y', shape=(3,)};"
        f"%2 = contract{{extents=(2, 3), operands=(({I},), ({J},)), result=({I}, {J}),"
        f" shape=(2, 3){extra}}} %0 %1;"
    )


def test_batch_moves_the_mean_into_the_contraction(assert_rewrites) -> None:
    assert_rewrites(
        fuse_batch_reduction,
        before=outer_product() + "%3 = batch_mean %2; return a=%3",
        after=outer_product(", mean=True") + "return a=%2",
        tolerance=1e-12,
    )


def test_batch_keeps_a_contraction_that_others_read(assert_rewrites) -> None:
    kept = outer_product() + "%3 = batch_mean %2; %4 = exp %2; return a=%3 b=%4"
    assert_rewrites(fuse_batch_reduction, kept, kept)
    kept = outer_product() + "%3 = batch_mean %2; return a=%3 b=%2"
    assert_rewrites(fuse_batch_reduction, kept, kept)


def test_batch_drops_the_mean_of_a_uniform_value(assert_rewrites) -> None:
    assert_rewrites(
        fuse_batch_reduction,
        before="%0 = persistent{key='p', shape=(3,)}; %1 = batch_mean %0; return a=%1",
        after="%0 = persistent{key='p', shape=(3,)}; return a=%0",
    )


def test_the_pipeline_runs_until_nothing_changes() -> None:
    text = X + (
        "%1 = constant{value=1.0}; %2 = constant{value=0.0}; %3 = add %1 %2; %4 = mul %0 %3;"
        "%5 = neg %4; %6 = neg %5; %7 = sub %6 %2; return a=%7"
    )
    once = optimise(parse_graph(text))
    assert print_graph(once) == print_graph(parse_graph(X + "return a=%0"))
    assert optimise(once) == once


def test_a_pass_can_be_left_out() -> None:
    text = X + "%1 = exp %0; %2 = exp %0; %3 = mul %1 %2; return a=%3"
    assert len(optimise(parse_graph(text)).nodes) == 3
    assert len(optimise(parse_graph(text), without=["cse"]).nodes) == 4
    assert optimise(parse_graph(text), without=ALGEBRA) == parse_graph(text)


WHOLE = "%0 = input{key='x', shape=(4,)}; %1 = input{key='y', shape=(4,)};"


def line(start: int, to: int, size: int) -> str:
    """y[i + to] = x[i + start] for two elements, y of a size."""
    maps = f"operands=(((((0, 1),), {start}),),), result=((((0, 1),), {to}),)"
    return f"contract{{extents=(2,), {maps}, shape=({size},)}}"


HEAD, TAIL, FIRST, SECOND = line(0, 0, 2), line(2, 0, 2), line(0, 0, 4), line(0, 2, 4)


def test_slices_move_ahead_of_elementwise_operators(assert_rewrites) -> None:
    assert_rewrites(
        sink_slices,
        before=WHOLE + f"%2 = mul %0 %1; %3 = {HEAD} %2; %4 = {TAIL} %2; return a=%3 b=%4",
        after=WHOLE + f"%2 = mul %0 %1; %3 = {HEAD} %0; %4 = {HEAD} %1; %5 = mul %3 %4;"
        f"%6 = {TAIL} %0; %7 = {TAIL} %1; %8 = mul %6 %7; return a=%5 b=%8",
    )
    kept = WHOLE + f"%2 = mul %0 %1; %3 = {HEAD} %2; %4 = exp %2; return a=%3 b=%4"
    assert_rewrites(sink_slices, before=kept, after=kept)


PAIR = "%0 = input{key='x', shape=(2,)}; %1 = input{key='y', shape=(2,)};"


def test_pieces_side_by_side_are_a_concatenation(assert_rewrites) -> None:
    assert_rewrites(
        pads_to_concat,
        before=PAIR + f"%2 = {SECOND} %1; %3 = {FIRST} %0; %4 = add %2 %3; return a=%4",
        after=PAIR + f"%2 = {SECOND} %1; %3 = {FIRST} %0; %4 = concat{{axis=0}} %0 %1; return a=%4",
    )
    kept = PAIR + f"%2 = {FIRST} %1; %3 = {FIRST} %0; %4 = add %2 %3; return a=%4"
    assert_rewrites(pads_to_concat, before=kept, after=kept)
