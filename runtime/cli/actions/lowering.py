"""The stages between the graph of an entry and its table, made once more to be shown.

Tokens, the graph after each pass, the graph as a machine likes it, fusion groups, memory, nests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

from gradc_compiler.diagnostics.source import Source
from gradc_compiler.fusion.groups import FusionGroup
from gradc_compiler.fusion.stages import Stage, assign_stages
from gradc_compiler.graph.graph import Graph
from gradc_compiler.memory.allocate import Sketch
from gradc_compiler.pipeline import Compilation
from gradc_compiler.printing.nest_text import nest_text
from gradc_compiler.program.entry import Operand, Space
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.rewrites.algebra.switches import Switches
from gradc_compiler.rewrites.table import changes, rewrite_for_target, switches_for
from gradc_compiler.schedule import make_sketch, make_table
from gradc_compiler.select.builder import ProgramBuilder
from gradc_compiler.syntax.grammar.build_tree import Lexeme
from gradc_compiler.syntax.lex.lex import scan
from gradc_compiler.syntax.lex.newlines import lay_out
from gradc_runtime.cli.actions.output import counted


def tokens_of(source: Source) -> list[Lexeme]:
    """The tokens that the parser is given."""
    return lay_out(scan(source))[1]


def print_tokens(source: Source) -> str:
    """The tokens of each line; a word of which the text does not tell it with its terminal."""
    lines: dict[int, list[str]] = {}
    for token in tokens_of(source):
        lines.setdefault(token.span.line, []).append(_token_text(token))
    return "".join(f"{number:>3}  {' '.join(said)}\n" for number, said in lines.items())


def _token_text(token: Lexeme) -> str:
    """`KIND:model`, but `train`, `(` and `NL`."""
    text = token.text.strip()
    plain = text.lower() == token.type.lower() or not text[:1].isalnum()
    return text or token.type if plain else f"{token.type}:{text}"


def after_each_pass(made: Compilation, name: str) -> Iterator[tuple[str, Graph]]:
    """Each pass that changes the graph of an entry, and what it makes of it."""
    return changes(made.graphs[name], made.without)


@dataclass(frozen=True)
class Lowering:
    """An entry on its way from the optimised graph to its table."""

    optimised: Graph
    offsets: Mapping[str, int]  # of persistents
    without: frozenset[str]
    target: str

    @classmethod
    def of(cls, made: Compilation, name: str, target: str) -> Lowering:
        """That of an entry, for a target."""
        offsets = {p.name: p.offset for p in made.program.persistents}
        return cls(made.optimised[name], offsets, made.without, target)

    def switches(self) -> Switches:
        """What is on, nothing counted yet."""
        return switches_for(self.target, self.without)

    @cached_property
    def graph(self) -> Graph:
        """The graph after the rewrites for the target."""
        return rewrite_for_target(self.optimised, self.switches()).graph

    @cached_property
    def sketch(self) -> Sketch:
        """The fusion groups in order, each with its stage."""
        switches = self.switches()
        return make_sketch(self.graph, assign_stages(self.graph, switches), switches)

    @cached_property
    def table(self) -> ProgramBuilder:
        """The instructions, their nests, and the operand of each value."""
        switches = self.switches()
        ready = rewrite_for_target(self.optimised, switches)
        return make_table(ready, self.offsets, switches, self.target)[0]


def groups(lowering: Lowering) -> Iterator[str]:
    """The groups below their stages: the nodes of each, and the type of what it ends with."""
    before: Stage | None = None
    for number, group in enumerate(lowering.sketch.groups):
        if group.phase != before:
            before = group.phase
            yield f"{stage_text(before)}:"
        yield f"  {number:>2}  {group_text(lowering.graph, group)}"


def stage_text(stage: Stage) -> str:
    """`batch stage 0`: for every tile of the examples; `serial stage 1`: once."""
    return f"{'batch' if stage.examples else 'serial'} stage {stage.number}"


def group_text(graph: Graph, group: FusionGroup) -> str:
    """`%7 add, %8 tanh : [5]`."""
    nodes = ", ".join(f"%{id} {graph[id].op.name}" for id in group.nodes)
    return f"{nodes} : {graph[group.nodes[-1]].type}"


def memory(lowering: Lowering) -> Iterator[str]:
    """Each buffer: where it lies, how long, and the groups from the first that writes it to the
    last that reads it; a mean's partial sums apart.
    """
    sketch, plan, told = lowering.sketch, lowering.table.memory, set()
    for group, id, key in sketch.stored():
        if key in told:
            continue
        told.add(key)
        words = counted(sketch.layouts.words[key], "word")
        for operand in (plan.partial.get(key), plan.operands[key]):
            if operand is not None:
                last = sketch.life.last.get(key, "the end")
                place = f"{_place(lowering, operand):<20} {words:>9}"
                yield f"{place}  %{id} : {lowering.graph[id].type}, groups {group} to {last}"


def _place(lowering: Lowering, operand: Operand) -> str:
    """`block+16`, `step+0`, or the name of an array."""
    if operand.step is not None:
        return f"step+{operand.step.offset}"
    if operand.space >= Space.ARRAY:
        return str(lowering.table.memory.arrays[operand.space - Space.ARRAY].name)
    return f"{Space(operand.space).name.lower()}+{operand.offset}"


def nests(lowering: Lowering) -> Iterator[str]:
    """The loop nest of each instruction, below what it computes."""
    table = lowering.table
    for stage in sorted(table.nests):
        yield f"{stage_text(stage)}:"
        for instruction, nest in zip(table.instructions[stage], table.nests[stage], strict=True):
            yield f"# {instruction.note}\n{nest_text(nest)}"
