"""For displays of a model: the type that each part of its text has, and the parameters it reads.

A parameter belongs to the first part that reads it, so the parts of a body add up to the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.names.scope import Note, Scope
from gradc_compiler.elaborate.names.values import StaticValue
from gradc_compiler.elaborate.types.show_types import type_of

Notes = Mapping[tuple[int, int], Note]  # by the ends of a part's text


def take_note(span: Span, since: int, meaning: StaticValue, scope: Scope) -> None:
    """Note the type of a part of a model's body, and the parameters first read `since` a count."""
    if scope.depth == 1 and scope.chain and scope.chain[-1].kind == "model":
        read = tuple(islice(scope.run.read, since, None))
        scope.run.notes[span.start, span.end] = Note(type_of(meaning), read)
