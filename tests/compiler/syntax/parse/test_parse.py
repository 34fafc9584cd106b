"""What binds to what, where words are keywords, and how newlines count."""

from __future__ import annotations

import pytest

from gradc_compiler.diagnostics.source import CompileError, Source
from gradc_compiler.syntax.grammar import tree
from gradc_compiler.syntax.parse.parse import parse


def statements(text: str) -> tuple[tree.Statement, ...]:
    return parse(Source("t.nn", f"train on d {{\n{text}\n}}\n")).declarations[0].body


def show(node: object) -> str:
    """The tree with every grouping written out."""
    match node:
        case tree.Binary(operator=o, left=a, right=b):
            return f"({show(a)} {o} {show(b)})"
        case tree.Unary(operator=o, operand=a):
            return f"({o} {show(a)})"
        case tree.Pipe(left=a, right=b):
            return f"({show(a)} |> {show(b)})"
        case tree.Claim(value=a, type=t):
            return f"({show(a)} : {t.span.text})"
        case tree.Conditional(condition=c, then=a, otherwise=b):
            return f"({show(a)} if {show(c)} else {show(b)})"
        case tree.Call(function=f, arguments=arguments):
            return f"{show(f)}({', '.join(show(a.value) for a in arguments)})"
        case tree.Attribute(base=a, name=n):
            return f"{show(a)}.{n}"
        case _:
            return node.span.text


@pytest.mark.parametrize(("text", "grouped"), [
    ("a + b * c - d", "((a + (b * c)) - d)"),
    ("-x^2", "(- (x ^ 2))"),
    ("x^-1", "(x ^ (- 1))"),
    ("a^b^c", "(a ^ (b ^ c))"),
    ("-a * b", "((- a) * b)"),
    ("a @ b / c // d % e", "((((a @ b) / c) // d) % e)"),
    ("not a == b and c or d", "(((not (a == b)) and c) or d)"),
    ("a if b else c if d else e", "(a if b else (c if d else e))"),
    ("x |> f |> g(3) : [7]", "(((x |> f) |> g(3)) : [7])"),
    ("x |> f if a else g", "(x |> (f if a else g))"),
    ("x : [3] |> f", "((x : [3]) |> f)"),
    ("x |> (f |> g)", "(x |> (f |> g))"),
    ("f.g(x).h", "f.g(x).h"),
    ("(a + b) * c", "((a + b) * c)"),
])
def test_precedence(text: str, grouped: str) -> None:
    (result,) = statements(text)
    assert show(result.value) == grouped


def test_parentheses_belong_to_the_span_of_what_is_around_them() -> None:
    (result,) = statements("(a + b) * c")
    assert result.value.span.text == "(a + b) * c"
    assert result.value.left.span.text == "a + b"


@pytest.mark.parametrize("text", [
    "a = 1; b = 2",
    "a = 1;\n\n;;  # two\nb = 2",
    "a = f(\n    1,  # one\n)\nb = g[\n2\n]",
    "a = x # first\n\n   # then\n   |> f\nb = x",
    "minimize a over b using c, batch 3",
    "using a,\n    batch 3\nreport b",
])
def test_newlines_and_semicolons(text: str) -> None:
    assert len(statements(text)) in (2, 3)


@pytest.mark.parametrize("word", [
    "on", "from", "step", "over", "along", "batch", "epochs", "held_out", "seed", "patience",
])
def test_words_with_a_place_are_names_elsewhere(word: str) -> None:
    assign, result = statements(f"{word} = {word} + f({word}, {word} = {word}(1))\n{word} * 2")
    assert assign.targets[0].name == word
    assert result.value.left.name == word


def test_keywords_are_names_after_a_dot() -> None:
    (result,) = statements("f.data + f.layer")
    assert (result.value.left.name, result.value.right.name) == ("data", "layer")


def test_keywords_may_name_the_settings_of_a_data_source() -> None:
    text = 'data d(x : scalar) = sine(\n n = 9, noise = 0, state = 1, model = 2,\n class = 3)'
    (data,) = parse(Source("t.nn", text)).declarations
    names = [argument.name for argument in data.source.arguments]
    assert names == ["n", "noise", "state", "model", "class"]


def test_clauses_follow_each_other_on_a_line() -> None:
    kinds = [type(s).__name__ for s in statements(
        "noise u : [2] ~ n minimize f(u) over f, g.h using adam(), batch 3 epochs 5 report u")]
    assert kinds == ["Noise", "Minimize", "Over", "Using", "Setting", "Report"]


def test_words_with_a_place_are_names_where_parameters_are_named() -> None:
    (descend, using) = statements(
        "descend batch along g, f.over along h, over along k,\n    f.step along along using sgd()"
    )
    named = [(p.parameter.span.text, p.direction.name) for p in descend.pairs]
    assert named == [("batch", "g"), ("f.over", "h"), ("over", "k"), ("f.step", "along")]
    assert type(using).__name__ == "Using"


def test_a_state_is_updated_by_its_path_and_a_report_has_any_name() -> None:
    update, other, report = statements("f.norm1.m' = 1\nm' = 2\nreport \"in cm\" = a, b = 2")
    assert (update.target.name, other.target.name) == ("f.norm1.m", "m")
    assert [item.name for item in report.items] == ["in cm", "b"]


@pytest.mark.parametrize("before", ["", "\n", "# a comment\n\n"])
def test_an_import_may_stand_below_a_comment(before: str) -> None:
    (tree,) = parse(Source("t.nn", f'{before}import a, b from "x.nn"\n')).declarations
    assert [name.name for name in tree.names] == ["a", "b"]


def test_settings_and_inputs() -> None:
    text = "layer a(n)(x) { x }; layer b(x) { x }; initializer c(s) { s }; initializer d { 1 }"
    lists = [([p.name for p in d.settings], [p.name for p in d.inputs])
             for d in parse(Source("t.nn", text)).declarations]
    assert lists == [(["n"], ["x"]), ([], ["x"]), (["s"], []), ([], [])]


def test_scalar_as_an_argument_is_the_empty_shape() -> None:
    (result,) = statements("x |> as(scalar)")
    assert result.value.right.arguments[0].value.sizes == ()


def test_numbers() -> None:
    values = [s.value.value for s in statements("a = 10_000; b = 1e-3; c = 0.5; d = 007")]
    assert values == [10_000, 1e-3, 0.5, 7]
    assert [type(value) for value in values] == [int, float, float, int]


@pytest.mark.parametrize(("text", "fits"), [
    ("(" * 199 + "x" + ")" * 199, True),
    ("(" * 200 + "x" + ")" * 200, False),
    ("x" + " + x" * 200, True),
    ("x" + " + x" * 201, False),
    ("x" + " |> f" * 201, False),
    ("x" + "^x" * 201, False),
    ("- " * 201 + "x", False),
    ("x if x else " * 201 + "x", False),
])
def test_nesting_has_a_limit(text: str, fits: bool) -> None:
    if fits:
        statements(text)
    else:
        with pytest.raises(CompileError, match=r"E0107.*nested deeper than 200"):
            statements(text)


@pytest.mark.parametrize("line", ["epochs -1", "using sgd(lr = 1), epochs -1", "exact -2"])
def test_a_setting_below_zero_is_a_setting(line: str) -> None:
    (statement,) = statements(line)
    (setting,) = statement.items[1:] if isinstance(statement, tree.Using) else [statement]
    assert isinstance(setting, tree.Setting) and show(setting.value).startswith("(- ")


@pytest.mark.parametrize("line", ["seed - 1", "seed-1", "f(x, seed -1)", "x * (seed -1)"])
def test_a_name_less_a_number_is_a_subtraction(line: str) -> None:
    (result,) = statements(line)
    assert isinstance(result, tree.ResultStmt)
    assert "(seed - 1)" in show(result.value)


def test_no_setting_stands_in_a_definition() -> None:
    spec = parse(Source("t.nn", "train on d {\n}\nfunction f(seed) {\nseed -1\n}\n"))
    (result,) = spec.declarations[1].body
    assert show(result.value) == "(seed - 1)"
