"""How a batch is cut in each segment of an entry: its wide stages, and all others.

Wide stages, in which weights dominate (`compiler/memory/wide_stages.py`), have blocks and chunks of
their own.  A segment is an entry of its own stages alone, so that whatever looks at an entry and
the size of a block finds both.  BLOCK has the words of the wide stages behind those of the others.
"""

from __future__ import annotations

from dataclasses import replace

from gradc_compiler.program.entry import Entry, Instruction, Operand, Phase, Space
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cpu.partition.batch_tiles import block_of
from gradc_runtime.cpu.partition.divide import Teams, teams_of
from gradc_runtime.cpu.partition.reduction_chunks import chunks_of


@dataclass(frozen=True, slots=True)
class Segment:
    """Stages whose blocks are of one size, for a batch of `examples`."""

    entry: Entry  # of these stages alone
    examples: int
    block: int  # examples in a block
    start: int  # words of BLOCK that stand before those of this segment

    @property
    def blocks(self) -> int:
        """Of a batch."""
        return -(-self.examples // self.block)

    @property
    def chunks(self) -> int:
        """Of a batch."""
        return chunks_of(self.entry, self.examples, self.block)

    def teams(self, threads: int) -> Teams:
        """Who takes the chunks."""
        return teams_of(self.entry, self.examples, self.block, threads)


@dataclass(frozen=True, slots=True)
class BatchCut:
    """The segments of an entry for one batch size; the same twice where there is only one."""

    usual: Segment
    wide: Segment

    def of(self, phase: Phase) -> Segment:
        """The segment of a stage."""
        return self.wide if phase.wide else self.usual

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Each once."""
        return (self.usual,) if self.wide is self.usual else (self.usual, self.wide)

    @property
    def blocks(self) -> tuple[int, ...]:
        """Examples in a block of each segment: where the halos lie in BLOCK follows from them."""
        return tuple(segment.block for segment in self.segments)

    @property
    def chunks(self) -> int:
        """The most that any segment has."""
        return max(segment.chunks for segment in self.segments)

    @property
    def block_words(self) -> int:
        """Words of BLOCK for the examples of a block, without those of sequences."""
        last = self.segments[-1]
        return last.start + last.block * last.entry.block_words


def cut_of(entry: Entry, examples: int, block: int | None = None) -> BatchCut:
    """How a batch is cut; `block` is of the usual stages, where it is not estimated."""
    if not any(phase.wide for phase in entry.phases):
        own = block or block_of(entry, examples)
        usual = Segment(entry, examples, own, 0)
        return BatchCut(usual, usual)
    others = replace(entry, phases=tuple(p for p in entry.phases if not p.wide))
    own = block or block_of(others, examples)
    usual = Segment(others, examples, own, 0)
    stages = replace(
        entry,
        phases=tuple(p for p in entry.phases if p.wide),
        block=entry.wide_block,
        block_words=entry.wide_words,
    )
    wide = Segment(stages, examples, block_of(stages, examples), own * entry.block_words)
    return BatchCut(usual, wide)


def without_segments(entry: Entry) -> Entry:
    """The same entry with blocks of one size in all stages, for a caller such as ranks, which runs
    single blocks.
    """
    if not any(phase.wide for phase in entry.phases):
        return entry
    phases = tuple(_as_usual(phase, entry.block_words) for phase in entry.phases)
    words = entry.block_words + entry.wide_words
    return replace(entry, phases=phases, block_words=words, wide_block=0, wide_words=0)


def _as_usual(phase: Phase, words: int) -> Phase:
    """A wide stage whose values in BLOCK are moved behind those of the usual stages, by so many
    words of an example.
    """
    if not phase.wide:
        return phase

    def operand(old: Operand) -> Operand:
        return replace(old, offset=old.offset + words) if old.space == Space.BLOCK else old

    def instruction(item: Instruction) -> Instruction:
        return replace(item, operands=tuple(map(operand, item.operands)))

    return replace(phase, wide=False, instructions=tuple(map(instruction, phase.instructions)))
