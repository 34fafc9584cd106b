"""Functions of Python that every module has about its loops: arrays in, sequences, files.

Their text is copied into modules, so they need NumPy and the standard library alone.  `real` is
there the type of a number; `SHAPES` has the shape of everything that persists, by name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

real = np.float32
SHAPES: dict[str, Any] = {}


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
    array = np.ascontiguousarray(value, real if classes is None else np.int64)
    if array.shape[1:] != shape:
        raise ValueError(f"{name} must have the shape {('n', *shape)}, not {array.shape}")
    if classes and array.size and not 0 <= array.min() <= array.max() < classes:
        raise ValueError(f"{name} must have whole numbers from 0 to {classes - 1}")
    return array


def counted(**inputs: Any) -> int:
    """How many examples there are: as many of every input, else it raises `ValueError`."""
    counts = {name: len(value) for name, value in inputs.items()}
    if len(set(counts.values())) > 1 or not min(counts.values(), default=1):
        raise ValueError(f"as many examples of each, and at least one; these are {counts}")
    return next(iter(counts.values()), 0)


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
    """The tensors of a safetensors file (https://github.com/huggingface/safetensors)."""
    size = int.from_bytes(data[:8], "little")
    head = json.loads(data[8 : 8 + size])
    kinds = {"F64": "<f8", "F32": "<f4", "I64": "<i8", "I32": "<i4"}
    found = {}
    for name, about in head.items():
        if name != "__metadata__":
            begin, end = about["data_offsets"]
            part = data[8 + size + begin : 8 + size + end]
            found[name] = np.frombuffer(part, kinds[about["dtype"]]).reshape(about["shape"])
    return found


def taken_over(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that persists: what is given, else zeros.

    Raises `ValueError` for other shapes.
    """
    state = {name: np.zeros(shape, kind) for name, (shape, kind) in SHAPES.items()}
    for name in state.keys() & tensors.keys():
        if tensors[name].shape != state[name].shape:
            wanted, found = state[name].shape, tensors[name].shape
            raise ValueError(f"{name} has the shape {found}, and not {wanted}")
        state[name][...] = tensors[name]
    return state


def load(path: str | Path) -> dict[str, Any]:
    """The state from a safetensors file, such as `gradc train` and `save` write."""
    return taken_over(unpacked_tensors(Path(path).read_bytes()))


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


ALWAYS = flat, given, counted, unpacked_tensors, taken_over, load, save
OF_SEQUENCES = Packed, sequences
