"""The derived program is a program: a joint graph printed as a `.nn` file.

What differentiation made is written in the language itself, one statement a node, with the rule and
the line each came from beside it.  The file parses, type-checks, compiles and trains like one written
by hand: a student can save a gradient, edit it, run it, and see what breaks.

The parameters keep their names inside one model; `descend` takes the gradients the model returns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from compiler.graph.graph import Graph, Node
from compiler.graph.types import Kind, TensorType
from compiler.ops.contract import Affine, Contract
from compiler.ops.elementwise import Elementwise
from compiler.ops.index import Scatter
from compiler.ops.leaf import Constant, Input, Iota, Literal, Persistent
from compiler.ops.random import Random
from compiler.ops.reduce import Max
from compiler.ops.shape import Concat, Reshape

INFIX = {
    "add": "{} + {}", "sub": "{} - {}", "mul": "{} * {}", "div": "{} / {}", "pow": "{} ^ {}",
    "neg": "-{}", "copy": "{}",
    "gt": "{} > {}", "ge": "{} >= {}", "lt": "{} < {}", "le": "{} <= {}", "eq": "{} == {}", "ne": "{} != {}",
}
LETTERS = "ijklmnopqrstuvwxyz"


def type_text(type: TensorType) -> str:
    """A type as the language writes it."""
    if type.kind is Kind.INDEX:
        return f"class({type.classes})"
    return f"[{', '.join(map(str, type.shape))}]" if type.shape else "scalar"


def affine_text(position: Affine, letters: Mapping[int, str]) -> str:
    """`2*i + k - 1`."""
    parts = []
    for loop, c in position.terms:
        parts.append(letters[loop] if c == 1 else f"-{letters[loop]}" if c == -1 else f"{c}*{letters[loop]}")
    if position.offset or not parts:
        parts.append(str(position.offset))
    return " + ".join(parts).replace("+ -", "- ")


def contract_text(op: Contract, names: Sequence[str], shapes: Sequence[tuple[int, ...]]) -> str:
    """`contract(i < 4 : a[i, j] * b[j])`.

    An index that reads only the head of an axis is written `i + 0`, as alone it would claim all of it.
    """
    letters = {loop: LETTERS[loop] if loop < len(LETTERS) else f"i{loop}" for loop in range(len(op.extents))}
    axes = [
        f"{affine_text(p, letters)} < {n}" for p, n in zip(op.result, op.shape, strict=True)
    ]
    factors = []
    for name, m, shape in zip(names, op.operands, shapes, strict=True):
        places = [
            affine_text(p, letters) + (" + 0" if p.plain is not None and op.extents[p.plain] != n else "")
            for p, n in zip(m, shape, strict=True)
        ]
        factors.append(f"{name}[{', '.join(places)}]" if m else f"reshape({name}, [1])[0]")
    return f"contract({', '.join(axes)} : {' * '.join(factors)})"


def expression(node: Node, names: Sequence[str], shapes: Sequence[tuple[int, ...]] = ()) -> str:
    """The right-hand side for one node, its operands given by name and shape."""
    match node.op:
        case Constant(value=value, shape=shape):
            return number(value) if not shape else f"full({list(shape)}, {number(value)})"
        case Literal(values=values, shape=shape):
            return f"tensor({list(shape)}, {', '.join(map(number, values))})"
        case Iota(size=size):
            return f"iota({size})"
        case Elementwise(name=name):
            if name in INFIX:
                return INFIX[name].format(*names)
            return f"{name}({', '.join(names)})"
        case Contract() as op:
            return contract_text(op, names, shapes)
        case Reshape(shape=shape):
            return f"reshape({names[0]}, {list(shape)})"
        case Max(axes=axes):
            return f"max({names[0]}, axis = {axes[0] if len(axes) == 1 else axes})"
        case Concat(axis=axis):
            return f"concat({', '.join(names)}, axis = {axis})"
        case Scatter(rows=rows):
            return f"scatter({names[0]}, {names[1]}, {rows})"
        case op:
            return f"{op.name}({', '.join(names)})"


def number(value: float) -> str:
    """A number that reads back to the same bits."""
    whole = value.is_integer() and abs(value) < 1e15
    return str(int(value)) if whole else repr(value)


class ModelPrinter:
    """Prints one graph as one model."""

    def __init__(self, graph: Graph, name: str, initial: Mapping[str, str], prefix: str) -> None:
        self.graph, self.name, self.initial, self.prefix = graph, name, initial, prefix
        self.names: dict[int, str] = {}
        self.tags = {node.tag: node.id for node in graph.nodes}

    def text(self, results: Mapping[str, tuple[int, str]]) -> str:
        """The model; `results` are (node, comment) by name."""
        inputs = [n for n in self.graph.nodes if isinstance(n.op, Input)]
        signature = ", ".join(f"{n.op.key} : {type_text(n.type)}" for n in inputs)  # type: ignore[attr-defined]
        outputs = ", ".join(f"{k} : {type_text(self.graph[i].type)}" for k, (i, _) in results.items())
        lines = [line for node in self.graph.nodes if (line := self._statement(node))]
        given = ", ".join(self.names[i] for i, _ in results.values())
        comments = [f"    # {k} is {why}" for k, (_, why) in results.items() if why]
        body = "\n".join([*lines, *comments, f"    ({given})" if len(results) > 1 else f"    {given}"])
        return f"model {self.name}({signature}) -> ({outputs}) {{\n{body}\n}}\n"

    def _statement(self, node: Node) -> str:
        names = [self.names[i] for i in node.inputs]
        self.names[node.id] = f"v{node.id}"
        match node.op:
            case Input(key=key):
                self.names[node.id] = key
                return ""
            case Persistent(key=key, index=False):
                self.names[node.id] = local = key.removeprefix(self.prefix)
                return f"    param {local} : {type_text(node.type)} {self.initial.get(key, '= 0')}"
            case Persistent():
                return ""
            case Constant(shape=()):
                self.names[node.id] = expression(node, names) if node.op.value >= 0 else f"({expression(node, names)})"
                return ""
            case Random(node=key, normal=normal):
                kind = "normal(0, 1" if normal else "uniform(0, 1"
                return f"    noise v{node.id} : {type_text(node.type)} ~ {kind}, key = {key})"
        shapes = [self.graph[i].type.shape for i in node.inputs]
        line = f"    v{node.id} = {expression(node, names, shapes)}"
        return f"{line:<70}  # {story(node, self.tags)}".rstrip(" #")


def story(node: Node, tags: Mapping[int, int]) -> str:
    """Where a node came from: its line, and the rule that made it; `tags` gives nodes their numbers."""
    parts = [node.name or "", str(node.span) if node.span else ""]
    if node.origin is not None:
        met = tags.get(-1 if node.origin.node is None else node.origin.node)
        parts.append(node.origin.rule + ("" if met is None else f" at v{met}"))
    return "  ".join(p for p in parts if p).replace("\n", " ")




@dataclass(frozen=True, slots=True, kw_only=True)
class StepText:
    """One training step: its gradient graph, and the clauses that stay as the author wrote them."""

    name: str
    graph: Graph  # outputs "loss" and "gradient/<parameter>"
    using: str
    fields: tuple[str, ...]  # the data's fields, in order


def print_step(step: StepText, initial: Mapping[str, str], data: str, data_name: str) -> str:
    """A whole file for one step: a model that returns the loss and the gradients, and a `train` that
    descends along them.

    `initial` gives each parameter's first value as text (`~ glorot_uniform`); `data` is the
    declaration as the author wrote it.
    """
    graph = step.graph
    keys = [n.op.key for n in graph.nodes if isinstance(n.op, Persistent) and not n.op.index]
    heads = {key.split(".")[0] for key in keys}
    model = heads.pop() if len(heads) == 1 else "joint"
    prefix = f"{model}." if model != "joint" else ""
    gradients = [k for k in graph.outputs if k.startswith("gradient/")]
    results = {"loss": (graph.outputs["loss"], "")}
    for k, key in enumerate(gradients):
        results[f"g{k}"] = (graph.outputs[key], f"dloss/d({key.removeprefix('gradient/')})")
    printer = ModelPrinter(graph, model, initial, prefix)
    text = printer.text(results)
    given = ", ".join(n.op.key for n in graph.nodes if isinstance(n.op, Input))
    pairs = ",\n        ".join(
        f"{model}.{key.removeprefix('gradient/').removeprefix(prefix)} along g{k}"
        for k, key in enumerate(gradients)
    )
    train = (
        f"train on {data_name} {{\n    {', '.join(results)} = {model}({given})\n"
        f"    descend {pairs}\n    {step.using}\n    report loss = loss\n}}\n"
    )
    head = "# The loss and its gradient as one program: edit it, and run it like any other.\n"
    return "\n".join([head, text, data + "\n", train])
