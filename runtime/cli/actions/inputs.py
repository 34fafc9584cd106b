"""Inputs written on the command line: `sqft=2500`, `p=0.3,0.4`, `image=digits.npy`, `x=random`.

A value is one example or, with one axis more, several.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from compiler.graph.types import Kind, TensorType
from runtime.cli.faults import Refused
from runtime.data.check import conform
from runtime.data.numpy_files import load_npy
from runtime.errors import SessionError
from runtime.memory import suggestion

Types = Mapping[str, TensorType]
Arrays = dict[str, np.ndarray]


def read_inputs(given: Mapping[str, str], types: Types, *, dtype: str, seed: int = 0) -> Arrays:
    """An array `[N, *shape]` for each input of a model."""
    for name in given:
        if name not in types:
            raise Refused(f"no input is called {name}{suggestion(name, types)}")
    if missing := [f"{name} : {types[name]}" for name in types if name not in given]:
        raise Refused(f"{', '.join(missing)} must be given, as in {example(types)}")
    draws = np.random.default_rng(seed)
    arrays = {
        name: random_array(type, 1, draws, dtype)
        if given[name] == "random"
        else conform(one_or_many(array_of(given[name], name), type), type, name=name, dtype=dtype)
        for name, type in types.items()
    }
    if len(lengths := {name: len(array) for name, array in arrays.items()}) and (
        len(set(lengths.values())) > 1
    ):
        counts = ", ".join(f"{name} has {count}" for name, count in lengths.items())
        raise SessionError(f"inputs need the same number of examples: {counts}")
    return arrays


def array_of(text: str, name: str) -> np.ndarray:
    """The numbers that a text stands for."""
    if text.endswith(".npy"):
        if not Path(text).is_file():
            raise Refused(f"{name}: there is no file {text}")
        return load_npy(Path(text), text)
    plain = re.sub(r"(?<=\d)_(?=\d)", "", text)
    for attempt in (plain, f"[{plain}]"):
        try:
            return np.asarray(json.loads(attempt), np.float64)
        except (ValueError, TypeError, RecursionError):
            continue
    raise Refused(f"{name}: {text} is neither numbers (1,2,3), nor a .npy file, nor `random`")


def one_or_many(array: np.ndarray, type: TensorType) -> np.ndarray:
    """With a first axis over examples: a lone example gets one."""
    alone = array.ndim <= type.rank and array.size == type.size
    return array.reshape(1, *type.shape) if alone else array


def random_array(
    type: TensorType, count: int, draws: np.random.Generator, dtype: str
) -> np.ndarray:
    """Examples of a type: standard normal numbers, or labels of its classes."""
    shape = (count, *type.shape)
    if type.kind is Kind.INDEX:
        labels = draws.integers(0, type.classes or 2, shape)
        return labels.astype(np.int32 if dtype == "float32" else np.int64)
    return draws.standard_normal(shape).astype(dtype)


def example(types: Types) -> str:
    """How inputs are written, for a message."""
    return " ".join(f"{name}={words(type)}" for name, type in types.items())


def words(type: TensorType) -> str:
    """A value of a type: `3`, `0.5`, `1,2,3`, `random`."""
    if type.kind is Kind.INDEX and not type.shape:
        return "0"
    if type.size > 4:
        return "random"
    return ",".join(listed_numbers(type.size))


def listed_numbers(count: int) -> Iterable[str]:
    """0.5, 1.0, 1.5, ..."""
    return (f"{0.5 * (i + 1):g}" for i in range(count))
