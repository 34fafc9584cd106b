"""A student's questions: the numbers, the rules, one's own derivative, why nothing is learned."""

from __future__ import annotations

import re

import pytest

from tests.runtime.cli.calling import SPECS, Caller

HOUSE = SPECS / "house.nn"
AT = ("--at", "sqft=2500", "paid=360000")
OWN = """
model f(x : [3]) -> scalar { param w : [3] ~ normal(0, 1); tanh(sum(w * x)) }
data points(x : [3], y : scalar) = csv("points.csv")
train on points {
    y_hat = f(x)
    mine = 2 * (y_hat - y) * SLOPE * x
    descend f.w along mine
    report loss = (y_hat - y)^2, wrong_by = max(abs(mine - grad((y_hat - y)^2, f.w)))
    using sgd(lr = 0.1), batch 4, epochs 2
}
"""
DEAD = """
model f(x : [3]) -> scalar { x |> dense(4) |> floor |> dense(1) |> as(scalar) }
data points(x : [3], y : scalar) = csv("points.csv")
train on points { minimize (f(x) - y)^2 using sgd(lr = 0.1), batch 4, epochs 2 }
"""


@pytest.fixture
def study(home: Caller) -> Caller:
    """A table of points beside the specs."""
    rows = "".join(f"{k / 10},{1 - k / 7},{k % 3},{k / 20}\n" for k in range(16))
    (home.folder / "points.csv").write_text("x_0,x_1,x_2,y\n" + rows)
    return home


def test_every_number_of_an_example_and_every_rule(study: Caller) -> None:
    """Example D.2: the table of values, and the chain rule in steps."""
    assert "-2.125e8" in study("explain", HOUSE, *AT).out
    derived = study("derive", HOUSE, *AT).words
    assert "d_theta2 = d_c1 * sqft = (-85,000) * 2,500 = -2.125e8" in derived
    page = study("explain", "softmax").out
    assert "e^x_i / sum_j e^x_j" in page and "x gets y * (g - sum(g * y))" in page
    assert "compiler/prelude/activations.nn" in page
    assert "relu'(0) = 0" in study("kinks", SPECS / "mnist_cnn.nn").words


def test_the_derivative_as_a_program(study: Caller) -> None:
    """It is saved, changed in one line, and held against the true one."""
    true = study("show", HOUSE, "--stage", "joint").out
    mine = study.folder / "mine.nn"
    mine.write_text(true)
    assert study("derive", HOUSE, *AT, "--check", "mine.nn").code == 0
    mine.write_text(re.sub(r"d_price = [^#\n]*", "d_price = c2  ", true, count=1))
    wrong = study("derive", HOUSE, *AT, "--check", "mine.nn")
    assert wrong.code == 1 and "d_price is the first value that differs" in wrong.out


def test_a_gradient_written_out_is_checked_and_trains(study: Caller) -> None:
    """`descend`: first with the slope of a sigmoid in the place of that of tanh."""
    found = {}
    for slope in ("y_hat * (1 - y_hat)", "(1 - y_hat^2)"):
        (study.folder / "own.nn").write_text(OWN.replace("SLOPE", slope))
        trained = study("train", "own.nn", "--target", "reference")
        assert "next: gradc run own.nn f x=0.5,1,1.5 --weights runs/own" in trained.err, trained.err
        found[slope] = study("eval", "own.nn", "--target", "reference", "--json").data["wrong_by"]
    wrong, right = found.values()
    assert wrong > 0.01 and right < 1e-5


def test_why_a_layer_never_learns(study: Caller) -> None:
    (study.folder / "dead.nn").write_text(DEAD)
    assert "floor" in study("check", "dead.nn").err
    said = study("why", "dead.nn", "--no-gradient", "dense1.W").words
    assert "floor" in said and "0 everywhere" in said


def test_what_becomes_of_it_and_what_it_costs(study: Caller) -> None:
    passes = study("passes", HOUSE, "--check")
    assert passes.code == 0 and "simplify" in passes.out and "to the last bit" in passes.out
    assert "forward" in study("cost", SPECS / "circle.nn").out
    drawn = study("show", SPECS / "circle.nn", "--stage", "joint", "--dot").out
    assert drawn.startswith("digraph") and "backward" in drawn
