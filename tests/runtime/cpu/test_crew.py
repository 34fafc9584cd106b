"""Threads that enter native code together: in step, after a fork, and through an interrupt."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from runtime.cpu.crew import Crew


def test_every_thread_has_its_number() -> None:
    seen: list[tuple[int, int]] = []
    crew = Crew(4)
    for threads in (1, 4, 2):
        crew.run(lambda number: seen.append((number, threading.get_ident())), threads)
    assert sorted(number for number, _ in seen) == [0, 0, 0, 1, 1, 2, 3]


def test_an_interrupt_waits_for_the_helpers() -> None:
    finished = threading.Event()

    def task(number: int) -> None:
        if number == 0:
            raise KeyboardInterrupt
        finished.set()

    with pytest.raises(KeyboardInterrupt):
        Crew(2).run(task, 2)
    assert finished.is_set()


CHILD = """
import os, numpy as np
from runtime.cpu import executable, sharing
from tests.runtime.cpu.entries import dense_training
from tests.runtime.cpu.test_executable import batches, parameters
sharing.WORTH_SHARING = sharing.WORTH_WAKING = 0.0
program = executable.Executable(dense_training(rate=0.0), parameters(np.float32), np.float32, 2)
data = batches(400, np.float32)
first = program.run(data, steps=4)[0]["loss"]
child = os.fork()
if child == 0:
    again = program.run(data, steps=4)[0]["loss"]
    os._exit(0 if np.array_equal(first, again) else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_forked_child_starts_its_own_threads() -> None:
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CHILD], capture_output=True, cwd=root, timeout=60
    )
    assert done.stdout.strip() == b"0", done.stderr


LONG = """
import signal
import numpy as np
from runtime.cpu.executable import Executable
from tests.runtime.cpu.entries import dense_training
from tests.runtime.cpu.test_executable import batches, parameters
program = Executable(dense_training(rate=0.0), parameters(np.float32), np.float32, 2)
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
one = batches(1, np.float32)
data = {name: np.repeat(array, 3_000_000, axis=0) for name, array in one.items()}
program.run(one)
print("ready", flush=True)
while True:
    program.run(data, steps=3_000_000)
"""


def test_control_c_is_heard_inside_a_long_run() -> None:
    root = Path(__file__).parents[3]
    process = subprocess.Popen(
        [sys.executable, "-c", LONG], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=root
    )
    assert process.stdout is not None and process.stdout.readline() == b"ready\n"
    os.kill(process.pid, signal.SIGINT)
    try:
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert errors.strip().endswith(b"KeyboardInterrupt")
