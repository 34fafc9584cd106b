"""Launches along the same rows that become one, on a GPU: softmax, norms, losses, their gradients.

A sum or a maximum along each row, and the elementwise kernels before and behind it, go through the
same rows.  A team of threads has a row (`compiler/printing/cuda_rows.py`) and runs all of them for
it before it takes the next.  No operator is named here: what counts is which words an iteration
reads and writes.  A launch joins if it goes through the same rows, or through their columns; if all
that it shares with the others lies within a row, column by column; and if whatever stands between
them in the table does not wait for it, nor it for that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field, replace

from gradc_compiler.loops.ir import Store
from gradc_compiler.loops.row_nest import columns_of, words_of
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.printing.cuda_tree import WARP
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.select.launch import LaunchDraft
from gradc_compiler.select.launch_pieces import LaunchPiece, Readers, joined, wait, with_draft
from gradc_compiler.select.op_cost import cost_of_rows
from gradc_compiler.select.row_levels import RowPart, row_nest
from gradc_compiler.select.row_space import RowSpace, with_fewest_loops

MOST_PARTS = MACHINE.gpu_row_parts
SIGHT = MACHINE.gpu_row_sight


def fuse_rows(pieces: Sequence[LaunchPiece], readers: Readers) -> list[LaunchPiece]:
    """The same with launches along the same rows joined."""
    left, place = list(pieces), 0
    while place < len(left):
        draft = plain_draft(left[place])
        width = 0 if draft is None else columns_of(draft.nest)
        if draft is not None and 1 < width <= MACHINE.gpu_row_width:
            ranged = any(loop.over_rows for loop in draft.nest.loops)
            space = RowSpace(words_of(draft.nest), width, ranged, draft.time)
            place = _Gathering(space, readers).gather(left, place)
        place += 1
    return left


def plain_draft(piece: LaunchPiece) -> LaunchDraft | None:
    """The draft of a launch, if it is loops that reach all their words by themselves."""
    draft = piece.draft
    if draft is None or draft.plan is not None or draft.rows is not None:
        return None
    nest, stores = draft.nest, {store for _, _, store in draft.nest.stores}
    plain = nest.affine and nest.walk is None and not nest.positional and not nest.body
    overlaps = any(group.overlaps for group in nest.groups)
    steps = any(operand.step is not None for operand in draft.operands.values())
    known = stores == {Store.SET} or columns_of(nest) > 1
    aside = any(access.row is not None for _, access, _ in nest.stores)
    return draft if plain and known and not overlaps and not steps and not aside else None


def waits(others: Sequence[LaunchPiece], piece: LaunchPiece) -> bool:
    """Whether a launch has to keep its order with any of others."""
    return any(wait(other.instruction, piece.instruction) for other in others)


@dataclass
class _Gathering:
    """Launches that are to be one."""

    space: RowSpace
    readers: Readers
    members: list[LaunchPiece] = field(default_factory=list)
    parts: list[RowPart] = field(default_factory=list)

    def gather(self, left: list[LaunchPiece], place: int) -> int:
        """Put all that can join the launch at a place together with it; gives the place of both."""
        if not self.takes([left[place]]):
            return place
        between = self.look_back(left[max(0, place - SIGHT) : place])
        between = self.look_ahead(between, left[place + 1 :])
        if len(self.members) == 1 and self.space.width < WARP:
            return place
        taken, last = {piece.number for piece in self.members}, self.members[-1].number
        first = next(k for k, piece in enumerate(left) if piece.number in taken)
        end = next(k for k, piece in enumerate(left) if piece.number == last) + 1
        others = [piece for piece in left[first:end] if piece.number not in taken]
        left[first:end] = [self.joined(), *others]
        return first

    def look_back(self, before: Sequence[LaunchPiece]) -> list[LaunchPiece]:
        """Take launches that stand before; the others that then stand between them and the seed,
        which must not wait for these.
        """
        between, skipped = list[LaunchPiece](), list[LaunchPiece]()
        for piece in reversed(before):
            if any(waits(skipped, member) for member in self.members):
                break
            if self.takes([piece, *self.members]):
                between, skipped = [*skipped, *between], []
            else:
                skipped.insert(0, piece)
        return between

    def look_ahead(
        self, between: Sequence[LaunchPiece], after: Sequence[LaunchPiece]
    ) -> list[LaunchPiece]:
        """Take launches that stand behind; one that waits for others between may bring them."""
        others = list(between)
        for piece in after:
            if len(others) > SIGHT or len(self.members) >= MOST_PARTS:
                break
            needed = [other for other in others if wait(other.instruction, piece.instruction)]
            rest = [other for other in others if other not in needed]
            free = len(needed) <= 1 and not any(waits(rest, other) for other in needed)
            if free and self.takes([*self.members, *needed, piece]):
                others = rest
            else:
                others.append(piece)
        return others

    def takes(self, members: Sequence[LaunchPiece]) -> bool:
        """Whether these launches can be one, which they are from now on."""
        drafts = [draft for piece in members if (draft := plain_draft(piece)) is not None]
        parts = self.space.parts(drafts) if len(drafts) == len(members) else None
        if parts is not None:
            self.members, self.parts = list(members), parts
        return parts is not None

    def joined(self) -> LaunchPiece:
        """All members as one launch, in the place of the first."""
        drafts = [piece.draft for piece in self.members if piece.draft is not None]
        nest = row_nest(*with_fewest_loops(self.parts), self.readers)
        operands = {key: at for draft in drafts for key, at in draft.operands.items()}
        draft = LaunchDraft(drafts[0].nest, None, operands, self.space.time, rows=nest)
        whole = joined([piece.instruction for piece in self.members])
        whole = replace(whole, work=cost_of_rows(nest, whole.work))
        return with_draft(LaunchPiece(self.members[0].number, whole, None), draft)
