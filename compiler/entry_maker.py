"""The entries of a program, each made when it is first asked for, in the form of every target."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from gradc_compiler.elaborate import Module
from gradc_compiler.elaborate.names.registry import PersistentSpec
from gradc_compiler.graph.graph import Graph
from gradc_compiler.kept_entries import fact_of, kept_entry
from gradc_compiler.lazy import Lazy
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.machine.targets import CPU, CUDA, TARGETS
from gradc_compiler.ops.index_limits import limits_of
from gradc_compiler.program.deferred import Deferred
from gradc_compiler.program.entry import Entry
from gradc_compiler.program.program import Checks, Persistent, Program
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.rewrites.table import INEXACT, is_exact
from gradc_compiler.schedule import schedule
from gradc_compiler.transform.update_rule import update_rule

ALIGN = MACHINE.line  # words: each persistent begins on a cache line of its own


@dataclass(frozen=True)
class EntryMaker:
    """Makes the entries of a spec for any target, with any optimisations switched off."""

    module: Module
    graphs: Mapping[str, Graph]
    optimised: Mapping[str, Graph]
    offsets: Mapping[str, int]  # of persistents

    def entries(self, without: Collection[str], target: str) -> Mapping[str, Entry]:
        """All entries, each made when it is first asked for."""
        return Lazy(self.graphs, partial(self.entry, without, target))

    def entry(self, without: Collection[str], target: str, key: str) -> Entry:
        """An entry; its sequences may be as long as the graph that the author wrote allows."""
        graph = Deferred(lambda: self.optimised[key])
        fact = partial(fact_of, key, self.graphs[key], self.offsets, without, target)

        def make() -> Entry:
            return schedule(key, graph.value, self.offsets, without, target)

        entry = make() if target == CUDA else kept_entry(fact, graph, make)
        return replace(entry, limits=limits_of(self.graphs[key]))

    def exact_entries(
        self, entries: Mapping[str, Entry], without: Collection[str], target: str
    ) -> Mapping[str, Entry]:
        """The same without inexact rewrites, where any was made."""

        def make(key: str) -> Entry:
            if is_exact(self.optimised[key], without, target):
                return entries[key]
            return self.entry({*without, *INEXACT}, target, key)

        return Lazy(self.graphs, make)

    def checks(self, without: Collection[str], target: str) -> Checks:
        """What the entries are held against; nothing is made before it is asked for."""
        module = self.module
        steps = [step.name for step in module.train.steps] if module.train else []
        rules = Lazy(steps, lambda name: update_rule(module.step(name), module.gradients(name)))
        probe = partial(schedule, offsets=self.offsets, without=without, target=target)
        return Checks(graphs=self.graphs, rules=rules, probe=probe)

    def on_all_targets(self, program: Program, without: frozenset[str]) -> Program:
        """The program with its entries; it knows its form for each target."""
        on = {target: self._on_target(program, without, target) for target in TARGETS}
        return on[CPU].with_forms(on)

    def _on_target(self, program: Program, without: frozenset[str], target: str) -> Program:
        """The program with a target's entries, and its exact form where inexact rewrites may be
        on.
        """
        entries = self.entries(without, target)
        program = replace(program, entries=entries, checks=self.checks(without, target))
        if without >= {*INEXACT}:
            return program
        exact_entries = self.exact_entries(entries, without, target)
        checks = self.checks(without | {*INEXACT}, target)
        alone = replace(program, entries=exact_entries, checks=checks)
        return replace(program, exactly=lambda: alone)


def placed(specs: Iterable[PersistentSpec]) -> tuple[tuple[Persistent, ...], int]:
    """What persists, each with its offset, and how many words all of it takes."""
    result, offset = list[Persistent](), 0
    for spec in specs:
        facts: dict[str, Any] = {"role": spec.role, "initial": spec.initial}
        result.append(Persistent(name=spec.name, type=spec.type, offset=offset, **facts))
        offset += -(-spec.type.size // ALIGN) * ALIGN
    return tuple(result), offset
