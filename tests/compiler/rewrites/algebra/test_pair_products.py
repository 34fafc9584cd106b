"""Products of three and more factors become products of two: text before, text after, numbers."""

from __future__ import annotations

import pytest

from gradc_compiler.graph.graph import Graph
from gradc_compiler.ops.contract import Contract, index
from gradc_compiler.rewrites.algebra.pair_products import multiply_in_pairs
from tests.compiler.rewrites.algebra.test_simplify import I, J
from tests.compiler.select.test_contraction import graph_of
from tests.support.products import MANY, many

FORM = "%0 = input{key='y', shape=(9,)}; %1 = persistent{key='T', shape=(9, 7)};"
FORM += "%2 = input{key='z', shape=(7,)};"
CUBE = "%0 = input{key='x', shape=(5,)};"


def products(graph: Graph) -> list[Contract]:
    return [
        node.op for node in graph.nodes if isinstance(node.op, Contract) and len(node.inputs) > 1
    ]


def test_a_bilinear_form_is_a_matrix_times_a_vector_and_an_inner_product(assert_rewrites) -> None:
    maps = f"operands=(({I},), ({I}, {J}), ({J},)), result=(), shape=()"
    matrix = f"operands=(({I},), ({I}, {J})), result=({J},), shape=(7,)"
    inner = f"operands=(({I},), ({I},)), result=(), shape=()"
    assert_rewrites(
        multiply_in_pairs,
        before=f"{FORM} %3 = contract{{extents=(9, 7), {maps}}} %0 %1 %2; return a=%3",
        after=f"{FORM} %3 = contract{{extents=(9, 7), {matrix}}} %0 %1;"
        f"%4 = contract{{extents=(7,), {inner}}} %3 %2; return a=%4",
        tolerance=1e-12,
    )


def test_a_product_in_place_is_elementwise(assert_rewrites) -> None:
    place = f"contract{{extents=(5,), operands=(({I},),), result=({I},), shape=(5,)}} %0;"
    maps = f"operands=(({I},), ({I},), ({I},)), result=({I},), shape=(5,)"
    assert_rewrites(
        multiply_in_pairs,
        before=f"{CUBE} %1 = contract{{extents=(5,), {maps}}} %0 %0 %0; return a=%1",
        after=f"{CUBE} %1 = {place} %2 = {place} %3 = mul %1 %2;"
        f"%4 = {place.replace('%0', '%3')} %5 = {place} %6 = mul %4 %5; return a=%6",
    )


def test_a_mean_is_taken_once_all_that_varies_is_multiplied(assert_rewrites) -> None:
    given = "%0 = input{key='g', shape=(5,)}; %1 = input{key='x', shape=(7,)};"
    given += "%2 = persistent{key='V', shape=(7,)};"
    maps = f"operands=(({I},), ({J},), ({J},)), result=({I}, {J}), shape=(5, 7)"
    outer = f"operands=(({J},), ({I},)), result=({I}, {J}), shape=(5, 7)"
    views = [
        f"contract{{extents=(7,), operands=(({I},),), result=({I},), shape=(7,)}} %{k};"
        for k in (1, 2)
    ]
    assert_rewrites(
        multiply_in_pairs,
        before=f"{given} %3 = contract{{extents=(5, 7), {maps}, mean=True}} %0 %1 %2; return a=%3",
        after=f"{given} %3 = {views[0]} %4 = {views[1]} %5 = mul %3 %4;"
        f"%6 = contract{{extents=(5, 7), {outer}, mean=True}} %5 %0; return a=%6",
    )


@pytest.mark.parametrize("name", ["distances that no pair may hold", "outer product of three"])
def test_what_lies_between_is_never_larger_than_factors_and_result(name: str) -> None:
    graph = graph_of(MANY[name])
    largest = max(node.type.size for node in graph.nodes)
    assert all(node.type.size <= largest for node in multiply_in_pairs(graph).nodes)


def test_a_product_without_a_cheaper_path_stays() -> None:
    case = MANY["distances that no pair may hold"]
    assert [len(op.operands) for op in products(multiply_in_pairs(graph_of(case)))][:1] == [3]


def test_a_chain_costs_what_its_best_order_costs() -> None:
    """[2, 30] @ [30, 2] @ [2, 30]: by the first product 240 multiplications, else 3,600."""
    i, j, k, l = map(index, range(4))
    maps = ((i, j), (j, k), (k, l))
    case = many((2, 30, 2, 30), maps, (i, l), (2, 30), (2, 30), (30, 2), (2, 30))
    first = products(multiply_in_pairs(graph_of(case)))[0]
    assert sorted(first.extents) == [2, 2, 30]
