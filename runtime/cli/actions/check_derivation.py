"""A gradient written by hand, held against the true one: which value is the first that differs.

The file is a program as `gradc show --stage joint` prints one: a model that gives the loss and
`d_W, ...`.  Its values are compared by their names, in the order in which it computes them, so that
a mistake is told where it was made and not where it shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph.types import TensorType
from gradc_compiler.graph_tools.evaluate import node_values
from gradc_compiler.ops.leaf import Input, PersistentOp
from gradc_compiler.ops.random import Random
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.study import numbers
from gradc_compiler.study.derivation import Derivation
from gradc_compiler.study.derivation_numbers import Arrays, numbers_of, of_one
from gradc_compiler.study.derivation_text import term_text
from gradc_compiler.study.step_rule import step_rule
from gradc_compiler.study.value_labels import adjoint_label
from gradc_compiler.syntax.grammar.check_tree import children
from gradc_compiler.syntax.grammar.tree import Assign, File, Name, Tree
from gradc_runtime.cli.actions.output import counted, write
from gradc_runtime.cli.actions.request import Request
from gradc_runtime.cli.declare import SpecPath
from gradc_runtime.cli.faults import Refused

TOLERANCE = 1e-6  # of the largest number of a tensor; both are computed in float64


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnValue:
    """A value of the hand-written program."""

    name: str
    line: int
    sequence: bool
    place: str
    text: str  # the author's line
    array: np.ndarray


def check_derivation(
    derived: Derivation, found: Arrays, own: Path, values: Mapping[str, Any], at: str
) -> int:
    """Say whether a hand-written gradient is right; the exit code.

    Raises `Refused` for a file in which no model gives derivatives, or which wants other inputs.
    """
    true = true_values(derived, found)
    known = [mine for mine in own_values(own, values) if mine.name in true]
    wrong = [mine for mine in known if not agree(mine.array, true[mine.name])]
    if wrong:
        mine = where_it_began(wrong, true)
        told = difference(mine, true[mine.name], derived, found)
        write("\n".join([*told, f"    at {at}"]))
        return 1
    given = {mine.name for mine in known}
    missing = [name for name in map(adjoint_label, derived.wrt) if not is_given(name, given)]
    if missing:
        raise Refused(f"{own} gives no {', '.join(missing)}")
    write(f"right: {counted(len(given), 'value')} of {own} are those of the chain rule, at {at}")
    return 0


def where_it_began(wrong: Sequence[OwnValue], true: Mapping[str, np.ndarray]) -> OwnValue:
    """The first of the values that differ; in a recurrence, which goes back through time and takes
    a mistake everywhere, the first of those that differ at the latest step.
    """
    if not wrong[0].sequence:
        return wrong[0]

    def latest(mine: OwnValue) -> int:
        right = true[mine.name]
        rows = range(len(right) - 1, -1, -1)
        return next((t for t in rows if not agree(mine.array[t], right[t])), -1)

    together = [m for m in wrong if m.sequence and m.array.shape == true[m.name].shape]
    return max(together, key=latest, default=wrong[0])


def is_given(name: str, given: set[str]) -> bool:
    """Whether a derivative is among names, perhaps with that of its model: `d_f_W` for `d_W`."""
    plain = name.removeprefix("d_")
    return any(one == name or one.endswith(f"_{plain}") for one in given)


def true_values(derived: Derivation, found: Arrays) -> dict[str, np.ndarray]:
    """The numbers of a derivation by name: of every value, and of every adjoint."""
    true = {name: found[id] for id, name in derived.names.items()}
    for step in derived.steps:
        true |= {adjoint_label(term.of): found[term.total] for term in step.terms}
    true |= {adjoint_label(name): found[id] for name, id in derived.wrt.items()}
    paths = {derived.names[n.id]: n.op.key for n in derived.graph.nodes
             if isinstance(n.op, PersistentOp) and n.id in derived.names}  # fmt: skip
    longer = {adjoint_label(paths[name]): found[id] for name, id in derived.wrt.items()
              if name in paths}  # fmt: skip
    return {**longer, **true}


def own_values(own: Path, values: Mapping[str, Any]) -> list[OwnValue]:
    """The named values of the hand-written program, line by line.

    Raises `Refused` for a file in which no model gives derivatives, or which draws numbers.
    """
    made = Request(spec=SpecPath().convert(str(own), None, None)).compile()
    graph = next(filter(gives_derivatives, map(made.module.forward, made.module.models)), None)
    if graph is None:
        raise Refused(f"no model of {own} gives derivatives: results called d_W, d_b, ...")
    if any(isinstance(node.op, Random) for node in graph.nodes):
        raise Refused(f"{own} draws random numbers, so its values are others at every run")
    known = wanted_values(graph, values, own)
    arrays = dict(node_values(graph, known, 1, "float64"))
    found = [
        own_value(name, span, graph[id].type, arrays[id])
        for id, name, span in named_nodes(graph, made.tree)
    ]
    return sorted(found, key=lambda value: value.line)


def gives_derivatives(graph: Graph) -> bool:
    """Whether results are called as derivatives are."""
    return any(str(key).startswith("d_") for key in graph.results)


def named_nodes(graph: Graph, tree: File) -> Iterator[tuple[int, str, Span | None]]:
    """Each node with a name and its place; a line `a = b` gives b another name."""
    by_name = {node.name: node for node in graph.nodes if node.name}
    for name, node in by_name.items():
        if not isinstance(node.op, Input | PersistentOp):
            yield node.id, name, node.span
    for alias, name, span in aliases(tree):
        if name in by_name:
            yield by_name[name].id, alias, span
    for key, id in graph.results.items():
        if str(key) not in by_name:
            yield id, str(key), graph[id].span


def aliases(tree: Tree) -> Iterator[tuple[str, str, Span]]:
    """The lines of a file that only give a value another name."""
    match tree:
        case Assign(targets=(target,), value=Name(name=name)):
            yield target.name, name, tree.span
    for part in children(tree):
        yield from aliases(part)


def own_value(name: str, span: Span | None, type: TensorType, array: np.ndarray) -> OwnValue:
    """A value with its line."""
    number, sequence = of_one(array, type), type.time is not None
    if span is None:
        return OwnValue(name=name, line=0, sequence=sequence, place="", text="", array=number)
    text = span.source.line_text(span.line).split("  #")[0].strip()
    place = f"{span.source.name}:{span.line}"
    return OwnValue(
        name=name, line=span.line, sequence=sequence, place=place, text=text, array=number
    )


def wanted_values(graph: Graph, values: Mapping[str, Any], own: Path) -> Mapping[str, Any]:
    """The inputs and parameters that a graph reads, those too that a derived program had to call
    `rows_`.

    Raises `Refused` where the spec has none of that name.
    """
    found = {**{f"{name}_": value for name, value in values.items()}, **values}
    for node in graph.nodes:
        if isinstance(node.op, Input | PersistentOp) and node.op.key not in found:
            raise Refused(f"{own} reads {node.op.key}, and the spec has nothing of that name")
    return found


def agree(mine: np.ndarray, right: np.ndarray) -> bool:
    """Whether numbers are equal but for rounding; one that stands for many counts as all."""
    behind = mine.reshape(mine.shape + (1,) * max(0, right.ndim - mine.ndim))
    scale = float(np.max(np.abs(right), initial=0.0))
    for shaped in (mine, behind, mine.reshape(right.shape) if mine.size == right.size else mine):
        try:
            wide = np.broadcast_to(shaped, right.shape)
        except ValueError:
            continue
        if np.allclose(wide, right, rtol=TOLERANCE, atol=TOLERANCE * scale):
            return True
    return False


def difference(
    mine: OwnValue, right: np.ndarray, derived: Derivation, found: Arrays
) -> Iterator[str]:
    """The first value that differs, with what it is and should be, and the step that says so."""
    yield f"{mine.place}: {mine.name} is the first value that differs"
    yield f"    yours   {numbers.tensor_text(mine.array)}   from   {mine.text}"
    yield f"    true    {numbers.tensor_text(np.asarray(right))}"
    texts = numbers_of(derived, found)
    for step in derived.steps:
        for term in step.terms:
            if adjoint_label(term.of) == mine.name:
                yield f"    step {step.number}: {step_rule(step)}"
                yield f"            {''.join(term_text(term, texts))}"
    if mine.name in derived.names.values():
        yield "    this is a value of the loss itself: its derivative comes after it"
