"""The first examples of a spec's data, for `gradc check`: a bounded part of them is read.

Whatever is wrong there is wrong for training too: a file that is missing, a column, a cell that is
no number, a label beyond its classes, pictures of another shape.  Bundled, downloaded and synthetic
sets fit their own descriptions and are left alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gradc_compiler.program.program import DataSource
from gradc_runtime.data import Dataset, Streamed, load

ROWS = 1000
FILES = 8  # of a folder, one example each
BLOCK = 1 << 16  # bytes, of arrays that are read in blocks
HEADS: Sequence[tuple[Sequence[str], Mapping[str, Any]]] = (  # how little of each source is read
    (("csv", "jsonl", "parquet", "arrow"), {"head": ROWS}),
    (("images", "audio", "texts"), {"head": FILES}),
    (("npy", "idx"), {"in_memory": 0, "block": BLOCK}),
    (("npz", "text"), {}),
)


def head_of(source: DataSource, *, allow_path: bool) -> Dataset | Streamed | None:
    """The first examples that a declaration means, checked; None for a set that is no file.

    Raises `DataError` where they do not fit.
    """
    how = next((how for names, how in HEADS if source.function in names), None)
    if how is None or not (source.arguments or source.keywords):
        return None
    alone = replace(source, validation=None)
    return load(alone, dtype=np.float32, allow_outside=allow_path, **how)
