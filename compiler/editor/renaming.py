"""A new name for what a file declares, wherever the file names it.

Names of other files are theirs, and a parameter's name is also what checkpoints call its numbers:
that is for the author to know.
"""

from __future__ import annotations

import re

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.editor.analysis import Analysis
from gradc_compiler.editor.occurrences import BUILT_IN
from gradc_compiler.elaborate.expressions.builtins import BUILTINS
from gradc_compiler.syntax.grammar.keywords import KEYWORDS

NAME = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")


class NotRenamed(Exception):
    """Why a name stays: one line for the author."""


def renamed(found: Analysis, offset: int, new: str) -> list[Span]:
    """Every place where a new name goes.

    Raises `NotRenamed` where there is no name, or the new one cannot be one.
    """
    here = found.at(offset)
    if here is None or here.declared is None:
        raise NotRenamed("there is no name here that this file declares")
    declared = here.declared
    if declared.kind == BUILT_IN:
        raise NotRenamed(f"`{declared.name}` is a function of the language")
    assert declared.span is not None, "what is declared in a text has a place there"
    if declared.span.source.name != found.source.name:
        raise NotRenamed(f"`{declared.name}` is declared in {declared.span.source.name}")
    if not NAME.fullmatch(new) or new in KEYWORDS or new in BUILTINS:
        raise NotRenamed(f"`{new}` cannot be a name here: it is a word of the language or no word")
    spans = [one.span for one in found.occurrences if one.declared is declared]
    taken = {one.span.text.rstrip("'") for one in found.occurrences if one.declared is not declared}
    if new in taken:
        raise NotRenamed(f"`{new}` is a name in this file already")
    return spans
