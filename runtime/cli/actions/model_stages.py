"""A model as its author wrote it, stage by stage: what each gives and which parameters it owns.

The tree says where a chain's stages are in the text; elaboration has noted what each of them gives
and which parameters it was the first to read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gradc_compiler.elaborate import PersistentSpec
from gradc_compiler.elaborate.types.show_types import show_type
from gradc_compiler.pipeline import Compilation
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.syntax.grammar.tree import (
    Assign,
    Claim,
    Definition,
    Expr,
    Pipe,
    ResultStmt,
    Statement,
    Tree,
)

LONGEST = 44  # characters of a stage's text


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStage:
    """One line of the table."""

    text: str
    gives: str | None  # its type, where it gives tensors
    parameters: tuple[PersistentSpec, ...]

    @property
    def size(self) -> int:
        """How many numbers its parameters hold."""
        return sum(spec.type.size for spec in self.parameters)

    @property
    def layers(self) -> list[str]:
        """The names of its layers, without the model's."""
        names = (spec.name.rpartition(".")[0].partition(".")[2] for spec in self.parameters)
        return list(dict.fromkeys(name for name in names if name))


def stages(made: Compilation, model: str) -> list[ModelStage]:
    """The stages of a model; none for a model of another file."""
    definitions = {d.name: d for d in made.tree.declarations if isinstance(d, Definition)}
    if model not in definitions:
        return []
    owned = {spec.name: spec for spec in made.module.parameters if is_owned(spec, model)}
    return [stage(made, model, piece, owned) for piece in pieces(definitions[model].body)]


def is_owned(spec: PersistentSpec, model: str) -> bool:
    """Whether it is a parameter of the model itself, not of one that it applies."""
    return spec.role == "parameter" and spec.name.split(".")[0] == model


def stage(
    made: Compilation, model: str, piece: Tree, owned: dict[str, PersistentSpec]
) -> ModelStage:
    """The line of a piece of a body."""
    note = made.module.notes[model].get((piece.span.start, piece.span.end))
    return ModelStage(
        text=shortened(piece.span.text),
        gives=show_type(note.type) if note is not None and note.type is not None else None,
        parameters=tuple(owned[n] for n in (note.read if note is not None else ()) if n in owned),
    )


def pieces(body: Sequence[Statement]) -> Iterator[Tree]:
    """The parts of a body: the stages of its chains, and what it declares."""
    for statement in body:
        match statement:
            case Assign(value=value) | ResultStmt(value=value):
                yield from chain(value)
            case _:
                yield statement


def chain(expression: Expr) -> list[Expr]:
    """The stages of `a |> f |> g`, without the claims."""
    found: list[Expr] = []
    while isinstance(expression, Pipe | Claim):
        if isinstance(expression, Pipe):
            found.append(expression.right)
            expression = expression.left
        else:
            expression = expression.value
    return [expression, *reversed(found)]


def shortened(text: str) -> str:
    """On one line, and not too long."""
    line = " ".join(line.partition("#")[0] for line in text.splitlines())
    line = " ".join(line.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 3] + "..."
