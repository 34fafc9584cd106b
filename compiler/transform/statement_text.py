"""Parts of statements: which values stand within others, names that are left, brackets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count

from gradc_compiler.graph.graph import Node
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.ops.random import Random
from gradc_compiler.ops.reduce import BatchMean
from gradc_compiler.ops.sequence import TimeSum
from gradc_compiler.transform.contraction_texts import contraction_text, takes_expression

MADE_UP = re.compile(r"c\d+")  # the names of values that their author called nothing


def within_brackets(text: str) -> str:
    """The text up to the bracket that closes one which stands before it."""
    depth = 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth < 0:
            return text[:place]
    return text


def in_turn(name: str) -> Iterator[str]:
    """A name, and others like it: `c12`, `c13`; `d_h`, `d_h_2`."""
    number = int(name[1:]) if MADE_UP.fullmatch(name) else 1
    yield name
    for later in count(number + 1):
        yield f"c{later}" if MADE_UP.fullmatch(name) else f"{name}_{later}"


def may_stand_inside(node: Node, reader: Node) -> bool:
    """Whether a value may be written within the arithmetic that reads it."""
    if isinstance(node.op, Contract):
        return isinstance(reader.op, BatchMean | TimeSum)
    plain = node.op.carried_by is None and bool(node.inputs) and not isinstance(node.op, Random)
    op = reader.op
    word = contraction_text(op, [node.type.shape]) if isinstance(op, Contract) else None
    around = word is not None and takes_expression(word)
    return plain and (around or isinstance(reader.op, Elementwise | BatchMean | TimeSum))


def signed(text: str) -> str:
    """A number as an operand."""
    return f"({text})" if text.startswith("-") else text
