"""What a model gave, as text, as JSON or in a file: arrays, and sequences as lists of arrays."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from gradc_compiler.graph.ragged import Ragged
from gradc_runtime.cli.actions.output import say, write
from gradc_runtime.cli.faults import Refused
from gradc_runtime.data.readers.numpy_files import LENGTHS
from gradc_runtime.session.checkpoint import write_atomically

DIGITS = 8


def plain(found: Any) -> Any:
    """An array, or a list of arrays or texts, as lists."""
    if isinstance(found, list):
        return [plain(one) for one in found]
    return found.tolist() if isinstance(found, np.ndarray) else found


def save(results: Mapping[str, Any], path: Path) -> None:
    """One array as .npy; several, or sequences beside their lengths, as .npz.

    Raises `Refused` where sequences are to go to anything but .npz.
    """
    arrays: dict[str, np.ndarray] = {}
    for name, found in results.items():
        if isinstance(found, np.ndarray):
            arrays[name] = found
        else:
            rows = Ragged.of(found, np.shape(found[0])[1:])
            arrays |= {name: rows.values, f"{name}{LENGTHS}": rows.lengths}
    if len(arrays) > len(results) and path.suffix != ".npz":
        raise Refused(f"sequences are saved as .npz, beside their lengths, not as {path.name}")
    stream = BytesIO()
    if len(arrays) == 1 and path.suffix != ".npz":
        np.save(stream, next(iter(arrays.values())), allow_pickle=False)
    else:
        np.savez(stream, allow_pickle=False, **arrays)
    write_atomically(path, stream.getvalue())
    say(f"wrote {', '.join(f'{n} {list(a.shape)}' for n, a in arrays.items())} to {path}")


def show(results: Mapping[str, Any]) -> None:
    """The numbers; one example without its leading axis, several sequences one after another."""
    for name, found in results.items():
        several = isinstance(found, np.ndarray) and len(found) > 1
        parts = [shown(one) for one in ([found] if several else found)]
        text = ("\n\n" if any("\n" in part for part in parts) else "\n").join(parts)
        write(text if len(results) == 1 else f"{name} = {text}")


def shown(one: np.ndarray | str) -> str:
    """A text, or the numbers of one array."""
    if isinstance(one, str):
        return one
    return np.array2string(one, precision=DIGITS, threshold=10_000, max_line_width=100)
