"""Damaged tables with words, gaps and other separators: each is read, or refused in one line.

What the first table says of classes and measures holds for a second, damaged one: a label there is
the class of that name, or the table is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.program.program import DataSource
from gradc_runtime.data import load
from tests.fuzz.mutations import of_bytes, of_text
from tests.fuzz.test_readers import FEW, MANY, PARTS, attempts, right

FIELDS = {
    "age": TensorType(()),
    "town": TensorType((), Kind.INDEX, 4),
    "x": TensorType((2,)),
    "kind": TensorType((), Kind.INDEX, 3),
}
TOWNS, KINDS = ("Oslo", "Rome", "New York"), ("cat", "dog", "owl")
SETTINGS: list[dict[str, str]] = [
    {},
    {"missing": "mean"},
    {"missing": "drop"},
    {"standardised": "age"},
    {"missing": "median", "standardised": "age, x"},
]
TOKENS = (
    "",
    "NA",
    "?",
    "1,5",
    "1.000,5",
    '"',
    '"a;b"',
    "owl",
    "cow",
    "\t",
    ";",
    "1e999",
    "-0",
    "\r",
)


def table(draw: Random, separator: str) -> str:
    """A table of a few rows, with every town and kind."""
    lines = [separator.join(("age", "town", "x_0", "x_1", "kind"))]
    for k in range(draw.randint(3, 9)):
        age = "" if k > 2 and draw.random() < 0.1 else str(draw.randrange(90))
        cells = (age, TOWNS[k % 3], f"{draw.random():.3f}", str(draw.randrange(9)), KINDS[k % 3])
        lines.append(separator.join(cells))
    return "\n".join(lines) + draw.choice(["", "\n"])


def reading(folder: Path) -> Callable[[Random], bool]:
    """Read a whole table, and another one by what the first has said."""
    for name in ("first", "second"):
        (folder / f"{name}.csv").touch()

    def attempt(draw: Random) -> bool:
        separator, settings = draw.choice([",", ";", "\t"]), draw.choice(SETTINGS)
        whole = table(draw, separator)
        damaged = of_text(draw, table(draw, separator), TOKENS, 3).encode("utf-8", "replace")
        texts = whole.encode(), of_bytes(draw, damaged, draw.choice([0, 0, 1]))
        known = None
        for name, text in zip(("first", "second"), draw.choice([texts, texts[::-1]]), strict=True):
            (folder / f"{name}.csv").write_bytes(text)
            source = DataSource(
                name="d", fields=tuple(FIELDS.items()), function="csv",
                arguments=(f"{name}.csv",), keywords=settings, directory=str(folder),
            )  # fmt: skip
            data = load(source, dtype="float32", encoding=known)
            arrays = data.take(slice(None), FIELDS)
            for field, type in FIELDS.items():
                right(arrays[field], type, data.examples)
            known = data.encoding
        return True

    return attempt


def test_damaged_tables(tmp_path: Path) -> None:
    found = attempts(reading(tmp_path), FEW)
    assert found["accepted"] > 5 and found["refused"] > 5


@pytest.mark.wide
@pytest.mark.parametrize("part", range(1, PARTS + 1))
def test_many_damaged_tables(part: int, tmp_path: Path) -> None:
    attempts(reading(tmp_path), MANY // PARTS, part)
