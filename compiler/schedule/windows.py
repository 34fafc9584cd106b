"""What contractions of pixels and taps look like, and how two forms of one are compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from compiler.ops.contract import Affine, Contract, Map
from compiler.schedule.cost import WORTH_IT


@dataclass(frozen=True, slots=True)
class Window:
    """The position stride * pixel + step * tap + offset, along an axis."""

    axis: int
    pixel: int
    stride: int
    tap: int
    step: int
    offset: int

    def spread(self, neighbours: int) -> int:
        """The taps of so many neighbouring windows, beyond those of one."""
        return (neighbours - 1) * self.stride // self.step


def window(m: Map, pixel: int, taps: Iterable[int]) -> Window | None:
    """The window over a loop, where that stands in one position, beside one of `taps`."""
    axes = [a for a, p in enumerate(m) if pixel in dict(p.terms)]
    if len(axes) != 1 or len(m[axes[0]].terms) != 2:
        return None
    position = m[axes[0]]
    ((tap, step),) = (term for term in position.terms if term[0] != pixel)
    stride = dict(position.terms)[pixel]
    alone = sum(uses(p, tap) for p in m) == 1
    fits = tap in taps and alone and stride > 0 and step > 0 and stride % step == 0
    return Window(axes[0], pixel, stride, tap, step, position.offset) if fits else None


def uses(position: Affine, loop: int) -> bool:
    """Whether a position depends on a loop."""
    return loop in dict(position.terms)


def moves(m: Map, loop: int) -> bool:
    """Whether any position of a map depends on a loop."""
    return any(uses(p, loop) for p in m)


def whole(op: Contract, m: Map, shape: Sequence[int]) -> tuple[int, ...]:
    """The loops of a map that goes over all of a tensor, each along an axis of its own; or none."""
    loops = tuple(p.plain for p in m if p.plain is not None)
    distinct = len(set(loops)) == len(m)
    return loops if distinct and [op.extents[loop] for loop in loops] == [*shape] else ()


def affine(*terms: tuple[int, int], offset: int = 0) -> Affine:
    """offset + the sum of coefficient * loop, in the order of the loops."""
    return Affine(tuple(sorted(terms)), offset)


def best(cost: Callable[[int], float], choices: Iterable[int], before: float) -> int | None:
    """The choice that costs least, if that is clearly less than before."""
    choice = min(choices, key=cost, default=None)
    return choice if choice is not None and cost(choice) < WORTH_IT * before else None
