"""What a barrier takes on this machine, measured with the one that steps have.

    seconds = arrival_seconds(threads=2, word=4)

Threads arrive one after another, and the last one's word reaches the others: a barrier of n
threads, as long as they arrive by one word, takes n arrivals.
"""

from __future__ import annotations

import os
from time import perf_counter

import numpy as np

from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.entry import Kernel
from gradc_runtime.binding.io_binding import address
from gradc_runtime.cpu.interpreter import bytecode
from gradc_runtime.cpu.objects.compile_kernels import addresses
from gradc_runtime.cpu.threads import pool
from gradc_runtime.cpu.tuning.roofline import BUDGET
from gradc_runtime.system.aligned_memory import aligned

MEET = Kernel("meet")


def arrival_seconds(threads: int, word: int) -> float:
    """Of one thread at a barrier, measured on as many as there are cores for; two at least.

    Where there is a single core, or no thread is to be had, what the machine is taken to need.
    """
    threads = min(threads, len(os.sched_getaffinity(0)), MACHINE.barrier_group)
    borrowed = pool.acquire(threads, word) if threads > 1 else None
    if borrowed is None:
        return MACHINE.arrival_s
    try:
        return _least(borrowed, threads) / (MACHINE.barriers_timed * threads)
    finally:
        pool.release(borrowed)


def _least(borrowed: pool.ThreadPool, threads: int) -> float:
    """Seconds of the shortest call, in which no thread has lost its core."""
    best, until = _call(borrowed, threads), perf_counter() + BUDGET
    while perf_counter() < until:
        best = min(best, _call(borrowed, threads))
    return best


def _call(borrowed: pool.ThreadPool, threads: int) -> float:
    """Seconds of MACHINE.barriers_timed barriers."""
    (meet,) = addresses([MEET], borrowed.word)
    control = aligned(bytecode.ALL + bytecode.TEAM, np.dtype(np.int64))
    control[:] = 0
    control[bytecode.THREADS], control[bytecode.LOOKS] = threads, MACHINE.barrier_looks
    count = np.array([MACHINE.barriers_timed])
    begin = perf_counter()
    borrowed.call(meet, address(control), address(count), threads)
    return perf_counter() - begin
