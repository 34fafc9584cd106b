"""Sums over the chunks that lie side by side are one."""

from __future__ import annotations

from gradc_compiler.memory.coalesce_reductions import coalesce_reductions
from gradc_compiler.program.entry import PartialReduction


def total(partial: int, uniform: int, words: int) -> PartialReduction:
    return PartialReduction(partial=partial, uniform=uniform, words=words)


def test_neighbours_are_one_with_what_aligns_them() -> None:
    sums = [total(0, 240, 1), total(16, 256, 10), total(32, 272, 20)]
    assert coalesce_reductions(sums) == (total(0, 240, 52),)


def test_what_lies_apart_in_either_stays_apart() -> None:
    apart = (total(0, 240, 1), total(16, 288, 10), total(64, 336, 3))
    assert coalesce_reductions(apart) == apart
    assert coalesce_reductions([]) == ()
