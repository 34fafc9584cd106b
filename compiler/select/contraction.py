"""Kernel selection: which library kernel a product of two operands runs on, with which arguments.

Each loop of a contraction moves the addresses of A, B and Y (the result) by some words.  From those
strides alone follows which part of a matrix product a loop can be:

* *columns*: Y and B move by one word, A not at all.  The kernel multiplies one number of A with a
  vector of B.
* *rows*: A and Y move, B does not.  The vector of B is used again for each row.
* *sums* (K1, K2): two of the loops that do not move Y are summed in registers.
* *outer loops*: all others are around the tile, and add into memory where they do not move Y.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.kernel_abi import MOST_ANY_LOOPS, MOST_LOOPS, Extent, MeanMode
from gradc_compiler.records.fast_dataclass import dataclass

SHORT = MACHINE.short_loop  # iterations below which a loop is not worth being innermost
TYPICAL_BLOCK = MACHINE.typical_rows  # how long a loop over examples is taken to be


@dataclass(frozen=True, slots=True)
class LoopDim:
    """A loop, and the words it moves A, B and Y."""

    extent: int
    a: int
    b: int
    y: int

    @property
    def length(self) -> int:
        """The extent; for the loop over examples a typical one."""
        return self.extent if self.fixed else TYPICAL_BLOCK

    @property
    def fixed(self) -> bool:
        """Whether the extent is known before the batch is."""
        return self.extent not in (Extent.RANGE, Extent.EVERY)

    def swapped(self) -> LoopDim:
        """The same loop with A and B exchanged."""
        return replace(self, a=self.b, b=self.a)


ONE = LoopDim(1, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contraction:
    """A library kernel and its arguments; `swap`: the operands are passed as B, A."""

    kernel: str
    geometry: tuple[int, ...]
    swap: bool
    adds: bool  # the kernel adds into Y, which must hold zeros (or a partial sum)
    extent: int = 1  # iterations of the rows that threads may divide in a serial stage


def select_kernel(trips: Sequence[LoopDim], *, accumulate: bool, once: bool) -> Contraction:
    """Choose a kernel, and the loops that are its columns, rows and sums.

    With `accumulate`, Y holds a partial sum that the product is added to.  With `once` the product
    is in a serial stage.  A loop over every example makes the result a mean.
    """
    plan = _chosen(trips, accumulate, once)
    if any(t.extent == Extent.EVERY for t in trips):
        mode, *rest = plan.geometry
        return replace(plan, geometry=(MeanMode.ADD if mode else MeanMode.SET, *rest))
    return plan


def _chosen(trips: Sequence[LoopDim], accumulate: bool, once: bool) -> Contraction:
    trips = [t for t in trips if t.extent != 1]
    if len(trips) > MOST_LOOPS:
        return _scalar(trips, accumulate)
    for swap in (False, True):
        loops = [t.swapped() if swap else t for t in trips]
        columns = next((t for t in loops if (t.y, t.b, t.a) == (1, 1, 0)), None)
        if columns is not None and columns.fixed:
            return _tiled("contract_rows", loops, columns, swap, accumulate, once)
    columns = next((t for t in trips if (t.y, t.b, t.a) == (1, 1, 1) and t.fixed), None)
    if columns is not None:
        return _tiled("contract_lanes", trips, columns, False, accumulate, once)
    return _dots(trips, accumulate) or _scalar(trips, accumulate)


def _dots(trips: Sequence[LoopDim], accumulate: bool) -> Contraction | None:
    """Dot products of A's rows with B's columns (GEMM NT); None if no sum is contiguous in both.

    The loop along which Y is contiguous becomes the rows, since the kernel can transpose the
    columns.
    """
    swap = any(t.y == 1 and t.b for t in trips)
    trips = _merge([t.swapped() if swap else t for t in trips])
    contiguous = [t for t in trips if (t.y, t.a, t.b) == (0, 1, 1) and t.fixed]
    if not contiguous:
        return None
    k2 = max(contiguous, key=lambda t: t.extent)
    others = [t for t in trips if t is not k2]
    k1 = max((t for t in others if t.y == 0), key=lambda t: t.length, default=ONE)
    rows = max((t for t in others if t.y and not t.b), key=lambda t: t.length, default=ONE)
    columns = max((t for t in others if t.y and not t.a), key=lambda t: t.length, default=ONE)
    outer = [t for t in others if not any(t is u for u in (k1, rows, columns))]
    if _overlapping(1, [rows, columns, *outer]):
        return None
    adds = accumulate or any(t.y == 0 for t in outer)
    geometry = (*_geometry(adds, columns, rows, k1, k2, outer), columns.b, columns.y, rows.extent)
    return Contraction(kernel="contract_dots", geometry=geometry, swap=swap, adds=adds)


def _from_outside(loop: LoopDim) -> tuple[bool, int]:
    """A key that sorts the loops around a product, the outermost first.

    Iterations of a loop that moves A, B and Y share no numbers, so it goes outside.  The loops
    inside it that do not move B find B in the cache.
    """
    return not (loop.a and loop.b and loop.y), -abs(loop.y) - abs(loop.b)


def _tiled(
    kernel: str,
    loops: Sequence[LoopDim],
    columns: LoopDim,
    swap: bool,
    accumulate: bool,
    once: bool,
) -> Contraction:
    rest = [t for t in loops if t is not columns]
    columns, rest = _widen(columns, rest)
    rest = _merge(rest)
    sums = sorted((t for t in rest if t.y == 0), key=lambda t: -t.length)
    inner = sorted(sums[:2], key=lambda t: (t.length >= SHORT, -abs(t.b)))
    k1, k2 = ([ONE, ONE, *inner])[-2:]
    able = [t for t in rest if t.y >= columns.extent and t.b == 0]
    rows = max(able, key=lambda t: t.length, default=ONE)
    outer = [t for t in rest if t is not rows and not any(t is k for k in inner)]
    overlap = _overlapping(columns.extent, [rows, *outer])
    adds = accumulate or any(t.y == 0 for t in outer) or overlap
    extent = 1
    if once and rows is not ONE:
        extent, rows = rows.extent, replace(rows, extent=Extent.SHARE)
    outer.sort(key=_from_outside)
    geometry = _geometry(adds, columns, rows, k1, k2, outer)
    return Contraction(kernel=kernel, geometry=geometry, swap=swap, adds=adds, extent=extent)


def _geometry(
    adds: bool, columns: LoopDim, rows: LoopDim, k1: LoopDim, k2: LoopDim, outer: Sequence[LoopDim]
) -> tuple[int, ...]:
    """The numbers of a product, in the order of `compiler/program/kernel_abi.py`."""
    head = [int(adds), columns.extent, rows.extent, rows.a, rows.y]
    sums = [number for k in (k1, k2) for number in (k.extent, k.a, k.b)]
    return (*head, *sums, len(outer), *_loops(outer))


def _loops(trips: Sequence[LoopDim]) -> Iterator[int]:
    """The arguments for loops that the kernel goes through: extent, and strides of A, B and Y."""
    assert len(trips) <= MOST_ANY_LOOPS, f"{len(trips)} loops are more than a kernel counts"
    return (number for t in trips for number in (t.extent, t.a, t.b, t.y))


def _overlapping(reach: int, loops: Sequence[LoopDim]) -> bool:
    """Whether two iterations may write the same word: then a loop's stride is smaller than the
    range of words that all loops of smaller strides write together.

    `reach` is how many words one iteration of all these loops writes.
    """
    for t in sorted(loops, key=lambda t: abs(t.y)):
        if t.y == 0 or t.extent == 1 or not t.fixed:
            continue
        if abs(t.y) < reach:
            return True
        reach = abs(t.y) * (t.extent - 1) + reach
    return False


def _widen(columns: LoopDim, rest: list[LoopDim]) -> tuple[LoopDim, list[LoopDim]]:
    """Collapse into the columns every loop that continues them."""
    for t in rest:
        n = columns.extent
        if t.fixed and (t.y, t.b, t.a) == (n, n, columns.a * n):
            wider = replace(columns, extent=n * t.extent)
            return _widen(wider, [u for u in rest if u is not t])
    return columns, rest


def _merge(loops: list[LoopDim]) -> list[LoopDim]:
    """Collapse loops that move all three addresses as one longer loop would."""
    for outer in loops:
        for inner in loops:
            if outer is inner or not inner.fixed or not outer.fixed:
                continue
            n = inner.extent
            if (outer.a, outer.b, outer.y) == (inner.a * n, inner.b * n, inner.y * n):
                merged = replace(inner, extent=outer.extent * n)
                return _merge([merged, *(t for t in loops if t is not outer and t is not inner)])
    return loops


def _scalar(trips: Sequence[LoopDim], accumulate: bool) -> Contraction:
    """Any strides: output loops outside, sums inside, in the order they were given."""
    outputs = [t for t in trips if t.y != 0]
    sums = [t for t in trips if t.y == 0]
    adds = accumulate or _overlapping(1, outputs)
    geometry = (int(adds), len(outputs), len(sums), *_loops(outputs), *_loops(sums))
    return Contraction(kernel="contract_any", geometry=geometry, swap=False, adds=adds)
