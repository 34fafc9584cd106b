"""The order of a serial stage for several threads: instructions that need not wait come first.

Instructions of a serial stage are mostly independent of one another: each parameter has its own
counters and its own update.  A short instruction is done by one thread, a long one is shared by
all.  In the order of the spec the two kinds take turns, and threads would wait at every turn.  So
instructions are put into *rounds*: a round has as many as possible of which none waits for another.
There is one exception.  Short instructions that wait for one another are done in order by one
thread, as a *chain*, and need no barrier.  Each chain goes to the thread that has least to do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import field, replace
from itertools import chain

from gradc_compiler.machine.cost_model import nanoseconds
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.entry import Entry
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cpu.partition.barriers import Room, uses_of
from gradc_runtime.cpu.partition.thread_tasks import Group

Place = tuple[Room, int]


@dataclass(frozen=True, slots=True)
class _Placed:
    """A group with the storages that it reads and writes."""

    group: Group
    read: frozenset[Place]
    written: frozenset[Place]

    @property
    def shared(self) -> bool:
        return any(task.shared for task in self.group)


@dataclass
class _Seen:
    """Groups by the storages that they read and write."""

    read: dict[Place, list[_Placed]] = field(default_factory=lambda: defaultdict(list))
    written: dict[Place, list[_Placed]] = field(default_factory=lambda: defaultdict(list))

    def add(self, one: _Placed) -> None:
        for places, known in ((one.read, self.read), (one.written, self.written)):
            for place in places:
                known[place].append(one)

    def before(self, one: _Placed) -> list[_Placed]:
        """The groups that another group has to wait for."""
        found = [self.written[place] for place in one.read | one.written if place in self.written]
        found += [self.read[place] for place in one.written if place in self.read]
        return [*chain.from_iterable(found)]


@dataclass
class _Chain:
    """Groups that one thread does in order."""

    groups: list[_Placed] = field(default_factory=list)

    @property
    def cost(self) -> float:
        items = (task.instruction for one in self.groups for task in one.group)
        return sum(
            MACHINE.call_ns + nanoseconds(item.work.operations, item.work.words) for item in items
        )


def in_rounds(entry: Entry, groups: Sequence[Group], threads: int) -> list[Group]:
    """The groups of a serial stage, reordered into rounds; each group that one thread does has its
    owner.
    """
    if threads == 1:
        return list(groups)
    left, found = [_placed(entry, group) for group in groups], list[Group]()
    while left:
        left, one_round = _round(left)
        found += _with_owners(one_round, threads)
    return found


def _placed(entry: Entry, group: Group) -> _Placed:
    uses = uses_of(entry, group)
    places = [frozenset((u.room, u.begin) for u in uses if u.written is w) for w in (False, True)]
    return _Placed(group, *places)


def _round(left: Sequence[_Placed]) -> tuple[list[_Placed], list[_Placed]]:
    """The groups that are left for later rounds, and those of this one; both in order."""
    later, now = list[_Placed](), list[_Placed]()
    known, deferred = _Seen(), _Seen()
    for one in left:
        before = known.before(one)
        alone = not one.shared and not any(other.shared for other in before)
        if (before and not alone) or deferred.before(one):
            later.append(one)
            deferred.add(one)
        else:
            now.append(one)
            known.add(one)
    return later, now


def _with_owners(groups: Sequence[_Placed], threads: int) -> list[Group]:
    """The groups of a round.  Chains are dealt out to threads, the longest first."""
    chains, known = dict[int, _Chain](), _Seen()  # the chain that each group is in
    for one in groups:
        if not one.shared:
            met = {id(chains[id(other)]): chains[id(other)] for other in known.before(one)}
            joined = _Chain([*(g for own in met.values() for g in own.groups), one])
            chains |= dict.fromkeys(map(id, joined.groups), joined)
            known.add(one)
    return _dealt_out(groups, [*{id(own): own for own in chains.values()}.values()], threads)


def _dealt_out(groups: Sequence[_Placed], chains: list[_Chain], threads: int) -> list[Group]:
    owners, spent = dict[int, int](), [0.0] * threads
    for own in sorted(chains, key=lambda own: -own.cost):
        owner = spent.index(min(spent))
        spent[owner] += own.cost
        owners |= dict.fromkeys(map(id, own.groups), owner)
    return [
        [replace(task, owner=owners.get(id(one), task.owner)) for task in one.group]
        for one in groups
    ]
