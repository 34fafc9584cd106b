"""A serial stage in rounds: the same instructions, each of which finds what it reads."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from gradc_compiler.pipeline import compile_file
from gradc_compiler.program.entry import Entry, Instruction, Phase
from gradc_runtime.cpu.partition.barriers import written_by
from gradc_runtime.cpu.partition.divide import tasks_of

SPECS = Path(__file__).resolve().parents[4] / "specs"
NAMES = ("mnist_cnn", "gan", "batch_norm_cnn", "transformer")


@cache
def entry_of(name: str) -> Entry:
    program = compile_file(SPECS / f"{name}.nn")
    assert program.training is not None
    return program.entries[program.training.steps[0].entry]


def serial(name: str) -> list[Phase]:
    return [phase for phase in entry_of(name).phases if not phase.examples]


def touched(entry: Entry, item: Instruction) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
    """The storages that it is at, and those that it writes."""
    places = [(int(o.space), o.offset) for o in item.operands]
    return {*places}, {places[k] for k in written_by(entry, item)}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("threads", [2, 7])
def test_what_meets_at_a_word_keeps_its_order(name: str, threads: int) -> None:
    entry = entry_of(name)
    for phase in serial(name):
        tasks = tasks_of(entry, phase, 8, threads)
        at = {id(task.instruction): k for k, task in enumerate(tasks)}
        assert len(at) == len(phase.instructions)
        for k, item in enumerate(phase.instructions):
            own, mine = touched(entry, item)
            for later in phase.instructions[k + 1 :]:
                its, theirs = touched(entry, later)
                if mine & its or own & theirs:
                    assert at[id(item)] < at[id(later)], (item.note, later.note)


def test_threads_wait_less_and_each_has_something_to_do() -> None:
    entry, phase = entry_of("mnist_cnn"), serial("mnist_cnn")[-1]
    tasks = tasks_of(entry, phase, 8, 4)
    assert sum(task.wait for task in tasks) <= 1
    assert {task.owner for task in tasks if not task.shared} == {0, 1, 2, 3}


@pytest.mark.parametrize("name", NAMES)
def test_one_thread_goes_in_the_order_of_the_entry(name: str) -> None:
    for phase in serial(name):
        tasks = tasks_of(entry_of(name), phase, 8, 1)
        assert [task.instruction for task in tasks] == list(phase.instructions)
