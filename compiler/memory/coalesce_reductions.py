"""Sums over the chunks that lie side by side, as one."""

from __future__ import annotations

from collections.abc import Iterable

from gradc_compiler.memory.allocate import ALIGN
from gradc_compiler.program.entry import PartialReduction


def coalesce_reductions(sums: Iterable[PartialReduction]) -> tuple[PartialReduction, ...]:
    """Neighbours in PARTIAL and in UNIFORM are added up together, with the unused words between.

    Both are laid out in the same order, and nothing else lies in what alignment leaves between.
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
    """Whether a sum continues another, but for what aligns it."""
    gap = this.partial - last.partial - last.words
    return 0 <= gap < ALIGN and this.uniform - last.uniform == this.partial - last.partial
