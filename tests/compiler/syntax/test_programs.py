"""The programs of the language page and one that holds every form: tree, spans, layout."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gradc_compiler.diagnostics.source import Source
from gradc_compiler.syntax.grammar import tree
from gradc_compiler.syntax.grammar.check_tree import children, same_tree
from gradc_compiler.syntax.grammar.unparse import unparse
from gradc_compiler.syntax.parse.parse import parse
from gradc_compiler.syntax.parse.read_file import read_source
from gradc_compiler.syntax.pretty.format_source import format_source

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[2]
PAGE = sorted(HERE.glob("programs/*.nn"))
SHIPPED = sorted([*REPOSITORY.glob("compiler/prelude/*.nn"), *REPOSITORY.glob("specs/*.nn")])
TYPES = (tree.ScalarType, tree.NameType, tree.ClassType, tree.SeqType, tree.TupleType)
EXPRESSIONS = tree.Expr.__args__

page = pytest.mark.parametrize("path", PAGE, ids=lambda path: path.stem)
programs = pytest.mark.parametrize("path", PAGE + SHIPPED, ids=lambda path: path.stem)


def every_node(node: tree.Tree) -> Iterator[tree.Tree]:
    yield node
    for child in children(node):
        yield from every_node(child)


def body(text: str) -> tree.Tree:
    declaration = parse(Source("part", f"train on d {{\n{text}\n}}")).declarations[0]
    return declaration.body[0]


def read_again(node: tree.Tree, text: str) -> tree.Tree | None:
    """The node that `text` alone parses to, in a place where such a node may stand."""
    match node:
        case tree.Definition() | tree.Import() | tree.Data() | tree.Train():
            return parse(Source("part", text)).declarations[0]
        case _ if isinstance(node, TYPES):
            layer = parse(Source("part", f"layer f(x : {text}) {{ x }}")).declarations[0]
            return layer.inputs[0].type
        case tree.Argument():
            return body(f"f({text})").value.arguments[0]
        case tree.Slice():
            return body(f"x[{text}]").value.indices[0]
        case tree.Rest():
            return body(f"[{text}]").value.sizes[0]
        case tree.State():
            return body(f"state {text}").entries[0]
        case tree.Along():
            return body(f"descend {text}").pairs[0]
        case tree.Parameter():
            return parse(Source("part", f"layer f({text}) {{ x }}")).declarations[0].inputs[0]
        case tree.Field():
            layer = parse(Source("part", f"layer f(x : ({text})) {{ x }}")).declarations[0]
            return layer.inputs[0].type.fields[0]
        case _ if isinstance(node, EXPRESSIONS):
            return body(f"({text})").value
        case tree.File():
            return parse(Source("part", text))
        case _:
            return body(text)


@page
def test_spans_and_printed_text_parse_to_the_same_node(path: Path) -> None:
    for node in every_node(parse(read_source(path))):
        texts = {node.span.text}
        if isinstance(node, EXPRESSIONS + TYPES):
            texts.add(unparse(node))
        for text in texts:
            again = read_again(node, text)
            if isinstance(node, tree.Name) and isinstance(again, tree.Name):
                assert again.name.rstrip("'") == node.name.rstrip("'")  # an update's target
            else:
                assert again is not None and same_tree(again, node), text


@programs
def test_every_name_span_holds_the_name(path: Path) -> None:
    for node in every_node(parse(read_source(path))):
        if hasattr(node, "name_span"):
            assert node.name_span.text == node.name


@programs
def test_formatting_keeps_tree_and_comments_and_is_idempotent(path: Path) -> None:
    source = read_source(path)
    text = format_source(source)
    again = Source("formatted", text)
    assert same_tree(parse(again), parse(source))
    assert comments(text) == comments(source.text)
    assert format_source(again) == text
    assert not any(line.endswith(" ") for line in text.split("\n"))


def comments(text: str) -> list[str]:
    return [line[line.index("#") :].rstrip() for line in text.split("\n") if "#" in line]
