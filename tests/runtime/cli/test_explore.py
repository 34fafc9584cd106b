"""`gradc explore`: what its page holds, and what is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradc_compiler.study.numbers import tensor_text
from tests.runtime.cli.calling import SPECS, Caller

AT = ("--at", "sqft=2500", "paid=360000")


def data_of(path: Path) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', path.read_text())
    assert found is not None
    return json.loads(found[1])


@pytest.fixture
def explored(call: Caller, tmp_path: Path) -> Any:
    def made(spec: Path, *arguments: str) -> Any:
        answer = call("explore", spec, "-o", tmp_path / "page.html", *arguments)
        assert answer.code == 0, answer.err
        assert f"wrote {tmp_path / 'page.html'}: open it in a browser" in answer.err
        return data_of(tmp_path / "page.html")

    return made


def test_example_d2(explored: Any) -> None:
    data = explored(SPECS / "house.nn", *AT)
    names = [value["name"] for value in data["values"]]
    texts = dict(zip(names, (n["text"] for n in data["numbers"]["values"]), strict=True))
    assert texts["price"] == "317,500" and texts["loss"] == "1.80625e9"
    last = data["steps"][-1]["terms"][0]
    assert last["equation"] == "d_theta2 = d_c1 * sqft"
    assert data["numbers"]["steps"][-1][0] == {"text": "-2.125e8", "total": "-2.125e8"}
    assert data["numbers"]["said"].endswith("one example: sqft=2500 paid=360000.")
    assert data["source"][4].strip() == "theta1 + theta2 * sqft"


@pytest.mark.parametrize("name", ["house", "circle", "row_digits", "memory", "gan"])
def test_its_numbers_are_those_of_explain(name: str, explored: Any, call: Caller) -> None:
    """`gradc explain` differentiates by every value at once; the page reads the steps."""
    spec = SPECS / f"{name}.nn"
    data = explored(spec)
    drawn = [f"{v['name']}=random" for v in data["values"] if v["kind"] == "input"]
    rows = {row["name"]: row for row in call("explain", spec, "--json", *drawn).data["nodes"]}
    compared = 0
    for value, number, adjoint in zip(
        data["values"], data["numbers"]["values"], data["numbers"]["adjoints"], strict=True
    ):
        row = rows[value["name"]]
        assert number["text"] == tensor_text(np.array(row["value"], float)), value["name"]
        if adjoint is not None:
            assert adjoint["text"] == tensor_text(np.array(row["adjoint"], float)), value["name"]
            compared += 1
    assert compared == len({term["to"] for step in data["steps"] for term in step["terms"]})


def test_the_last_step_to_a_value_completes_its_adjoint(explored: Any) -> None:
    data = explored(SPECS / "transformer.nn")
    numbers = data["numbers"]
    last: dict[int, str] = {}
    for step, told in zip(data["steps"], numbers["steps"], strict=True):
        last |= {t["to"]: n["total"] for t, n in zip(step["terms"], told, strict=True)}
    assert last == {k: n["short"] for k, n in enumerate(numbers["adjoints"]) if n is not None}


def test_terms_name_the_operators_that_make_them(explored: Any) -> None:
    steps = explored(SPECS / "house.nn", *AT)["steps"]
    terms = {term["equation"]: term["operators"] for step in steps for term in step["terms"]}
    assert terms["d_price = d_c2"] == []
    assert terms["d_theta2 = d_c1 * sqft"] == ["mul : scalar"]


def test_the_page_is_named_after_the_spec(
    call: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("explore", SPECS / "circle.nn").code == 0
    assert data_of(tmp_path / "circle.html")["name"] == "circle.nn"


def test_kernels_of_a_gpu_know_their_lines_too(explored: Any) -> None:
    kernels = explored(SPECS / "circle.nn", "--target", "cuda")["kernels"]
    assert "for cuda" in kernels["said"] and all(one["source"] for one in kernels["list"])
    assert {line for one in kernels["list"] for line in one["lines"]} >= {2, 5}


def test_without_inputs_it_says_that_they_are_drawn(explored: Any) -> None:
    said = explored(SPECS / "house.nn")["numbers"]["said"]
    assert said.startswith("The numbers are those of drawn inputs (sqft, paid)")


def test_a_kernel_knows_all_lines_that_it_computes(explored: Any) -> None:
    kernels = explored(SPECS / "house.nn", *AT)["kernels"]["list"]
    assert [5, 9] in [kernel["lines"] for kernel in kernels]
    assert all(kernel["lines"] for kernel in kernels)


def test_passes_are_the_same_nodes_before_and_after(explored: Any) -> None:
    passes = explored(SPECS / "circle.nn")["passes"]
    for one, other in zip(passes["list"], passes["list"][1:], strict=False):
        assert one["after"] == other["before"]
    assert all(one["law"] for one in passes["list"])


def test_recurrences_have_gradients_over_time(explored: Any) -> None:
    flow = explored(SPECS / "memory.nn", "--step", "gated")["flow"]
    assert flow["times"] and all(len(t["norms"]) == len(t["texts"]) for t in flow["times"])


def test_only_what_a_step_trains_is_differentiated_by(explored: Any) -> None:
    data = explored(SPECS / "gan.nn", "--step", "generator")
    names = {data["values"][v]["name"] for v in data["wrt"]}
    assert "dense1.W" in names and len(names) == 6, "the three layers of G, and nothing of D"
    titles = [block["title"] for block in data["blocks"]]
    assert {"G", "D"} <= {*titles}


def test_a_penalty_on_all_parameters_is_one_block(explored: Any) -> None:
    titles = [b["title"] for b in explored(SPECS / "mnist_cnn.nn")["blocks"] if b["above"] == 0]
    assert titles == ["digit", "cross_entropy", "l2"]


def test_hostile_texts_stay_texts(explored: Any, tmp_path: Path) -> None:
    spec = tmp_path / "a<b>&'\".nn"
    spec.write_text(
        "# </script><script>alert(1)</script> <!-- ]]>\n"
        'model f(x : [2]) -> scalar { sum(x |> dense(2)) }  # "</style>" onload=alert(2)\n'
    )
    data = explored(spec)
    assert data["source"][0].startswith("# </script>") and "a<b>" in data["name"]
    text = (tmp_path / "page.html").read_text()
    assert "alert(1)</script>" not in text and "<title>a&lt;b&gt;" in text


def test_what_has_no_gradient_is_refused(call: Caller, tmp_path: Path) -> None:
    spec = tmp_path / "vector.nn"
    spec.write_text("model f(x : [2]) -> [2] { dense(2)(x) }\n")
    answer = call("explore", spec)
    assert answer.code == 2 and "a gradient is that of one number" in answer.err
    assert not (tmp_path / "vector.html").exists()
