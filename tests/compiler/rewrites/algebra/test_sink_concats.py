"""Elementwise operators apply to the parts of a concatenation, and to vectors before a reshape."""

from __future__ import annotations

from gradc_compiler.rewrites.algebra.sink_concats import sink_concats
from tests.compiler.rewrites.algebra.test_slice_of_reshape import part, row

GIVEN = (
    "%0 = input{key='x', shape=(2,)}; %1 = input{key='y', shape=(4,)};"
    "%2 = input{key='z', shape=(6,)};"
)


def test_the_parts_of_a_concatenation(assert_rewrites) -> None:
    joined = GIVEN + "%3 = concat{axis=0} %0 %1;"
    assert_rewrites(
        sink_concats,
        before=joined + "%4 = mul %3 %2; %5 = exp %4; return a=%5",
        after=joined + f"%4 = {part(0, 2)} %2; %5 = mul %0 %4; %6 = {part(2, 4)} %2;"
        "%7 = mul %1 %6; %8 = concat{axis=0} %5 %7; %9 = exp %5; %10 = exp %7;"
        "%11 = concat{axis=0} %9 %10; return a=%11",
    )


def test_a_concatenation_that_others_read_stays(assert_rewrites) -> None:
    joined = GIVEN + "%3 = concat{axis=0} %0 %1;"
    for kept in (
        "%4 = mul %3 %2; return a=%4 b=%3",
        "%4 = mul %3 %3; return a=%4",
        "%4 = mul %3 %2; %5 = exp %3; return a=%4 b=%5",
    ):
        assert_rewrites(sink_concats, before=joined + kept, after=joined + kept)


def test_vectors_are_reshaped_last(assert_rewrites) -> None:
    shaped = GIVEN + "%3 = input{key='w', shape=(6,)}; %4 = reshape{shape=(3, 2)} %2;"
    shaped += "%5 = reshape{shape=(3, 2)} %3; "
    assert_rewrites(
        sink_concats,
        before=shaped + f"%6 = mul %4 %5; %7 = {row(1)} %6; return a=%7",
        after=shaped + "%6 = mul %2 %3; %7 = reshape{shape=(3, 2)} %6;"
        f"%8 = {row(1)} %7; return a=%8",
    )


def test_what_is_wanted_in_a_shape_keeps_it(assert_rewrites) -> None:
    shaped = GIVEN + "%3 = reshape{shape=(3, 2)} %2; "
    for kept in (
        "%4 = exp %3; %5 = max{axes=(1,)} %4; return a=%5",
        "%4 = mul %3 %0; %5 = exp %4; return a=%5",
        "%4 = reshape{shape=(1, 2)} %0; %5 = mul %3 %4; %6 = exp %5; return a=%6",
    ):
        assert_rewrites(sink_concats, before=shaped + kept, after=shaped + kept)
