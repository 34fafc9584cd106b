"""Derivations: what they tell is what is computed, and how it reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gradc_compiler.diagnostics.source import Source
from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph_tools.evaluate import evaluate, node_values
from gradc_compiler.ops.leaf import Input, PersistentOp
from gradc_compiler.pipeline import Compilation, compilation
from gradc_compiler.study.derivation import Derivation, derive_steps
from gradc_compiler.study.derivation_latex import derivation_latex
from gradc_compiler.study.derivation_text import derivation_text
from gradc_compiler.study.loss_as_written import loss_as_written
from gradc_compiler.study.value_labels import adjoint_label

SPECS = Path(__file__).parents[3] / "specs"
DATA = 'data d(x : [3], y : scalar) = csv("d.csv")\n'
STEP = "train on d { minimize (f(x) - y)^2 using sgd(lr = 1) }"


def made_of(text: str) -> Compilation:
    return compilation(Source("f.nn", text), ".", None)


def derived(made: Compilation) -> Derivation:
    """The derivation of the training loss by all parameters."""
    graph = made.graphs["gradients/train"]
    id = graph.outputs["loss"]
    id = graph[id].inputs[0] if graph[id].op.name == "batch_mean" else id
    written = loss_as_written(graph, id, "loss", {})
    trained = {p.name for p in made.program.persistents if p.role == "parameter"}
    wrt = [n.id for n in written.graph.nodes if getattr(n.op, "key", "") in trained]
    return derive_steps(written.graph, written.target, written.names, wrt, mean=False)


def told(text: str) -> str:
    return derivation_text(derived(made_of(text)), {})


def some_values(graph: Graph) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(0)
    values = {}
    for node in graph.nodes:
        match node.op:
            case Input(key=key, shape=shape, classes=None):
                values[key] = draw.normal(size=(1, *shape))
            case Input(key=key, shape=shape, classes=classes):
                values[key] = draw.integers(classes, size=(1, *shape))
            case PersistentOp(key=key, shape=shape, index=False):
                values[key] = 0.3 * draw.normal(size=shape)
            case PersistentOp(key=key):
                values[key] = np.zeros((), np.int64)
    return values


@pytest.mark.parametrize("name", ["house", "circle", "mnist_cnn", "vae"])
def test_the_last_terms_are_the_gradient(name: str) -> None:
    """What each parameter has been sent in all is what the program trains with."""
    path = SPECS / f"{name}.nn"
    made = compilation(Source(str(path), path.read_text()), SPECS, None)
    derivation, graph = derived(made), made.graphs["gradients/train"]
    values = some_values(graph)
    numbers = dict(node_values(derivation.graph, values, 1, "float64"))
    true = {str(k): v for k, v in evaluate(graph, values, 1).items()}
    last = {term.of: term.total for step in derivation.steps for term in step.terms}
    keys = {derivation.names[n.id]: n.op.key for n in derivation.graph.nodes
            if isinstance(n.op, PersistentOp) and n.id in derivation.names}  # fmt: skip
    assert last.keys() >= derivation.wrt.keys() and derivation.wrt
    for parameter in derivation.wrt:
        expected = true[f"gradient/{keys[parameter]}"]
        found = numbers[last[parameter]].reshape(expected.shape)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_what_comes_in_was_sent_before() -> None:
    """The cotangent of each step is the sum of the terms of earlier ones."""
    path = SPECS / "mnist_cnn.nn"
    steps = derived(compilation(Source(str(path), path.read_text()), SPECS, None)).steps
    sent = {"loss"}
    for step in steps:
        assert step.value in sent, f"step {step.number} tells {step.value} too early"
        sent |= {term.of for term in step.terms}
    waiting = {t.of for s in steps for t in s.terms if not t.more}
    assert waiting == sent - {"loss"}, "the last of the terms of each value says so"


def test_a_value_that_is_read_twice_is_added_up() -> None:
    text = told(
        "model f(x : [3]) -> scalar { param w : [3] = 1\n h = w * x\n sum(h * tanh(h)) }\n"
        f"{DATA}{STEP}"
    )
    assert "d_h = d_c2 * c1" in text.replace("  ", " ")
    assert "d_h += d_c1 * (1 - c1^2)" in text


def test_matrices_are_told_as_matrices() -> None:
    text = told(
        "model f(x : [3]) -> scalar { param W : [4, 3] = 1\n param A : [2, 4] = 1\n"
        f" sum(A @ tanh(W @ x)) }}\n{DATA}{STEP}"
    )
    assert "d_A = outer(d_c3, c2)" in text
    assert "d_c2 = transpose(A) @ d_c3" in text
    assert "contract: y = W @ x: W gets outer(g, x), x gets transpose(W) @ g" in text


def test_a_layer_used_twice_is_derived_once() -> None:
    text = told(
        "model f(x : [3]) -> scalar { x |> dense(3) |> tanh |> dense(3) |> tanh |> sum }\n"
        f"{DATA}{STEP}"
    )
    assert text.count("rule  tanh") == 1 and text.count("rule  contract: y = W @ x") == 1
    assert "as in step" in text and "dense1.W for dense2.W" in text


def test_a_sum_of_many_is_derived_once() -> None:
    layers = " |> ".join(["dense(3)"] * 4)
    step = STEP.replace("minimize ", "minimize l2(f) + ")
    text = told(f"model f(x : [3]) -> scalar {{ x |> {layers} |> sum }}\n{DATA}{step}")
    assert "each as in step" in text


def test_what_is_cut_is_no_step() -> None:
    text = told(
        "model f(x : [3]) -> scalar { param w : [3] = 1\n"
        f" h = w * x\n sum(h * stop_gradient(exp(h))) }}\n{DATA}{STEP}"
    )
    assert "nothing to c2: stop_gradient lets no derivative through" in text
    assert "rule  exp" not in text


def test_what_is_read_of_a_part_is_sent_to_that_part() -> None:
    """One element, the head of a vector, a piece of a concatenation: each has its place."""
    text = told(
        "model f(x : [3]) -> scalar { param w : [3] = 1\n param V : [2, 3] = 1\n"
        " h = w[0:2]\n c = concat(h, V[1], axis = 0)\n sum(c^2) * w[2] * V[0, 1] }\n"
        f"{DATA}{STEP}"
    )
    assert "h[i] = w[i]" in text and "d_w[i] += d_h[i]" in text
    assert "d_h[i] = d_c[i]" in text
    assert "d_w[2] = d_c" in text and "d_V[0, 1] = d_c" in text
    assert "d_w = sum" not in text and "d_V = sum" not in text


def test_products_of_tensors_are_told_apart_from_those_of_matrices() -> None:
    """In TeX W x stands side by side, so what goes element by element has a sign of its own."""
    page = derivation_latex(
        derived(
            made_of(
                "model f(x : [3]) -> scalar { param W : [3, 3] = 1\n param k = 2\n"
                f" h = W @ x\n u = k * h\n sum(h * u) }}\n{DATA}{STEP}"
            )
        ),
        {},
    )
    assert r"h &= W\,x" in page and r"u &= k \, h" in page and r"h \odot u" in page


RULES = """function clipped(x : t) -> t { maximum(minimum(x, 1), -1) }
derivative clipped(x)(dx) because "straight through" { dx }
function squared(x : t) -> t { x^2 }
derivative squared(x)(dx) { 2 * x * dx }
"""


def test_each_rule_of_an_author_is_told_as_itself() -> None:
    """Functions with rules of their own are not alike, and what a rule stands for is not cut."""
    text = told(
        f"{RULES}model f(x : [3]) -> scalar {{ param w : [3] = 1\n"
        f" sum(squared(w)) + sum(clipped(w * x)) }}\n{DATA}{STEP}"
    )
    assert 'the derivative of clipped that its author wrote because "straight through"' in text
    assert "the derivative of squared that its author wrote\n" in text
    assert "lets no derivative through" not in text


def test_rows_of_a_tensor_are_filled_row_by_row() -> None:
    text = told(
        "model f(x : [3]) -> scalar { param w : [2, 3] = 1\n"
        f" h = tanh(w)\n sum(h[0] * x) + sum(h[1]) }}\n{DATA}{STEP}"
    )
    assert "d_h[0, i] += d_c" in text and "d_h[1, i] = d_c" in text


def test_one_contraction_has_one_set_of_letters() -> None:
    path = SPECS / "mnist_cnn.nn"
    made = compilation(Source(str(path), path.read_text()), SPECS, None)
    text = derivation_text(derived(made), {})
    image = "image[2i + l - 1, 2j + m - 1, n]"
    assert f"y[i, j, k] = sum over l, m, n of {image} * conv1.W[k, l, m, n]" in text
    assert f"d_conv1_W[k, l, m, n] += sum over i, j of d_y[i, j, k] * {image}" in text
    assert text.count("rule  contract: y = sum of a * b") == 1, "five convolutions, one derivation"


def test_names_of_adjoints_are_words() -> None:
    assert adjoint_label("conv1.W") == "d_conv1_W" and adjoint_label("price") == "d_price"
