"""Documents to lines of at most 100 columns; what the author wrote as one line may have 120.

What fits stays on one line.  What does not is broken at its widest place: a bracketed list with one
item a line and a comma after each, a run of operators before each operator, a clause after its
commas (Wadler, "A prettier printer", 1998, with a greedy choice in place of the best one).
"""

from __future__ import annotations

from typing import assert_never

from gradc_compiler.syntax.grammar.doc import Cat, Doc, DocGroup, DocListing, DocWord, Spine

WIDTH = 100
KEPT = 120  # columns of a line that the author wrote as one
INDENT = 4


def lay_out_lines(
    doc: Doc, indent: int, column: int, *, after: int = 0, inside: bool = False
) -> str:
    """The text of a document that begins at `column`, with `after` columns to follow it.

    Lines after the first carry their indentation; `inside` says that brackets are open around it.
    """
    if column + len(doc.flat) + after <= WIDTH:
        return doc.flat
    match doc:
        case DocWord(flat=flat):
            return flat
        case Cat():
            return _break_widest(doc, indent, column, after, inside)
        case DocGroup():
            return _break_group(doc, indent)
        case DocListing(items=items):
            pad = indent + INDENT
            texts = [lay_out_lines(items[0], indent, column, after=1)]
            for item in items[1:]:
                texts.append(lay_out_lines(item, pad, pad, after=1))
            return f",\n{' ' * pad}".join(texts)
        case Spine() if inside:
            return _break_spine(doc, indent)
        case Spine():
            margin = " " * (indent + INDENT)
            return f"(\n{margin}{_break_spine(doc, indent + INDENT)}\n{' ' * indent})"
        case _:
            assert_never(doc)


def _break_widest(doc: Cat, indent: int, column: int, after: int, inside: bool) -> str:
    """Break the widest part that can be broken; the others stay on their lines."""
    widths = [0 if isinstance(part, DocWord) else len(part.flat) for part in doc.parts]
    at = widths.index(max(widths))
    before = "".join([part.flat for part in doc.parts[:at]])
    behind = "".join([part.flat for part in doc.parts[at + 1 :]])
    middle = lay_out_lines(
        doc.parts[at], indent, column + len(before), after=after + len(behind), inside=inside
    )
    return before + middle + behind


def _break_group(doc: DocGroup, indent: int) -> str:
    if not doc.items:
        return doc.flat
    pad = indent + INDENT
    texts = []
    for item in doc.items:
        text = lay_out_lines(item, pad, pad, after=1, inside=True)
        texts.append(" " * pad + text + ("," if doc.comma else ""))
    return "\n".join([doc.open, *texts, " " * indent + doc.close])


def _break_spine(doc: Spine, indent: int) -> str:
    texts = []
    for sign, item in doc.items:
        sign = sign.strip() + " " if sign else ""
        text = lay_out_lines(item, indent, indent + len(sign), inside=True)
        texts.append(sign + text)
    return f"\n{' ' * indent}".join(texts)
