"""A step's calls on one of several ranks: its rows, and the places where rows go to all ranks.

A call for each example gives each row the same bits however many rows there are.  So a rank makes
those of its own rows alone.  A sum over the batch reads all rows, in an order of its own: before it
each rank is given the others' rows of what it reads ("sufficient factors"; Xie et al., UAI 2016),
and makes the sum as one GPU would.  So any number of ranks comes to the bits of one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cuda.kernels import GATHER, KEEP, LOAD
from gradc_runtime.cuda.launch.kernel_call import (
    CudaCall,
    Interval,
    is_plain,
    kernels_in,
    overlap,
)

MOVES = (GATHER, KEEP, LOAD)  # what the host brings and fetches, every rank does by itself


@dataclass(frozen=True, slots=True)
class RankSegment:
    """Calls of this rank, and values [N, words] whose rows then go to all ranks."""

    calls: tuple[CudaCall, ...]
    exchanged: tuple[Interval, ...]


def segments_of(calls: Sequence[CudaCall], rows: tuple[int, int]) -> list[RankSegment]:
    """The calls of the rank that has the examples [begin, end)."""
    found, own = list[RankSegment](), list[CudaCall]()
    partial: list[Interval] = []  # of which this rank has its own rows alone
    begin, end = rows
    for call in calls:
        if goes_by_rows(call):
            own.append(replace(call, begin=begin, count=end - begin, most=end - begin))
            partial = [one for one in partial if not overlap([one], call.writes)]
            partial += dict.fromkeys(call.writes)
            continue
        wanted = [one for one in partial if overlap([one], (*call.reads, *call.writes))]
        if wanted:
            found.append(RankSegment(tuple(own), tuple(wanted)))
            own, partial = [], [one for one in partial if one not in wanted]
        own.append(call)
    return [*found, RankSegment(tuple(own), ())]


def goes_by_rows(call: CudaCall) -> bool:
    """Whether a call makes one row after another, without regard to how many there are."""
    if not call.each or call.slot or call.source in MOVES or kernels_in(call.source) > 1:
        return False
    counts = is_plain(*call.kernel) and re.search(r"\bcount\b", _body(call.source))
    return "begin" in _body(call.source) and not counts


def _body(source: str) -> str:
    """A text without its heads."""
    return re.sub(r"^def .*$", "", source, flags=re.MULTILINE)
