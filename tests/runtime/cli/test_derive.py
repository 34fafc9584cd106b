"""`gradc derive`: example D.2, its forms, and what it refuses."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.runtime.cli.calling import SPECS, Caller

HOUSE = SPECS / "house.nn"
AT = ("--at", "sqft=2500", "paid=360000")


def test_example_d2_line_for_line(call: Caller) -> None:
    """Forward pass, edges and the two products of the example, in its order."""
    answer = call("derive", HOUSE, *AT)
    assert answer.code == 0 and answer.err == ""
    lines = (
        "c1 = theta2 * sqft = 123 * 2,500 = 307,500",
        "price = theta1 + c1 = 10,000 + 307,500 = 317,500",
        "c2 = price - paid = 317,500 - 360,000 = -42,500",
        "loss = c2^2 = (-42,500)^2 = 1.80625e9",
        "d_c2 = 2 * d_loss * c2 = 2 * 1 * (-42,500) = -85,000",
        "d_price = d_c2 = -85,000",
        "d_theta1 = d_price = -85,000",
        "d_c1 = d_price = -85,000",
        "d_theta2 = d_c1 * sqft = (-85,000) * 2,500 = -2.125e8",
        "dloss/dtheta1 = dloss/dc2 * dc2/dprice * dprice/dtheta1",
        "= (2 * c2) * 1 * 1",
        "= -85,000 * 1 * 1",
        "= -85,000",
        "dloss/dtheta2 = dloss/dc2 * dc2/dprice * dprice/dc1 * dc1/dtheta2",
        "= (2 * c2) * 1 * 1 * sqft",
        "= -85,000 * 1 * 1 * 2,500",
        "= -2.125e8",
    )
    at = 0
    for line in lines:
        assert line in answer.words[at:], line
        at = answer.words.index(line, at) + len(line)


def test_steps_are_data_too(call: Caller) -> None:
    data = call("derive", HOUSE, *AT, "--format", "json").data
    assert data["gradient"] == {"theta1": -85_000, "theta2": -2.125e8}
    first = data["steps"][0]
    assert first["rule"] == "mul: y = a * b: a gets g * b, b gets g * a"
    assert first["terms"][0]["number"] == -85_000 and first["place"].endswith("house.nn:9:14")
    assert call("derive", HOUSE, "--json").data["gradient"] == {"theta1": None, "theta2": None}


def test_markdown(call: Caller) -> None:
    answer = call("derive", HOUSE, *AT, "--format", "md")
    assert "# The gradient of loss by theta1, theta2" in answer.out
    assert "- out: `d_c2 = 2 * d_loss * c2 = 2 * 1 * (-42,500) = -85,000`" in answer.out


@pytest.mark.parametrize("name", ["house", "circle", "mnist_cnn", "row_digits", "vae"])
def test_pages_for_tex(call: Caller, name: str, tmp_path: Path) -> None:
    at = AT if name == "house" else ()
    page = call("derive", SPECS / f"{name}.nn", *at, "--format", "latex").out
    assert page.count(r"\begin{align*}") == page.count(r"\end{align*}") > 1
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed: apt install texlive-latex-base")
    (tmp_path / "page.tex").write_text(page)
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"],
        cwd=tmp_path, capture_output=True, text=True, errors="replace",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]


def test_names_never_are_tex(call: Caller) -> None:
    """An author's name is letters, whatever TeX would make of it."""
    (call.folder / "odd.nn").write_text(
        "model f(x_y : scalar) -> scalar { param a_b = 2\n input_ = a_b * x_y\n input_^2 }"
    )
    page = call("derive", "odd.nn", "--of", "f", "--format", "latex").out
    assert page.isascii() and r"\mathit{input\_}" in page


def test_of_and_wrt(call: Caller) -> None:
    answer = call("derive", HOUSE, "--of", "price", "--wrt", "sqft", "--at", "sqft=3")
    assert "dprice/dsqft = dprice/dc1 * dc1/dsqft = 1 * theta2 = 1 * 123 = 123" in answer.words


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--wrt", "theta"],
            "there is no value theta to differentiate by; did you mean theta",
        ),
        (["--of", "prise"], "there is no value prise to differentiate; did you mean price?"),
        (["--at", "sqft=1"], "paid : scalar must be given"),
    ],
)
def test_refusals(call: Caller, arguments: list[str], said: str) -> None:
    answer = call("derive", HOUSE, *arguments)
    assert answer.code == 2 and said in " ".join(answer.err.split())


def test_a_vector_has_no_gradient(call: Caller) -> None:
    answer = call("derive", SPECS / "circle.nn", "--of", "inside")
    assert answer.code == 2 and "a gradient is that of one number" in answer.err
    answer = call("derive", SPECS / "circle.nn", "--wrt", "label")
    assert answer.code == 2 and "does not vary" in answer.err


@pytest.mark.parametrize("name", ["house", "circle", "row_digits"])
def test_the_derived_program_is_right(call: Caller, name: str) -> None:
    """Of a recurrence too: every named value, forward and backward."""
    derived = call("show", SPECS / f"{name}.nn", "--stage", "joint").out
    (call.folder / "mine.nn").write_text(derived)
    answer = call("derive", SPECS / f"{name}.nn", "--check", "mine.nn")
    assert answer.code == 0 and answer.out.startswith("right: "), answer.out


@pytest.mark.parametrize(
    ("name", "right", "wrong", "said"),
    [
        ("house", "d_price = 2 * c2", "d_price = c2", "d_price is the first value that differs"),
        ("circle", "(1 - c3 * c3)", "(1 - c3)", "d_c2 is the first value that differs"),
        (
            "row_digits",
            "d_c_before = d_c12 * f",
            "d_c_before = d_c12 * i",
            "d_c_before is the first",
        ),
    ],
)
def test_a_mistake_is_told_where_it_was_made(
    call: Caller, name: str, right: str, wrong: str, said: str
) -> None:
    derived = call("show", SPECS / f"{name}.nn", "--stage", "joint").out
    assert derived.count(right) == 1
    (call.folder / "mine.nn").write_text(derived.replace(right, wrong))
    answer = call("derive", SPECS / f"{name}.nn", "--check", "mine.nn")
    assert answer.code == 1 and said in answer.out
    assert "yours" in answer.out and "true" in answer.out and "step " in answer.out


def test_there_is_no_tolerance(call: Caller) -> None:
    """As expressions first; what is off by 1e-9 is wrong, unless rounding explains it."""
    derived = call("show", HOUSE, "--stage", "joint").out
    (call.folder / "mine.nn").write_text(derived)
    answer = call("derive", HOUSE, "--check", "mine.nn")
    assert answer.out == "right: 7 values of mine.nn are those of the chain rule, as expressions\n"
    (call.folder / "mine.nn").write_text(
        derived.replace("d_price = 2 * c2", "d_price = 2 * c2 + 1e-9")
    )
    answer = call("derive", HOUSE, *AT, "--check", "mine.nn")  # at -85,000 that is lost
    assert answer.code == 1 and "mine.nn:15: d_price is the first value that differs" in answer.out
    assert "more than rounding explains" in answer.out and "number 1" in answer.out
    (call.folder / "mine.nn").write_text(
        derived.replace("d_price = 2 * c2", "d_price = exp(log(abs(2 * c2))) * sign(c2)")
    )
    answer = call("derive", HOUSE, *AT, "--check", "mine.nn")
    assert answer.code == 0 and "at 5 inputs, but for rounding" in answer.out


HIDDEN = """
model f(x : scalar) -> scalar {
    param w = 2
    param b = 0
    (w * x + b)^2
}
data d(x : scalar) = csv("d.csv")
train on d { minimize f(x) using sgd }
"""


def test_a_bias_of_0_hides_no_mistake(call: Caller) -> None:
    """Parameters are moved where inputs are drawn."""
    (call.folder / "spec.nn").write_text(HIDDEN)
    derived = call("show", "spec.nn", "--stage", "joint").out
    (line,) = [line for line in derived.splitlines() if line.lstrip().startswith("d_c2 =")]
    (call.folder / "mine.nn").write_text(derived.replace(line, "    d_c2 = 2 * c1"))
    answer = call("derive", "spec.nn", "--check", "mine.nn")
    assert answer.code == 1 and "d_c2 is the first value that differs" in answer.out
    assert "parameters moved at random" in answer.out


TOGETHER = """
model f(x : scalar) -> scalar {
    param w = 2
    y = w * x
    y - batch_mean(y)
}
data d(x : scalar) = csv("d.csv")
train on d { minimize f(x)^2 using sgd }
"""


def test_examples_that_see_one_another_are_several(call: Caller) -> None:
    """One example is its own mean, and all of its derivatives would be 0."""
    (call.folder / "spec.nn").write_text(TOGETHER)
    derived = call("show", "spec.nn", "--stage", "joint").out
    (call.folder / "mine.nn").write_text(derived)
    answer = call("derive", "spec.nn", "x=3", "--check", "mine.nn")
    assert answer.code == 0 and answer.out.startswith("right: ")
    (line,) = [line for line in derived.splitlines() if line.lstrip().startswith("d_w =")]
    (call.folder / "mine.nn").write_text(derived.replace(line, line.replace("d_w =", "d_w = 2 *")))
    answer = call("derive", "spec.nn", "x=3", "--check", "mine.nn")
    assert answer.code == 1 and "d_w is the first value that differs" in answer.out


def test_random_draws_are_the_specs(call: Caller) -> None:
    """The reparameterised draw of a VAE: its numbers go by their key."""
    derived = call("show", SPECS / "vae.nn", "--stage", "joint").out
    (call.folder / "mine.nn").write_text(derived)
    answer = call("derive", SPECS / "vae.nn", "--check", "mine.nn")
    assert answer.code == 0 and answer.out.startswith("right: "), answer.out
    (call.folder / "mine.nn").write_text(re.sub(r"key = \d+", "key = 5", derived))
    answer = call("derive", SPECS / "vae.nn", "--check", "mine.nn")
    assert answer.code == 2 and "draws random numbers that are not the spec's" in answer.err


@pytest.mark.parametrize("name", ["residual", "gan", "regularised"])
def test_derived_programs_of_all_kinds_are_right(call: Caller, name: str) -> None:
    """Means over the batch in tensors that repeat; two models; draws for what is evaluated."""
    derived = call("show", SPECS / f"{name}.nn", "--stage", "joint").out
    (call.folder / "mine.nn").write_text(derived)
    answer = call("derive", SPECS / f"{name}.nn", "--check", "mine.nn")
    assert answer.code == 0 and answer.out.startswith("right: "), answer.out + answer.err


def test_what_cannot_be_checked(call: Caller) -> None:
    answer = call("derive", HOUSE, "--check", HOUSE)
    assert answer.code == 2 and "gives derivatives: results called d_W" in answer.err
    (call.folder / "other.nn").write_text(
        "model f(x : scalar) -> (d_theta1 : scalar, d_theta2 : scalar) { (x, x) }"
    )
    answer = call("derive", HOUSE, "--check", "other.nn")
    assert answer.code == 2 and "reads x, and the spec has nothing of that name" in answer.err
