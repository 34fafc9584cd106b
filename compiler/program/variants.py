"""Which of an entry's single kernels a CPU runs for a batch size."""

from __future__ import annotations

from collections.abc import Iterator

from gradc_compiler.program.entry import Entry, WholeStep


def single_kernels(entry: Entry) -> Iterator[WholeStep]:
    """The same as one kernel each, for ever larger batches."""
    straight = entry.whole_step
    while straight is not None:
        yield straight
        straight = straight.beyond


def largest_single(entry: Entry) -> int:
    """The largest batch that is run as a single kernel, or 0."""
    return max((single.examples for single in single_kernels(entry)), default=0)


def variant(entry: Entry, examples: int) -> Entry:
    """The entry as it is run for a batch size."""
    fitting = (s.entry for s in single_kernels(entry) if examples <= s.examples)
    return next(fitting, entry)
