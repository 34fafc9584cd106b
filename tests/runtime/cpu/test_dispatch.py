"""The dispatch loop does what the list of assigned work says: here it is run as Python.

The functions that are translated into native code go through a real table; only memory, atomics
and kernels are stand-ins, which write down what is called.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gradc_compiler.machine import cost_model
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.pipeline import compile_file
from gradc_compiler.program.entry import Entry, Instruction
from gradc_runtime.cpu.codegen.build_kernel import kernel_module
from gradc_runtime.cpu.interpreter import batch_stage, bytecode, dispatch, run_tasks
from gradc_runtime.cpu.interpreter.encode import build_table
from gradc_runtime.cpu.partition.assigned import assigned, text_of

ROOT = Path(__file__).resolve().parents[3]
Who = tuple[str, int | None]
Call = tuple[int, Who, int, int, int, int, int]  # kernel, thread or chunk, all threads' barriers
# before, the team's, the argument that is cut and one (0: rows), begin, end


@dataclass
class Recorder:
    """What the loop finds instead of a processor, which has one thread at a time."""

    threads: int
    table: NDArray[np.int64]
    members: int
    thread: int = 0
    waited: int = 0
    inside: int = 0
    chunk: int | None = None
    taken: Counter[int] = field(default_factory=Counter)  # chunks, by the barriers before
    calls: list[Call] = field(default_factory=list)

    def barrier(self, control: Any, at: int, thread: int, threads: int) -> None:
        if at == bytecode.ALL:
            self.waited += 1
        elif threads > 1:
            self.inside += 1

    def next_chunk(self, *unused: Any) -> int:
        self.taken[self.waited] += 1
        return self.taken[self.waited] - 1

    def run_chunk(self, control: Any, team: int, table: Any, phase: Any, *more: Any) -> None:
        self.chunk = more[2]
        RUN_CHUNK(control, team, table, phase, *more)
        self.chunk = None

    def launch(
        self, table: Any, at: int, bases: Any, pointers: Any, origin: int, begin: int, end: int,
        firsts: Any, place: int = 0,
    ) -> None:  # fmt: skip
        first = 0 if self.chunk is None or place else firsts[0]
        alone = self.chunk is not None and self.members == 1
        who = ("chunk", self.chunk) if alone else ("thread", self.thread)
        kernel, inside = table[at + bytecode.KERNEL], 0 if self.chunk is None else self.inside
        self.calls.append((kernel, who, self.waited, inside, place, first + begin, first + end))

    def launch_cut(
        self, table: Any, at: int, bases: Any, pointers: Any, begin: int, end: int, firsts: Any,
        start: int, stop: int,
    ) -> None:  # fmt: skip
        place = table[at + bytecode.PLACE]
        self.launch(table, at, bases, pointers, 0, start, stop, firsts, place)

    def words_at(self, address: int) -> list[int]:
        first = (address - self.table.ctypes.data) // 8
        inside = 0 <= first < len(self.table)
        return self.table[first:].tolist() if inside else [0] * self.table[bytecode.SPACES]

    def run(self) -> list[Call]:
        """One step on all threads, one after the other."""
        table = self.table.tolist()
        control = [0] * (bytecode.ALL + bytecode.TEAM * (1 + table[bytecode.TEAMS]))
        control[bytecode.THREADS], control[bytecode.STEPS] = self.threads, 1
        for thread in range(self.threads):
            self.thread, self.waited, self.inside = thread, 0, 0
            dispatch.kernel(8)(control, table, thread, 0, 0)
        return self.calls


RUN_CHUNK = batch_stage.run_chunk


def recorded(entry: Entry, examples: int, block: int, threads: int) -> list[Call]:
    """What the loop calls for one step."""
    kernels = range(1, 1 + len(entry.kernels))
    table = build_table(entry, kernels, examples, 8, block, threads=threads)
    recorder = Recorder(threads, table, int(table[bytecode.MEMBERS]))
    with pytest.MonkeyPatch.context() as patch:
        for module in (dispatch, batch_stage, run_tasks):
            patch.setattr(module, "stack_words", lambda count: [0] * count)
            patch.setattr(module, "words_at", recorder.words_at)
            patch.setattr(module, "barrier", recorder.barrier)
        patch.setattr(run_tasks, "launch", recorder.launch)
        patch.setattr(run_tasks, "launch_cut", recorder.launch_cut)
        patch.setattr(batch_stage, "clear_partials", lambda *unused: None)
        patch.setattr(batch_stage, "atomic_add", recorder.next_chunk)
        patch.setattr(batch_stage, "run_chunk", recorder.run_chunk)
        patch.setattr(dispatch, "adder", lambda word: lambda *unused: None)
        for name in ("get_float_mode", "set_float_mode", "keep_results"):
            patch.setattr(dispatch, name, lambda *unused: 0)
        return recorder.run()


def listed(entry: Entry, examples: int, block: int, threads: int) -> Iterator[Call]:
    """What the list of assigned work says."""
    for one in assigned(entry, examples, block, threads):
        if isinstance(one.work, Instruction):
            who = ("thread", one.thread) if one.thread is not None else ("chunk", one.chunk)
            inside = 0 if one.team is None else one.inside
            place = 0 if one.place is None else one.place + 1
            yield one.work.kernel + 1, who, one.waited, inside, place, one.begin, one.end


def joined(calls: Iterable[Call]) -> Counter[Call]:
    """Ranges that continue one another as one: those of pieces and of blocks."""
    found: Counter[Call] = Counter()
    for *key, begin, end in calls:
        before = next((c for c in found if c[:-2] == tuple(key) and c[-1] == begin), None)
        if before is not None:
            found -= Counter([before])
            begin = before[-2]
        found[(*key, begin, end)] += 1  # type: ignore[index]
    return found


@pytest.mark.parametrize("name", ["mnist_cnn", "gan"])
@pytest.mark.parametrize(("examples", "block"), [(3, 8), (100, 16)])
def test_the_loop_runs_what_is_listed(
    name: str, examples: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost_model, "MACHINE", replace(MACHINE, worth_splitting_ns=0))
    program = compile_file(ROOT / "specs" / f"{name}.nn")
    entry = program.entries[program.training.steps[0].entry]
    for threads in (1, 2, 3, 7, 16):
        expected = joined(listed(entry, examples, block, threads))
        assert joined(recorded(entry, examples, block, threads)) == expected
        assert len(expected) > threads


@pytest.mark.parametrize("threads", [2, 3, 4, 7, 64])
def test_threads_together_do_every_row_once(threads: int) -> None:
    program = compile_file(ROOT / "specs" / "mnist_cnn.nn")
    entry = program.entries[program.training.steps[0].entry]
    alone, shared = by_instruction(entry, 1), by_instruction(entry, threads)
    assert alone.keys() == shared.keys()
    for item, (place, done) in shared.items():
        whole = alone[item][1] if place is None else range(item[1].geometry[place])
        assert sorted(done) == sorted(whole)


def by_instruction(
    entry: Entry, threads: int
) -> dict[tuple[int, Instruction], tuple[int | None, list[int]]]:
    """The rows of each instruction that are done, or the iterations of what is cut."""
    found: dict[tuple[int, Instruction], tuple[int | None, list[int]]] = {}
    for one in assigned(entry, 3, 8, threads):
        if isinstance(one.work, Instruction):
            _, done = found.setdefault((id(one.work), one.work), (one.place, []))
            done += range(one.begin, one.end)
    return found


def test_a_list_reads_as_text() -> None:
    program = compile_file(ROOT / "specs" / "house.nn")
    entry = program.entries[program.training.steps[0].entry]
    lines = list(text_of(assigned(entry, 5, 8, 2)))
    assert lines[0].startswith("thread 0      [0, 1)          %19 increment")
    for share in ("thread 0      [0, 2)", "thread 1      [2, 5)"):  # of a team's two members
        assert any(line.startswith(share) for line in lines)
    assert "-------- team 0 waits" in lines
    assert "-------- all threads wait" in lines
    assert lines[-1].endswith("results are kept")


def test_a_barrier_is_called_and_not_copied_to_wherever_threads_wait() -> None:
    text = str(kernel_module("walk", None, 4, "walk"))
    assert text.count("call i32 @sched_yield") == 1
    assert text.count("\ndefine") > 10  # stages too are functions of their own
