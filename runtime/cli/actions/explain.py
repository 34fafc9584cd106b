"""What `gradc explain` does: the page on an error code or on the optimisations, or a model at work
on one example.

For a model, the graph of the loss of ONE example is taken from the training step, differentiated
with respect to each of its nodes at once, and evaluated by the reference; every node then has a
value and, beside it, its adjoint: how fast the loss moves with it.  `value_labels` says what nodes
are called.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from math import log2
from pathlib import Path
from typing import Any

from gradc_compiler.error_index import CODES
from gradc_compiler.error_index import explain as page_of
from gradc_compiler.graph.named_values import values_by_name
from gradc_compiler.graph.types import TensorType
from gradc_compiler.ops.bfloat16 import EPSILONS
from gradc_compiler.ops.index_limits import limits_of
from gradc_compiler.ops.leaf import Input
from gradc_compiler.pipeline import Compilation
from gradc_compiler.study import numbers
from gradc_compiler.transform.round_operands import ROUNDINGS, products
from gradc_runtime.cli.actions.adjoints import (
    AdjointRow,
    LossNode,
    forward_loss,
    rows_of,
    training_loss,
)
from gradc_runtime.cli.actions.name_pages import names, page_on, written
from gradc_runtime.cli.actions.optimisations import explain_optimisations
from gradc_runtime.cli.actions.output import console, counted, say, table, tell, write_json
from gradc_runtime.cli.actions.read_inputs import read_inputs
from gradc_runtime.cli.actions.request import Request
from gradc_runtime.cli.actions.with_weights import session_with_weights
from gradc_runtime.cli.declare import SpecPath
from gradc_runtime.cli.faults import Refused
from gradc_runtime.data.arrays.checked import Batches, check_inputs
from gradc_runtime.session.index_reach import too_long
from gradc_runtime.session.session import Session
from gradc_runtime.session.state import suggestion
from gradc_runtime.system.errors import SessionError

MOST_TOGETHER = 8  # numbers of a gradient that are printed in one line


def one_example(loss: LossNode, texts: Mapping[str, str], session: Session) -> Batches:
    """The inputs of the one example that is explained.

    Raises `Refused` for more than one, `SessionError` for a sequence that is too long.
    """
    types, limits = input_types(loss), limits_of(loss.graph)
    given = read_inputs(texts, types, seed=session.seed, limits=limits)
    batches = check_inputs(given, types, "float64")
    if any(len(batch) != 1 for batch in batches.values()):
        raise Refused("explain shows one example; give one")
    if (beyond := too_long(limits, batches)) is not None:
        raise SessionError(beyond[1])
    return batches


def explain(what: str, inputs: Mapping[str, str], given: Mapping[str, Any]) -> int:
    """A code's page, or a table of nodes.

    Raises `Refused` for more than one example, `SessionError` for a sequence that is too long.
    """
    if what == "optimisations":
        return explain_optimisations(as_json=given["as_json"])
    if not inputs and not Path(what).exists() and "." not in what and "/" not in what:
        return explain_code(what, as_json=given["as_json"])
    spec = SpecPath().convert(what, None, None)
    made, session, _ = session_with_weights(Request.of(spec, given), given, dtype="float64")
    loss = chosen(made, given)
    batches = one_example(loss, inputs, session)
    rows = rows_of(loss, values_by_name(session.memory.views, batches))
    if given["as_json"]:
        write_json({"loss": loss.name, "nodes": [data_of(row) for row in rows]})
        return 0
    show(rows, loss)
    if made.program.precision in ROUNDINGS:
        say(rounded_in(loss, made.program.precision))
    return 0


def rounded_in(loss: LossNode, precision: str) -> str:
    """What a precision does to a loss, and how far a rounding may be off."""
    graph, used = loss.graph, loss.graph.reachable([loss.id])
    roundings = sum(graph[id].op.name == ROUNDINGS[precision] for id in used)
    inside = [node for node in products(graph) if node.id in used]
    return (
        f"{precision}: the operands of {counted(len(inside), 'product')} are rounded to"
        f" {ROUNDINGS[precision]} ({counted(roundings, 'tensor')},"
        f" by 2^{int(log2(EPSILONS[precision]))} of a number at most); all else is not"
    )


def explain_code(code: str, *, as_json: bool) -> int:
    """The page on a code, or on a name of the language.

    Raises `Refused` for a code that does not exist.
    """
    page = page_of(code)
    named = page_on(code) if page is None else None
    if named is not None:
        write_json(named) if as_json else tell(written(named))
        return 0
    if page is None:
        near = get_close_matches(code.upper(), CODES, n=1, cutoff=0.7)
        hint = f"; did you mean {near[0]}?" if near else ": codes look like E0301, specs end in .nn"
        near = get_close_matches(code, names(), n=1, cutoff=0.7)
        hint = hint if not near else f"; did you mean {near[0]}?"
        raise Refused(f"there is no code, operator or definition {code}{hint}")
    if as_json:
        entry = CODES[code.upper()]
        parts = {name: getattr(entry, name) for name in ("title", "text", "wrong", "right")}
        write_json({"code": code.upper(), **parts})
    else:
        tell(page)
    return 0


def chosen(made: Compilation, given: Mapping[str, Any]) -> LossNode:
    """The loss of the train block, or a model's result.

    Raises `Refused` for a name that is no model or step, or where there is no train block.
    """
    module, model = made.module, given["model"]
    if model is None and module.train is None and len(module.models) == 1:
        model = next(iter(module.models))
    if model is not None:
        if model not in module.models:
            known = dict.fromkeys(module.models)
            raise Refused(f"no model is called {model}{suggestion(model, known)}")
        return forward_loss(made, model)
    if module.train is None:
        raise Refused(f"there is no train block: add --model, one of {', '.join(module.models)}")
    steps = {step.name: step for step in module.train.steps}
    name = given["step"] or next(iter(steps))
    if name not in steps:
        raise Refused(f"no step is called {name}{suggestion(name, steps)}")
    return training_loss(made, name)


def input_types(loss: LossNode) -> dict[str, TensorType]:
    """The inputs that the loss needs."""
    nodes = (loss.graph[id] for id in sorted(loss.graph.reachable([loss.id])))
    return {node.op.key: node.type for node in nodes if isinstance(node.op, Input)}


def show(rows: Sequence[AdjointRow], loss: LossNode) -> None:
    """The table, and the gradient if it is short."""
    differentiable = any(row.adjoint is not None for row in rows)
    columns = ["name", "value", f"d{loss.name}/d(it)", "type", "computed as", "line"]
    if not differentiable:
        say("note: the result is not one number, so there are no adjoints beside the values")
        del columns[2]
    lines = [line_of(row, with_adjoint=differentiable) for row in rows]
    console().print(table(columns, lines, right=f"value d{loss.name}/d(it) line"))
    moved = [(row.name, row.adjoint) for row in rows if row.parameter and row.adjoint is not None]
    if moved and sum(adjoint.size for _, adjoint in moved) <= MOST_TOGETHER:
        flat = [numbers.number(float(x)) for _, adjoint in moved for x in adjoint.reshape(-1)]
        tell(f"gradient by ({', '.join(name for name, _ in moved)}): [{', '.join(flat)}]")


def line_of(row: AdjointRow, *, with_adjoint: bool) -> list[str]:
    """A node as a line of the table."""
    adjoint = "" if row.adjoint is None else numbers.tensor(row.adjoint)
    line = "" if row.span is None else f"{row.span.line}:{row.span.column}"
    shown = [row.name, numbers.tensor(row.value), adjoint, str(row.type), row.text, line]
    return shown if with_adjoint else [*shown[:2], *shown[3:]]


def data_of(row: AdjointRow) -> dict[str, Any]:
    """A node as data."""
    return {
        "name": row.name,
        "computed_as": row.text,
        "value": row.value.tolist(),
        "adjoint": None if row.adjoint is None else row.adjoint.tolist(),
        "place": None if row.span is None else str(row.span),
    }
