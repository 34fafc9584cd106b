"""`gradc explain` and `gradc run`: numbers at given inputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gradc_compiler.pipeline import OPTIONAL
from gradc_compiler.rewrites.table import INEXACT
from gradc_compiler.study.numbers import number
from tests.runtime.cli.calling import SPECS, Caller

HOUSE = SPECS / "house.nn"


def test_example_d2(call: Caller) -> None:
    answer = call("explain", HOUSE, "--at", "sqft=2500", "paid=360000")
    assert answer.code == 0 and answer.err == ""
    for line in (
        "theta1 10,000 -85,000 scalar param",
        "theta2 123 -2.125e8 scalar param",
        "c1 307,500 -85,000 scalar theta2 * sqft",
        "317,500 -85,000 scalar theta1 + c1",
        "c2 -42,500 -85,000 scalar",
        "loss 1.80625e9 1 scalar c2 * c2",
        "gradient by (theta1, theta2): [-85,000, -2.125e8]",
    ):
        assert line in answer.words


def test_explanations_are_data_too(call: Caller) -> None:
    answer = call("explain", HOUSE, "--at", "sqft=2_500", "--at", "paid=360000", "--json")
    nodes = {node["name"]: node for node in answer.data["nodes"]}
    assert nodes["theta2"]["adjoint"] == -2.125e8
    assert nodes["c1"]["value"] == 307_500
    assert nodes["c1"]["place"].endswith("house.nn:5:14")


def test_names_that_the_author_gave(call: Caller) -> None:
    answer = call("explain", call.spec, "--model", "line", "x=3")
    assert "slope 6 1 scalar a * x 5:13" in answer.words
    assert "line 6 1 scalar slope + b" in answer.words


def test_large_tensors_are_summarised(call: Caller) -> None:
    answer = call("explain", SPECS / "mnist_cnn.nn", "--at", "image=random", "label=3")
    assert answer.code == 0
    assert "conv1.W norm" in answer.words and "[14, 14, 8]" in answer.words


def test_a_vector_has_values_but_no_adjoints(call: Caller) -> None:
    answer = call("explain", SPECS / "circle.nn", "--model", "inside", "p=0.3,0.4")
    assert answer.code == 0 and "not one number" in answer.err
    assert "p [0.3, 0.4] [2] input" in answer.words


def test_the_page_on_a_code(call: Caller) -> None:
    answer = call("explain", "e0104")
    assert answer.code == 0 and answer.out.startswith("E0104: ")
    assert "Wrong:" in answer.out and "Right:" in answer.out
    assert set(call("explain", "E0104", "--json").data) == {
        "code",
        "title",
        "text",
        "wrong",
        "right",
    }


@pytest.mark.parametrize(
    ("value", "text"),
    [(307500.0, "307,500"), (1.80625e9, "1.80625e9"), (-2.125e8, "-2.125e8"), (1e-8, "1e-8"),
     (-0.5, "-0.5"), (0.0, "0"), (12345.678, "12,345.7"), (float("nan"), "nan")],
)  # fmt: skip
def test_numbers_read_like_the_book(value: float, text: str) -> None:
    assert number(value) == text


def test_run_prints_and_saves(call: Caller, tmp_path: Path) -> None:
    assert call("run", HOUSE, "price", "--input", "sqft=2500").out == "317500.\n"
    assert call("run", HOUSE, "sqft=[2500, 0]", "--json").data == {"price": [317500.0, 10000.0]}
    np.save(tmp_path / "in.npy", np.array([1.0, 2.0, 3.0]))
    answer = call("run", call.spec, "line", "x=in.npy", "--save", "out.npy")
    assert answer.out == "" and "line [3]" in answer.err
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), [2.0, 4.0, 6.0])


def test_run_refuses_a_wrong_shape(call: Caller) -> None:
    answer = call("run", SPECS / "circle.nn", "inside", "p=1,2,3")
    assert answer.code == 1
    assert "p: declared [2]" in answer.err
    (call.folder / "image.nn").write_text("model f(x : [4, 4, 3]) -> scalar { sum(x) }")
    np.save(call.folder / "x.npy", np.ones((3, 4, 4)))
    turned = call("run", "image.nn", "x=x.npy")
    assert turned.code == 1 and "[N, 4, 4, 3] is expected; got [3, 4, 4]" in turned.err
    assert "declare [3, 4, 4] and write `transpose(x, (1, 2, 0))`" in " ".join(turned.err.split())
    np.save(call.folder / "x.npy", np.ones((4, 4, 3)))
    assert call("run", "image.nn", "x=x.npy").out == "48.\n"


def test_a_single_number_is_a_list_of_one(call: Caller) -> None:
    (call.folder / "one.nn").write_text("model f(x : [1]) -> [1] { 2 * x }")
    for text in ("x=3", "x=[3]", "x=[[3]]"):
        assert call("run", "one.nn", text, "--json").data == {"f": [[6.0]]}


def test_every_optimisation_is_named_with_what_it_does(call: Caller) -> None:
    rows = call("explain", "optimisations", "--json").data
    assert [row["name"] for row in rows] == list(dict.fromkeys(OPTIONAL))
    assert all(len(row["does"]) > 20 for row in rows)
    assert [row["name"] for row in rows if not row["exact"]] == [*INEXACT]
    shown = call("explain", "optimisations").words
    for row in rows:
        told = (row["name"], row["kind"], *row["targets"], row["does"].split()[0])
        assert " ".join(told) in shown


def test_a_former_name_of_an_optimisation_is_known(call: Caller) -> None:
    now = call("show", HOUSE, "--stage", "kernels", "--without", "whole-step")
    assert now.code == 0 and now.out
    assert call("show", HOUSE, "--stage", "kernels", "--without", "straight").out == now.out
