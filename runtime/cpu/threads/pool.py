"""The thread pool: threads that enter native code together.

A worker is a Python thread that never leaves native code (`runtime/cpu/threads/worker.py`), so that
it needs no lock of the interpreter.  It stays awake for some tens of microseconds after its last
task and then sleeps, which costs nothing.  Workers start when first needed, and again in a forked
child.

A caller acquires a pool that nobody uses and releases it after the call.  So the entries of a
session, called in turn, share their workers, and no core spins for several of them.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import defaultdict
from contextlib import suppress
from typing import Any

import numpy as np

from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.entry import Kernel
from gradc_runtime.binding.io_binding import address
from gradc_runtime.cpu.interpreter import bytecode
from gradc_runtime.cpu.objects.compile_kernels import HELPER, OWN, addresses
from gradc_runtime.cpu.objects.link import NATIVE
from gradc_runtime.system.aligned_memory import aligned

KERNELS = Kernel("lead"), Kernel("serve")
FAULTS = {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT}
PATIENCE = MACHINE.crowded_calls  # calls with a worker on the caller's core, before it is moved
LOOKS = MACHINE.mailbox_looks  # at the mailbox (see adaptive.AWAKE), before a worker sleeps


def worker_main(serve: Any, mailboxes: Any, number: int) -> None:
    """Run a worker.  Signals are left to the main thread: here they would end a wait."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals() - FAULTS)
    mailbox = address(mailboxes) + 8 * bytecode.MAILBOX * (number - 1)
    serve(mailbox, 0, number, 0, 0)


class ThreadPool:
    """Up to `size` threads, the caller among them, for code with words of so many bytes, that a
    compiler has made.
    """

    def __init__(self, size: int, word: int, compiler: str = OWN) -> None:
        self.size, self.word, self.compiler = size, word, compiler
        self._process = -1

    def start(self) -> None:
        """Start the workers, which all sleep soon; in a forked child they are started again.

        Raises OSError or RuntimeError where no thread or no event is to be had.
        """
        if self._process == os.getpid():
            return
        places = addresses(KERNELS, self.word, self.compiler)
        self._lead, serve = map(NATIVE, places)
        self._mailboxes = aligned(bytecode.MAILBOX * max(1, self.size - 1), np.dtype(np.int64))
        self._words, self._place = self._mailboxes.data, address(self._mailboxes)
        self._helpers = []
        cores = len(os.sched_getaffinity(0))
        for number in range(1, self.size):
            mailbox = self._mailboxes[bytecode.MAILBOX * (number - 1) :]
            mailbox[bytecode.SPINS] = LOOKS if self.size <= cores else 0
            mailbox[bytecode.EVENT] = os.eventfd(0)
            helper = (serve, self._mailboxes, number)
            thread = threading.Thread(target=worker_main, args=helper, name=HELPER, daemon=True)
            self._helpers.append(thread)
            thread.start()
        self._crowded = self._words[bytecode.CROWDED :: bytecode.MAILBOX]
        self._words[bytecode.CROWDED] = PATIENCE + 1  # after the first call its core is known
        self._process = os.getpid()  # all is there, so it need not be begun again

    def call(self, function: int, pointers: int, geometry: int, threads: int) -> None:
        """`function(pointers, geometry, number, 0, 0)` on threads 0 (this one) to threads - 1."""
        self._lead(self._place, pointers, geometry, function, threads)
        if max(self._crowded) > PATIENCE:
            self._spread()

    def _spread(self) -> None:
        """Keep the workers off the core that the caller is on now.

        Linux may wake a thread on the core of the one that woke it, however idle other cores are.
        The caller may move; if it comes to a worker's core, that worker is moved again.
        """
        self._mailboxes[bytecode.CROWDED :: bytecode.MAILBOX] = 0
        if others := os.sched_getaffinity(0) - {self._words[bytecode.CORE]}:
            for number in filter(None, (helper.native_id for helper in self._helpers)):
                with suppress(OSError):  # what this process may use can change at any time
                    os.sched_setaffinity(number, others)


_idle: dict[tuple[int, int, str], list[ThreadPool]] = defaultdict(list)


def acquire(size: int, word: int, compiler: str = OWN) -> ThreadPool | None:
    """A pool that nobody else uses until it is released; None where no threads are to be had."""
    waiting = _idle[size, word, compiler]
    try:
        found = waiting.pop()
    except IndexError:
        found = ThreadPool(size, word, compiler)
    try:
        found.start()
    except (OSError, RuntimeError):
        return None
    return found


def release(pool: ThreadPool) -> None:
    """Let others acquire a pool."""
    _idle[pool.size, pool.word, pool.compiler].append(pool)
