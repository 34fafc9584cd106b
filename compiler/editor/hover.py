"""What is said of the place under the cursor: a name, a word of the language, or a part of a body.

Texts are Markdown.  What an author wrote stands in blocks of code, never in the text around them.
"""

from __future__ import annotations

from collections.abc import Iterator
from inspect import cleandoc

from gradc_compiler.diagnostics.source import Source, Span
from gradc_compiler.editor.analysis import Analysis
from gradc_compiler.editor.declared_names import NameMeaning
from gradc_compiler.editor.occurrences import BUILT_IN
from gradc_compiler.editor.words import HELP
from gradc_compiler.elaborate.expressions.builtins import BUILTINS
from gradc_compiler.elaborate.names.library import prelude
from gradc_compiler.elaborate.names.scope import Note
from gradc_compiler.elaborate.types.show_types import show_type
from gradc_compiler.graph.op_registry import OPS
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.ops.rule_texts import cotangents, on_paper
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.syntax.grammar.tree import Assign, Definition, Param, Parameter, Step

MOST_NAMES = 6  # parameters that are listed


@dataclass(frozen=True)
class Hover:
    """A text, and the part of the spec that it is about."""

    text: str
    span: Span


def hover(found: Analysis, offset: int) -> Hover | None:
    """What there is to say of a place; None for nothing."""
    if (name := found.at(offset)) is not None and name.declared is not None:
        said = [*about(found, name.declared), *about_stage(found, name.span)]
        return Hover("\n\n".join(said), name.span)
    if (part := part_at(found, offset)) is not None:
        span, note = part
        return Hover("\n\n".join(about_note(found, note)), span)
    word = word_at(found.source, offset)
    if word is not None and word.text in HELP:
        return Hover(f"`{word.text}`: {HELP[word.text]}", word)
    return None


def about(found: Analysis, declared: NameMeaning) -> Iterator[str]:
    """Of a name: how it is declared, what is known of its shape, what its author says."""
    if declared.kind == BUILT_IN:
        yield from about_function(declared.name)
        return
    assert declared.span is not None, "what stands in a text has a place there"
    yield code(declaration(declared))
    yield from shape_of(found, declared)
    if isinstance(declared.tree, Definition):
        if comment := comment_of(declared):
            yield comment
        if declared.span.source.name != found.source.name:
            yield f"of `{declared.span.source.name}`"


def declaration(declared: NameMeaning) -> str:
    """The text that declares a name, without its body."""
    tree = declared.tree
    match tree:
        case Definition(kind=kind, name=name):
            text, end = tree.span.source.text, body_starts(tree)
            signature = " ".join(text[tree.span.start : end].split()) or f"{kind} {name}"
            return signature.replace("( ", "(").replace(", )", ")")
        case None:
            return declared.name
        case Step(name=name):
            return f"step {name}"
        case Parameter() if declared.kind in ("setting", "input", "field"):
            return f"{tree.span.text}  # {declared.kind}"
    if declared.kind in ("size", "index"):
        return f"{declared.name}  # {declared.kind}"
    return " ".join(tree.span.text.split())


def body_starts(tree: Definition) -> int:
    """Where the brace of a definition stands, before which its signature ends."""
    start = tree.body[0].span.start if tree.body else tree.span.end
    return tree.span.source.text.rfind("{", tree.span.start, start)


def shape_of(found: Analysis, declared: NameMeaning) -> Iterator[str]:
    """The type that was found for a value, or the size of a model."""
    if found.module is None:
        return
    match declared.tree:
        case Definition(kind="model", name=name) if name in found.module.models:
            own = [p for p in found.module.parameters if p.name.split(".")[0] == name]
            count = sum(p.type.size for p in own if p.role == "parameter")
            gives = ", ".join(str(type) for _, type in found.module.models[name].outputs)
            yield f"{count:,} parameters; gives `{gives}`"
        case Assign(value=value):
            note = found.notes.get((value.span.start, value.span.end))
            if note is not None and note.type is not None:
                yield f"is `{show_type(note.type)}`"
        case Param(name=name):
            types = {str(p.type) for p in found.module.parameters if p.name.endswith(f".{name}")}
            if len(types) == 1:
                yield f"is `{types.pop()}`"


def about_function(name: str) -> Iterator[str]:
    """Of a function of the language: its operands, its formula and derivative, its kink."""
    yield code(f"{name}({', '.join(BUILTINS[name].parameters)})")
    op = OPS.get(name)
    if op is None:
        return
    if issubclass(op, Elementwise):
        rules = ", ".join(f"`{rule}`" if rule else "none" for rule in cotangents(op))
        letters = ", ".join(op.parameters)
        yield f"y = `{on_paper(op)}`"
        yield f"derivative, with `g` the cotangent of y: {rules}, for {letters}"
    elif op.__doc__:
        yield cleandoc(op.__doc__).splitlines()[0]
    if op.kink:
        yield f"not differentiable where: {op.kink}"


def about_stage(found: Analysis, name: Span) -> Iterator[str]:
    """Of a layer where it is applied: what it gives there, and its parameters."""
    part = part_at(found, name.start)
    if part is not None and part[0].start == name.start:
        yield from about_note(found, part[1])


def about_note(found: Analysis, note: Note) -> Iterator[str]:
    """Of a part of a body: what it gives, and the parameters that it reads first."""
    if note.type is not None:
        yield f"gives `{show_type(note.type)}`"
    sizes = {p.name: p for p in found.module.parameters} if found.module else {}
    own = [sizes[name] for name in note.read if name in sizes]
    if own:
        listed = [f"`{p.name}` {p.type}" for p in own[:MOST_NAMES]]
        more = [f"and {len(own) - MOST_NAMES} more"] if len(own) > MOST_NAMES else []
        total = sum(p.type.size for p in own)
        yield f"{total:,} parameters: {', '.join([*listed, *more])}"


def part_at(found: Analysis, offset: int) -> tuple[Span, Note] | None:
    """The smallest part of a body around a place of which something is known."""
    around = [
        (end - start, start, end)
        for (start, end), note in found.notes.items()
        if start <= offset <= end and (note.type is not None or note.read)
    ]
    if not around:
        return None
    _, start, end = min(around)
    return Span(source=found.source, start=start, end=end), found.notes[start, end]


def word_at(source: Source, offset: int) -> Span | None:
    """The letters, digits and underscores around a place."""
    start = end = offset
    while start > 0 and is_letter(source.text[start - 1]):
        start -= 1
    while end < len(source.text) and is_letter(source.text[end]):
        end += 1
    return Span(source=source, start=start, end=end) if end > start else None


def is_letter(character: str) -> bool:
    """Whether it may stand in a name."""
    return character.isalnum() or character == "_"


def comment_of(declared: NameMeaning) -> str:
    """The comment that ends in the line above a declaration.

    A definition of the prelude is parsed out of its file by itself; the file has the comment.
    """
    assert declared.span is not None, "what has a comment stands in a text"
    text, start = declared.span.source.text, declared.span.start
    if (place := prelude().places.get(declared.name)) is not None:
        source, start_there = place
        if source.name == declared.span.source.name:
            text, start = source.text, start_there
    lines = text[: text.rfind("\n", 0, start) + 1].split("\n")[:-1]
    found: list[str] = []
    while lines and lines[-1].startswith("#"):
        found.append(lines.pop().removeprefix("#").strip())
    return " ".join(reversed(found))


def code(text: str) -> str:
    """A block of the language; no text of a spec has three backticks, which it has no use for."""
    return f"```gradc\n{text.replace('```', '')}\n```"
