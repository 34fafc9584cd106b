"""What `gradc explain softmax` says: the page on a name of the prelude or of the language.

A definition of the prelude is shown with the comment above it, which has its formula and where it
comes from, its text, and, where there is one in closed form, its derivative; an operator with the
rule of `specs/operators.md` and its definition, a row or plain loops
(`compiler/ops/operator_definitions.py`).  Whatever has a kink says what its derivative is taken to
be there.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

from gradc_compiler.elaborate.expressions.builtins import BUILTINS
from gradc_compiler.elaborate.names.library import prelude
from gradc_compiler.elaborate.names.values import Builtin
from gradc_compiler.graph.op import Op
from gradc_compiler.graph.op_registry import OPS
from gradc_compiler.ops import elementwise
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.ops.operator_definitions import source_of, text_of
from gradc_compiler.ops.rule_texts import cotangents, on_paper
from gradc_compiler.syntax.grammar.check_tree import children
from gradc_compiler.syntax.grammar.tree import Binary, Definition, Name, Tree
from gradc_runtime.cli.actions.function_pages import (
    DRAWN,
    DRAWS,
    EQUAL,
    FUNCTIONS,
    LOOPS,
    UNTOUCHED,
)

CLOSED = {  # y is the result and g the cotangent that reaches it, in the words of the language
    "relu": "x gets where(x > 0, g, 0)",
    "leaky_relu": "x gets where(x > 0, g, slope * g)",
    "softplus": "x gets g * sigmoid(x)",
    "swish": "x gets g * (y + sigmoid(x) * (1 - y))",
    "silu": "x gets g * (y + sigmoid(x) * (1 - y))",
    "elu": "x gets where(x > 0, g, g * (y + alpha))",
    "softsign": "x gets g / (1 + abs(x))^2",
    "softmax": "x gets y * (g - sum(g * y))",
    "log_softmax": "x gets g - softmax(x) * sum(g)",
    "logsumexp": "x gets g * softmax(x)",
    "squared_error": "prediction gets g * 2 * (prediction - target)",
    "cross_entropy": "logits gets g * (softmax(logits) - one_hot(label, classes(label)))",
    "bce_logits": "logit gets g * (sigmoid(logit) - target)",
    "flatten": "x gets g in the shape of x",
    "as": "x gets g in the shape of x",
    "dense": "W gets outer(g, x), b gets g, x gets transpose(W) @ g",
}
BY_PARTS = "follows from those of its operators, by the chain rule"
OPERATORS = {"+": "add", "-": "sub", "*": "mul", "/": "div", "^": "pow", "//": "quotient"}
OF_THE_LANGUAGE = {"last": "end", "first": "end", "time_sum": "total", "min": "max"}


def page_on(name: str) -> dict[str, Any] | None:
    """The parts of the page on a name, in order; None for a name that is nobody's."""
    if name in prelude().places:
        return _of_definition(name)
    if name in BUILTINS:
        return _of_builtin(BUILTINS[name])
    return _of_operator(OPS[name]) if name in OPS else None


def names() -> set[str]:
    """Every name that has a page."""
    return {*prelude().places, *BUILTINS, *OPS}


def _of_definition(name: str) -> dict[str, Any]:
    found = prelude().find(name)
    assert found is not None, "the prelude has it"
    definition = found.definition
    source = definition.span.source
    page = {
        "name": name,
        "what": f"{'an' if definition.kind[0] in 'aeio' else 'a'} {definition.kind} of the prelude",
        "formula": _comment_above(definition),
        "derivative": CLOSED.get(name) or UNTOUCHED.get(definition.kind) or BY_PARTS,
        "kinks": [] if definition.kind in UNTOUCHED else _kinks_of(definition),
        "definition": definition.span.text,
        "source": f"compiler/{source.name}:{definition.span.line}",
    }
    return page


def _comment_above(definition: Definition) -> str:
    """What is said right above a definition; of some in a row, above the first."""
    source, start = prelude().places[definition.name]
    lines = source.text[:start].split("\n")[:-1]
    while lines and not lines[-1].startswith("#") and lines[-1].strip():
        lines.pop()
    said: list[str] = []
    while lines and lines[-1].startswith("#"):
        said.insert(0, lines.pop().lstrip("# "))
    return " ".join(said)


def _kinks_of(definition: Definition) -> list[str]:
    """What is said of each operator with a kink that a definition leads to."""
    found: dict[str, str] = {}
    for name in _operators_of(definition, set()):
        op = OPS.get(OF_THE_LANGUAGE.get(name, name))
        if op is not None and op.kink:
            found.setdefault(op.name, f"{op.name}: {op.kink}")
    return list(found.values())


def _operators_of(definition: Definition, seen: set[str]) -> Iterator[str]:
    """The names of the language in a definition, and in those of the prelude that it uses."""
    pending: list[Tree] = [*definition.body]
    for part in pending:
        if isinstance(part, Binary):
            yield OPERATORS.get(part.operator, "")
        if isinstance(part, Name) and part.name not in seen:
            seen.add(part.name)
            other = prelude().find(part.name)
            yield part.name
            if other is not None and "stop_gradient" not in other.definition.span.text:
                yield from _operators_of(other.definition, seen)
        pending += children(part)


def _of_builtin(function: Builtin) -> dict[str, Any]:
    op = OPS.get(OF_THE_LANGUAGE.get(function.name, function.name))
    page = _of_operator(op) if op is not None else {}
    takes = ", ".join([*function.parameters, *["..."] * function.variadic])
    if function.name in FUNCTIONS:
        formula, derivative = FUNCTIONS[function.name]
        code = inspect.unwrap(function.rule).__code__
        kinks = ["ceil: 0 everywhere"] if function.name == "ceil" else page.get("kinks", [])
        page = {"formula": formula, "derivative": derivative, "kinks": kinks}
        page["definition"] = _equal(function.name)
        page["source"] = f"{_file_of(function.rule.__module__)}:{code.co_firstlineno}"
    what = f"a function of the language: {function.name}({takes})"
    return page | {"name": function.name, "what": what}


def _equal(name: str) -> str:
    """The definition of a function that is no operator of its own."""
    if name in DRAWS:
        return text_of(DRAWS[name])
    if name in LOOPS:
        return source_of(name, LOOPS[name])
    given, call, same, _ = EQUAL[name]
    return f"{call}  is  {same},  for x : {given}"


def _of_operator(op: type[Op]) -> dict[str, Any]:
    page: dict[str, Any] = {"name": op.name, "what": "an operator"}
    if issubclass(op, Elementwise):
        page["formula"] = f"y = {on_paper(op)}"
        rules = zip(op.parameters, cotangents(op), strict=True)
        page["derivative"] = ", ".join(f"{x} gets {rule or 'nothing'}" for x, rule in rules)
        page["definition"], page["source"] = _row_of(op.name)
    else:
        page["formula"] = " ".join((inspect.getdoc(op) or "").split("\n\n")[0].split())
        reads = len(inspect.signature(op.infer).parameters) > 1
        page["derivative"] = op.sends or ("none" if reads else DRAWN)
        page["definition"] = text_of(op.name)
        page["source"] = f"{_file_of(op.__module__)}:{inspect.getsourcelines(op)[1]}"
    page["kinks"] = [f"{op.name}: {op.kink}"] if op.kink else []
    return page


def _file_of(module: str) -> str:
    return module.replace("gradc_compiler", "compiler").replace(".", "/") + ".py"


def _row_of(name: str) -> tuple[str, str]:
    """The row of an elementwise operator, and where it stands."""
    text = inspect.getsource(elementwise)
    found = re.search(rf'^\w+ = \w+\(\s*"{name}"', text, re.MULTILINE)
    assert found is not None, f"{name} has a row"
    row = re.split(r"\n(?=\S)(?!\))", text[found.start() :], maxsplit=1)[0].rstrip()
    line = text.count("\n", 0, found.start()) + 1
    return row, f"{_file_of(elementwise.__name__)}:{line}"


HEADS = {"formula": "", "derivative": "Derivative", "kinks": "Where it has a kink",
         "definition": "Definition", "source": "Source"}  # fmt: skip


def written(page: dict[str, Any]) -> str:
    """The page for people."""
    parts = [f"{page['name']}: {page['what']}"]
    for name, head in HEADS.items():
        said = page.get(name)
        if said:
            text = "\n".join(said) if isinstance(said, list) else str(said)
            indented = "\n".join(f"    {line}".rstrip() for line in text.strip("\n").split("\n"))
            parts.append(f"{head}:\n\n{indented}" if head else text)
    if not page["derivative"].startswith("none"):
        parts.append("y is the result, g the cotangent that reaches it: dloss/dy.")
    return "\n\n".join(parts) + "\n"
