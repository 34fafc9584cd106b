"""Strange things given for inputs by the thousand: each is taken as what it is, or refused."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest

from gradc_compiler.graph.ragged import Ragged
from gradc_compiler.graph.types import Kind, TensorType
from gradc_runtime.data.arrays.validate import conform
from tests.fuzz.mutations import WORDS
from tests.fuzz.samples import array
from tests.fuzz.test_readers import FEW, MANY, attempts, right

TYPES = [
    TensorType(), TensorType((2,)), TensorType((2, 3)), TensorType((), Kind.INDEX, 3),
    TensorType((), Kind.INDEX), TensorType((2,), time="n"), TensorType((), Kind.INDEX, 3, "n"),
    TensorType((2,), time=2), TensorType((0,)), TensorType((0,), time="n"),
]  # fmt: skip
ODD = [
    None, "x", b"x", 1j, {}, set(), [[]], [1, [2]], [None], ["a"], [10**400], [1e400], object(),
    np.datetime64("now"), np.array(["a"]), np.array([None]), np.zeros(2, "f4,f4"), float("nan"),
    np.array([1j]), np.ma.masked_all((3, 2)), range(3), memoryview(b"abc"), (), [[[[1]]]],
]  # fmt: skip


def lengths(draw: Random) -> Any:
    """Lengths of sequences, true or not."""
    found = [draw.choice([0, 1, 2, 3, 3, *WORDS[-5:]]) for _ in range(draw.randint(0, 4))]
    kind = draw.choice(["u8", "u8", "f8", "O", "i8"])
    with np.errstate(all="ignore"):
        whole = np.array(found, object).astype("u8").astype(kind)
    return draw.choice([whole, whole, whole.tolist(), whole[None], whole[:, None], 3])


def thing(draw: Random, deep: int = 2) -> Any:
    """Anything that somebody might give."""
    match draw.randrange(8):
        case 0:
            return draw.choice(ODD)
        case 1 | 2:
            return Ragged(thing(draw, 0) if draw.random() < 0.2 else array(draw), lengths(draw))
        case 3 if deep:
            return [thing(draw, deep - 1) for _ in range(draw.randint(0, 3))]
        case 4:
            return np.atleast_1d(array(draw))[::-1]
        case 5:
            return array(draw).tolist()
        case _:
            return array(draw)


def given(draw: Random) -> bool:
    """Fit a thing to a type."""
    type = draw.choice(TYPES)
    rows = conform(thing(draw), type, name="x", dtype=draw.choice(["float32", "float64"]))
    with np.errstate(all="ignore"):
        values = rows.values if isinstance(rows, Ragged) else rows
        finite = np.nan_to_num(values) if type.kind is Kind.REAL else values
    if len(rows):
        right(Ragged(finite, rows.lengths) if isinstance(rows, Ragged) else finite, type, len(rows))
    return True


def test_what_is_given_is_taken_or_refused() -> None:
    found = attempts(given, FEW)
    assert found["accepted"] > 5 and found["refused"] > 5


@pytest.mark.wide
def test_a_hundred_thousand_things_are_taken_or_refused() -> None:
    found = attempts(given, MANY, 1)
    print(f"given: {dict(found)}")
    assert found.total() == MANY
