"""Whether threads wait for one another wherever they must: in all stages, for any threads.

Two things that threads do without waiting in between must not be at the same words if one writes
them.  What is written is read from the text of the kernels, not taken from the compiler's word.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import compress, groupby
from typing import NamedTuple

from gradc_compiler.program.entry import Entry, Instruction, PartialReduction, Space
from gradc_runtime.cpu.partition.assigned import ZEROING, Assigned, assigned
from gradc_runtime.cpu.partition.batch_tiles import block_of


class Access(NamedTuple):
    """Words that something touches: a storage (or a whole space), its own copy, some examples."""

    space: int
    offset: int | None  # None: the whole space
    written: bool
    copy: int | None = None  # of a chunk; None: all copies
    rows: range | None = None  # None: all

    def meets(self, other: Access) -> bool:
        """Whether both touch a word, and one writes it."""
        if not (self.written or other.written):
            return False
        offsets, copies = (self.offset, other.offset), (self.copy, other.copy)
        apart = any(None not in pair and pair[0] != pair[1] for pair in (offsets, copies))
        return not apart and _overlap(self.rows, other.rows)


def _overlap(one: range | None, other: range | None) -> bool:
    if one is None or other is None:
        return True
    return max(one.start, other.start) < min(one.stop, other.stop)


class Touch(NamedTuple):
    """An access, by whom, and what is cut for it so that others touch other words."""

    access: Access
    who: str
    cut: int | None


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
                own = operand.space in (Space.BLOCK, Space.PARTIAL)
                each = operand.space >= Space.ARRAY and operand.stride > 0
                yield Access(
                    operand.space,
                    None if operand.space == Space.BLOCK else operand.offset,  # used again
                    k in writes,
                    one.chunk if own else None,
                    range(one.begin, one.end) if each and one.chunk is not None else None,
                )
        case PartialReduction() as total:
            yield Access(Space.PARTIAL, None, False)
            for offset in storages(entry, Space.UNIFORM):
                if offset in range(total.uniform, total.uniform + total.words):
                    yield Access(Space.UNIFORM, offset, True)
        case str() as what:
            zeroes = what == ZEROING
            space = Space.PARTIAL if zeroes else Space.UNIFORM
            yield Access(space, None, zeroes, one.chunk)


def storages(entry: Entry, space: int) -> set[int]:
    """Where the storages of a space begin."""
    items = (item for phase in entry.phases for item in phase.instructions)
    found = {o.offset for item in items for o in item.operands if o.space == space}
    return found | {total.uniform for phase in entry.phases for total in phase.sums}


def races(entry: Entry, work: list[Assigned]) -> Iterator[tuple[str, str]]:
    """What may be done at the same time on the same words, as two lines of text."""
    known: dict[tuple[object, ...], list[Access]] = {}
    for _, group in groupby(work, key=lambda one: one.waited):
        found: dict[Touch, Assigned] = {}
        for one in group:
            alone = one.thread is None  # in a chunk, whose instructions are done in order
            who = f"chunk {one.chunk}" if alone else f"thread {one.thread}"
            key = id(one.work), one.chunk
            if key not in known:
                known[key] = list(accesses(entry, one))
            for access in known[key]:
                found.setdefault(Touch(access, who, None if alone else one.cut), one)
        for touches in _together(found):
            yield from _races_between({touch: found[touch] for touch in touches})


def _together(found: Iterable[Touch]) -> Iterator[list[Touch]]:
    """Those that may be at the same words: of one storage, or of a space and all in it."""
    spaces: dict[int, list[Touch]] = defaultdict(list)
    for touch in found:
        spaces[touch.access.space].append(touch)
    for touches in spaces.values():
        offsets, copies = ({touch.access[k] for touch in touches} for k in (1, 3))
        keep = None not in offsets, None not in copies
        storages: dict[tuple[int | None, ...], list[Touch]] = defaultdict(list)
        for touch in touches:
            place = (touch.access.offset, touch.access.copy)
            storages[tuple(compress(place, keep))].append(touch)
        yield from storages.values()


def _races_between(found: dict[Touch, Assigned]) -> Iterator[tuple[str, str]]:
    """Of those that may touch the same words."""
    for one in found:
        for other in found if one.access.written else ():
            apart = one.who == other.who or (one.cut is not None and one.cut == other.cut)
            if not apart and one.access.meets(other.access):
                yield str(found[one]), str(found[other])


def unguarded(entry: Entry, examples: int, *threads: int) -> Iterator[tuple[str, str]]:
    """The races of an entry on a batch of a size, in two steps, one after the other."""
    block = block_of(entry, examples)
    for count in threads:
        yield from races(entry, assigned(entry, examples, block, count, steps=2))
