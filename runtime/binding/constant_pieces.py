"""The constants of an entry as words, a piece at a time.

A constant may be a range of many million numbers that takes no memory in the program.  Written out
piece by piece, it is only ever there whole in the memory that the entry reads it from.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.entry import ConstantWords

PIECE = MACHINE.constant_piece  # numbers


def pieces(constant: ConstantWords) -> Iterator[tuple[int, np.ndarray]]:
    """For each piece of a constant, its first word in UNIFORM and its numbers [n]."""
    for start in range(0, len(constant.value), PIECE):
        part = constant.value[start : start + PIECE]
        if isinstance(part, range):
            part = np.arange(float(part.start), part.stop)
        yield constant.offset + start, part
