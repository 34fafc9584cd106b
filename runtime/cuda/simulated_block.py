"""Kernels in tiles without a GPU: a block's threads, each from barrier to barrier, in any order.

In the simulator a barrier in a kernel's text is a `yield`, so that a thread is a generator: all of
a block's go on to their next barrier, one after another in an order of their own each time, and
then on from there.  What a kernel without races gives is the same to the bit in every order.  What
a GPU would not forgive is a fault here too: a barrier that some threads never reach is one; shared
memory begins as NaN, and a copy brings its word when its thread waits for it, no sooner.

Functions here are those of `tile_functions.py`, by the same names.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import field
from functools import lru_cache
from inspect import isgeneratorfunction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.records.fast_dataclass import dataclass

Numbers = NDArray[Any]


class SimulatedFault(Exception):
    """A kernel does what no order of threads allows."""


@dataclass
class Thread:
    """A thread of a block: its number, the shared arrays that it has named, copies on their way."""

    number: int
    block: int
    shared: list[Numbers]  # of the block, in the order in which threads name them
    named: int = 0
    copies: list[tuple[Numbers, int, Any]] = field(default_factory=list)


@dataclass
class Simulation:
    """The thread that runs, how many blocks there are, and what decides on orders."""

    blocks: int = 1
    thread: int = 0  # of a plain kernel, which has no blocks
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


def run_plain(kernel: Callable[..., Any], arguments: Any) -> None:
    """Run the threads of a kernel that knows no blocks, one after another."""
    for number in STATE.orders.permutation(PLAIN).tolist():
        STATE.thread = number
        kernel(*arguments)


def in_blocks(kernel: Callable[..., Any]) -> bool:
    """Whether a kernel knows the number of a thread in its block, and so has to be run here."""
    return "lane" in kernel.__code__.co_names


def run_blocks(kernel: Callable[..., Any], arguments: Any, blocks: int, threads: int) -> None:
    """Run a kernel's blocks, one after another.

    Raises `SimulatedFault`.
    """
    STATE.blocks = blocks
    for block in STATE.orders.permutation(blocks).tolist():
        shared: list[Numbers] = []
        of_block = [Thread(number, block, shared) for number in range(threads)]
        if isgeneratorfunction(kernel):
            _run_block(of_block, kernel, arguments)
            continue
        for k in STATE.orders.permutation(threads).tolist():
            STATE.now = of_block[k]
            kernel(*arguments)


def _run_block(
    threads: list[Thread], kernel: Callable[..., Generator[None, None, None]], arguments: Any
) -> None:
    """Run one block's threads to their ends."""
    running = [(thread, kernel(*arguments)) for thread in threads]
    while running:
        waiting = []
        for k in STATE.orders.permutation(len(running)).tolist():
            STATE.now, code = running[k]
            if next(code, running) is None:
                waiting.append(running[k])
        if 0 < len(waiting) < len(running):
            ended = len(running) - len(waiting)
            raise SimulatedFault(f"{ended} of {len(running)} threads end before others' barrier")
        running = waiting


def shared(words: int, dtype: Any = np.float32) -> Numbers:
    """An array of the block; it begins as NaN, or far away."""
    thread = STATE.now
    thread.named += 1
    if thread.named > len(thread.shared):
        poison = np.nan if np.issubdtype(dtype, np.floating) else -(1 << 30)
        thread.shared.append(np.full(words, poison, dtype))
    found: Numbers = thread.shared[thread.named - 1]
    return found


def copy(
    buffer: Numbers, place: int, more: int, first: tuple[Any, int], near: int, wanted: bool
) -> None:
    """Send for a word near a first, or for 0."""
    words, at = first
    value = words[at + int(near)] if wanted else 0.0
    STATE.now.copies.append((buffer, place + more, value))


def copy4(
    buffer: Numbers, place: int, more: int, first: tuple[Any, int], near: int, wanted: bool
) -> None:
    """Send for four neighbours.

    Raises `SimulatedFault` where they do not begin at a multiple of four.
    """
    if (place + more) % 4 or (wanted and (first[1] + int(near)) % 4):
        raise SimulatedFault("four words at once that begin at no multiple of four")
    for k in range(4):
        copy(buffer, place + k, more, first, near + k, wanted)


def inside(wanted: bool, low: int, high: int, step: int, guards: int) -> bool:
    """Whether a word is wanted, and lies inside all windows."""
    return bool(wanted) and (int(low) - int(step)) & (int(high) + int(step)) & guards == guards


def copies_arrive() -> None:
    """Wait for what this thread has sent for."""
    for buffer, place, value in STATE.now.copies:
        buffer[place] = value
    STATE.now.copies.clear()


@lru_cache(maxsize=64)
def _places(steps: int, own: int, step: int, gap: int) -> Numbers:
    """[steps, own]: where a thread's numbers of each step are, from its first."""
    rows = np.arange(own)
    places = rows * gap if step == 1 else rows // 4 * gap + rows % 4
    return np.arange(steps)[:, None] * step + places


def products(
    acc: Numbers, sa: Numbers, ia: int, sb: Numbers, ib: int,
    steps: int, rows: int, columns: int, step_a: int, gap_a: int, step_b: int, gap_b: int,
) -> Numbers:  # fmt: skip
    """acc + the products of all steps of a buffer."""
    a = sa[_places(steps, rows, step_a, gap_a) + ia]
    b = sb[_places(steps, columns, step_b, gap_b) + ib]
    sums: Numbers = acc + (a.T @ b).reshape(-1)
    return sums


def keep(
    acc: Numbers, rows: int, buffer: Numbers, place: int, columns: int, row: int, beside: int,
    gap: int,
) -> None:  # fmt: skip
    """Four rows of a thread's results into a buffer."""
    four = acc.reshape(-1, columns)[4 * rows : 4 * rows + 4]
    own = np.arange(columns) // beside * gap + np.arange(columns) % beside
    buffer[np.arange(4)[:, None] * row + own + place] = four


def divided(n: int, multiplier: int, shift: int) -> int:
    """A quotient by a known number, by way of its reciprocal."""
    return (int(n) + 1) * int(multiplier) >> 32 + int(shift)


def whole_numbers() -> dict[str, Callable[..., Any]]:
    """Which thread it is, and arithmetic of 32 bits."""
    return {
        "thread": lambda: STATE.thread,
        "threads": lambda: PLAIN,
        "lane": lambda: STATE.now.number,
        "block": lambda: STATE.now.block,
        "blocks": lambda: STATE.blocks,
        "ratio": lambda a, b: int(a) // int(b),
        "divided": divided,
        "again": lambda value: value,
        "below": lambda a, b: a < b,
        "inside": inside,
        **dict.fromkeys(("whole", "near", "unsigned"), int),
    }


def functions(word: int) -> dict[str, Callable[..., Any]]:
    """Everything that text in tiles may call."""
    dtype = np.float32 if word == 4 else np.float64
    return {
        **whole_numbers(),
        "shared": lambda words: shared(words, dtype),
        "places": lambda words: shared(words, np.int32),
        "zeros": lambda count: np.zeros(count, dtype),
        "products": products,
        "keep": keep,
        "start": lambda words, first: (words, int(first)),
        "copy": copy,
        "copy4": copy4,
        "copies_arrive": copies_arrive,
    }
