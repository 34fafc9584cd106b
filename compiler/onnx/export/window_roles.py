"""The roles that the loops of a contraction have in a convolution.

    y[place, group, filter] = sum of image[stride * place + dilation * tap + offset, group, channel]
                                     * kernel[group, filter, tap, channel]

The transpose of a convolution is the same with image and result in each other's place, and so are
channels and filters.
"""

from __future__ import annotations

from collections.abc import Sequence

from gradc_compiler.ops.contract import Affine, Contract, Map
from gradc_compiler.records.fast_dataclass import dataclass

MOST_AXES = 3  # of an image


@dataclass(frozen=True, slots=True)
class WindowAxis:
    """An axis in which a window slides: position = stride * place + dilation * tap + offset."""

    axis: int
    place: int  # loops
    tap: int
    stride: int
    dilation: int
    offset: int

    def reach(self, extents: Sequence[int]) -> int:
        """The pixels that a window spans, from its first to its last."""
        return self.dilation * (extents[self.tap] - 1) + 1


@dataclass(frozen=True, slots=True)
class Windows:
    """A convolution: axes that windows slide in; loops of a channel, a filter and a group, where
    there is more than one.
    """

    axes: tuple[WindowAxis, ...]
    channel: int | None
    filter: int | None
    group: int | None

    def keys(self, positions: Map, taps: bool = False) -> list[int | None]:
        """What each axis is, by the loop of its place (or tap), filter, ...; None: of one step."""
        known = {a.tap if taps else a.place for a in self.axes}
        known |= {i for i in (self.channel, self.filter, self.group) if i is not None}
        slid = {a.axis: a.place for a in self.axes}
        found: list[int | None] = []
        for axis, p in enumerate(positions):
            key = slid.get(axis) if len(p.terms) == 2 else p.plain
            found.append(key if key in known else None)
        return found


def is_plain(op: Contract, positions: Map, shape: Sequence[int]) -> bool:
    """Whether each axis is a loop of its own from end to end, or has one element."""
    loops = [p.plain for p in positions if p.terms]
    sizes = zip(positions, shape, strict=True)
    whole = all(n == (op.extents[p.terms[0][0]] if p.terms else 1) for p, n in sizes)
    offsets = any(p.offset for p in positions)
    return whole and None not in loops and len({*loops}) == len(loops) and not offsets


def windows_of(
    op: Contract, slid: Map, kernel: Map, other: Map, shown: bool = False
) -> Windows | None:
    """The convolution in which windows of `kernel` slide along `slid`, one for each place in
    `other`; None where it is none.  With `shown` the windows themselves are the result, and each
    channel is a group.
    """
    taps, places = ({p.plain for p in m if p.plain is not None} for m in (kernel, other))
    axes, plain = [], set[int]()
    for axis, p in enumerate(slid):
        if len(p.terms) == 2 and (found := _window_axis(axis, p, taps, places)) is not None:
            axes.append(found)
        elif p.plain is not None:
            plain.add(p.plain)
        elif p.terms or p.offset:
            return None
    used = {i for a in axes for i in (a.place, a.tap)}
    if not 1 <= len(axes) <= MOST_AXES or len(used) != 2 * len(axes) or used & plain:
        return None
    shared = plain if shown else taps - used
    return _roles(op, tuple(axes), plain, shared, places - used)


def _window_axis(axis: int, p: Affine, taps: set[int], places: set[int]) -> WindowAxis | None:
    for (place, stride), (tap, dilation) in (p.terms, p.terms[::-1]):
        apart = tap in taps - places and place in places - taps
        if apart and min(stride, dilation) > 0:
            return WindowAxis(axis, place, tap, stride, dilation, p.offset)
    return None


def _roles(
    op: Contract, axes: tuple[WindowAxis, ...], slid: set[int], kernel: set[int], other: set[int]
) -> Windows | None:
    """The roles of loops outside the windows: a channel, a filter or a group."""
    loops = {i for i in slid | kernel | other if op.extents[i] != 1}
    channels = [i for i in loops if i in slid and i in kernel and i not in other]
    filters = [i for i in loops if i in other and i in kernel and i not in slid]
    groups = [i for i in loops if i in slid and i in kernel and i in other]
    if len(channels) + len(filters) + len(groups) != len(loops):
        return None
    if max(len(channels), len(filters), len(groups)) > 1:
        return None
    return Windows(axes, *(next(iter(found), None) for found in (channels, filters, groups)))
