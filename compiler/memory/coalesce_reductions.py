"""Sums over chunks that lie side by side in memory become one sum: fewer, longer loops."""

from __future__ import annotations

from collections.abc import Iterable

from gradc_compiler.memory.allocate import ALIGN
from gradc_compiler.program.entry import PartialReduction


def coalesce_reductions(sums: Iterable[PartialReduction]) -> tuple[PartialReduction, ...]:
    """Join sums whose terms are neighbours in PARTIAL and whose results are neighbours in UNIFORM.

    The words that alignment leaves between two buffers are summed up along with them: nothing else
    lies there, and nobody reads the result.
    """
    result: list[PartialReduction] = []
    for this in sums:
        last = result[-1] if result else None
        if last is not None and follows(last, this):
            words = this.partial + this.words - last.partial
            result[-1] = PartialReduction(partial=last.partial, uniform=last.uniform, words=words)
        else:
            result.append(this)
    return tuple(result)


def follows(last: PartialReduction, this: PartialReduction) -> bool:
    """Whether one sum lies directly after another, apart from words left for alignment."""
    gap = this.partial - last.partial - last.words
    return 0 <= gap < ALIGN and this.uniform - last.uniform == this.partial - last.partial
