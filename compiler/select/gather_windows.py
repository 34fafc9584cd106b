"""A product whose windows meet in the result, as products of which each writes words of its own.

The gradient of a convolution's input adds to y at s * o + d * t what was seen at pixel o by tap t,
so that several o and t meet at a word.  With g = gcd(s, d), s' = s / g and d' = d / g every tap is
t = s' q + r for a residue r below s'.  Then

    s o + d t = s (o + d' q) + d r = s u + d r        for u = o + d' q,

and since d r is another number modulo s for every r, the words of all (u, r) are apart.  For each r
that is a product whose rows are u and which sums over q, reading a at u - d' q; where there is no
such pixel, a `TileWindow` says so, and 0 is read.  No tap is multiplied in vain.  Two axes together
make s'_1 * s'_2 products.  Background: the sub-pixel form of a strided transposed convolution
(Shi et al., CVPR 2016).

A nest may go through taps and channels in one loop.  Of that loop the most iterations that lie
within a step of the pixels' are channels again, or taps that no other pixel's meet.

It is inexact in one thing: beyond the ends of a 0 is multiplied by a tap, which makes NaN of an
infinite one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from math import gcd, prod

from gradc_compiler.loops.ir import LoopNest
from gradc_compiler.printing.tile_plan import TileDim
from gradc_compiler.printing.tile_reading import GUARD, MOST_WINDOWS
from gradc_compiler.records.fast_dataclass import dataclass

MOST_RESIDUES = 16  # whose numbers are looked up; no usual stride makes more


@dataclass(frozen=True, slots=True)
class Meeting:
    """Two loops that meet in the result: pixels, which move a, and taps, which move b; and what was
    one loop with the taps.
    """

    pixel: TileDim
    tap: TileDim
    beside: TileDim | None
    taken: tuple[TileDim, TileDim]  # the nest's loops that these are

    @property
    def stride(self) -> int:
        """s': from a tap of a residue to the next."""
        return self.pixel.y // gcd(self.pixel.y, self.tap.y)

    @property
    def step(self) -> int:
        """d': pixels from a tap of a residue to the next."""
        return self.tap.y // gcd(self.pixel.y, self.tap.y)

    def apart(self, residue: int) -> tuple[TileDim, TileDim]:
        """The loops over u and q of a residue."""
        pixel, tap = self.pixel, self.tap
        terms = -(-(tap.each - residue) // self.stride)
        rows = pixel.each + self.step * (terms - 1)
        u = TileDim(rows, 1, pixel.a, 0, pixel.y)
        return u, TileDim(terms, 1, -self.step * pixel.a, self.stride * tap.b, 0)


def meetings(nest: LoopNest, dims: Sequence[TileDim]) -> list[Meeting] | None:
    """The pairs of loops that meet; None where more than two do, or they cannot be taken apart."""
    found = []
    for group in nest.groups:
        if not group.overlaps:
            continue
        own = [dims[level] for level in group.levels if dims[level].each > 1]
        if len(own) < 2:
            continue
        pixels = [dim for dim in own if dim.a and not dim.b]
        taps = [dim for dim in own if dim.b and not dim.a]
        if len(own) != 2 or len(pixels) != 1 or len(taps) != 1:
            return None
        found.append(_meeting(pixels[0], taps[0]))
    few = prod(min(meeting.stride, meeting.tap.each) for meeting in found) <= MOST_RESIDUES
    near = all(meeting.apart(0)[0].each < GUARD for meeting in found)
    return found if len(found) <= MOST_WINDOWS and few and near else None


def _meeting(pixel: TileDim, taps: TileDim) -> Meeting:
    """Pixels and taps, of which so many lie beside one another as the pixels allow."""
    beside = gcd(taps.each, pixel.y // taps.y) if pixel.y % taps.y == 0 else 1
    if beside == 1:
        return Meeting(pixel, taps, None, (pixel, taps))
    tap = TileDim(taps.each // beside, 1, 0, taps.b * beside, taps.y * beside)
    return Meeting(pixel, tap, TileDim(beside, 1, 0, taps.b, taps.y), (pixel, taps))


def residues(met: Sequence[Meeting]) -> Iterator[tuple[int, ...]]:
    """A residue of each pair, in all ways; that with most terms first."""
    return product(*(range(min(meeting.stride, meeting.tap.each)) for meeting in met))
