"""Launches that become one, on a GPU: each launch costs more than the work of many.

The table has an instruction for every kernel of a CPU; when a stage is finished, some of its
launches go together: a product with the elementwise kernel that follows it (`epilogues.py`), if the
words that one writes are none that the other still reads.
A buffer of zeros that a product would be added to is not filled where the product writes each of
its words anyway.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from math import prod

from gradc_compiler.loops.ir import LoopNest, ScalarConstant
from gradc_compiler.memory.layout import StorageKey
from gradc_compiler.program.entry import Instruction, RecurrenceLoop, Space
from gradc_compiler.select.epilogues import with_epilogue
from gradc_compiler.select.fuse_rows import fuse_rows
from gradc_compiler.select.launch import LaunchDraft
from gradc_compiler.select.launch_pieces import LaunchPiece, Readers, joined, meet, with_draft


def fuse_launches(
    instructions: Sequence[Instruction],
    drafts: Sequence[LaunchDraft | None],
    loops: Sequence[RecurrenceLoop],
    readers: Readers,
) -> tuple[list[Instruction], tuple[RecurrenceLoop, ...]]:
    """A stage's instructions with fewer launches, and where its recurrences lie among them."""
    numbered = enumerate(zip(instructions, drafts, strict=True))
    pieces = [LaunchPiece(number, *pair) for number, pair in numbered]
    kept: list[LaunchPiece] = []
    for stretch in _stretches(pieces, loops):
        kept += fuse_rows(_fused(stretch, readers), readers)
    moved = {piece.number: place for place, piece in enumerate(kept)}
    return [piece.instruction for piece in kept], tuple(_moved(loop, moved) for loop in loops)


def _stretches(
    pieces: Sequence[LaunchPiece], loops: Sequence[RecurrenceLoop]
) -> Iterator[Sequence[LaunchPiece]]:
    """The instructions within and between recurrences."""
    of_loops = (end for loop in loops for end in (loop.start, loop.start + loop.count))
    ends = sorted({0, len(pieces), *of_loops})
    for begin, end in pairwise(ends):
        yield pieces[begin:end]


def _moved(loop: RecurrenceLoop, moved: Mapping[int, int]) -> RecurrenceLoop:
    """A recurrence, whose instructions have other numbers."""
    own = [moved[k] for k in range(loop.start, loop.start + loop.count) if k in moved]
    return replace(loop, start=min(own), count=len(own))


def _fused(stretch: Sequence[LaunchPiece], readers: Readers) -> list[LaunchPiece]:
    """The same with each product that can be joined to its neighbours."""
    kept: list[LaunchPiece] = []
    for piece in stretch:
        kept.append(piece)
        while len(kept) > 1 and (both := _joined(kept[-2], kept[-1], readers)):
            kept[-2:] = [both]
    return kept


def _joined(first: LaunchPiece, second: LaunchPiece, readers: Readers) -> LaunchPiece | None:
    """Two launches as one, where that can be."""
    if first.draft is None or second.draft is None or first.draft.time != second.draft.time:
        return None
    return _without_zeros(first.draft, second) or _with_epilogue(first, second, readers)


def _without_zeros(filling: LaunchDraft, product: LaunchPiece) -> LaunchPiece | None:
    """A product that need not be added to zeros."""
    draft = product.draft
    if draft is None or draft.plan is None or not draft.plan.adds or not _fills(filling.nest):
        return None
    plan, ((_, target, _),) = draft.plan, filling.nest.stores
    if target.storage != plan.y.storage or plan.windows == ():
        return None
    parts = [(part.m, part.k) for part in plan.residues] or [(plan.m, plan.k)]
    own = sum(prod(dim.each for dim in (*plan.z, *m, *plan.n)) for m, _ in parts)
    if own != prod(loop.in_a_row for loop in filling.nest.loops):
        return None
    return with_draft(product, replace(draft, plan=replace(plan, adds=False)))


def _fills(nest: LoopNest) -> bool:
    """Whether a nest sets words to 0."""
    zeros = [isinstance(s.value, ScalarConstant) and s.value.value == 0 for s in nest.statements]
    return not nest.loads and len(nest.stores) == 1 and zeros == [True]


def _with_epilogue(first: LaunchPiece, second: LaunchPiece, readers: Readers) -> LaunchPiece | None:
    """A product and the elementwise kernel that reads it, which nobody else may."""
    product, after = first.draft, second.draft
    if product is None or after is None or product.plan is None:
        return None
    plan = product.plan
    alone = product.operands[plan.y.storage].space == Space.BLOCK
    stays = not alone or readers[plan.y.storage] > _reads(after.nest, plan.y.storage)
    ended = with_epilogue(plan, after.nest, stays=stays)
    operands = {**after.operands, **product.operands}
    if ended is None or _overlap(product, after):
        return None
    draft = LaunchDraft(product.nest, ended, operands, product.time)
    return with_draft(
        LaunchPiece(first.number, joined([first.instruction, second.instruction]), None), draft
    )


def _reads(nest: LoopNest, storage: StorageKey) -> int:
    return sum(access.storage == storage for _, access in nest.loads)


def _overlap(product: LaunchDraft, after: LaunchDraft) -> bool:
    """Whether the second launch writes words that the first one uses."""
    used = [product.operands[access.storage] for access in product.nest.accesses()]
    written = [after.operands[access.storage] for _, access, _ in after.nest.stores]
    return any(meet(one, other) for one in written for other in used)
