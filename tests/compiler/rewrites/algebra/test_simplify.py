"""Every law of `simplify`: text before, text after, equal numbers."""

from __future__ import annotations

import ast

import pytest

from gradc_compiler.graph_tools.graph_text import parse_graph
from gradc_compiler.rewrites.algebra.laws import RULES, Firing
from gradc_compiler.rewrites.algebra.simplify import simplify

X = "%0 = input{key='x', shape=(2, 3)};"
XY = X + "%1 = input{key='y', shape=(2, 3)};"
I, J, K = "(((0, 1),), 0)", "(((1, 1),), 0)", "(((2, 1),), 0)"


def view(source: str, operand: str, extents: str) -> str:
    """A contraction of one operand that writes every loop's place."""
    loops = ", ".join([I, J, K][: len(ast.literal_eval(extents))])
    return (
        f"contract{{extents={extents}, operands=(({operand},),), result=({loops},),"
        f" shape={extents}}} {source}"
    )


R, NEGATED = "return a=%0", "%1 = neg %0; return a=%1"

# fmt: off
LAWS = {
    "nothing_is_subtracted": [
        (X + "%1 = constant{value=0.0}; %2 = sub %0 %1; return a=%2", X + R),
    ],
    "one_is_neutral": [
        (X + "%1 = constant{value=1.0}; %2 = mul %0 %1; return a=%2", X + R),
        (X + "%1 = constant{value=1.0}; %2 = mul %1 %0; return a=%2", X + R),
        (X + "%1 = constant{value=-1.0}; %2 = mul %1 %0; return a=%2", X + NEGATED),
    ],
    "division_by_one_vanishes": [
        (X + "%1 = constant{value=1.0}; %2 = div %0 %1; return a=%2", X + R),
    ],
    "known_choice_is_made": [
        (XY + "%2 = constant{value=0.5}; %3 = where %2 %0 %1; return a=%3", XY + "return a=%0"),
        (XY + "%2 = constant{value=0.0}; %3 = where %2 %0 %1; return a=%3", XY + "return a=%1"),
    ],
    "double_negation_vanishes": [
        (X + "%1 = neg %0; %2 = neg %1; return a=%2", X + R),
    ],
    "adding_a_negative_subtracts": [
        (XY + "%2 = neg %1; %3 = add %0 %2; return a=%3", XY + "%2 = sub %0 %1; return a=%2"),
    ],
    "broadcast_constant_is_constant": [
        (
            f"%0 = constant{{value=2.0, shape=(3,)}}; %1 = {view('%0', J, '(2, 3)')}; return a=%1",
            "%0 = constant{value=2.0, shape=(2, 3)}; return a=%0",
        ),
    ],
    "sum_of_zeros_is_zero": [
        (
            "%0 = constant{value=0.0, shape=(2, 3)};"
            f"%1 = contract{{extents=(2, 3), operands=(({I}, {J}),), result=({I},), shape=(2,)}}"
            " %0; return a=%1",
            "%0 = constant{value=0.0, shape=(2,)}; return a=%0",
        ),
    ],
    "factor_of_ones_drops_out": [
        (
            X + "%1 = constant{value=1.0, shape=(4,)};"
            f"%2 = contract{{extents=(2, 3, 4), operands=(({I}, {J}), ({K},)),"
            f" result=({K}, {J}, {I}), shape=(4, 3, 2)}} %0 %1; return a=%2",
            X + f"%1 = contract{{extents=(2, 3, 4), operands=(({I}, {J}),),"
            f" result=({K}, {J}, {I}), shape=(4, 3, 2)}} %0; return a=%1",
        ),
        (
            "%0 = constant{value=1.0, shape=(3,)}; %1 = constant{value=1.0, shape=(2,)};"
            f"%2 = contract{{extents=(2, 3), operands=(({I},), ({J},)),"
            f" result=({J}, {I}), shape=(4, 2)}} %1 %0; return a=%2",
            "%0 = constant{value=1.0, shape=(2,)};"
            f"%1 = contract{{extents=(2, 3), operands=(({I},),),"
            f" result=({J}, {I}), shape=(4, 2)}} %0; return a=%1",
        ),
    ],
    "identity_vanishes": [
        (X + f"%1 = {view('%0', f'{I}, {J}', '(2, 3)')}; return a=%1", X + R),
    ],
    "scalar_factor_leaves_the_contraction": [
        (
            X + "%1 = input{key='s'};"
            f"%2 = contract{{extents=(3, 2), operands=((), ({J}, {I})),"
            f" result=({I}, {J}), shape=(3, 2)}}"
            " %1 %0; return a=%2",
            X + f"%1 = input{{key='s'}}; %2 = {view('%0', f'{J}, {I}', '(3, 2)')};"
            "%3 = mul %2 %1; return a=%3",
        ),
    ],
    "broadcasting_is_implied": [
        (
            X + f"%1 = input{{key='r', shape=(3,)}}; %2 = {view('%1', J, '(2, 3)')};"
            "%3 = mul %0 %2; return a=%3",
            X + "%1 = input{key='r', shape=(3,)}; %2 = mul %0 %1; return a=%2",
        ),
        (
            X + "%1 = input{key='c', shape=(2, 1)};"
            f"%2 = {view('%1', f'{I}, ((), 0)', '(2, 3)')}; %3 = mul %0 %2; return a=%3",
            X + "%1 = input{key='c', shape=(2, 1)}; %2 = mul %0 %1; return a=%2",
        ),
        (
            X + "%1 = constant{value=2.0, shape=(2, 3)}; %2 = mul %0 %1; return a=%2",
            X + "%1 = constant{value=2.0}; %2 = mul %0 %1; return a=%2",
        ),
    ],
    "reshape_of_reshape_is_reshape": [
        (
            X + "%1 = reshape{shape=(6,)} %0; %2 = reshape{shape=(3, 2)} %1; return a=%2",
            X + "%1 = reshape{shape=(3, 2)} %0; return a=%1",
        ),
        (X + "%1 = reshape{shape=(2, 3)} %0; return a=%1", X + R),
        (
            "%0 = constant{value=2.0, shape=(6,)}; %1 = reshape{shape=(3, 2)} %0; return a=%1",
            "%0 = constant{value=2.0, shape=(3, 2)}; return a=%0",
        ),
    ],
    "mean_of_equal_values_is_the_value": [
        (
            "%0 = persistent{key='p', shape=(3,)}; %1 = batch_mean %0; return a=%1",
            "%0 = persistent{key='p', shape=(3,)}; return a=%0",
        ),
    ],
    "double_transpose_composes": [
        (
            "%0 = input{key='x', shape=(2, 3, 4)};"
            f"%1 = {view('%0', f'{K}, {I}, {J}', '(3, 4, 2)')};"
            f"%2 = {view('%1', f'{K}, {I}, {J}', '(4, 2, 3)')}; return a=%2",
            "%0 = input{key='x', shape=(2, 3, 4)};"
            f"%1 = {view('%0', f'{J}, {K}, {I}', '(4, 2, 3)')}; return a=%1",
        ),
        (
            "%0 = input{key='x', shape=(9,)};"
            f"%1 = {view('%0', '(((0, 2),), 1)', '(4,)')};"
            f"%2 = {view('%1', '(((0, -1),), 2)', '(3,)')}; return a=%2",
            "%0 = input{key='x', shape=(9,)};"
            f"%1 = {view('%0', '(((0, -2),), 5)', '(3,)')}; return a=%1",
        ),
    ],
}
KEPT = {
    "a slice is no broadcast": (
        "%0 = input{key='x', shape=(9,)}; %1 = input{key='y', shape=(5,)};"
        f"%2 = {view('%0', I, '(5,)')}; %3 = add %1 %2; return a=%3"
    ),
    "a reversed axis is no identity": (
        "%0 = input{key='x', shape=(5,)};"
        f"%1 = {view('%0', '(((0, -1),), 4)', '(5,)')}; return a=%1"
    ),
    "padding of a constant": (
        "%0 = constant{value=2.0, shape=(3,)};"
        f"%1 = {view('%0', '(((0, 1),), -1)', '(5,)')}; return a=%1"
    ),
    "ones that are read outside": (
        X + "%1 = constant{value=1.0, shape=(2,)};"
        f"%2 = contract{{extents=(2, 3), operands=(({I}, {J}), ({J},)),"
        f" result=({I},), shape=(2,)}} %0 %1; return a=%2"
    ),
    "a mean of values that differ": X + "%1 = batch_mean %0; return a=%1",
    "a sum of a scalar": (
        X + "%1 = input{key='s'};"
        f"%2 = contract{{extents=(3, 2), operands=((), ({J}, {I})), result=({I},), shape=(3,)}}"
        " %1 %0; return a=%2"
    ),
}
# fmt: on


def test_every_law_has_a_test() -> None:
    assert {law.name for laws in RULES.values() for law in laws} == LAWS.keys()


@pytest.mark.parametrize("law", LAWS)
def test_law(law: str, assert_rewrites) -> None:
    for before, after in LAWS[law]:
        assert_rewrites(simplify, before, after)


@pytest.mark.parametrize("text", KEPT.values(), ids=KEPT)
def test_what_no_law_may_change(text: str, assert_rewrites) -> None:
    assert_rewrites(simplify, text, text)


def test_laws_say_what_they_prove() -> None:
    for laws in RULES.values():
        assert all(law.equation.endswith(".") for law in laws)


def test_laws_that_fired_are_told() -> None:
    """Both forms are nodes of the simplified graph, so that they can be compared."""
    graph = parse_graph(X + "%1 = neg %0; %2 = neg %1; return a=%2")
    told: list[Firing] = []
    after = simplify(graph, told)
    assert [one.law.name for one in told] == ["double_negation_vanishes"]
    assert after[told[0].node].op.name == "neg" and after[told[0].instead].op.name == "input"
    assert after == simplify(graph)
