"""Functions of Python that every module has about its loops: arrays in, sequences, files.

Their text is copied into modules, so they need NumPy and the standard library alone.  `real` is
there the type of a number; `SHAPES` has the shape of everything that persists, by name; `WEIGHTS`
are the names of what a model needs to run; `start` gives the first state.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

real = np.float32
SHAPES: dict[str, Any] = {}
WEIGHTS: tuple[str, ...] = ()


def start() -> dict[str, Any]:
    """The first state; each module has its own."""
    return {}


def flat(state: Mapping[str, Any], name: str) -> Any:
    """What persists, as one row of numbers that is read and written in its place.

    Raises `ValueError` where it is not as it must be.
    """
    shape, kind = SHAPES[name]
    array = state[name]
    if array.shape != shape or array.dtype != kind or not array.flags.c_contiguous:
        raise ValueError(f"{name} must be a contiguous {np.dtype(kind)} array of shape {shape}")
    return array.reshape(-1)


def given(value: Any, name: str, shape: tuple[int, ...], classes: int | None = None) -> Any:
    """Examples as an array [n, *shape]; a label is a whole number below `classes`.

    Raises `ValueError` where they do not fit.
    """
    array = np.asarray(value)
    if array.dtype.kind not in "buif" or np.ma.is_masked(value):
        raise ValueError(f"{name} must have numbers, none of them masked, not {array.dtype}")
    if array.shape[1:] != shape or array.ndim == 0:
        raise ValueError(f"{name} must have the shape {('n', *shape)}, not {array.shape}")
    if classes is None:
        return np.ascontiguousarray(array, real)
    most = np.inf if classes == 0 else classes - 1
    if not ((array >= 0) & (array <= most) & (array == np.floor(array)) & np.isfinite(array)).all():
        raise ValueError(f"{name} must have whole numbers from 0 to {most}")
    return np.ascontiguousarray(array, np.int64)


def counted(**inputs: Any) -> int:
    """How many examples there are: as many of every input, else it raises `ValueError`."""
    counts = {name: len(value) for name, value in inputs.items()}
    if len(set(counts.values())) > 1 or not min(counts.values(), default=1):
        raise ValueError(f"as many examples of each, and at least one; these are {counts}")
    return next(iter(counts.values()), 0)


def as_many(examples: int | None, **unread: Any) -> int:
    """How many examples there are, of which nothing is read: as is said, or as are given.

    Raises `ValueError` where neither is there.
    """
    known = {name: value for name, value in unread.items() if value is not None}
    if examples is None and not known:
        raise ValueError(f"examples= says how many, or one of {', '.join(unread)}")
    return counted(**known) if examples is None else len(range(examples))


class Packed:
    """Sequences of several lengths side by side: the rows of step 0, those of step 1, and so on.

    Within a step the longest sequence comes first, so the rows of a step are those from `begin` to
    `end`, and nothing is padded.
    """

    def __init__(self, lengths: Any) -> None:
        self.length = np.asarray(lengths, np.int64)
        count, longest = len(self.length), int(self.length.max(initial=0))
        rank = np.argsort(-self.length, kind="stable")
        row = np.zeros((count, longest + 1), np.int64)  # of each step of each example
        self.steps: list[tuple[int, int]] = []
        self.total = 0
        for number in range(longest):
            own = rank[self.length[rank] > number]
            row[own, number] = self.total + np.arange(len(own))
            self.steps.append((self.total, self.total + len(own)))
            self.total += len(own)
        inside = np.arange(longest)[None] < self.length[:, None]
        self.order = row[:, :longest][inside]  # the row of every element, example by example
        example, step = np.nonzero(inside)
        left = self.length[example] - 1 - step
        self.owner = self.rows_of(example)
        self.position, self.remaining = self.rows_of(step), self.rows_of(left)
        self.before = self.rows_of(row[example, np.maximum(step - 1, 0)])
        self.after = self.rows_of(row[example, step + (left > 0)])
        self.mirror = self.rows_of(row[example, left])
        self.first = row[:, 0] * (self.length > 0)
        self.last = row[np.arange(count), np.maximum(self.length - 1, 0)]

    def rows_of(self, elements: Any) -> Any:
        """Elements, example by example, as rows."""
        rows = np.empty_like(elements)
        rows[self.order] = elements
        return rows

    def sequences(self, rows: Any) -> list[Any]:
        """Rows as the sequences of each example."""
        return np.split(rows[self.order], np.cumsum(self.length)[:-1])


def sequences(value: Any, name: str, shape: tuple[int, ...], classes: int | None = None) -> Any:
    """The elements of all sequences, example by example."""
    parts = [given(one, name, shape, classes) for one in value]
    empty = np.zeros((0, *shape), real if classes is None else np.int64)
    return np.concatenate([empty, *parts])


def unpacked_tensors(data: bytes) -> dict[str, Any]:
    """What persists, of a safetensors file (https://github.com/huggingface/safetensors).

    Raises `ValueError` where it is damaged.
    """
    size = int.from_bytes(data[:8], "little")
    head = json.loads(data[8 : 8 + size])
    kinds = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4"}
    found = {}
    for name in [name for name in SHAPES if name in head]:
        about = head[name]
        if about["dtype"] not in kinds:
            raise ValueError(f"{name} has {about['dtype']} numbers, which are not read")
        begin, end = about["data_offsets"]
        part = data[8 + size + begin : 8 + size + end]
        found[name] = np.frombuffer(part, kinds[about["dtype"]]).reshape(about["shape"])
    return found


def taken_over(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that persists: what is given, else zeros.

    Raises `ValueError` for other shapes, and for numbers of another kind or beyond what `real` is.
    """
    state = {name: np.zeros(shape, kind) for name, (shape, kind) in SHAPES.items()}
    for name in [name for name in state if name in tensors]:
        wanted, found = state[name], tensors[name]
        if found.shape != wanted.shape:
            raise ValueError(f"{name} has the shape {found.shape}, and not {wanted.shape}")
        with np.errstate(over="ignore"):
            wanted[...] = found
        if found.dtype.kind != wanted.dtype.kind or (np.isinf(wanted) & np.isfinite(found)).any():
            raise ValueError(f"{name} has numbers that are not {wanted.dtype}")
    return state


def load(path: str | Path) -> dict[str, Any]:
    """The state from a safetensors file, such as `gradc train` and `save` write.

    What trains (moments, counters, rates) is that of `start()` where a file has weights alone.
    Raises `ValueError` where a weight is missing, or something does not fit.
    """
    tensors = unpacked_tensors(Path(path).read_bytes())
    for name in WEIGHTS:
        if name not in tensors:
            raise ValueError(f"{path} lacks {name}")
    return taken_over({**start(), **tensors})


def save(state: Mapping[str, Any], path: str | Path) -> None:
    """Write a state to a safetensors file."""
    kinds = {"float64": "F64", "float32": "F32", "int64": "I64"}
    head, parts, at = {}, [], 0
    for name, array in state.items():
        part = np.ascontiguousarray(array).tobytes()
        about = {"dtype": kinds[str(array.dtype)], "shape": list(array.shape)}
        head[name] = {**about, "data_offsets": [at, at + len(part)]}
        parts.append(part)
        at += len(part)
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    Path(path).write_bytes(len(text).to_bytes(8, "little") + text + b"".join(parts))


ALWAYS = flat, given, counted, as_many, unpacked_tensors, taken_over, load, save
OF_SEQUENCES = Packed, sequences
