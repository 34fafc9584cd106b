"""The simulator: what is known of small schedules by hand, and what bounds every one."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.pipeline import compile_file
from gradc_compiler.program.entry import Entry
from gradc_runtime.cpu.partition.batch_tiles import block_of
from gradc_runtime.cpu.tuning.simulate import (
    BARRIERS,
    MEMORY,
    SERIAL,
    Measured,
    Simulated,
    simulate,
)

BENCH = Path(__file__).resolve().parents[3] / "bench" / "specs"
SECOND = 1.0  # of every instruction: so long that barriers are nothing


@cache
def entry_of(name: str) -> Entry:
    program = compile_file(BENCH / f"{name}.nn")
    return program.entries[program.training.steps[0].entry]


def on(name: str, threads: int, seconds: float = SECOND, **more: Any) -> Simulated:
    entry = entry_of(name)
    items = [item for phase in entry.phases for item in phase.instructions]
    measured = Measured(
        seconds={id(item): seconds for item in items}, word=4, steps=[50] * len(entry.times), **more
    )
    return simulate(entry, measured, examples=128, block=block_of(entry, 128), threads=threads)


@pytest.mark.parametrize("name", ["cnn", "mlp", "lstm", "transformer"])
def test_one_thread_takes_the_sum_and_several_no_less_than_their_part(name: str) -> None:
    entry, alone = entry_of(name), on(name, 1)
    count = sum(len(phase.instructions) for phase in entry.phases)
    assert alone.seconds == pytest.approx(count * SECOND, rel=0.01)
    for threads in (2, 8, 32):
        some = on(name, threads)
        assert alone.seconds / threads <= some.seconds < alone.seconds
        used = threads * some.seconds - sum(some.lost.values())
        assert used <= alone.seconds * 1.01


def test_what_is_lost_and_what_is_done_make_all_that_threads_have() -> None:
    alone, some = on("mlp", 1), on("mlp", 8)
    assert 8 * some.seconds == pytest.approx(alone.seconds + sum(some.lost.values()), rel=0.01)
    assert some.binds == SERIAL  # every instruction as long, so those that one thread does


def test_short_instructions_wait_at_barriers() -> None:
    some = on("mlp", 32, seconds=1e-7)
    assert some.binds == BARRIERS
    assert some.seconds > 12 * MACHINE.arrival_ns * 1e-9  # eight of a group, and four groups


def test_what_an_arrival_takes_is_measured_but_between_groups() -> None:
    slow, quick = (on("mlp", 8, seconds=1e-7, arrival=arrival) for arrival in (1e-6, 1e-8))
    assert slow.lost[BARRIERS] == pytest.approx(100 * quick.lost[BARRIERS])
    many = on("mlp", 32, seconds=1e-7, arrival=0.0)
    assert many.lost[BARRIERS] > 0  # its threads are in four groups


def test_slow_memory_costs_what_does_not_fit_the_caches() -> None:
    slow = on("mlp", 8, memory=lambda threads: 1e3, footprint=1 << 40)
    assert slow.lost[MEMORY] > 0
    assert slow.seconds > on("mlp", 8).seconds
    near = on("mlp", 8, memory=lambda threads: 1e3, footprint=1 << 10)
    assert near.lost[MEMORY] == 0
    assert near.seconds == on("mlp", 8).seconds
