"""Recurrences in one kernel, whose blocks meet at every step: the same bits as a graph of launches.

Blocks run at once, in seeded orders, with caches of their own.  Faults are planted in the kernel's
text, and in how blocks are counted; each has to be found in every order.  Not collected by itself:
`test_simulator.py` runs it in a process that has the simulator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from gradc_compiler.program.deferred import ready
from gradc_compiler.program.entry import Entry, RecurrenceLoop
from gradc_compiler.program.recurrence_launch import launch_of
from gradc_compiler.rewrites.table import optimise
from gradc_compiler.schedule import schedule
from gradc_runtime.cuda import simulated_block, simulated_grid
from gradc_runtime.cuda.devices.simulated_device import SimulatedDevice
from gradc_runtime.cuda.execution import cuda_executable
from gradc_runtime.cuda.execution.cuda_executable import CudaExecutable
from gradc_runtime.cuda.simulated_block import SimulatedFault
from tests.support.recurrences import NETS, given, parameters
from tests.support.sequence_runs import plain, wanted

ORDERS = range(4)
BATCH, LONGEST = 5, 4
ONE_KERNEL = ("forwards", "every state", "both directions", "stacked")


@cache
def graph_of(name: str) -> Any:
    return optimise(NETS[name]())


def entry_of(name: str) -> tuple[Entry, dict[str, Any]]:
    """A network's entry, and its parameters."""
    fixed = parameters(np.random.default_rng(1))
    offsets, start = {}, 0
    for key, value in fixed.items():
        offsets[key], start = start, start + value.size
    return schedule("net", graph_of(name), offsets, (), "cuda"), fixed


def result(
    entry: Entry, fixed: dict[str, Any], dtype: Any, blocks: int, seed: int, name: str
) -> dict[str, Any]:
    """What an entry gives on a device that runs so many blocks at once; every number of it."""
    device = SimulatedDevice(1 << 24)
    device.at_once = blocks
    words = np.concatenate([value.reshape(-1) for value in fixed.values()]).astype(dtype)
    values = given(np.random.default_rng(5), "unequal", BATCH, LONGEST)
    with pytest.MonkeyPatch.context() as patch, simulated_block.orders(seed):
        patch.setattr(cuda_executable, "device", lambda: device)
        runner = CudaExecutable(entry, words, dtype)
        results, outputs = runner.run(wanted(graph_of(name), values, dtype))
        (plan,) = runner.plans()
    together = [call for node in plan.graph.nodes for call in node.calls if call.meetings]
    assert bool(together) == (blocks > 0)
    return {**results, **plain(outputs)}


def assert_same(found: dict[str, Any], known: dict[str, Any]) -> None:
    for key, value in known.items():
        np.testing.assert_array_equal(found[key], value, err_msg=key)


@pytest.mark.parametrize(
    ("name", "dtype"), [*((name, np.float32) for name in ONE_KERNEL), ("every state", np.float64)]
)
def test_bits_are_those_of_a_graph_of_launches(name: str, dtype: Any) -> None:
    entry, fixed = entry_of(name)
    known = result(entry, fixed, dtype, 0, 0, name)
    for seed in ORDERS if name == "stacked" else (1,):
        assert_same(result(entry, fixed, dtype, 132, seed, name), known)


def test_blocks_that_cannot_run_at_once_are_launched_step_by_step() -> None:
    entry, fixed = entry_of("forwards")
    blocks = [launch.blocks for loop in loops_of(entry) if (launch := launch_of(loop))]
    assert blocks and min(blocks) > 1
    result(entry, fixed, np.float32, max(blocks), 0, "forwards")
    with pytest.raises(AssertionError):
        result(entry, fixed, np.float32, min(blocks) - 1, 0, "forwards")


def loops_of(entry: Entry) -> list[RecurrenceLoop]:
    return [loop for phase in entry.phases for loop in phase.loops]


MEET = "            if l0 == 0:\n                all_blocks(numbers, e2)\n"
BEGIN = "        if c2 != 0:\n"
FAULTS: dict[str, tuple[str, str]] = {
    "no meeting": (MEET, ""),
    "a meeting too early": (BEGIN, BEGIN + MEET + "            barrier()\n"),
    "met before the block has written": ("            barrier()\n" + MEET, MEET),
    "gone on before all have met": (MEET + "            barrier()\n", MEET),
    "the state of another row": ("    a0 = x", "    a0 = 13 + x"),
    "another block's columns": ("t3 = t2 + l1", "t3 = t2"),
    "the step before": ("c0 = index(numbers[e0 + e3 * 3 + 0])", "c0 = index(numbers[e0])"),
    "the next column": ("unsigned(d0", "unsigned(1 + d0"),
}


def planted(entry: Entry, old: str, new: str) -> Entry:
    """An entry whose recurrences have a fault in their text."""

    def loop(one: RecurrenceLoop) -> RecurrenceLoop:
        launch = launch_of(one)
        assert launch is not None and old in launch.source
        source = launch.source.replace(old, new)
        if new.startswith(BEGIN):
            head, _, rest = source.rpartition("            barrier()\n" + MEET)
            source = head + rest
        return replace(one, deferred_launch=ready(replace(launch, source=source)))

    phases = [replace(p, loops=tuple(loop(one) for one in p.loops)) for p in entry.phases]
    return replace(entry, phases=tuple(phases))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault: str) -> None:
    entry, fixed = entry_of("forwards")
    known = result(entry, fixed, np.float32, 0, 0, "forwards")
    wrong = planted(entry, *FAULTS[fault])
    for seed in ORDERS:
        with pytest.raises((AssertionError, IndexError, SimulatedFault)):
            assert_same(result(wrong, fixed, np.float32, 132, seed, "forwards"), known)


COUNTS: dict[str, tuple[str, Callable[..., Any]]] = {
    "a block too many is waited for": (
        "counted",
        lambda meeting: simulated_grid.TOP - meeting.blocks if meeting.first else 1,
    ),
    "a block is not waited for": (
        "counted",
        lambda meeting: simulated_grid.TOP + 2 - meeting.blocks if meeting.first else 1,
    ),
    "the same bit at every meeting": (
        "is_over",
        lambda meeting, memory: bool(int(memory[meeting.place]) & simulated_grid.TOP),
    ),
}


@pytest.mark.parametrize("fault", COUNTS)
def test_a_fault_in_counting_is_found(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    entry, fixed = entry_of("forwards")
    known = result(entry, fixed, np.float32, 0, 0, "forwards")
    name, other = COUNTS[fault]
    monkeypatch.setattr(simulated_grid, name, other)
    for seed in ORDERS:
        with pytest.raises((AssertionError, IndexError, SimulatedFault)):
            assert_same(result(entry, fixed, np.float32, 132, seed, "forwards"), known)
