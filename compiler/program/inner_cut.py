"""Where the work of a generated kernel may be divided within a row: `InnerCut`."""

from __future__ import annotations

from gradc_compiler.records.fast_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class InnerCut:
    """A loop within a row of a generated kernel, along which its work may be divided.

    A share of the work is the same kernel with a smaller extent and operands that begin later.  If
    the loop runs over the rows as well (`by_row`), a share is another range of the iterations of
    all rows.
    """

    place: int  # the argument that is its extent
    extent: int  # iterations; if `by_row`, within one row
    inner: int  # iterations of the loops inside it, those over rows not counted
    by_row: bool
    moves: tuple[int, ...]  # words by which an iteration moves each operand
