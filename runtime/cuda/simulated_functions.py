"""What the text of kernels may call, without a GPU: as in `tile_functions.py`, by the same names.

`simulated_block.py` runs the threads; which of them is running stands in its `STATE`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradc_runtime.cuda import simulated_warp
from gradc_runtime.cuda.simulated_block import (
    STATE,
    BlocksMeeting,
    Numbers,
    SimulatedFault,
    made_by_warp,
    offer,
    taken,
)
from gradc_runtime.cuda.simulated_products import divided, joined, keep, products, row_products


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


def all_blocks(memory: Any, place: int) -> BlocksMeeting:
    """Wait for all blocks, which count at a place of memory."""
    return BlocksMeeting(int(place), STATE.blocks, STATE.now.block == 0)


def copies_arrive() -> None:
    """Wait for what this thread has sent for."""
    for buffer, place, value in STATE.now.copies:
        buffer[place] = value
    STATE.now.copies.clear()


def whole_numbers() -> dict[str, Callable[..., Any]]:
    """Which thread it is, and arithmetic of 32 bits."""
    return {
        "thread": lambda: STATE.thread,
        "threads": lambda: STATE.threads,
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
        "row_products": row_products,
        "joined": joined,
        "keep": keep,
        "start": lambda words, first: (words, int(first)),
        "copy": copy,
        "copy4": copy4,
        "copies_arrive": copies_arrive,
        "all_blocks": all_blocks,
        "offer": offer,
        "taken": taken,
        "made_by_warp": made_by_warp,
        **simulated_warp.functions(),
    }
