"""Other forms of an entry: the single kernel that a CPU runs for a batch size, or another graph."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from gradc_compiler.program.deferred import ready
from gradc_compiler.program.entry import Entry, WholeStep


def single_kernels(entry: Entry) -> Iterator[WholeStep]:
    """All single-kernel forms of an entry, for ever larger batches."""
    whole = entry.whole_step
    if whole is not None and whole.alone is not None:
        yield whole.alone
    yield from _for_many(entry)


def _for_many(entry: Entry) -> Iterator[WholeStep]:
    """The single-kernel forms that have a loop over examples."""
    whole = entry.whole_step
    while whole is not None:
        yield whole
        whole = whole.beyond


def largest_single(entry: Entry) -> int:
    """The largest batch that is run as a single kernel, or 0."""
    return max((single.examples for single in _for_many(entry)), default=0)


def variant(entry: Entry, examples: int) -> Entry:
    """The entry as it is run for a batch size."""
    kernels = single_kernels(entry) if examples == 1 else _for_many(entry)
    return next((s.entry for s in kernels if examples <= s.examples), entry)


def with_graph(entry: Entry, graph: Any) -> Entry:
    """The entry with another graph for the `reference` target."""
    return replace(entry, deferred_graph=ready(graph))
