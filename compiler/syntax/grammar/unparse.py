"""The tree back to text: what messages quote, and what the formatter lays out.

Every expression becomes a small document that knows its text on one line (`flat`) and where it may
be broken.  Parentheses are put back exactly where the grammar needs them.
"""

from __future__ import annotations

import re
from typing import assert_never

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.syntax.grammar import tree
from gradc_compiler.syntax.grammar.doc import Doc, DocGroup, DocWord, Spine, cat, group
from gradc_compiler.syntax.grammar.keywords import KEYWORDS

CHAIN, CHOICE, OR, AND, NOT, COMPARE, SUM, PRODUCT, MINUS, POWER, POSTFIX, ATOM = range(12)
LEVELS = {
    "or": OR,
    "and": AND,
    "<": COMPARE,
    "<=": COMPARE,
    ">": COMPARE,
    ">=": COMPARE,
    "==": COMPARE,
    "!=": COMPARE,
    "+": SUM,
    "-": SUM,
    "*": PRODUCT,
    "/": PRODUCT,
    "//": PRODUCT,
    "%": PRODUCT,
    "@": PRODUCT,
    "^": POWER,
}
PLAIN_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def unparse(node: tree.Expr | tree.TypeExpr) -> str:
    """An expression or a type on one line."""
    types = (tree.ScalarType, tree.NameType, tree.ClassType, tree.SeqType, tree.TupleType)
    return (type_doc(node) if isinstance(node, types) else expression(node)).flat


def expression(
    node: tree.Expr | tree.Slice | tree.Rest, level: int = CHAIN, *, tight: bool = False
) -> Doc:
    """The document of an expression, in parentheses if it binds looser than `level`."""
    own = _level(node)
    if own < level:
        return group("(", [expression(node, tight=tight)], ")", comma=False)
    match node:
        case tree.Unary(operator=operator, operand=operand):
            sign = "not " if operator == "not" else operator
            return cat(sign, expression(operand, own, tight=tight))
        case tree.Conditional(condition=condition, then=then, otherwise=otherwise):
            first, second = expression(then, OR), expression(condition, OR)
            return cat(first, " if ", second, " else ", expression(otherwise, CHOICE))
        case tree.TupleOf(items=members):
            return _tuple([expression(member) for member in members])
        case tree.Shape(sizes=sizes):
            return shape_doc(node) if sizes else DocWord("scalar")
        case tree.ContractExpr():
            return _contract(node)
        case tree.Binary() | tree.Pipe() | tree.Claim():
            return _spine(node, tight)
        case tree.Attribute() | tree.Call() | tree.Index() | tree.Slice():
            return _postfix(node)
        case _:
            return _atom(node)


def _tuple(items: list[Doc]) -> Doc:
    """Several values; one alone has a comma after it."""
    return cat("(", items[0], ",)") if len(items) == 1 else group("(", items, ")")


def _atom(node: tree.Number | tree.Text | tree.Dims | tree.Name | tree.Rest) -> Doc:
    """What is one word."""
    match node:
        case tree.Number(text=text):
            return DocWord(text)
        case tree.Text(value=value):
            return DocWord(f'"{value}"')
        case tree.Dims(sizes=sizes):
            return DocWord("x".join([str(size) for size in sizes]))
        case tree.Name(name=name):
            return DocWord(name)
        case tree.Rest(name=name):
            return DocWord(f"..{name}")
        case _:
            assert_never(node)


def _postfix(node: tree.Attribute | tree.Call | tree.Index | tree.Slice) -> Doc:
    """A part of something, or something applied; a range, which stands between brackets alone."""
    match node:
        case tree.Attribute(base=base, name=name):
            numeric = isinstance(base, tree.Number | tree.Dims)
            return cat(expression(base, ATOM + 1 if numeric else POSTFIX), f".{name}")
        case tree.Call(function=function, arguments=arguments):
            items = [argument_doc(argument) for argument in arguments]
            return cat(expression(function, POSTFIX), group("(", items, ")"))
        case tree.Index(base=base, indices=indices):
            items = [expression(index, CHOICE, tight=True) for index in indices]
            return cat(expression(base, POSTFIX), group("[", items, "]"))
        case tree.Slice(start=start, stop=stop):
            ends = [expression(end, CHOICE, tight=True) if end else "" for end in (start, stop)]
            return cat(ends[0], ":", ends[1])
        case _:
            assert_never(node)


def _level(node: tree.Expr | tree.Slice | tree.Rest) -> int:
    match node:
        case tree.Pipe() | tree.Claim():
            return CHAIN
        case tree.Conditional():
            return CHOICE
        case tree.Binary(operator=operator):
            return LEVELS[operator]
        case tree.Unary(operator=operator):
            return NOT if operator == "not" else MINUS
        case tree.Call() | tree.Index() | tree.Attribute():
            return POSTFIX
        case _:
            return ATOM


@dataclass(frozen=True, slots=True)
class Link:
    """A part of a chain, the sign before it, and whether a `|>` comes after it."""

    sign: str
    part: tree.Expr | tree.TypeExpr
    piped: bool

    def doc(self) -> Doc:
        """Its document: an operation before a `|>` stands in brackets."""
        if self.sign == " : ":
            return type_doc(self.part)  # type: ignore[arg-type]
        level = ATOM if self.piped and _is_operation(self.part) else CHOICE
        return expression(self.part, level)  # type: ignore[arg-type]


def _is_operation(part: tree.Expr | tree.TypeExpr) -> bool:
    """Whether an expression is an operation, perhaps with signs before it and no brackets."""
    level = CHAIN
    while isinstance(part, tree.Unary):
        level, part = NOT if part.operator == "not" else MINUS, part.operand
    own = LEVELS[part.operator] if isinstance(part, tree.Binary) else CHOICE
    return isinstance(part, tree.Binary | tree.Conditional) and own > level


def links(node: tree.Pipe | tree.Claim) -> list[Link]:
    """A chain from its first value on."""
    parts: list[Link] = []
    rest: tree.Expr = node
    piped = False
    while isinstance(rest, tree.Pipe | tree.Claim):
        if isinstance(rest, tree.Pipe):
            parts.append(Link(" |> ", rest.right, piped))
            rest, piped = rest.left, True
        else:
            parts.append(Link(" : ", rest.type, piped))
            rest = rest.value
    return [Link("", rest, piped), *reversed(parts)]


def _spine(node: tree.Binary | tree.Pipe | tree.Claim, tight: bool) -> Doc:
    """Operators of one level in a row; a comparison has one, a power is to the right."""
    if not isinstance(node, tree.Binary):
        items = [(link.sign, link.doc()) for link in links(node)]
    else:
        level = LEVELS[node.operator]
        left_level = {COMPARE: SUM, POWER: POSTFIX}.get(level, level)
        right_level = MINUS if level == POWER else level + 1
        items = []
        rest: tree.Expr = node
        while isinstance(rest, tree.Binary) and LEVELS[rest.operator] == level:
            sign = _spaced(rest.operator, tight)
            items.append((sign, expression(rest.right, right_level, tight=tight)))
            rest = rest.left
            if left_level != level:
                break
        items.append(("", expression(rest, left_level, tight=tight)))
        items.reverse()
    return Spine(tuple(items), "".join([sign + item.flat for sign, item in items]))


def _spaced(operator: str, tight: bool) -> str:
    if operator == "^" or (tight and operator in ("*", "/", "//", "%")):
        return operator
    return f" {operator} "


def _contract(node: tree.ContractExpr) -> Doc:
    factors = [expression(factor, POSTFIX) for factor in node.factors]
    items = [(" * " if at else "", factor) for at, factor in enumerate(factors)]
    product = Spine(tuple(items), " * ".join([factor.flat for factor in factors]))
    axes = ", ".join([expression(axis, CHOICE, tight=True).flat for axis in node.axes])
    opening = f"contract({axes} :" if axes else "contract(:"
    return DocGroup(opening, (product,), ")", False, f"{opening} {product.flat})")


def argument_doc(argument: tree.Argument) -> Doc:
    """`name = value` or a value."""
    value = expression(argument.value)
    return value if argument.name is None else cat(f"{argument.name} = ", value)


def reported_doc(argument: tree.Argument) -> Doc:
    """What is reported: `name = value`, `"any name" = value` or a value."""
    value = expression(argument.value)
    return value if argument.name is None else cat(f"{name_text(argument.name)} = ", value)


def name_text(name: str) -> str:
    """The name of a report: quoted, where it is not a name of the language."""
    return name if PLAIN_NAME.fullmatch(name) and name not in KEYWORDS else f'"{name}"'


def shape_doc(node: tree.Shape) -> Doc:
    """`[28, 28, 1]`."""
    return group("[", [expression(size, CHOICE, tight=True) for size in node.sizes], "]")


def type_doc(node: tree.TypeExpr) -> Doc:
    """The document of a type."""
    match node:
        case tree.ScalarType():
            return DocWord("scalar")
        case tree.NameType(name=name):
            return DocWord(name)
        case tree.ClassType(count=count):
            return cat("class(", expression(count, CHOICE), ")")
        case tree.SeqType(length=length, element=element):
            times = cat("(", expression(length, CHOICE), ")") if length else ""
            return cat("seq", times, " ", type_doc(element))
        case tree.TupleType(fields=fields):
            return group("(", [_field_doc(field) for field in fields], ")")
        case tree.Shape():
            return shape_doc(node)
        case _:
            assert_never(node)


def _field_doc(node: tree.Field) -> Doc:
    return type_doc(node.type) if node.name is None else cat(f"{node.name} : ", type_doc(node.type))
