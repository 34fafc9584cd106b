"""How many examples a block of an entry holds, where that was measured and not estimated.

The cost model (`compiler/machine/cost_model.py`) assumes a certain size of the second-level cache.
No code depends on the size of a block, so a tuning is one number.  It is kept in the cache of
kernels, under a key made of what the entry computes and of the processor.  A tuning that is
damaged, or that makes no sense, is ignored.

A block's size decides in which order the sums over a batch are added, so a tuned step may differ
from an untuned one in the last digits.  It has the same bits on any number of threads, as always:
the last tuning counts for all numbers of threads.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace

from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.entry import Entry
from gradc_runtime.cpu.objects import object_cache
from gradc_runtime.cpu.objects.cpu_id import processor
from gradc_runtime.cpu.partition.batch_tiles import block_of

POWERS = (-1, 1, 2, 3)  # of two, about the estimate


def key_of(entry: Entry, word: int) -> str:
    """The name of an entry's tuning: a hash of its table and the processor."""
    table = (entry.kernels, entry.phases, entry.block, entry.chunks, entry.block_words)
    return hashlib.sha256(repr((table, processor(), word)).encode()).hexdigest()


def tuned_block(entry: Entry, word: int) -> int:
    """How many examples a block of the entry has: as measured here, else as estimated."""
    if not object_cache.has_tunings():
        return entry.block  # the usual case; to hash a large table takes milliseconds
    content = object_cache.load(key_of(entry, word), object_cache.TUNING)
    return entry.block if content is None else parsed(content) or entry.block


def keep(entry: Entry, word: int, block: int, about: str) -> None:
    """Write a measured block size into the cache; `about` is what `gradc cache` shows of it."""
    content = json.dumps({"block": block}).encode()
    object_cache.save(key_of(entry, word), content, about, object_cache.TUNING)


def parsed(content: bytes) -> int | None:
    """The block size that a cache entry holds, or None where it holds none that could be used."""
    try:
        block = json.loads(content)["block"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return block if type(block) is int and 1 <= block <= MACHINE.most_tuned_block else None


def other_blocks(entry: Entry, word: int, batch: int) -> Iterator[int]:
    """Block sizes beside the estimated one that the tuner should measure for a batch."""
    seen = {block_of(entry, batch)}
    for block in (int(entry.block * 2.0**power) for power in POWERS):
        fits = (
            1 <= block <= entry.most_block
            and block * entry.block_words * word <= MACHINE.tuned_block_bytes
        )
        real = block_of(replace(entry, block=block), batch) if fits else 0
        if fits and real <= batch and real not in seen:
            seen.add(real)
            yield block
