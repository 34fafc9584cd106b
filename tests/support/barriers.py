"""Whether threads wait for one another wherever they must: in all stages, for any threads.

Two things that threads do without waiting in between must not be at the same words if one writes
them.  What is written is read from the text of the kernels, not taken from the compiler's word.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import groupby
from typing import NamedTuple

from gradc_compiler.program.entry import Entry, Instruction, Operand, PartialReduction, Space
from gradc_runtime.cpu.partition.assigned import ZEROING, Assigned, assigned
from gradc_runtime.cpu.partition.batch_tiles import block_of

Room = tuple[int, int | None]  # a space, and in BLOCK what its rows are


class Access(NamedTuple):
    """Words that something touches: of a room, its own copy, some examples."""

    room: Room
    words: range | None  # None: all of it
    written: bool
    copy: int | None = None  # of a chunk or a team; None: all copies
    rows: range | None = None  # None: all

    def meets(self, other: Access) -> bool:
        """Whether both touch a word, and one writes it.

        Examples of two values that overlap only in part lie anywhere among one another.
        """
        if not (self.written or other.written):
            return False
        if None not in (self.copy, other.copy) and self.copy != other.copy:
            return False
        return _overlap(self.words, other.words) and (
            self.words != other.words or _overlap(self.rows, other.rows)
        )


def _overlap(one: range | None, other: range | None) -> bool:
    if one is None or other is None:
        return True
    return max(one.start, other.start) < min(one.stop, other.stop)


class Touch(NamedTuple):
    """An access, by whom, and what is cut for it so that others touch other words."""

    access: Access
    who: str
    cut: int | None
    team: int | None  # whose members wait for one another, so often before it
    inside: int

    def may_meet(self, other: Touch) -> bool:
        """Whether both may be going on at the same time, on the same words."""
        if self.who == other.who or (self.cut is not None and self.cut == other.cut):
            return False
        return self.team is None or self.team != other.team or self.inside == other.inside


@cache
def stores_of(source: str) -> frozenset[int]:
    """The operands that the text of a kernel writes to."""
    function = ast.parse(source).body[0]
    named: dict[str, int] = {}
    stored: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Assign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            stored |= {ast.unparse(t.value) for t in targets if isinstance(t, ast.Subscript)}
            match node.value:
                case ast.Call(args=[ast.Name(id="pointers"), ast.Constant(value=int(number))]):
                    named[ast.unparse(targets[0])] = number
    return frozenset(named[name] for name in stored)


def written(entry: Entry, item: Instruction) -> frozenset[int]:
    """The operands that an instruction writes."""
    source = entry.kernels[item.kernel].source
    return frozenset({len(item.operands) - 1}) if source is None else stores_of(source)


def accesses(entry: Entry, one: Assigned) -> Iterator[Access]:
    """All that is touched by what a thread does."""
    match one.work:
        case Instruction() as item:
            writes = written(entry, item)
            for k, operand in enumerate(item.operands):
                whose = _copy(one, operand), _rows(one, operand)
                yield Access(*_words(operand), k in writes, *whose)
        case PartialReduction() as total:
            yield Access((Space.PARTIAL, None), None, False)
            for offset in storages(entry, Space.UNIFORM):
                if offset in range(total.uniform, total.uniform + total.words):
                    yield Access((Space.UNIFORM, None), range(offset, offset + 1), True)
        case str() as what:
            zeroes = what == ZEROING
            space = Space.PARTIAL if zeroes else Space.UNIFORM
            yield Access((space, None), None, zeroes, one.chunk)


def _words(operand: Operand) -> tuple[Room, range]:
    """A storage as a whole; in BLOCK the words of a row, which are used again."""
    if operand.space != Space.BLOCK:
        return (operand.space, None), range(operand.offset, operand.offset + 1)
    if operand.step is not None:
        start = operand.step.offset
        return (Space.BLOCK, None), range(start, start + operand.step.words)
    assert operand.words > 0, "what lies in BLOCK has a size"
    return (Space.BLOCK, operand.time), range(operand.offset, operand.offset + operand.words)


def _copy(one: Assigned, operand: Operand) -> int | None:
    """PARTIAL is of a chunk, BLOCK of a team, or of whoever takes a chunk."""
    own = one.chunk if one.team is None or operand.space == Space.PARTIAL else one.team
    return own if operand.space in (Space.BLOCK, Space.PARTIAL) else None


def _rows(one: Assigned, operand: Operand) -> range | None:
    """The examples that are touched, where that is not all of them."""
    item = one.work
    each = operand.space == Space.BLOCK or (operand.space >= Space.ARRAY and operand.stride > 0)
    if not each or one.chunk is None or not isinstance(item, Instruction):
        return None
    own = one.place is None and item.time is None and operand.time is None
    return range(one.begin, one.end) if own and operand.step is None else one.of


def storages(entry: Entry, space: int) -> set[int]:
    """Where the storages of a space begin."""
    items = (item for phase in entry.phases for item in phase.instructions)
    found = {o.offset for item in items for o in item.operands if o.space == space}
    return found | {total.uniform for phase in entry.phases for total in phase.sums}


def races(entry: Entry, work: list[Assigned]) -> Iterator[tuple[str, str]]:
    """What may be done at the same time on the same words, as two lines of text."""
    for _, group in groupby(work, key=lambda one: one.waited):
        found: dict[Touch, Assigned] = {}
        for one in group:
            alone = one.thread is None  # in a chunk, whose instructions are done in order
            who = f"chunk {one.chunk}" if alone else f"thread {one.thread}"
            cut = None if alone else one.cut
            for access in accesses(entry, one):
                found.setdefault(Touch(access, who, cut, one.team, one.inside), one)
        for touches in _together(found):
            yield from _races_between({touch: found[touch] for touch in touches})


def _together(found: Iterable[Touch]) -> Iterator[list[Touch]]:
    """Those that may be at the same words: of one room, in one copy of it, without waiting."""
    rooms: dict[Room, list[Touch]] = defaultdict(list)
    for touch in found:
        rooms[touch.access.room].append(touch)
    for touches in rooms.values():
        if not any(touch.access.written for touch in touches):
            continue
        own = all(touch.access.copy is not None for touch in touches)
        parts: dict[object, list[Touch]] = defaultdict(list)
        for touch in touches:
            parts[(touch.access.copy, touch.team, touch.inside) if own else None].append(touch)
        for part in parts.values():
            if len({touch.who for touch in part}) > 1:
                yield part


def _races_between(found: dict[Touch, Assigned]) -> Iterator[tuple[str, str]]:
    """Of those that may touch the same words."""
    for one in found:
        for other in found if one.access.written else ():
            if one.may_meet(other) and one.access.meets(other.access):
                yield str(found[one]), str(found[other])


def unguarded(entry: Entry, examples: int, *threads: int) -> Iterator[tuple[str, str]]:
    """The races of an entry on a batch of a size, in two steps, one after the other."""
    block = block_of(entry, examples)
    for count in threads:
        yield from races(entry, assigned(entry, examples, block, count, steps=2))
