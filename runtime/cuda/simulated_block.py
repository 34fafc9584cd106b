"""Kernels in tiles without a GPU: a block's threads, each from barrier to barrier, in any order.

In the simulator a barrier in a kernel's text is a `yield`, so that a thread is a generator: all of
a block's go on to their next barrier, one after another in an order of their own each time, and
then on from there.  What a kernel without races gives is the same to the bit in every order.  What
a GPU would not forgive is a fault here too: a barrier that some threads never reach is one; shared
memory begins as NaN, and a copy brings its word when its thread waits for it, no sooner.

What the kernels call is in `simulated_functions.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import field
from inspect import isgeneratorfunction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cuda.simulated_warp import WarpProducts

Numbers = NDArray[Any]


class SimulatedFault(Exception):
    """A kernel does what no order of threads allows."""


@dataclass
class Thread:
    """A thread of a block: its number, the shared arrays that it has named, copies on their way,
    and what it has offered to others of its warp.
    """

    number: int
    block: int
    shared: list[Numbers]  # of the block, in the order in which threads name them
    named: int = 0
    copies: list[tuple[Numbers, int, Any]] = field(default_factory=list)
    peers: list[Thread] = field(default_factory=list)  # all threads of the block
    offered: list[Any] = field(default_factory=list)


@dataclass(frozen=True)
class BlocksMeeting:
    """A thread waits for all blocks, of which so many count at a place; what it found there."""

    place: int
    blocks: int
    first: bool
    found: int = 0


@dataclass
class Simulation:
    """The thread that runs, how many blocks there are, and what decides on orders."""

    blocks: int = 1
    thread: int = 0  # among all
    threads: int = 1
    now: Thread = field(default_factory=lambda: Thread(0, 0, []))
    orders: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))


STATE = Simulation()


@contextmanager
def orders(seed: int) -> Iterator[None]:
    """Kernels run their threads in the orders of a seed."""
    STATE.orders = np.random.default_rng(seed)
    try:
        yield
    finally:
        STATE.orders = np.random.default_rng(0)


PLAIN = 2  # threads of a plain kernel
WARP = 32  # threads that see one another's registers


def run_plain(kernel: Callable[..., Any], arguments: Any) -> None:
    """Run the threads of a kernel that knows no blocks, one after another."""
    STATE.threads = PLAIN
    for number in STATE.orders.permutation(PLAIN).tolist():
        STATE.thread = number
        kernel(*arguments)


def run_blocks(kernel: Callable[..., Any], arguments: Any, blocks: int, threads: int) -> None:
    """Run a kernel's blocks, one after another.

    Raises `SimulatedFault`.
    """
    STATE.blocks, STATE.threads = blocks, blocks * threads
    for block in STATE.orders.permutation(blocks).tolist():
        for _ in block_of(kernel, arguments, block, threads):
            raise SimulatedFault("blocks that run one after another cannot meet")


def block_of(
    kernel: Callable[..., Any], arguments: Any, block: int, threads: int
) -> Generator[BlocksMeeting, None, None]:
    """Run one block, which pauses where it is to meet all others."""
    shared: list[Numbers] = []
    of_block = [Thread(number, block, shared) for number in range(threads)]
    for thread in of_block:
        thread.peers = of_block
    if isgeneratorfunction(kernel):
        yield from _run_block(of_block, kernel, arguments)
        return
    for k in STATE.orders.permutation(threads).tolist():
        _turn(of_block[k], threads)
        kernel(*arguments)


Pause = bool | BlocksMeeting | None  # for a warp (True), for all blocks, for the block
Running = tuple[Thread, Generator[Pause, None, None]]
END = object()  # a thread's


def _turn(thread: Thread, threads: int) -> None:
    """Let a thread go on, of a block of so many."""
    STATE.now, STATE.thread = thread, thread.block * threads + thread.number


def _run_block(
    threads: list[Thread], kernel: Callable[..., Generator[Pause, None, None]], arguments: Any
) -> Generator[BlocksMeeting, None, None]:
    """Run one block's threads to their ends."""
    running = [(thread, kernel(*arguments)) for thread in threads]
    while running:
        queue = [running[k] for k in STATE.orders.permutation(len(running))]
        waiting = yield from _to_barrier(queue, threads)
        if 0 < len(waiting) < len(running):
            ended = len(running) - len(waiting)
            raise SimulatedFault(f"{ended} of {len(running)} threads end before others' barrier")
        running = waiting


def _by_warps(queue: list[Running], threads: int) -> list[Running]:
    """The threads of one warp after those of another."""
    ranks = STATE.orders.permutation(-(-threads // WARP))
    return sorted(queue, key=lambda pair: int(ranks[pair[0].number // WARP]))


def _shown(shown: dict[int, list[Running]], one: Running, threads: int) -> list[Running]:
    """A thread shows its registers; those that go on, once all of its warp have."""
    warp = shown.setdefault(one[0].number // WARP, [])
    warp.append(one)
    if len(warp) < min(WARP, threads):
        return []
    again = [warp[k] for k in STATE.orders.permutation(len(warp))]
    warp.clear()
    return again


def _to_barrier(
    queue: list[Running], threads: list[Thread]
) -> Generator[BlocksMeeting, None, list[Running]]:
    """Run threads to their next barrier, or to their ends; those that come to one.  A warp that
    looks at its registers goes on when all of its threads are there: at once, one warp after
    another, or when all others have been there too; a thread that meets all blocks, when they have.
    """
    waiting, shown = list[Running](), dict[int, list[Running]]()
    if one_by_one := bool(STATE.orders.integers(2)):
        queue = _by_warps(queue, len(threads))
    while queue:
        thread, code = queue.pop()
        _turn(thread, len(threads))
        match next(code, END):
            case None:
                waiting.append((thread, code))
            case BlocksMeeting() as meeting:
                yield meeting
                queue.append((thread, code))
            case True:
                again = _shown(shown, (thread, code), len(threads))
                queue = queue + again if one_by_one else again + queue
    if any(shown.values()):
        raise SimulatedFault("some threads of a warp look at others, which do not show theirs")
    return waiting


def offer(value: Any) -> int:
    """Let the others of a warp see a number; gives the number of the exchange."""
    STATE.now.offered.append(value)
    return len(STATE.now.offered) - 1


def taken(exchange: int, distance: int, _: None) -> Any:
    """What the thread at the other end of a distance has offered, once all have.

    Raises `SimulatedFault` where that one has not, or is of another warp.
    """
    now = STATE.now
    number = now.number ^ distance
    if number // WARP != now.number // WARP or number >= len(now.peers):
        raise SimulatedFault(f"thread {now.number} looks at thread {number}, of another warp")
    if exchange >= len(now.peers[number].offered):
        raise SimulatedFault(f"thread {number} does not show what thread {now.number} looks at")
    return now.peers[number].offered[exchange]


def made_by_warp(exchange: int, _: None) -> Numbers:
    """This thread's results of the product that its warp makes together (`simulated_warp.py`).

    Raises `SimulatedFault` where a thread of it brings nothing.
    """
    now = STATE.now
    warp = now.peers[now.number // WARP * WARP :][:WARP]
    if len(warp) < WARP or any(exchange >= len(thread.offered) for thread in warp):
        raise SimulatedFault(f"thread {now.number} multiplies, and not all others of its warp do")
    given: list[WarpProducts] = [thread.offered[exchange] for thread in warp]
    return given[0].of_warp(given)[now.number % WARP]
