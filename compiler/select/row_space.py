"""The rows that several nests go through, and each nest as loops over them and over their columns.

A nest that is a sum along rows says which rows there are.  Other nests fit if they have as many
iterations, or one for each row, and if their loops and those of all others can be cut at the same
bounds (`compiler/loops/row_nest.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

from gradc_compiler.loops.collapse import collapse_loops
from gradc_compiler.loops.ir import LoopNest, NestLoop
from gradc_compiler.loops.row_nest import (
    are_nested,
    bounds_of,
    columns_of,
    refined,
    with_columns,
    words_of,
)
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.entry import MOST_OPERANDS
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.select.launch import LaunchDraft
from gradc_compiler.select.row_levels import RowPart, Word, keep_to_rows, shared


@dataclass(frozen=True, slots=True)
class RowSpace:
    """`words` for each row of the table, of which `width` at a time are summed up."""

    words: int
    width: int
    ranged: bool
    time: int | None

    def parts(self, drafts: Sequence[LaunchDraft]) -> list[RowPart] | None:
        """Nests with the same loops, which a team of threads can run one after another for a row;
        None where there is no such way.
        """
        bounds = {self.width}
        for draft in drafts:
            if not self._goes_through(draft):
                return None
            bounds |= {*bounds_of(draft.nest, self._inside(draft))}
        if not are_nested(bounds):
            return None
        found = [self._part(draft, bounds) for draft in drafts]
        return found if self._fit(found) else None

    def _inside(self, draft: LaunchDraft) -> int:
        """How many words an iteration of a nest stands for: a row of them if it has no columns."""
        return 1 if words_of(draft.nest) == self.words else self.width

    def _goes_through(self, draft: LaunchDraft) -> bool:
        """Whether a nest has an iteration for each word, or for each row; and sums, if it does,
        along rows.
        """
        inside, ranged = self._inside(draft), any(loop.over_rows for loop in draft.nest.loops)
        known = (0, self.width) if inside == 1 else (0,)
        same = ranged == self.ranged and draft.time == self.time
        as_many = words_of(draft.nest) * inside == self.words
        return same and as_many and columns_of(draft.nest) in known

    def _part(self, draft: LaunchDraft, bounds: set[int]) -> RowPart:
        inside = self._inside(draft)
        nest = refined(draft.nest, bounds, inside)
        if inside > 1:
            nest = with_columns(nest, sum(bound < self.width for bound in bounds))
        return RowPart(nest, draft.operands, inside > 1)

    def _fit(self, parts: Sequence[RowPart]) -> bool:
        """Whether parts have to do with one another, share words within rows alone, and read and
        write neighbouring columns in neighbouring words.
        """
        if not all(keep_to_rows(one, part) for one, part in combinations(parts, 2)):
            return False
        places = {access.storage for part in parts for access, _ in part.touched()}
        steps = {a.moves[-1] for part in parts if not part.once for a, _ in part.touched()}
        beside = steps <= {0, 1} or self.width <= MACHINE.gpu_row_alone
        return (
            len(places) <= MOST_OPERANDS and beside and _are_linked(parts) and not _overtakes(parts)
        )


def _are_linked(parts: Sequence[RowPart]) -> bool:
    """Whether each part has to do with the first, by way of others."""
    linked, left = [parts[0]], list(parts[1:])
    for one in linked:
        near = [part for part in left if any(True for _ in shared(one, part))]
        linked += near
        left = [part for part in left if part not in near]
    return not left


def _overtakes(parts: Sequence[RowPart]) -> bool:
    """Whether a thread that writes a number of the row might overtake others that still read what
    was there before: of what is done once for a row every thread reads, and one writes.
    """
    held, found = set[Word](), set[Word]()
    for part in parts:
        found |= {part.word(access, None) for _, access in part.nest.loads} - held
        written = {part.word(access, None) for _, access, _ in part.nest.stores}
        if part.once and not found.isdisjoint(written):
            return True
        held |= written
    return False


def with_fewest_loops(
    parts: Sequence[RowPart],
) -> tuple[list[RowPart], tuple[NestLoop, ...], tuple[NestLoop, ...]]:
    """The same parts with loops that move all their accesses as one put together; the loops over
    rows and over columns.
    """
    seed = next(part.nest for part in parts if part.sums)
    loads = tuple(load for part in parts for load in part.nest.loads)
    stores = tuple(store for part in parts for store in part.nest.stores)
    whole = collapse_loops(LoopNest(loops=seed.loops, loads=loads, statements=(), stores=stores))
    loads, stores, found = whole.loads, whole.stores, list[RowPart]()
    for part in parts:
        read, written = len(part.nest.loads), len(part.nest.stores)
        nest = replace(part.nest, loads=loads[:read], stores=stores[:written], loops=whole.loops)
        found.append(replace(part, nest=nest))
        loads, stores = loads[read:], stores[written:]
    rows = tuple(loop for loop in whole.loops if not loop.reduces)
    return found, rows, tuple(loop for loop in whole.loops if loop.reduces)
