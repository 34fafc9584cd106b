"""Golden texts of rewrites: a file with what a rewrite does in words, a graph before, and after.

    # Equal operators on equal operands become one node.
    before:
    %0 = ...
    after:
    %0 = ...

Graphs are in the compiler's own text form.  Under each contraction stands what it says, as an
equation, since its attributes are hard to read; a parser takes that for a comment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.graph_tools.graph_text import parse_graph, print_graph
from gradc_compiler.ops.contract import Contract, Map
from gradc_compiler.transform.unparse_expr import affine_text

FOLDER = Path(__file__).with_name("golden")
LETTERS = "ijklmnopqrstuv"


@dataclass(frozen=True)
class Golden:
    """A file: the sentences at its head, and the text of a graph before and after the rewrite."""

    head: str
    before: str
    after: str

    @staticmethod
    def read(path: Path) -> Golden:
        """The three parts of a file; raises `ValueError` where a part is missing."""
        head, rest = path.read_text().split("before:\n")
        before, after = rest.split("after:\n")
        return Golden(head, before, after)

    def write(self, path: Path) -> None:
        """The file, as `read` takes it apart."""
        path.write_text(f"{self.head}before:\n{self.before}after:\n{self.after}")

    @property
    def graph(self) -> Graph:
        """The graph before."""
        return parse_graph(self.before)


def explain(graph: Graph) -> str:
    """The text of a graph, with an equation under each contraction."""
    lines = print_graph(graph).splitlines()
    said = [(line, _equation(node)) for line, node in zip(lines, graph.nodes, strict=False)]
    body = [f"{line}\n{note}" if note else line for line, note in said]
    return "\n".join([*body, lines[-1]]) + "\n"


def _equation(node: Node) -> str:
    """`%2[i] += %0[i, j] * %1[j]`: what every iteration of a contraction's loops adds, and where.

    A mean over the examples is written `+= mean of`.
    """
    op = node.op
    if not isinstance(op, Contract):
        return ""
    factors = [_at(id, m) for id, m in zip(node.inputs, op.operands, strict=True)]
    limits = ", ".join(f"{LETTERS[j]} < {n}" for j, n in enumerate(op.extents))
    adds = f"+= {'mean of ' if op.mean else ''}{' * '.join(factors)}"
    return f"  # {_at(node.id, op.result)} {adds}" + (f"    for {limits}" if limits else "")


def _at(id: int, m: Map) -> str:
    letters: Sequence[str] = LETTERS
    return f"%{id}[{', '.join(affine_text(p, letters) for p in m)}]" if m else f"%{id}"
