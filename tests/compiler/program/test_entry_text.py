"""An entry as text: what is read is what was written, and nothing else is an entry."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import pytest

from gradc_compiler.pipeline import compile_file, compile_source
from gradc_compiler.program.deferred import ready
from gradc_compiler.program.entry import Entry
from gradc_compiler.program.entry_text import LEFT_OUT, print_entry_text, read_entry_text

ROOT = Path(__file__).parents[3]
SPECS = ["mnist_cnn", "translate", "transformer", "unet", "vae", "adding"]
TINY = "model f(x : [3]) -> [3] { param b : [3] = 0\n x + b }"


def shown(entry: Entry) -> dict[str, str]:
    """Every field that is kept, with the types of all numbers in it."""
    return {f.name: repr(getattr(entry, f.name)) for f in fields(Entry) if f.name not in LEFT_OUT}


@pytest.mark.parametrize("name", SPECS)
def test_an_entry_is_read_as_it_was(name: str) -> None:
    entries = compile_file(ROOT / "specs" / f"{name}.nn").entries
    for entry in (entries[key] for key in entries):
        text = print_entry_text(entry)
        again = read_entry_text(text, ready("its graph"))
        assert shown(again) == shown(entry)
        assert again.graph == "its graph" and again.whole_step is None
        assert print_entry_text(again) == text


def test_equal_records_are_written_once() -> None:
    def records(layers: int) -> list[list[object]]:
        text = f"model f(x : [8]) -> [8] {{ x |> repeat({layers}, dense(8) |> tanh) }}"
        found: list[list[object]] = json.loads(print_entry_text(
            compile_source(text, without=["whole-step"]).entries["forward/f"]
        ))  # fmt: skip
        return [record for record in found if record[0] == 1]  # kernels

    assert len(records(3)) == len(records(9))


def damaged(text: str) -> list[str]:
    """Texts that are no entry."""
    records = json.loads(text)
    last = records[-1]
    changed = [
        *(
            [*records[:-1], last[:-1]],
            [*records[:-1], [*last, 0]],
            [*records[:-1], [99, *last[1:]]],
        ),
        *(records[:-1], [], [[-1]], [[0]], {"a": 1}, [records[-1]], ["#0"], 7, None),
        [*records[:-1], [last[0], "#99999", *last[2:]]],
        [*records[:-1], [last[0], "=Kind.OTHER", *last[2:]]],
    ]
    return [text[: len(text) // 2], "", "[", *(json.dumps(item) for item in changed)]


def test_anything_else_is_refused() -> None:
    entry = compile_source(TINY).entries["forward/f"]
    for text in damaged(print_entry_text(entry)):
        with pytest.raises(ValueError):
            read_entry_text(text, ready(None))
