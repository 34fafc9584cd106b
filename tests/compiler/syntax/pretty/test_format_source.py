"""Before and after, and expressions made at random."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradc_compiler.diagnostics.source import Source
from gradc_compiler.syntax.grammar.check_tree import same_tree
from gradc_compiler.syntax.parse.parse import parse
from gradc_compiler.syntax.pretty.format_source import format_source

ROOT = Path(__file__).parents[4]
SHIPPED = [*sorted(ROOT.glob("specs/*.nn")), *sorted(ROOT.glob("compiler/prelude/*.nn"))]


def formatted(text: str) -> str:
    result = format_source(Source("t.nn", text))
    assert format_source(Source("t.nn", result)) == result
    return result


def test_spacing_and_indentation() -> None:
    before = "layer f( n:size )(x:[ n ])->[n]{ # first\n  y=-x^2*( 3+n );y\n}\n\n\n\n# end"
    assert formatted(before) == (
        "layer f(n : size)(x : [n]) -> [n] {  # first\n"
        "    y = -x^2 * (3 + n)\n"
        "    y\n"
        "}\n"
        "\n"
        "# end\n"
    )


def test_a_body_on_one_line_stays_there_if_it_fits() -> None:
    assert formatted("model f(x){a=x;a}") == "model f(x) { a = x; a }\n"
    assert formatted("train on d { minimize x over y using z }") == (
        "train on d { minimize x over y using z }\n")
    long = "model f(x) { " + " |> ".join(["some_layer(number = 3)"] * 5) + " }"
    assert formatted(long).split("\n")[1] == "    some_layer(number = 3)"


def test_a_report_is_quoted_where_its_name_is_no_name_of_the_language() -> None:
    before = "train on d { f.m'=1; report \"a b\"=1,\"param\"=2,\"plain\"=3 }"
    assert formatted(before) == (
        'train on d { f.m\' = 1; report "a b" = 1, "param" = 2, plain = 3 }\n'
    )


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_what_is_shipped_is_in_the_canonical_form(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert format_source(Source(path.name, text)) == text


def test_lines_of_the_author_may_be_a_little_longer() -> None:
    chain = " |> ".join(["some_layer(n = 3)"] * 5)
    for kept in (f"model name(x) {{ {chain} }}\n", f"model f(x) {{\n    x |> {chain}\n}}\n"):
        assert 100 < max(map(len, kept.split("\n"))) <= 120
        assert formatted(kept) == kept
    stages = f"model f(x) {{\n    x\n    |> {chain}\n}}\n"
    assert formatted(stages) == stages


def test_clauses_side_by_side_stay_there() -> None:
    before = "train on d {\n  minimize  x over y # why\n  using z\n  batch 3;epochs 4\n}"
    assert formatted(before) == (
        "train on d {\n    minimize x over y  # why\n    using z\n    batch 3 epochs 4\n}\n")


def test_a_chain_keeps_the_lines_of_its_author_and_aligns_its_claims() -> None:
    before = (
        "model f(x) {\n  x\n  |> conv(8) |> relu : [3] # one\n  # between\n"
        "  |> convolution(16) : [4]\n |> g\n}\n")
    assert formatted(before) == (
        "model f(x) {\n"
        "    x\n"
        "    |> conv(8) |> relu   : [3]  # one\n"
        "    # between\n"
        "    |> convolution(16)   : [4]\n"
        "    |> g\n"
        "}\n"
    )


def test_a_chain_that_does_not_fit_has_one_stage_a_line() -> None:
    before = "model f(x) { y = x |> " + " |> ".join(["some_layer(number = 3)"] * 5) + "; y }"
    assert formatted(before).split("\n")[1:4] == [
        "    y = x", "        |> some_layer(number = 3)", "        |> some_layer(number = 3)"]


def test_long_lines_are_broken_at_their_widest_place() -> None:
    name = "a_rather_long_name"
    call = f"function f(x) {{ y = g({', '.join([name] * 6)}); y }}"
    assert formatted(call).split("\n")[1:3] == ["    y = g(", f"        {name},"]
    total = f"function f(x) {{ {' + '.join([name] * 6)} }}"
    assert formatted(total).split("\n")[1:4] == [
        "    (", f"        {name}", f"        + {name}"]
    using = f"train on d {{ using {', '.join([name] * 6)} }}"
    assert formatted(using).split("\n")[1:3] == [f"    using {name},", f"        {name},"]


def test_comments_of_neighbouring_lines_are_aligned() -> None:
    assert formatted("model f(x) {\na = 1 # one\nbbb = 2 # two\na\n}") == (
        "model f(x) {\n    a = 1    # one\n    bbb = 2  # two\n    a\n}\n")


def test_a_comment_inside_brackets_leaves_the_statement_as_it_is() -> None:
    before = "model f(x) {\n  g(x, # here\n    3)\n}\n"
    assert formatted(before) == "model f(x) {\n    g(x, # here\n      3)\n}\n"
    header = "model f(\n  x, # here\n  y) { x }\n"
    assert formatted(header) == "model f(\n  x, # here\n  y) {\n    x\n}\n"


@pytest.mark.parametrize("text", [
    "model f(x) { }", "layer f(n)() { n }", "initializer f() { 1 }", "data d() = e()",
    "model f(x) { (x,) }", "model f(x) { () }", "model f(x) { [] |> as(scalar) }",
    "model f(x) { (3).size + (5x5).y }", "model f(x) { - - x - (-x) }",
    "model f(x) { (a < b) < c; }", "model f(x) { (not a) == b }", "model f(x) { (a^b)^(c) }",
    "model f(x) { (a if b else c) if d else e }", "model f(x) { g((a |> b), k = a : [3]) }",
    "model f(x) { (x : [3])[1] }", "# first\n\n\n# second\nmodel f(x) { x } # third\n# fourth",
    "model f(x) {\n\n# only a comment\n\n}", "model f(x) { x }; model g(x) { x }",
    "model f(x) -> (a : [2], [3], t) { x }", "import a,\n b from \"c\"",
    "model f(x)\n# odd\n{ x }", "model f(x) { x : [3] }",
])
def test_odd_programs_keep_their_trees(text: str) -> None:
    assert same_tree(parse(Source("a", formatted(text))), parse(Source("b", text)))


NAMES = st.sampled_from(["x", "y", "long_name_of_something", "t'", "3", "1e-3", "5x5", '"text"'])


def combine(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = st.sampled_from(
        ["+", "-", "*", "/", "//", "%", "@", "^", "<", "==", "and", "or", "|>"])
    binary = st.builds("({}) {} ({})".format, inner, operators, inner)
    loose = st.builds("{} |> {}\n |> ({}) : [n, 2 * m]".format, NAMES, NAMES, inner)
    return st.one_of(
        binary, loose,
        st.builds("-({})".format, inner), st.builds("not ({})".format, inner),
        st.builds("f({}, k = {})".format, inner, inner), st.builds("(f)({})".format, inner),
        st.builds("(x)[({}), :({})]".format, inner, inner),
        st.builds("({}) if ({}) else ({})".format, inner, inner, inner),
        st.builds("(({}), ({}))".format, inner, inner), st.builds("[({}), ..s]".format, inner),
        st.builds("(x).name + ({})".format, inner),
    )


@settings(max_examples=80, deadline=None)
@given(st.recursive(NAMES, combine, max_leaves=12), st.sampled_from(["", "y = ", "minimize "]))
def test_random_expressions_keep_their_trees(text: str, before: str) -> None:
    program = f"train on d {{\n{before}({text}) |> g # comment\n}}\n"
    result = formatted(program)
    assert same_tree(parse(Source("a", result)), parse(Source("b", program)))
    assert result.count("# comment") == 1


@pytest.mark.parametrize("text", [
    "x" + " + x" * 198, "x" + " |> f" * 198, "x" + "^x" * 198, "- " * 198 + "x",
    "x if x else " * 198 + "x", "f(" * 196 + "x" + ")" * 196, "x[" * 98 + "x[1]" + "]" * 98,
    "(" * 190 + "x" + ")" * 190, "[" * 198 + "]" * 198, "not (" * 97 + "x" + ")" * 97,
    "f(k = a + b * (c, " * 48 + "x" + "))" * 48,
])
def test_the_deepest_programs_are_formatted(text: str) -> None:
    formatted(f"model f(x) {{\n{text}\n}}\n")


@pytest.mark.parametrize(
    "body",
    [
        "(x + x) |> f",
        "x + (x |> f)",
        "(x if c else y) |> f |> g",
        "x if c else (y |> f)",
        "(a^2) : [3] |> f",
        "x |> (f if c else g) |> h",
        "x |> f if c else g",
        "-x |> f",
        "not x |> f",
        "((x + x) |> f) |> g",
        "((x * y) |> f)[0]",
    ],
)
def test_brackets_before_a_pipe_are_kept(body: str) -> None:
    once = formatted(f"model f(x) {{ {body} }}\n")
    kept = body if body != "((x + x) |> f) |> g" else "(x + x) |> f |> g"
    assert once == f"model f(x) {{ {kept} }}\n" and formatted(once) == once


def test_brackets_before_a_pipe_are_kept_on_lines_of_their_own() -> None:
    chain = "    (x + y)  # a sum\n    |> f   : [3]\n    |> (f if c else g)\n    |> h\n"
    text = f"model f(x) {{\n{chain}}}\n"
    assert formatted(text) == text
