"""What to do about data of another shape than is declared: nothing is reshaped unasked.

A leading axis of examples (for sequences, one of elements) is all that is ever added to a shape, so
axes in another order and missing axes of size 1 are faults; each message says how to mend it.
"""

from __future__ import annotations

from itertools import permutations
from math import prod

Shape = tuple[int, ...]
MOST = 6  # axes whose orders are tried


def mend(found: Shape, wanted: Shape) -> str:
    """The tail of a message: how examples (or elements) of one shape become those of another."""
    if found == wanted or prod(found) != prod(wanted):
        return ""
    if order := reordered(found, wanted):
        return (
            "; its axes are in another order:"
            f" declare {written(found)} and write `transpose(x, ({', '.join(map(str, order))}))`"
        )
    return f"; to reshape it, declare {written(found)} and write `x |> as({written(wanted)})`"


def written(shape: Shape) -> str:
    """A shape as a spec writes it."""
    return f"[{', '.join(map(str, shape))}]" if shape else "scalar"


def reordered(found: Shape, wanted: Shape) -> Shape | None:
    """The order of axes that makes one shape the other; None where a reshape does it, or none."""
    if reduced(found) == reduced(wanted) or sorted(found) != sorted(wanted) or len(found) > MOST:
        return None
    orders = permutations(range(len(found)))
    return next(o for o in orders if tuple(found[axis] for axis in o) == wanted)


def reduced(shape: Shape) -> list[int]:
    """The axes that are longer than 1."""
    return [size for size in shape if size != 1]
