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

import pytest

from gradc_compiler.machine import cost_model
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.pipeline import compile_file
from gradc_compiler.program.entry import Entry, Instruction
from gradc_runtime.cpu.interpreter import batch_stage, bytecode, dispatch, run_tasks
from gradc_runtime.cpu.interpreter.encode import build_table
from gradc_runtime.cpu.partition.assigned import assigned, text_of

ROOT = Path(__file__).resolve().parents[3]
Who = tuple[str, int | None]
Call = tuple[int, Who, int, int, int]  # kernel, thread or chunk, barriers before, begin, end


@dataclass
class Recorder:
    """What the loop finds instead of a processor, which has one thread at a time."""

    threads: int
    spaces: int
    thread: int = 0
    waited: int = 0
    chunk: int | None = None
    taken: Counter[int] = field(default_factory=Counter)  # chunks, by the barriers before
    calls: list[Call] = field(default_factory=list)

    def barrier(self, *unused: Any) -> None:
        self.waited += 1

    def next_chunk(self, *unused: Any) -> int:
        self.taken[self.waited] += 1
        return self.taken[self.waited] - 1

    def run_chunk(self, table: Any, phase: Any, bases: Any, pointers: Any, chunk: int) -> None:
        self.chunk = chunk
        RUN_CHUNK(table, phase, bases, pointers, chunk)
        self.chunk = None

    def launch(
        self, table: Any, at: int, bases: Any, pointers: Any, begin: int, end: int, firsts: Any
    ) -> None:
        first = 0 if self.chunk is None else firsts[0]
        who = ("thread", self.thread) if self.chunk is None else ("chunk", self.chunk)
        kernel = table[at + bytecode.KERNEL]
        self.calls.append((kernel, who, self.waited, first + begin, first + end))

    def words_at(self, address: int) -> list[int]:
        return [0] * self.spaces

    def run(self, table: list[int]) -> list[Call]:
        """One step on all threads, one after the other."""
        control = [0] * bytecode.CONTROL
        control[bytecode.THREADS], control[bytecode.STEPS] = self.threads, 1
        for thread in range(self.threads):
            self.thread, self.waited = thread, 0
            dispatch.kernel(8)(control, table, thread, 0, 0)
        return self.calls


RUN_CHUNK = batch_stage.run_chunk


def recorded(entry: Entry, examples: int, block: int, threads: int) -> list[Call]:
    """What the loop calls for one step."""
    kernels = range(1, 1 + len(entry.kernels))
    table = build_table(entry, kernels, examples, 8, block).tolist()
    recorder = Recorder(threads, table[bytecode.SPACES])
    with pytest.MonkeyPatch.context() as patch:
        for module in (dispatch, batch_stage, run_tasks):
            patch.setattr(module, "stack_words", lambda count: [0] * count)
            patch.setattr(module, "words_at", recorder.words_at)
            patch.setattr(module, "barrier", recorder.barrier)
        for module in (batch_stage, run_tasks):
            patch.setattr(module, "launch", recorder.launch)
            patch.setattr(module, "clear_partials", lambda *unused: None)
        patch.setattr(batch_stage, "atomic_add", recorder.next_chunk)
        patch.setattr(batch_stage, "run_chunk", recorder.run_chunk)
        patch.setattr(dispatch, "adder", lambda word: lambda *unused: None)
        for name in ("get_float_mode", "set_float_mode", "keep_results"):
            patch.setattr(dispatch, name, lambda *unused: 0)
        return recorder.run(table)


def listed(entry: Entry, examples: int, block: int, threads: int) -> Iterator[Call]:
    """What the list of assigned work says."""
    for one in assigned(entry, examples, block, threads):
        if isinstance(one.work, Instruction):
            who = ("thread", one.thread) if one.thread is not None else ("chunk", one.chunk)
            yield one.work.kernel + 1, who, one.waited, one.begin, one.end


def joined(calls: Iterable[Call]) -> Counter[Call]:
    """Ranges that continue one another as one: those of pieces and of blocks."""
    found: Counter[Call] = Counter()
    for kernel, who, waited, begin, end in calls:
        before = next((c for c in found if c[:3] == (kernel, who, waited) and c[4] == begin), None)
        if before is not None:
            found -= Counter([before])
            begin = before[3]
        found[kernel, who, waited, begin, end] += 1
    return found


@pytest.mark.parametrize("name", ["mnist_cnn", "gan"])
@pytest.mark.parametrize(("examples", "block"), [(3, 8), (100, 16)])
def test_the_loop_runs_what_is_listed(
    name: str, examples: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost_model, "MACHINE", replace(MACHINE, worth_splitting_ns=0))
    program = compile_file(ROOT / "specs" / f"{name}.nn")
    entry = program.entries[program.training.steps[0].entry]
    for threads in (1, 2, 3, 7):
        expected = joined(listed(entry, examples, block, threads))
        assert joined(recorded(entry, examples, block, threads)) == expected
        assert len(expected) > threads


def test_threads_together_do_every_row_once() -> None:
    program = compile_file(ROOT / "specs" / "mnist_cnn.nn")
    entry = program.entries[program.training.steps[0].entry]
    alone = rows_by_kernel(entry, 1)
    assert all(rows_by_kernel(entry, threads) == alone for threads in (2, 3, 4, 7))


def rows_by_kernel(entry: Entry, threads: int) -> Counter[tuple[int, int]]:
    """How often a kernel is called for each row."""
    calls = listed(entry, 3, 8, threads)
    return Counter((kernel, row) for kernel, _, _, begin, end in calls for row in range(begin, end))


def test_a_list_reads_as_text() -> None:
    program = compile_file(ROOT / "specs" / "house.nn")
    entry = program.entries[program.training.steps[0].entry]
    lines = list(text_of(assigned(entry, 5, 8, 2)))
    assert lines[0].startswith("thread 0      [0, 1)          %19 increment")
    assert any(line.startswith("chunk 0       [0, 5)") for line in lines)
    assert "-------- all threads wait" in lines
    assert lines[-1].endswith("results are kept")
