"""Inputs written on the command line: `sqft=2500`, `p=0.3,0.4`, `image=digits.npy`, `x=random`.

A value is one example or, with one axis more, several: `xs=[[1,2],[3,4]]` is one sequence of two
elements for `xs : seq [2]`, and two sequences for `xs : seq scalar`.  Nothing else is added.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.graph_tools.samples import Limits, random_batch
from gradc_runtime.cli.actions.output import say
from gradc_runtime.cli.faults import Refused
from gradc_runtime.data.arrays.alphabet import Alphabet
from gradc_runtime.data.arrays.validate import numbers
from gradc_runtime.data.readers.numpy_files import load_npy
from gradc_runtime.session.state import suggestion

Types = Mapping[str, TensorType]
DEEPEST = 33  # axes


def read_inputs(
    given: Mapping[str, str],
    types: Types,
    *,
    seed: int = 0,
    alphabet: Alphabet | None = None,
    limits: Limits = (),
) -> dict[str, Any]:
    """What is given for each input of a model, as somebody would write it in Python.

    Raises `Refused` for a missing or unknown input.
    """
    for name in given:
        if name not in types:
            raise Refused(f"no input is called {name}{suggestion(name, types)}")
    if missing := [f"{name} : {types[name]}" for name in types if name not in given]:
        raise Refused(f"{', '.join(missing)} must be given, as in {example(types)}")
    found = {
        name: random_batch(name, type, 1, seed, limits=limits)
        if given[name] == "random"
        else meaning(name, given[name], type, alphabet)
        for name, type in types.items()
    }
    warn_of_nan(found)
    return found


def warn_of_nan(found: Mapping[str, Any]) -> None:
    """Say so where an input has nan in it: nothing computed from it is a number either."""
    for name, value in found.items():
        for row, example_row in enumerate(value):
            array = np.asarray(example_row)
            if array.dtype.kind == "f" and np.isnan(array).any():
                say(f"warning: {name}: example {row} has nan in it, and so will what follows")
                break


def require_finite(found: Mapping[str, Any], texts: Mapping[str, str]) -> None:
    """Refuse numbers beyond any, of which nobody can say anything.

    Raises `Refused`.
    """
    for name, value in found.items():
        for example_row in value:
            array = np.asarray(example_row)
            if array.dtype.kind == "f" and np.isinf(array).any():
                raise Refused(f"{name}: {texts[name][:40]} is not a finite number")


def refuse_decimal_commas(
    found: Mapping[str, Any], texts: Mapping[str, str], types: Mapping[str, TensorType]
) -> None:
    """Refuse a comma within a number, which makes two examples of it where others are one.

    Raises `Refused`.
    """
    counts = {name: len(value) for name, value in found.items()}
    for name, text in texts.items():
        is_two = name in types and types[name] == TensorType() and counts.get(name) == 2
        if is_two and 1 in counts.values() and re.fullmatch(r"[+-]?\d+,\d+", text):
            point = f"{name}={text.replace(',', '.')}"
            raise Refused(
                f"{name}: {text} is two examples, and others are one; a decimal sign is a point"
                f" here: {point}"
            )


def meaning(name: str, text: str, type: TensorType, alphabet: Alphabet | None) -> Any:
    """The examples that a text stands for."""
    if alphabet is not None and is_words(text, type):
        return [alphabet.read(text, name)]
    return one_or_many(value_of(text, name), type, name)


def is_words(text: str, type: TensorType) -> bool:
    """Whether a text could be one of an alphabet: neither lists of classes nor a file."""
    return (
        is_of_classes(type)
        and text != "random"
        and not text.startswith("[")
        and not text.endswith(".npy")
    )


def is_of_classes(type: TensorType) -> bool:
    """Whether it is a sequence of classes."""
    return type.time is not None and type.kind is Kind.INDEX and not type.shape


def value_of(text: str, name: str) -> Any:
    """The numbers that a text stands for: an array, or lists within lists.

    Raises `Refused` for a text that is neither numbers nor a file.
    """
    if text.endswith(".npy"):
        if not Path(text).is_file():
            raise Refused(f"{name}: there is no file {text}")
        return load_npy(Path(text), text)
    plain = re.sub(r"(?<=\d)_(?=\d)", "", text)
    for attempt in (plain, f"[{plain}]"):
        try:
            return json.loads(attempt)
        except (ValueError, RecursionError):
            continue
    raise Refused(f"{name}: {text[:40]} is neither numbers (1,2,3), nor a .npy file, nor `random`")


def one_or_many(value: Any, type: TensorType, name: str) -> Any:
    """With a first axis over examples: a lone example gets one."""
    if type.time is not None:
        return [value] if depth(value) <= type.rank + 1 else value
    array = numbers(value, name)
    if array.ndim == 0 and type.rank:  # `x=3` is a list of one, as `x=3,4` is one of two
        array = array.reshape(1)
    return array[np.newaxis] if array.shape == type.shape else array


def depth(value: Any, most: int = DEEPEST) -> int:
    """How many axes an array has, or lists within lists, as far as an array may go."""
    if isinstance(value, list):
        return 1 + max((depth(one, most - 1) for one in value), default=0) if most else 0
    return int(np.ndim(value))


def example(types: Types) -> str:
    """How inputs are written, for a message."""
    return " ".join(f"{name}={words(type)}" for name, type in types.items())


def words(type: TensorType) -> str:
    """A value of a type: `3`, `0.5`, `1,2,3`, `random`."""
    if type.time is not None:
        return "random"
    if type.kind is Kind.INDEX and not type.shape:
        return "0"
    if type.size > 4:
        return "random"
    return ",".join(listed_numbers(type.size))


def listed_numbers(count: int) -> Iterable[str]:
    """0.5, 1.0, 1.5, ..."""
    return (f"{0.5 * (i + 1):g}" for i in range(count))
