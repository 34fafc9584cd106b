"""Blocks that meet, without a GPU: all of them run at once, in any order between their meetings.

What a block writes others see only when it has come to a meeting (it *releases*), and what they
have read once they read again as it was until they have met (then they *acquire*): a GPU's blocks
have caches of their own.  So a step that does not wait finds what was there before.  Blocks are
counted in memory as `grid_barrier.py` has it; where none can go on, none ever will.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import field
from typing import Any

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cuda.simulated_block import (
    STATE,
    WARP,
    BlocksMeeting,
    SimulatedFault,
    block_of,
    run_blocks,
    run_plain,
)

WHOLE, TOP = 1 << 32, 1 << 31


@dataclass(eq=False)
class BlockMemory:
    """Memory as a block sees it: what it has written, what it has read, and what lies there."""

    memory: Any
    written: dict[int, Any] = field(default_factory=dict)
    seen: dict[int, Any] = field(default_factory=dict)

    def __getitem__(self, place: int) -> Any:
        """A word, as it was when it was first read since the last meeting."""
        place = int(place)
        if place in self.written:
            return self.written[place]
        if place not in self.seen:
            self.seen[place] = self.memory[place]
        return self.seen[place]

    def __setitem__(self, place: int, value: Any) -> None:
        """A word that others see later."""
        old = self[place]
        self.written[int(place)] = type(old)(value)

    def release(self) -> None:
        """Let others see what was written."""
        for place, value in self.written.items():
            self.memory[place] = value
        self.written.clear()

    def acquire(self) -> None:
        """See what others have written."""
        self.seen.clear()


@dataclass(eq=False)
class GridBlock:
    """A block that runs beside others: its two views of memory, and the meeting that it is at."""

    words: BlockMemory
    numbers: BlockMemory
    code: Generator[BlocksMeeting, None, None] | None = None
    at: BlocksMeeting | None = None

    def can_go_on(self) -> bool:
        """Whether it waits for nobody."""
        return self.at is None or is_over(self.at, self.numbers.memory)

    def go_on(self) -> bool:
        """Run to the next meeting; False at the end."""
        assert self.code is not None, "it has begun"
        for view in (self.words, self.numbers):
            view.acquire()
        self.at = next(self.code, None)
        if self.at is None:
            return False
        for view in (self.words, self.numbers):
            view.release()
        self.at = arrived(self.at, self.numbers.memory)
        return True


def arrived(meeting: BlocksMeeting, memory: Any) -> BlocksMeeting:
    """A block is counted; gives the meeting as it found it."""
    old = int(memory[meeting.place]) % WHOLE
    new = (old + counted(meeting)) % WHOLE
    memory[meeting.place] = new - WHOLE if new >= TOP else new
    return BlocksMeeting(meeting.place, meeting.blocks, meeting.first, old)


def counted(meeting: BlocksMeeting) -> int:
    """What a block adds to the counter."""
    return TOP + 1 - meeting.blocks if meeting.first else 1


def is_over(meeting: BlocksMeeting, memory: Any) -> bool:
    """Whether all have come since."""
    return bool((int(memory[meeting.place]) ^ meeting.found) & TOP)


def run_grid(kernel: Callable[..., Any], arguments: Any, blocks: int, threads: int) -> None:
    """Run all blocks of a kernel at once, each to its next meeting, in any order.

    Raises `SimulatedFault` where blocks wait for others that never come.
    """
    words, numbers, *others = arguments
    STATE.blocks, STATE.threads = blocks, blocks * threads
    running = []
    for number in range(blocks):
        block = GridBlock(BlockMemory(words), BlockMemory(numbers))
        block.code = block_of(kernel, (block.words, block.numbers, *others), number, threads)
        running.append(block)
    left = list(running)
    while left:
        ready = [block for block in left if block.can_go_on()]
        if not ready:
            raise SimulatedFault(f"{len(left)} of {blocks} blocks wait for others that never come")
        block = ready[int(STATE.orders.integers(len(ready)))]
        if not block.go_on():
            left.remove(block)
    for block in running:
        block.words.release()
        block.numbers.release()


def run(kernel: Callable[..., Any], arguments: Any, blocks: int, threads: int) -> None:
    """Run all threads of a kernel: a few that know of no other; warps, if they look at others'
    registers and no further; else blocks of so many threads, as many as there is work for if they
    meet.

    Raises `SimulatedFault`.
    """
    names = kernel.__code__.co_names
    if "all_blocks" in names:
        run_grid(kernel, arguments, arguments[-1] // threads, threads)
    elif "lane" in names or "shared" in names:
        run_blocks(kernel, arguments, blocks, threads)
    elif "taken" in names:
        run_blocks(kernel, arguments, blocks, WARP)
    else:
        run_plain(kernel, arguments)
