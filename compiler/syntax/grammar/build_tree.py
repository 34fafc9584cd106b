"""What each rule of the grammar builds: one row a rule, from its span and its parts to a node.

The LALR engine calls a row when it reduces the rule, bottom up, so no depth of nesting makes this
recurse.  Every terminal is kept, so the first and the last part give the span exactly.
Parentheses leave no node, but `(a + b) * c` begins at the parenthesis: `Grouped` carries the outer
span to the rule around it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any, cast

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.syntax.grammar import tree
from gradc_compiler.syntax.grammar.byte_sizes import bytes_in


@dataclass(slots=True)
class Lexeme:
    """One token: its terminal in the grammar, its text, its place."""

    type: str
    text: str
    span: Span


@dataclass(slots=True)
class Grouped:
    """An expression with the span of the parentheses around it."""

    node: tree.Tree
    span: Span


@dataclass(slots=True)
class ParameterList:
    """A parenthesised list of a signature."""

    span: Span
    items: tuple[Any, ...]


@dataclass(slots=True)
class Block:
    """The statements between braces."""

    span: Span
    items: tuple[Any, ...]


Part = Any  # a Lexeme, a tree node, or a tuple of nodes
Row = Callable[[Span, list[Part]], Any]


def cover(first: Span, last: Span) -> Span:
    """From the start of one span to the end of another."""
    return Span(source=first.source, start=first.start, end=last.end)


def nodes(parts: Iterable[Part]) -> tuple[Any, ...]:
    """The parts that are not tokens."""
    return tuple(part for part in parts if not isinstance(part, Lexeme))


def words(parts: Iterable[Part], kind: str = "NAME") -> list[Lexeme]:
    """The tokens of one kind."""
    return [part for part in parts if isinstance(part, Lexeme) and part.type == kind]


def follows(parts: list[Part], *marks: str) -> Part | None:
    """The part right after one of these tokens, if the token is there."""
    for at, part in enumerate(parts):
        if isinstance(part, Lexeme) and part.text in marks:
            return parts[at + 1]
    return None


def name_node(word: Lexeme) -> tree.Name:
    """A name where it stands."""
    return tree.Name(span=word.span, name=word.text)


def number(span: Span, parts: list[Part]) -> tree.Number:
    """`10_000` is an int, `1e-3` a float, `500MB` so many bytes."""
    text = parts[0].text
    size = bytes_in(text) if text[-1] in "bB" else None
    if size is not None:
        return tree.Number(span=span, value=size, text=text)
    value = float(text) if any(mark in text for mark in ".eE") else int(text)
    return tree.Number(span=span, value=value, text=text)


def definition(span: Span, parts: list[Part]) -> tree.Definition:
    """The first of two lists holds the settings; an initializer has nothing else."""
    lists = [part.items for part in parts if isinstance(part, ParameterList)]
    settings = lists[0] if len(lists) == 2 or (lists and parts[0].text == "initializer") else ()
    inputs = lists[-1] if len(lists) == 2 or (lists and parts[0].text != "initializer") else ()
    return tree.Definition(
        span=span,
        kind=parts[0].text,
        name=parts[1].text,
        name_span=parts[1].span,
        settings=settings,
        inputs=inputs,
        result=follows(parts, "->"),
        body=parts[-1].items,
    )


def param(span: Span, parts: list[Part]) -> tree.Param:
    """`param W : [m] ~ f`, `param b = 0`."""
    return tree.Param(
        span=span,
        name=parts[1].text,
        name_span=parts[1].span,
        type=follows(parts, ":"),
        drawn=parts[-2].text == "~",
        initial=parts[-1],
    )


def slice_(span: Span, parts: list[Part]) -> tree.Slice:
    """`a:b`, `:b`, `a:`, `:`."""
    ends = [None if isinstance(part, Lexeme) else part for part in (parts[0], parts[-1])]
    return tree.Slice(span=span, start=ends[0], stop=ends[1])


def contract(span: Span, parts: list[Part]) -> tree.ContractExpr:
    """The product after the colon is a flat tuple of indexed factors."""
    factors: list[Any] = []
    rest = parts[-2]
    while isinstance(rest, tree.Binary) and rest.operator == "*":
        factors.append(rest.right)
        rest = rest.left
    factors.append(rest)
    return tree.ContractExpr(span=span, axes=nodes(parts[:-2]), factors=tuple(reversed(factors)))


def update(span: Span, parts: list[Part]) -> tree.Update:
    """The target loses its prime: it names a state, of this body or by its path."""
    *path, primed, _, value = parts
    place = cover(path[0].span, primed.span) if path else primed.span
    name = "".join(place.text.split()).rstrip("'")
    return tree.Update(span=span, target=tree.Name(span=place, name=name), value=value)


DECLARATIONS: dict[str, Row] = {
    "file": lambda s, c: tree.File(span=s, declarations=nodes(c)),
    "definition": definition,
    "derivative": lambda s, c: tree.Derivative(
        span=s,
        name=c[1].text,
        name_span=c[1].span,
        inputs=c[2].items,
        tangents=c[3].items,
        reason=c[5].text[1:-1] if len(c) > 5 else None,
        body=c[-1].items,
    ),
    "import": lambda s, c: tree.Import(span=s, path=c[1].text[1:-1], names=None),
    "import_names": lambda s, c: tree.Import(
        span=s, path=c[-1].text[1:-1], names=tuple(map(name_node, words(c)))
    ),
    "data": lambda s, c: tree.Data(
        span=s, name=c[1].text, name_span=c[1].span, fields=c[2].items, source=c[-1]
    ),
    "train": lambda s, c: tree.Train(span=s, data=name_node(c[2]), body=c[3].items),
    "let": lambda s, c: tree.Let(span=s, name=c[1].text, name_span=c[1].span, value=c[-1]),
    "parameters": lambda s, c: ParameterList(s, nodes(c)),
    "parameter": lambda s, c: tree.Parameter(
        span=s, name=c[0].text, name_span=c[0].span, type=follows(c, ":"), default=follows(c, "=")
    ),
    "block": lambda s, c: Block(s, nodes(c)),
    "broken": lambda s, c: Lexeme("ERROR", "", s),
}
STATEMENTS: dict[str, Row] = {
    "assign": lambda s, c: tree.Assign(span=s, targets=nodes(c[:-1]), value=c[-1]),
    "target": lambda s, c: name_node(c[0]),
    "update": update,
    "result": lambda s, c: tree.ResultStmt(span=s, value=c[0]),
    "param": param,
    "dotted": lambda s, c: Lexeme("NAME", "".join(word.text for word in c), s),
    "noise": lambda s, c: tree.Noise(
        span=s, name=c[1].text, name_span=c[1].span, type=c[3], distribution=c[5]
    ),
    "states": lambda s, c: tree.States(span=s, entries=nodes(c)),
    "state": lambda s, c: tree.State(
        span=s, name=c[0].text, name_span=c[0].span, type=follows(c, ":"), initial=c[-1]
    ),
    "minimize": lambda s, c: tree.Minimize(span=s, value=c[1]),
    "over": lambda s, c: tree.Over(span=s, targets=nodes(c)),
    "using": lambda s, c: tree.Using(span=s, items=nodes(c)),
    "setting": lambda s, c: tree.Setting(span=s, name=c[0].text, value=c[1]),
    "report": lambda s, c: tree.Report(span=s, items=nodes(c)),
    "descend": lambda s, c: tree.Descend(span=s, pairs=nodes(c)),
    "along": lambda s, c: tree.Along(span=s, parameter=c[0], direction=c[2]),
    "step": lambda s, c: tree.Step(span=s, name=c[1].text, name_span=c[1].span, body=c[2].items),
}
EXPRESSIONS: dict[str, Row] = {
    "pipe": lambda s, c: tree.Pipe(span=s, left=c[0], right=c[2]),
    "claim": lambda s, c: tree.Claim(span=s, value=c[0], type=c[2]),
    "conditional": lambda s, c: tree.Conditional(span=s, condition=c[2], then=c[0], otherwise=c[4]),
    "binary": lambda s, c: tree.Binary(span=s, operator=c[1].text, left=c[0], right=c[2]),
    "unary": lambda s, c: tree.Unary(span=s, operator=c[0].text, operand=c[1]),
    "call": lambda s, c: tree.Call(span=s, function=c[0], arguments=nodes(c[1:])),
    "indexed": lambda s, c: tree.Index(span=s, base=c[0], indices=nodes(c[1:])),
    "attribute": lambda s, c: tree.Attribute(span=s, base=c[0], name=c[2].text),
    "argument": lambda s, c: tree.Argument(span=s, name=None, value=c[0]),
    "keyword_argument": lambda s, c: tree.Argument(span=s, name=c[0].text.strip('"'), value=c[2]),
    "slice": slice_,
    "number": number,
    "text": lambda s, c: tree.Text(span=s, value=c[0].text[1:-1]),
    "dims": lambda s, c: tree.Dims(span=s, sizes=tuple(map(int, c[0].text.split("x")))),
    "name": lambda s, c: name_node(c[0]),
    "no_sizes": lambda s, c: tree.Shape(span=s, sizes=()),
    "group": lambda s, c: Grouped(c[1], s),
    "tuple": lambda s, c: tree.TupleOf(span=s, items=nodes(c)),
    "shape": lambda s, c: tree.Shape(span=s, sizes=nodes(c)),
    "rest": lambda s, c: tree.Rest(span=s, name=c[1].text),
    "contract": contract,
}
TYPES: dict[str, Row] = {
    "scalar_type": lambda s, c: tree.ScalarType(span=s),
    "name_type": lambda s, c: tree.NameType(span=s, name=c[0].text),
    "class_type": lambda s, c: tree.ClassType(span=s, count=c[2]),
    "seq_type": lambda s, c: tree.SeqType(
        span=s, length=c[2] if len(c) > 2 else None, element=c[-1]
    ),
    "tuple_type": lambda s, c: tree.TupleType(span=s, fields=nodes(c)),
    "field": lambda s, c: tree.Field(span=s, name=c[0].text if len(c) > 1 else None, type=c[-1]),
}


def _ungroup(part: Part) -> Part:
    return part.node if type(part) is Grouped else part


def _reduction(row: Row) -> Callable[[list[Part]], Any]:
    def reduce(parts: list[Part]) -> Any:
        span = cover(parts[0].span, parts[-1].span) if parts else None
        return row(cast(Span, span), [_ungroup(part) for part in parts])

    return reduce


REDUCTIONS = SimpleNamespace(
    **{
        rule: _reduction(row)
        for rows in (DECLARATIONS, STATEMENTS, EXPRESSIONS, TYPES)
        for rule, row in rows.items()
    }
)
