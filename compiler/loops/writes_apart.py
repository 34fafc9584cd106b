"""Whether threads may share a nest's outermost loop."""

from __future__ import annotations

from collections.abc import Sequence

from gradc_compiler.loops.ir import LoopNest, NestLoop


def writes_apart(nest: LoopNest) -> bool:
    """Whether no two iterations of the outermost loop write the same word, so that threads may
    share it.
    """
    return all(_apart(access.moves, nest.loops) for _, access, _ in nest.stores)


def _apart(moves: Sequence[int], loops: Sequence[NestLoop]) -> bool:
    """Whether the first loop steps over all that loops of shorter steps reach, and loops of longer
    steps over all that it reaches.
    """
    first, *others = [(abs(m), loop.extent) for m, loop in zip(moves, loops, strict=True)]
    within = sum(step * (extent - 1) for step, extent in others if step <= first[0])
    if within >= first[0]:
        return False
    reach = within + first[0] * (first[1] - 1)
    for step, extent in sorted(others):
        if step > first[0]:
            if step <= reach:
                return False
            reach += step * (extent - 1)
    return True
