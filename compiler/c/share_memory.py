"""Values of the memory that are not needed at the same time take turns: members of one union.

A value can take its turn if one stage alone touches it and the first nest that does writes it
without reading it: then nothing of an earlier example, or of whoever had the words before, is seen.
Where that nest leaves words out (the border of zeros of a padded image), they are cleared first.
What is added to from example to example, and what is given at the end, has words of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from gradc_compiler.emitted.plain_program import PlainStage
from gradc_compiler.loops.ir import LoopNest, MemAccess, Store
from gradc_compiler.memory.layout import StorageKey
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.select.share_room import slots_of

FRESH = {  # what was there before decides nothing
    Store.SET, Store.SUM, Store.MAX, Store.ARGMAX, Store.SCAN, Store.ORDER,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Life:
    """From which nest of a stage a value is needed until which, and what clears it."""

    stage: int
    first: int
    last: int
    cleared: bool  # before the first


@dataclass(frozen=True)
class Turns:
    """Which values share words."""

    unions: list[list[StorageKey]]
    lives: Mapping[StorageKey, Life]

    def union_of(self, key: StorageKey) -> int | None:
        """The number of the union that a value is a member of."""
        return next((k for k, members in enumerate(self.unions) if key in members), None)

    def cleared(self, stage: int, nest: int) -> Iterator[StorageKey]:
        """What is set to 0 before a nest."""
        for members in self.unions:
            for key in members:
                life = self.lives[key]
                if life.cleared and (life.stage, life.first) == (stage, nest):
                    yield key


def turns(
    stages: Sequence[PlainStage],
    words: Mapping[StorageKey, int],
    rows: Mapping[StorageKey, int],
    kept: Collection[StorageKey],
) -> Turns:
    """The turns of values of so many words, of each of so many rows; `kept` take none."""
    lives = {}
    for key, size in words.items():
        life = None if key in kept else life_of(stages, key, size)
        if life is not None:
            lives[key] = life
    keys, start = list(lives), [0]
    for stage in stages:
        start.append(start[-1] + len(stage.nests))
    wanted = []
    for number, key in enumerate(keys):
        life = lives[key]
        span = start[life.stage] + life.first, start[life.stage] + life.last
        wanted.append((number, "memory", words[key] * rows[key], span))
    slots, slot_of = slots_of(wanted)
    members = [[k for k, s in zip(keys, slot_of, strict=True) if s == n] for n in range(len(slots))]
    return Turns([several for several in members if len(several) > 1], lives)


def life_of(stages: Sequence[PlainStage], key: StorageKey, words: int) -> Life | None:
    """When a value is needed; None for one that has words of its own."""
    places = [
        (s, n)
        for s, stage in enumerate(stages)
        for n, one in enumerate(stage.nests)
        if any(access.storage == key for access in one.nest.accesses())
    ]
    (stage, first), (end, last) = places[0], places[-1]
    nest = stages[stage].nests[first].nest
    stores = [(access, store) for _, access, store in nest.stores if access.storage == key]
    read = any(access.storage == key for _, access in nest.loads)
    if stage != end or read or not stores or any(store not in FRESH for _, store in stores):
        return None
    whole = any(covers(nest, access, words) for access, _ in stores)
    return Life(stage, first, last, not whole)


def covers(nest: LoopNest, access: MemAccess, words: int) -> bool:
    """Whether a nest writes every one of so many words."""
    if access.at is not None or access.row is not None or access.offset:
        return False
    moves = zip(access.moves, nest.loops, strict=True)
    own = [(move, loop.in_a_row) for move, loop in moves if move and loop.in_a_row > 1]
    dense = 1
    for move, extent in sorted(own):
        if move != dense:
            return False
        dense *= extent
    return dense == words
