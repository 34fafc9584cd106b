"""Instructions of a stage whose launches may go together, and what they share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gradc_compiler.memory.layout import StorageKey
from gradc_compiler.program.deferred import Deferred
from gradc_compiler.program.entry import Instruction, OpCost, Operand, Space
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.select.launch import LaunchDraft

Readers = Mapping[StorageKey, int]  # how often each buffer is read


@dataclass(frozen=True, slots=True)
class LaunchPiece:
    """An instruction whose launch may go together with others: its number, and the draft of the
    launch, if it can.
    """

    number: int
    instruction: Instruction
    draft: LaunchDraft | None


def meet(one: Operand, other: Operand) -> bool:
    """Whether two operands may have words in common."""
    if (one.space, one.time) != (other.space, other.time):
        return False
    if one.space != Space.BLOCK or not one.words or not other.words:
        return True
    return one.offset < other.offset + other.words and other.offset < one.offset + one.words


def wait(one: Instruction, other: Instruction) -> bool:
    """Whether two instructions may have to keep their order: one writes what the other uses.  Of
    words that serve one step of a recurrence after another nothing is known here.
    """
    steps = any(operand.step is not None for operand in (*one.operands, *other.operands))
    return steps or _writes_of(one, other) or _writes_of(other, one)


def _writes_of(one: Instruction, other: Instruction) -> bool:
    """Whether an instruction may write words that another uses."""
    numbers = range(len(one.operands)) if one.writes is None else one.writes
    return any(meet(one.operands[k], operand) for k in numbers for operand in other.operands)


def with_draft(piece: LaunchPiece, draft: LaunchDraft) -> LaunchPiece:
    """A piece with another launch."""
    launched = replace(piece.instruction, deferred_launch=Deferred(draft.printed))
    return LaunchPiece(piece.number, launched, draft)


def joined(items: Sequence[Instruction]) -> Instruction:
    """Several instructions as one, which uses what all of them use."""
    operands = tuple(operand for item in items for operand in item.operands)
    writes, count = list[int](), 0
    for item in items:
        writes += [count + k for k in item.writes or ()]
        count += len(item.operands)
    known = all(item.writes is not None for item in items)
    return replace(
        items[0],
        operands=operands,
        writes=tuple(writes) if known else None,
        note="; ".join(item.note for item in items),
        work=_added([item.work for item in items]),
    )


def _added(parts: Sequence[OpCost]) -> OpCost:
    """What several instructions do, as one."""
    return OpCost(
        operations=sum(part.operations for part in parts),
        operations_each=sum(part.operations_each for part in parts),
        words=sum(part.words for part in parts),
        words_each=sum(part.words_each for part in parts),
    )
