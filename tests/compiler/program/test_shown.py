"""A program as Python prints it and a notebook shows it: short, and names are never markup."""

from __future__ import annotations

from gradc_compiler.pipeline import compile_file, compile_source
from gradc_compiler.program.notebook_table import notebook_table


def test_a_program_prints_in_one_short_line() -> None:
    assert repr(compile_file("specs/mnist_cnn.nn")) == (
        "<Program mnist_cnn: model digit; 19,722 parameters; trains on digits>"
    )
    two = compile_source("model f(x : [3]) { x }\nmodel g(x : [3]) { x |> dense(1) }", "two.nn")
    assert repr(two) == "<Program two: models f, g; 4 parameters; no train block>"


def test_a_notebook_shows_the_parameters() -> None:
    page = compile_source("model f(x : [3]) { x |> dense(2) }")._repr_html_()
    assert "f.dense1.W" in page and "[2, 3]" in page and page.count("<tr>") == 3


def test_names_are_text_and_never_markup() -> None:
    program = compile_source("model f(x : [3]) { x }", "<script>alert(1)</script>.nn")
    assert "<script" not in program._repr_html_()
    page = notebook_table("<b>", ["<i>", "n", "x"], [["</td><img src=x>", 3, 0.25]])
    assert "<img" not in page and "<i>" not in page and "&lt;b&gt;" in page and "0.25" in page


def test_a_long_table_says_what_it_leaves_out() -> None:
    page = notebook_table("t", ["n"], [[k] for k in range(12)], most=7)
    assert page.count("<tr>") == 7 + 1 and "and 5 more" in page
    assert notebook_table("empty", ["n"], []) == "<p><b>empty</b></p>"
