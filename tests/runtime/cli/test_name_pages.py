"""`gradc explain softmax`: every name has a page, and what pages say of derivatives is so."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import gradc
from gradc_compiler.elaborate.names.library import prelude
from gradc_compiler.graph.op import Op
from gradc_compiler.graph.op_registry import OPS
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.ops.recurrence_definitions import scan, unfold, zip_
from gradc_runtime.cli.actions.function_pages import EQUAL
from gradc_runtime.cli.actions.name_pages import CLOSED, OF_THE_LANGUAGE, names, page_on, written
from tests.runtime.cli.calling import Caller

ROOT = Path(__file__).resolve().parents[3]
POINTS = np.array([[0.3, -1.2, 0.8], [-0.5, 0.4, 2.0]])
CALLS = {"leaky_relu": "leaky_relu(slope = 0.2)", "elu": "elu(alpha = 1.5)"}
LETTERS = {"leaky_relu": "slope = 0.2", "elu": "alpha = 1.5"}
LOSSES = {
    "squared_error": ("prediction", "squared_error(x, target)", "[3]"),
    "cross_entropy": ("logits", "cross_entropy(x, label)", "class(3)"),
    "bce_logits": ("logit", "bce_logits(x, target)", "[3]"),
}
ELEMENTWISE = [n for n in CLOSED if n not in LOSSES and n not in ("dense", "as", "flatten")]


def test_every_name_has_a_page_of_plain_lines() -> None:
    for name in names():
        page = page_on(name)
        assert page is not None and page["name"] == name
        said = written(page | {"definition": ""})
        assert said.startswith(f"{name}: a") and "None" not in said
    assert page_on("nobody") is None


@pytest.mark.parametrize("name", sorted(names()))
def test_a_page_has_formula_derivative_kinks_source_and_text(name: str) -> None:
    page = page_on(name)
    assert page is not None and page["formula"].strip() and page["derivative"].strip()
    op = OPS.get(OF_THE_LANGUAGE.get(name, name))
    if op is not None and name not in prelude().places:
        assert page["kinks"] == ([f"{op.name}: {op.kink}"] if op.kink else [])
    assert all(kink.partition(": ")[2] for kink in page["kinks"])
    path, _, line = page["source"].partition(":")
    text = (ROOT / path).read_text(encoding="utf-8").split("\n")
    shown = text[int(line) - 1]
    if name in prelude().places or is_a_row(op):
        assert page["definition"].split("\n")[0] in shown
    else:
        assert re.search("def |class |lambda|_row|@", shown), shown
    assert page["definition"].strip()


def is_a_row(op: type[Op] | None) -> bool:
    """Whether an operator is a row of the table, which is its definition."""
    return op is not None and issubclass(op, Elementwise)


@pytest.mark.parametrize("name", EQUAL)
def test_a_function_is_what_its_definition_says(name: str) -> None:
    given, call, said, gives = EQUAL[name]
    sizes = [int(n) for n in re.findall(r"\d", given)]
    some = np.array([2, 0]) if "class" in given else np.resize(POINTS, (2, *sizes))
    same(
        f"model both(x : {given}) -> (said : {gives}, true : {gives}) {{ ({said}, {call}) }}\n",
        x=some,
    )


CELL = "cell fade(s : [2], x : [2]) -> [2] { 0.5 * s + x * x }\n"
ALONG = {  # a function, how it is called, and its loops on the two rows of x, from a start
    "scan": ("xs |> scan(fade, start = start)", lambda x, s: scan(fade, x, s)),
    "backwards": (
        "xs |> scan(fade, start = start, backwards = true)",
        lambda x, s: scan(fade, x, s, backwards=True),
    ),
    "unfold": ("start |> unfold(2, fade, start = start)", lambda _, s: unfold(2, fade, s, s)),
    "zip": (
        "zip(xs, reverse(xs)) |> scan(pair, start = start)",
        lambda x, s: scan(lambda h, two: fade(h, two[0]) - two[1], zip_(x, x[::-1]), s),
    ),
}


def fade(state: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The cell `fade`."""
    return np.asarray(0.5 * state + x * x)


@pytest.mark.parametrize("name", ALONG)
def test_what_goes_along_sequences_is_what_its_loops_say(name: str) -> None:
    call, loops = ALONG[name]
    pair = "cell pair(s : [2], v : (x : [2], y : [2])) -> [2] { 0.5 * s + v.x * v.x - v.y }\n"
    spec = f"{CELL}{pair}model f(xs : seq(2) [2], start : [2]) -> seq(2) [2] {{ {call} }}\n"
    session = gradc.Session(gradc.compile_source(spec), target="reference", dtype="float64")
    x, start = POINTS[:, :2], np.array([0.25, -3.0])
    found = session.run("f", xs=[x], start=start[np.newaxis])
    np.testing.assert_allclose(found[0], np.array(loops(x, start)), rtol=1e-12)


SENT = {  # a call, its type, the type of its input, and what its page says in the language
    "broadcast": ("broadcast(x, [2, 3])", "[2, 3]", "sum(g, axis = 0)"),
    "ceil": ("ceil(x)", "[3]", "0 * x"),
    "identity": ("identity(x)", "[3]", "g"),
    "mean": ("mean(x)", "scalar", "broadcast(g / size(x), [3])"),
    "pad": ("pad(x, 1, 2)", "[6]", "g[1:4]"),
    "stack": ("stack(x, 2 * x)", "[2, 3]", "g[0] + 2 * g[1]"),
    "sum": ("sum(x)", "scalar", "broadcast(g, [3])"),
    "transpose": ("transpose(reshape(x, [1, 3]))", "[3, 1]", "reshape(transpose(g), [3])"),
}


@pytest.mark.parametrize("name", SENT)
def test_what_a_function_sends_back_is_what_its_page_says(name: str) -> None:
    call, gives, said = SENT[name]
    sizes = [int(n) for n in re.findall(r"\d", gives)]
    same(
        f"model both(x : [3], w : {gives}) -> (said : [3], true : [3]) {{\n"
        f"    g = w\n    ({said}, grad(sum(w * {call}), x))\n}}\n",
        x=POINTS,
        w=np.linspace(-1, 2, 2 * int(np.prod(sizes))).reshape(2, *sizes),
    )


@pytest.mark.parametrize("name", sorted(prelude().places))
def test_a_definition_is_told_with_its_comment_and_text(name: str) -> None:
    page = page_on(name)
    assert page is not None and page["formula"] and name in page["definition"]


def same(spec: str, **inputs: np.ndarray) -> None:
    """The two results of a model are equal."""
    session = gradc.Session(gradc.compile_source(spec), target="reference", dtype="float64")
    found = session.run("both", **inputs)
    np.testing.assert_allclose(found["said"], found["true"], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_the_derivative_of_a_layer_is_what_its_page_says(name: str) -> None:
    rule = CLOSED[name].removeprefix("x gets ")
    call = CALLS.get(name, name)
    setting = LETTERS.get(name, "")
    gets = "scalar" if name == "logsumexp" else "[3]"
    same(
        f"model both(x : [3], w : {gets}) -> (said : [3], true : [3]) {{\n    {setting}\n"
        f"    y = x |> {call}\n    g = grad(sum(w * y), y)\n"
        f"    ({rule}, grad(sum(w * y), x))\n}}\n",
        x=POINTS,
        w=np.array([0.7, -0.4]) if gets == "scalar" else POINTS[::-1] + 0.1,
    )


@pytest.mark.parametrize("name", LOSSES)
def test_the_derivative_of_a_loss_is_what_its_page_says(name: str) -> None:
    letter, call, type = LOSSES[name]
    rule = CLOSED[name].removeprefix(f"{letter} gets ").replace(letter, "x")
    field = "label" if type.startswith("class") else "target"
    given = np.array([2, 0]) if field == "label" else POINTS[::-1] / 3
    same(
        f"model both(x : [3], {field} : {type}) -> (said : [3], true : [3]) {{\n    g = 1\n"
        f"    ({rule}, grad({call}, x))\n}}\n",
        **{"x": POINTS, field: given},
    )


def test_the_page_of_softmax(call: Caller) -> None:
    said = call("explain", "softmax").words
    for part in (
        "softmax: a layer of the prelude",
        "Probabilities e^x_i / sum_j e^x_j",
        "x gets y * (g - sum(g * y))",
        "layer softmax(x : [..s, n])",
        "compiler/prelude/activations.nn:",
    ):
        assert part in said
    assert call("explain", "relu", "--json").data["kinks"] == [
        "maximum: at a tie the second operand has it all: relu'(0) = 0"
    ]
    assert "did you mean softmax?" in call("explain", "softmx").err
