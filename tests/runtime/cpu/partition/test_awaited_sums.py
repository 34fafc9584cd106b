"""What reads a sum waits for it, and nothing waits for sums that it does not read."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from gradc_compiler.pipeline import compile_file
from gradc_compiler.program.entry import Entry, Space
from gradc_runtime.cpu.partition.awaited_sums import AwaitingPart, Words, awaiting_parts
from gradc_runtime.cpu.stage_tables import pieces

SPECS = Path(__file__).resolve().parents[4] / "specs"


def parts_of(entry: Entry, size: int, patch: pytest.MonkeyPatch) -> list[list[AwaitingPart]]:
    """The parts of all stages, with messages of at most so many words."""
    patch.setattr("gradc_runtime.cpu.stage_tables.MESSAGE", size)
    sent: list[list[Words]] = []
    found = []
    for phase in entry.phases:
        found.append(awaiting_parts(entry, phase, phase.instructions, sent))
        sent += [[(p.uniform, p.uniform + p.words) for p in one] for one in pieces(phase.sums)]
    return found


def entry_of(name: str) -> Entry:
    program = compile_file(SPECS / f"{name}.nn")
    assert program.training is not None
    return program.entries[program.training.steps[0].entry]


@pytest.mark.parametrize("name", ["mnist_cnn", "batch_norm_cnn", "gan", "row_digits"])
@pytest.mark.parametrize("size", [100, 1 << 16])
def test_parts_make_the_stage_and_wait_for_more_and_more(
    name: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = entry_of(name)
    sent: list[Words] = []
    counts: list[int] = []  # of messages, after each of `sent`
    for phase, parts in zip(entry.phases, parts_of(entry, size, monkeypatch), strict=True):
        numbers = [k for part in parts for k in part.instructions]
        assert numbers == list(range(len(phase.instructions)))
        assert all(a.messages <= b.messages for a, b in pairwise(parts))
        assert len(parts) == 1 or not phase.examples
        for part in parts:
            for item in (phase.instructions[k] for k in part.instructions):
                for operand in (o for o in item.operands if o.space == Space.UNIFORM):
                    read = [n for n, (a, b) in zip(counts, sent, strict=True)
                            if a <= operand.offset < b]  # fmt: skip
                    assert all(number <= part.messages for number in read)
        for one in pieces(phase.sums):
            count = counts[-1] + 1 if counts else 1
            sent += [(p.uniform, p.uniform + p.words) for p in one]
            counts += [count] * len(one)
    assert counts, "some sums are sent"


def test_an_optimizer_goes_on_with_what_has_come(monkeypatch: pytest.MonkeyPatch) -> None:
    last = parts_of(entry_of("mnist_cnn"), 1000, monkeypatch)[-1]
    assert len(last) > 1 and last[0].messages < last[-1].messages


def test_stages_go_on_before_sums_have_come(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = entry_of("batch_norm_cnn")
    found = parts_of(entry, 1 << 16, monkeypatch)
    sent, ahead = 0, 0
    for phase, parts in zip(entry.phases, found, strict=True):
        ahead += phase.examples and parts[0].messages < sent
        sent += len(pieces(phase.sums))
    assert ahead > 0
