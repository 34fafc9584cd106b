"""From nests along the same rows, in order, to the levels of one (`compiler/loops/row_nest.py`).

A nest's level is how many sums along the row must be known before it: a difference from the row's
mean is one level behind the sum of the row.  Within a level a word is read once, and what one nest
stores another has as a variable; a number of the whole row stays one from its level on.  So a value
that nobody outside reads, nor a later level, never comes to memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from itertools import count

from gradc_compiler.loops.ir import (
    BodyItem,
    LoopNest,
    MemAccess,
    NestLoop,
    Read,
    ScalarConstant,
    Statement,
    Store,
    Variable,
    Write,
)
from gradc_compiler.loops.row_nest import SUMS, RowLevel, RowNest, RowSum
from gradc_compiler.loops.scalar_form import leaves, renamed
from gradc_compiler.memory.layout import StorageKey
from gradc_compiler.program.entry import Operand, Space
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.select.launch_pieces import Readers, meet

Word = tuple[object, ...]  # which word of memory an iteration finds at an access


@dataclass(frozen=True, slots=True)
class RowPart:
    """A nest on the rows and columns of all, where its operands lie; `once` if it has no columns,
    which move none of its accesses.
    """

    nest: LoopNest
    operands: Mapping[StorageKey, Operand]
    once: bool

    @property
    def sums(self) -> bool:
        """Whether it adds up something along the row."""
        return self.nest.stores[0][2] in SUMS

    def touched(self) -> Iterator[tuple[MemAccess, bool]]:
        """Its accesses, and whether they are written."""
        yield from ((access, False) for _, access in self.nest.loads)
        yield from ((access, True) for _, access, _ in self.nest.stores)

    def word(self, access: MemAccess, row: Variable | None) -> Word:
        """What tells an access from another."""
        at = self.operands[access.storage]
        return at.space, at.offset, at.time, access.offset, access.moves, access.index, row


def shared(one: RowPart, other: RowPart) -> Iterator[tuple[MemAccess, MemAccess]]:
    """Accesses of two parts to storages that may have words in common, of which one is written."""
    for a, written in one.touched():
        for b, stored in other.touched():
            if (written or stored) and meet(one.operands[a.storage], other.operands[b.storage]):
                yield a, b


def keep_to_rows(one: RowPart, other: RowPart) -> bool:
    """Whether a thread that runs both, one after the other, needs no word of another thread: what
    they share they find at the same word in the same iteration.
    """
    same = (
        one.word(a, None) == other.word(b, None) and a.row is b.row is None
        for a, b in shared(one, other)
    )
    return all(same)


def levels_of(parts: Sequence[RowPart]) -> list[int]:
    """The level of each part."""
    found: list[int] = []
    for k, part in enumerate(parts):
        before = [
            (found[j], parts[j]) for j in range(k) if any(True for _ in shared(parts[j], part))
        ]
        found.append(max((level + _behind(one, part) for level, one in before), default=0))
    return found


def _behind(one: RowPart, part: RowPart) -> int:
    """How many levels a part stands behind another that it must not overtake.  Of a level what is
    done once comes first, and sums are known last.
    """
    made = one.sums and any(a is one.nest.stores[0][1] for a, _ in shared(one, part))
    return int(made or (part.once and not one.once))


def row_nest(
    parts: Sequence[RowPart],
    rows: Sequence[NestLoop],
    columns: Sequence[NestLoop],
    readers: Readers,
) -> RowNest:
    """All parts as one nest."""
    levels, writer = levels_of(parts), _Levels(len(rows))
    made: list[RowLevel] = []
    for level in range(max(levels) + 2):
        own = [part for at, part in zip(levels, parts, strict=True) if at == level]
        made.append(writer.level([*(p for p in own if p.once), *(p for p in own if not p.once)]))
    inner = {key for key, found in writer.resolved.items() if found == readers[key]}
    needless = {*_inner(made, inner & writer.private), *_overwritten(made)}
    return RowNest(tuple(rows), tuple(columns), tuple(_without(level, needless) for level in made))


def _inner(levels: Sequence[RowLevel], inner: set[StorageKey]) -> Iterator[int]:
    """The writes of what nobody reads from memory, by their ids."""
    for level in levels:
        for item in (*level.once, *level.each):
            if isinstance(item, Write) and item.access.storage in inner:
                yield id(item)


def _overwritten(levels: Sequence[RowLevel]) -> Iterator[int]:
    """The writes for a row that a later one makes good, such as zeros before a sum."""
    items = [item for level in levels for item in (*level.once, *level.each)]
    read = {item.access.storage for item in items if isinstance(item, Read)}
    last: dict[MemAccess, Write] = {}
    for item in (item for level in levels for item in level.once if isinstance(item, Write)):
        if item.access in last and item.access.storage not in read:
            yield id(last[item.access])
        last[item.access] = item


def _without(level: RowLevel, needless: set[int]) -> RowLevel:
    """A level without some writes."""

    def kept(items: Sequence[BodyItem]) -> tuple[BodyItem, ...]:
        return tuple(item for item in items if id(item) not in needless)

    return RowLevel(kept(level.once), kept(level.each), level.sums)


@dataclass
class _Levels:
    """Writes level after level; knows which variables hold which words."""

    rows: int
    numbers: Iterator[int] = field(default_factory=count)
    known: dict[Word, Variable] = field(default_factory=dict)  # of a row
    here: dict[Word, Variable] = field(default_factory=dict)  # of a column, in this level
    still: set[Variable] = field(default_factory=set)  # that are the same along the row
    zeros: set[Variable] = field(default_factory=set)
    resolved: Counter[StorageKey] = field(default_factory=Counter)  # reads that need no memory
    private: set[StorageKey] = field(default_factory=set)  # written, and in BLOCK
    once: list[BodyItem] = field(default_factory=list)
    each: list[BodyItem] = field(default_factory=list)
    sums: list[RowSum] = field(default_factory=list)
    results: list[tuple[RowPart, MemAccess, Variable]] = field(default_factory=list)

    def level(self, parts: Sequence[RowPart]) -> RowLevel:
        """The next level, which begins with the sums of the one before."""
        self.once, self.each, self.sums, self.here = [], [], [], {}
        for part, access, value in self.results:
            self._store(part, access, value, once=True)
        self.results = []
        for part in parts:
            self._part(part)
        return RowLevel(tuple(self.once), tuple(self.each), tuple(self.sums))

    def _part(self, part: RowPart) -> None:
        names: dict[Variable, Variable] = {}
        for v, access in part.nest.loads:
            names[v] = self._load(part, v, access, names)
        for statement in part.nest.statements:
            names[statement.target] = self._statement(statement, names)
        for v, access, store in part.nest.stores:
            if store in SUMS and not part.once:
                self._sum(part, names[v], access, store)
            else:
                self._store(part, access, names[v], once=part.once)

    def _is_still(self, access: MemAccess) -> bool:
        return not any(access.moves[self.rows :])

    def _new(self, like: Variable, *, still: bool) -> Variable:
        made = Variable(like.kind, next(self.numbers))
        if still:
            self.still.add(made)
        return made

    def _load(
        self, part: RowPart, v: Variable, access: MemAccess, names: Mapping[Variable, Variable]
    ) -> Variable:
        """The variable that holds a word, which is read if none does."""
        row = None if access.row is None else names[access.row]
        still = self._is_still(access)
        word, place = (*part.word(access, row), v.kind), self.known if still else self.here
        self.resolved[access.storage] += word in place
        if word not in place:
            place[word] = self._new(v, still=still)
            item = Read(place[word], replace(access, row=row))
            (self.once if still else self.each).append(item)
        return place[word]

    def _statement(self, statement: Statement, names: Mapping[Variable, Variable]) -> Variable:
        own = [leaf for leaf in leaves(statement.value) if isinstance(leaf, Variable)]
        still = all(names[leaf] in self.still for leaf in own)
        made = self._new(statement.target, still=still)
        if isinstance(statement.value, ScalarConstant) and statement.value.value == 0:
            self.zeros.add(made)
        value = renamed(statement.value, dict(names.items()))
        (self.once if still else self.each).append(Statement(made, value))
        return made

    def _store(self, part: RowPart, access: MemAccess, value: Variable, *, once: bool) -> None:
        """A value comes to its word, and is known to be there."""
        word = (*part.word(access, None), value.kind)
        if not access.index:
            (self.known if once else self.here)[word] = value
        items = self.once if once else self.each
        items.append(Write(value, access, Store.SET))
        if part.operands[access.storage].space == Space.BLOCK:
            self.private.add(access.storage)

    def _sum(self, part: RowPart, value: Variable, access: MemAccess, store: Store) -> None:
        """A sum along the row, which is added to what its word holds."""
        old = None
        if store in (Store.SUM_ADD, Store.ADD):
            word = (*part.word(access, None), value.kind)
            old = self.known.get(word)
            if old is None:
                old = self._new(value, still=True)
                self.once.append(Read(old, access))
            old = None if old in self.zeros else old
        made = self._new(value, still=True)
        self.sums.append(RowSum(made, value, store is Store.MAX, old))
        self.results.append((part, access, made))
