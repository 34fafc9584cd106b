"""Equal layers are divided alike: one of them is looked at, and no other comes out otherwise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gradc_compiler.pipeline import compile_file, compile_source
from gradc_compiler.program.entry import Entry, Instruction
from gradc_runtime.cpu.partition import intra_op
from gradc_runtime.cpu.partition.alike import first_alike

ROOT = Path(__file__).parents[4]
LAYERS = """
model f(x : [8, 8, 4]) -> [8, 8, 4] {{ x |> repeat({}, conv(4, 3x3) |> batch_norm |> relu) }}
data d(x : [8, 8, 4], y : [8, 8, 4]) = npz("none.npz")
train on d {{ minimize sum((f(x) - y)^2) using adam(lr = 0.1), batch 8, epochs 1 }}
"""


def step_items(entry: Entry) -> list[Instruction]:
    """The instructions of its batch stages."""
    return [item for phase in entry.phases if phase.examples for item in phase.instructions]


@pytest.mark.parametrize("members", [2, 3, 7])
@pytest.mark.parametrize("name", ["mnist_cnn", "transformer", "unet", "caption"])
def test_what_is_alike_is_divided_alike(name: str, members: int) -> None:
    program = compile_file(ROOT / "specs" / f"{name}.nn")
    assert program.training is not None
    entry = program.entries[program.training.steps[0].entry]
    items = step_items(entry)
    groups = intra_op.divided(entry, items, 8, members)
    for item, (task,) in zip(items, groups, strict=True):
        own = intra_op.in_shares(entry, item, 8, members)
        assert replace(task, owner=0) == own


def test_equal_layers_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = list[Instruction]()
    in_shares = intra_op.in_shares

    def counted(entry: Entry, item: Instruction, examples: int, members: int) -> object:
        looked.append(item)
        return in_shares(entry, item, examples, members)

    monkeypatch.setattr(intra_op, "in_shares", counted)
    counts = []
    for layers in (6, 12):
        program = compile_source(LAYERS.format(layers))
        assert program.training is not None
        entry = program.entries[program.training.steps[0].entry]
        items = step_items(entry)
        looked.clear()
        intra_op.divided(entry, items, 8, 2)
        assert len(looked) == len(set(first_alike(items))) < len(items)
        counts.append(len(looked))
    assert counts[0] == counts[1]
