"""The mark that a node has for rematerialisation (`compiler/rewrites/remat.py`)."""

from __future__ import annotations

from enum import IntEnum


class Remat(IntEnum):
    """Whether the derivative may compute a value again, for which it then need not be kept."""

    NEVER = -1  # not even where everything is marked
    NO = 0
    UNLESS_PRODUCT = 1
    MAY = 2
    MUST = 3

    @property
    def is_set(self) -> bool:
        """Whether the derivative may."""
        return self > Remat.NO
