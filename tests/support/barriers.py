"""Whether threads that share out a ONCE phase wait for one another wherever they must."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from gradc_compiler.program.entry import Entry, Phase
from gradc_runtime.cpu.partition.chunks import shares_of


def unguarded(entry: Entry, phase: Phase) -> Iterator[tuple[str, str]]:
    """Instructions that touch the same words, maybe on two threads, with no barrier between."""
    shares = list(shares_of(entry, phase))
    words = [{(o.space, o.offset) for o in item.operands} for item in phase.instructions]
    for i, j in combinations(range(len(shares)), 2):
        two = shares[i].grain > 0 or shares[j].grain > 0
        together = all(item.follows for item in phase.instructions[i + 1 : j + 1])
        waited = any(share.wait for share in shares[i + 1 : j + 1])
        if two and words[i] & words[j] and not waited and not together:
            yield phase.instructions[i].note, phase.instructions[j].note
