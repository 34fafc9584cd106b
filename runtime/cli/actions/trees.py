"""The syntax tree as text and as data: every node's kind, its own words, and its parts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from gradc_compiler.syntax.grammar.tree import Tree

HIDDEN = ("span", "name_span")


def print_tree(tree: Tree) -> str:
    """One node a line, parts indented below it, with the line and column it begins at."""
    return "\n".join(lines(tree, "", 0)) + "\n"


def lines(tree: Tree, label: str, depth: int) -> Iterator[str]:
    """A node and its parts."""
    words, parts = divided(tree)
    said = " ".join(f"{name}={value!r}" for name, value in words)
    head = f"{'  ' * depth}{label}{type(tree).__name__} {said}".rstrip()
    yield f"{head:<64}  # {tree.span.line}:{tree.span.column}"
    for name, part in parts:
        yield from lines(part, f"{name}: ", depth + 1)


def divided(tree: Tree) -> tuple[list[tuple[str, Any]], list[tuple[str, Tree]]]:
    """What a node says itself, and its parts by the field they are in."""
    words: list[tuple[str, Any]] = []
    parts: list[tuple[str, Tree]] = []
    for field in fields(tree):
        value = getattr(tree, field.name)
        if field.name in HIDDEN or value is None:
            continue
        several = value if isinstance(value, tuple) else (value,)
        inside = [item for item in several if isinstance(item, Tree)]
        parts += [(field.name, item) for item in inside]
        if not inside and value != ():
            words.append((field.name, value))
    return words, parts


def tree_data(tree: Tree) -> dict[str, Any]:
    """A node as data, with its kind and place."""
    return {
        "node": type(tree).__name__,
        "line": tree.span.line,
        "column": tree.span.column,
        **{f.name: plain(getattr(tree, f.name)) for f in fields(tree) if f.name not in HIDDEN},
    }


def plain(value: Any) -> Any:
    """A field as data."""
    match value:
        case Tree():
            return tree_data(value)
        case tuple():
            return [plain(item) for item in value]
        case _:
            return value
