"""The records of a compiled spec that are kept between runs, beside those of `entry.py`.

A run that finds them compiles nothing: it reads neither the grammar nor the prelude, nor, where a
model is only run, the train block.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gradc_compiler.graph.types import Limit, TensorType
from gradc_compiler.program.deferred import Deferred, ready
from gradc_compiler.program.entry import Entry, WholeStep
from gradc_compiler.program.program import DataSource, Persistent, Training
from gradc_compiler.records.fast_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptProgram:
    """A `Program` without its entries, and the files that its spec imports."""

    name: str
    imports: Mapping[str, str]  # the digest of each file's text, by its path
    persistents: tuple[Persistent, ...]
    persistent_words: int
    models: Mapping[str, str]
    entries: tuple[str, ...]
    data: tuple[DataSource, ...]
    training: Training | None
    precision: str
    inputs: Mapping[str, Mapping[str, TensorType]]
    outputs: Mapping[str, Mapping[str, TensorType]]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSingle:
    """A `WholeStep` with all that it defers."""

    entry: Entry
    examples: int
    alone: KeptSingle | None
    beyond: KeptSingle | None
    applied: Mapping[str, int]

    @staticmethod
    def of(whole: WholeStep | None) -> KeptSingle | None:
        """The record of the kernel of a whole step, if there is one."""
        return None if whole is None else KeptSingle(
            entry=whole.entry, examples=whole.examples, alone=KeptSingle.of(whole.alone),
            beyond=KeptSingle.of(whole.beyond), applied=whole.applied,
        )  # fmt: skip

    def whole_step(self) -> WholeStep:
        """Rebuild the kernel of a whole step."""
        return WholeStep(
            entry=self.entry,
            examples=self.examples,
            deferred_alone=None if self.alone is None else ready(self.alone.whole_step()),
            beyond=None if self.beyond is None else self.beyond.whole_step(),
            applied=self.applied,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptEntry:
    """An `Entry` with what its text leaves out, but for its graph."""

    entry: Entry
    longest: tuple[Limit, ...]  # its limits
    single: KeptSingle | None

    @staticmethod
    def of(entry: Entry) -> KeptEntry:
        """The record of an entry."""
        return KeptEntry(entry=entry, longest=entry.limits, single=KeptSingle.of(entry.whole_step))

    def whole(self) -> Entry:
        """Rebuild the entry."""
        single: Deferred[WholeStep | None] | None = None
        if self.single is not None:
            single = ready(self.single.whole_step())
        return replace(self.entry, limits=self.longest, deferred_whole_step=single)
