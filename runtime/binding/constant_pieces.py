"""The constants of an entry as words, a piece at a time: none is whole but where it is kept."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradc_compiler.program.entry import ConstantWords

PIECE = 1 << 20  # numbers


def pieces(constant: ConstantWords) -> Iterator[tuple[int, np.ndarray]]:
    """The first word and the numbers of each piece."""
    for start in range(0, len(constant.value), PIECE):
        part = constant.value[start : start + PIECE]
        if isinstance(part, range):
            part = np.arange(float(part.start), part.stop)
        yield constant.offset + start, part
