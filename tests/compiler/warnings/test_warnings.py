"""Warnings: none that is not true, none of what is bounded, all of what is not.

What each of them says stands in `specs/warnings` (see `test_errors.py`).
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gradc_compiler.derived import print_program
from gradc_compiler.elaborate.names.library import prelude
from gradc_compiler.pipeline import compilation, compile_file, compile_source
from gradc_compiler.syntax.parse.read_file import read_source
from tests.compiler.prelude.cases import LAYERS

ROOT = Path(__file__).parents[3]
SPECS = sorted([*(ROOT / "specs").glob("*.nn"), *(ROOT / "tests/bench/specs").glob("*.nn")])
TRUE = {"specs/circle.nn": ["W0003 5"]}  # the logarithm of a softmax, as equation D.4 has it
LOSS = """
    model f(x : [3]) -> [4] {{ x |> dense(4) }}
    data d(x : [3], xs : seq [4], y : [4], label : class(4)) = csv("d.csv")
    train on d {{ p = f(x)
        minimize {}
        using sgd }}
"""


def codes(text: str) -> list[str]:
    """The codes of what is warned of in a spec."""
    return [d.code for d in compile_source(text).warnings]


@pytest.mark.parametrize("path", SPECS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_warning_on_a_spec_that_is_not_true(path: Path) -> None:
    found = [f"{d.code} {d.primary.span.line}" for d in compile_file(path).warnings]
    assert found == TRUE.get(str(path.relative_to(ROOT)), [])


@pytest.mark.parametrize("name", LAYERS)
def test_no_warning_on_a_copy_of_the_prelude(name: str) -> None:
    type, layer = LAYERS[name]
    own = "\n".join(source.text for source in prelude().sources)
    spec = f"model f(x : {type}) {{ param w = 1\n (w * x) |> {layer} }}\n"
    spec += f'data d(x : {type}) = csv("d.csv")\n'
    spec += "train on d { minimize sum(f(x)^2) using sgd }\n"
    assert {*codes(own + spec)} <= {"W0008"}  # of all others nothing is used


@pytest.mark.parametrize("name", ["circle", "vae", "batch_norm_cnn", "row_digits"])
def test_no_warning_on_a_derived_program(name: str) -> None:
    """Its quotients stand in directions that are written out: no derivative goes through them."""
    source = read_source(ROOT / "specs" / f"{name}.nn")
    text = print_program(compilation(source, ROOT / "specs", {}))
    assert codes(text) == []


BOUNDED = [
    "sum(log(p^2 + 1e-6))",
    "sum(log(exp(p) + 1))",
    "sum(log(1 + sigmoid(p)))",
    "sum(log(softplus(p) + 0.1))",
    "sum(log(abs(p) + 1))",
    "sum(log(maximum(p, 1e-3)))",
    "sum(log(minimum(maximum(p, 0.1), 0.9)))",
    "log(norm(p) + 1)",
    "log(sum(exp(p)))",
    "log(max(p^2) + 1)",
    "log(mean(p^2) + 1e-5)",
    "sqrt(sum(p^2) + 1e-6)",
    "sum(sqrt(p^2 + y^2 + 1))",
    "sum(p / (1 + exp(-p)))",
    "sum(p / sqrt(mean(p^2) + 1e-5))",
    "sum(p / (-1 - p^2))",
    "sum(p / 3) / 4",
    "sum((y - p)^2 / (2 * (softplus(p) + 1e-3)^2))",
    "sum(p / 2 + (y - p)^2 / (2 * exp(p)))",
    "sum(log(1 - (1e-3 + 0.998 * sigmoid(p))))",
    "sum(log(1 - minimum(maximum(sigmoid(p), 1e-6), 1 - 1e-6)))",
    "sum(log(2 + tanh(p)) + log(3 - 2 * tanh(p) / 1.5))",
    "sum(p) * time_sum(xs)[0] / length(xs)",
    "sum(where(p > 0, sqrt(p), 0))",
    "sum(where(p > 0, p, 1) / where(y > 0, y, 1))",
    "sum(maximum(log(p^2), -100))",
    "sum(p) + sum(log(y))",
    "sum(p) + sum(log(stop_gradient(p)))",
    "bce(sigmoid(p[0]), 1)",
    "norm(p) + kl_unit_normal(p, p)",
]
SINGULAR = [
    "sum(log(p))", "sum(log(p^2))", "sum(log(sigmoid(p)))", "sum(log(1 - sigmoid(p)))",
    "sum(log(softplus(p)))", "sum(log(maximum(p, 0)))", "sum(log(minimum(p, 1)))",
    "sqrt(sum(p^2))", "sum(sqrt(abs(p)))", "sum(p^0.5)", "sum(1 / p)", "sum(p^-1)",
    "sum(p / y)", "sum(p / norm(p))", "sum(p / (p^2 - 1))", "sum(p / floor(p^2 + 0.5))",
    "sum(p / sin(exp(p) + 1))", "sum(p |> log)", "sum(log(1 - tanh(p)))", "sum(log(1 + tanh(p)))",
    "sum(p / (2 - sigmoid(p) * 3))", "sum(log(exp(p)))", "sum(p / (exp(p) - 1))",
    "sum(log(1 - (1 - 1e-9) * sigmoid(p)))",
]  # fmt: skip


@pytest.mark.parametrize("loss", BOUNDED)
def test_what_is_bounded_is_not_warned_of(loss: str) -> None:
    assert codes(LOSS.format(loss)) == []


@pytest.mark.parametrize("loss", SINGULAR)
def test_what_may_be_0_is_warned_of(loss: str) -> None:
    assert codes(LOSS.format(loss)) == ["W0003"]


QUIET = [
    "squared_error(p, y)",
    "cross_entropy(p, label)",
    "cross_entropy(log_softmax(p), label)",
    "bce_logits(p, sigmoid(y))",
    "sum((reshape(p, [4, 1]) - reshape(y, [1, 4]))^2)",  # every pair, as it is written
    "sum((p - y[0])^2) + sum(y * 2)",
    "sum((p - mean(p))^2)",
]


@pytest.mark.parametrize("loss", QUIET)
def test_what_is_meant_is_not_warned_of(loss: str) -> None:
    assert codes(LOSS.format(loss)) == []


def test_an_input_that_gives_a_length_or_a_size_is_read() -> None:
    assert codes("model f(z : [4], ys : seq [2]) { z |> unfold(length(ys), gru(3)) }") == []
    sized = LOSS.format("squared_error(p, y) + sum(g(y))")
    assert codes("model g(x : [n]) { param W : [n] = 1\n W }\n" + sized) == []


def test_a_parameter_that_only_a_penalty_reads_is_read() -> None:
    loss = LOSS.format("squared_error(p, y) + l2(g)")
    assert codes("model g(x : [2]) { x |> dense(3) }\n" + loss) == []


def test_a_report_called_loss_that_is_the_loss_is_fine() -> None:
    compile_source(LOSS.format("squared_error(p, y)\n report shown = norm(p)"))
    compile_source(
        LOSS.format("e\n report loss = e").replace("p = f(x)", "e = squared_error(f(x), y)")
    )


def test_explanations_name_every_code_of_a_row() -> None:
    from gradc_compiler.error_index import CODES
    from gradc_compiler.warnings import OF_DATA, OF_MODULES, OF_STEPS

    assert {c for c in CODES if re.match(r"W\d{4}$", c)} == {*OF_MODULES, *OF_STEPS, *OF_DATA}
