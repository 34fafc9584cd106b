"""Sizes with units, in `train` and on the command line."""

from __future__ import annotations

import pytest

from gradc_compiler.derived import print_program
from gradc_compiler.diagnostics.source import CompileError, Source
from gradc_compiler.pipeline import compilation
from gradc_compiler.syntax.grammar.byte_sizes import bytes_in
from gradc_compiler.syntax.pretty.format_source import format_source

TEXT = """\
model f(x : [3]) -> [1] {{ x |> dense(1) }}
data points(x : [3], y : [1]) = npz("points.npz")
train on points {{
    minimize squared_error(f(x), y)
    using sgd(lr = 0.1), batch 4, epochs 1
    {0}
}}
"""


@pytest.mark.parametrize(
    ("text", "bytes"),
    [
        ("500MB", 500_000_000), ("1.5GB", 1_500_000_000), ("3kB", 3000), ("7B", 7), ("2e9", 2e9),
        ("2KiB", 2048), ("1MiB", 1 << 20), ("2 gib", 2 << 30), ("1_000MB", 10**9), ("0.3B", 0.3),
        ("MB", None), ("5TB", None), ("5MBB", None), ("nan", None), ("infMB", None), ("", None),
    ],
)  # fmt: skip
def test_bytes_in(text: str, bytes: float | None) -> None:
    assert bytes_in(text) == bytes


def settings(line: str) -> dict[str, float]:
    made = compilation(Source("net.nn", TEXT.format(line)), ".", {}, ())
    assert made.module.train is not None
    return made.module.train.settings


@pytest.mark.parametrize("unit", ["500MB", "0.5GB", "500e6", "500_000kB", "500mb"])
def test_memory_in_a_spec(unit: str) -> None:
    assert settings(f"memory {unit}")["memory"] == 500_000_000
    assert settings(f"in_memory {unit}, block 64KiB".replace(", ", "\n    ")) == {
        "batch": 4, "epochs": 1, "in_memory": 500_000_000, "block": 65536,
    }  # fmt: skip


def test_it_is_printed_as_it_was_written_and_the_derived_program_keeps_it() -> None:
    text = TEXT.format("memory 1.5GB")
    assert format_source(Source("net.nn", text)) == text
    printed = print_program(compilation(Source("net.nn", text), ".", {}, ()))
    assert "memory 1500000000\n" in printed


@pytest.mark.parametrize(
    ("line", "code", "at", "told"),
    [
        ("memory 500XB", "E0108", "500XB", "`500XB` is not a number"),
        ("epochs 5MB", "E0108", "5MB", "only block, in_memory, memory have a unit"),
        ("memory 0.3B", "E0108", "0.3B", "`0.3B` is not a number"),
        ("memory 0.5", "E0403", "0.5", "a whole number of bytes, 1 or more, as in `500MB`"),
        ("memory 0MB", "E0403", "0MB", "a whole number of bytes, 1 or more, as in `500MB`"),
        ("memory " + 41 * "9" + "MB", "E0108", 41 * "9" + "MB", "is not a number"),
    ],
)
def test_faults_are_marked(line: str, code: str, at: str, told: str) -> None:
    with pytest.raises(CompileError) as caught:
        settings(line)
    (found,) = caught.value.diagnostics
    assert found.code == code and found.primary.span.text == at
    assert told in f"{found.message} {found.hint}"
