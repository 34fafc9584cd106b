"""Threads that enter native code together: in step, awake or asleep, after a fork."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from time import sleep

import numpy as np
import pytest

from gradc_compiler.program.entry import Kernel
from gradc_runtime.cpu.objects.compile_kernels import addresses
from gradc_runtime.cpu.threads.pool import ThreadPool, acquire, release

COUNT = Kernel("k0", """\
def k0(pointers, geometry, begin, end, first):
    x0 = indices(pointers, 0)
    x0[begin] = x0[begin] + geometry[0]
""")  # fmt: skip


def test_every_thread_has_its_number() -> None:
    (count,) = addresses([COUNT], 8)
    found, amount = np.zeros(4, np.int64), np.array([3])
    pointers = np.array([found.ctypes.data])
    crew = ThreadPool(4, 8)
    crew.start()
    for threads in (1, 4, 2):
        crew.call(count, pointers.ctypes.data, amount.ctypes.data, threads)
    assert found.tolist() == [9, 6, 3, 3]


def test_helpers_are_there_however_long_they_were_not_needed() -> None:
    (count,) = addresses([COUNT], 8)
    found, amount = np.zeros(3, np.int64), np.array([1])
    pointers = np.array([found.ctypes.data])
    crew = ThreadPool(3, 8)
    crew.start()
    for turn in range(300):
        sleep(turn % 3 * 2e-5)  # from far less than they stay awake to more
        crew.call(count, pointers.ctypes.data, amount.ctypes.data, 3)
        assert found.tolist() == [turn + 1] * 3


def test_without_threads_a_step_is_made_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert acquire(11, 4) is None  # of a size that no other test has started
    monkeypatch.undo()
    assert acquire(11, 4) is not None


def test_nobody_else_has_a_borrowed_pool() -> None:
    one, two = acquire(2, 4), acquire(2, 4)
    assert one is not two
    release(one)
    assert acquire(2, 4) is one
    release(two)
    release(one)


WITHOUT_EVENTS = """
import os
import numpy as np
from time import sleep
from gradc_runtime.cpu.objects.compile_kernels import addresses
from gradc_runtime.cpu.threads.pool import ThreadPool
from tests.runtime.cpu.threads.test_pool import COUNT
os.eventfd = lambda number: -1
(count,) = addresses([COUNT], 8)
found, amount = np.zeros(3, np.int64), np.array([1])
pointers = np.array([found.ctypes.data])
crew = ThreadPool(3, 8)
crew.start()
for turn in range(9):
    sleep(turn * 1e-3)
    crew.call(count, pointers.ctypes.data, amount.ctypes.data, 3)
print(found.tolist())
"""


def test_a_helper_whose_event_fails_goes_on() -> None:
    root = Path(__file__).parents[4]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_EVENTS], capture_output=True, cwd=root, timeout=20
    )
    assert done.stdout.strip() == b"[9, 9, 9]", done.stderr


CHILD = """
import os, numpy as np
from gradc_runtime.cpu import executable
from gradc_runtime.cpu.threads import adaptive
from tests.runtime.cpu.entries import dense_training
from tests.runtime.cpu.test_executable import batches, parameters
adaptive.WORTH_SHARING = adaptive.WORTH_WAKING = 0.0
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
    root = Path(__file__).parents[4]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CHILD], capture_output=True, cwd=root, timeout=60
    )
    assert done.stdout.strip() == b"0", done.stderr


LONG = """
import signal
import numpy as np
from gradc_runtime.cpu.executable import Executable
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
    root = Path(__file__).parents[4]
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


COPIED = """
import threading
from gradc_runtime.cpu.objects.compile_kernels import may_copy_process
from gradc_runtime.cpu.threads.pool import ThreadPool
ThreadPool(3, 4).start()
print(may_copy_process())
threading.Thread(target=threading.Event().wait, daemon=True).start()
print(may_copy_process())
"""


def test_helpers_do_not_keep_a_process_from_being_copied_but_other_threads_do() -> None:
    ran = subprocess.run([sys.executable, "-c", COPIED], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == [str(sys.platform == "linux"), "False"]


LEFT = """
import numpy as np
from gradc_runtime.cpu.threads import pool
from gradc_runtime.cpu.objects.compile_kernels import addresses
from gradc_compiler.program.entry import Kernel
pool.LOOKS = 10**9  # helpers stay awake, and go on while Python takes itself down
own = pool.ThreadPool(2, 8)
own.start()
(fill,) = addresses([Kernel("k0", '''SOURCE''')], 8)
found, amount = np.zeros(2, np.int64), np.array([3])
pointers = np.array([found.ctypes.data])
own.call(fill, pointers.ctypes.data, amount.ctypes.data, 2)
print(found.tolist())
"""


def test_python_may_end_while_helpers_are_awake() -> None:
    text = LEFT.replace("SOURCE", str(COUNT.source))
    for _ in range(3):
        ran = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True)
        assert (ran.returncode, ran.stdout) == (0, "[3, 3]\n"), ran.stderr


SHOWN = """
import sys, threading, time
from rich.console import Console
from gradc_runtime.cpu.objects.compile_kernels import may_copy_process
from gradc_runtime.system.quiet_threads import start_quietly
from gradc_runtime.training.progress import Live
console = Console(stderr=True, force_terminal=True)
status = console.status("compiling")
start_quietly(status.start)
print(threading.active_count(), may_copy_process(), file=sys.__stdout__)
status.stop()
for _ in range(3000):  # until its thread has seen it
    if threading.active_count() == 1:
        break
    time.sleep(0.01)
Live(console).start(1, 2)
print(threading.active_count(), may_copy_process(), file=sys.__stdout__)
"""


def test_displays_do_not_keep_a_process_from_being_copied() -> None:
    """Else kernels would be built one after another wherever somebody looks on."""
    found = subprocess.run(
        [sys.executable, "-c", SHOWN], capture_output=True, text=True, check=True, timeout=120
    )
    assert found.stdout.split() == ["2", "True", "2", "True"]
