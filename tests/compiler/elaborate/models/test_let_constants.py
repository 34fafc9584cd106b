"""`let`: constants of a file, read in its bodies and set from outside."""

from __future__ import annotations

import pytest

from gradc_compiler.derived import print_program
from gradc_compiler.diagnostics.source import CompileError, Source
from gradc_compiler.pipeline import compilation, compile_file, compile_source
from gradc_compiler.syntax.grammar.tree import Let
from gradc_compiler.syntax.parse.parse import parse
from gradc_compiler.syntax.pretty.format_source import format_source
from gradc_compiler.warnings import warnings_of

TRAINED = """
let hidden = 8
let wide = 2 * hidden
layer block(x : [n]) -> [hidden] { x |> dense(wide) |> relu |> dense(hidden) }
model net(x : [4]) -> [3] { x |> block : [hidden] |> dense(3) }
data iris(x : [4], y : class(3)) = iris()
train on iris { minimize cross_entropy(net(x), y) using adam(lr = 1e-2), batch 2 * hidden }
"""


def shapes(module) -> list[tuple[int, ...]]:
    return [parameter.type.shape for parameter in module.parameters]


def expected(hidden: int, wide: int) -> list[tuple[int, ...]]:
    return [(wide, 4), (wide,), (hidden, wide), (hidden,), (3, hidden), (3,)]


def test_a_constant_stands_wherever_a_number_is_known(build):
    module = build(TRAINED)
    assert shapes(module) == expected(8, 16)
    assert module.train.settings["batch"] == 16


def test_a_constant_that_is_set_from_outside_changes_those_that_are_made_of_it(build):
    module = build(TRAINED, hidden=5)
    assert shapes(module) == expected(5, 10)
    assert module.train.settings["batch"] == 10
    assert shapes(build(TRAINED, wide=7, hidden=5)) == expected(5, 7)


def test_a_text_a_word_sizes_and_a_truth_value_may_be_constants(build):
    module = build(
        """
        let kernel = 3x3
        let file = "d.csv"
        let deep = true
        let border = same
        model f(x : [6, 6, 1]) -> [6, 6, 2] {
            x |> conv(2, kernel, pad = border) |> (tanh if deep else relu)
        }
        data d(x : [6, 6, 1]) = csv(file)
        """,
        deep=0,
    )
    assert shapes(module) == [(2, 3, 3, 1), (2,)]
    assert module.data[0].arguments == ("d.csv",)


def test_names_of_a_body_come_before_a_constant(build):
    module = build(
        """
        let n = 3
        let xs = 2
        layer wide(n : size)(x : [m]) -> [n] { x |> dense(n) }
        model f(x : [n]) -> [n] { x |> wide(5) |> dense(n) }
        model g(xs : seq [n]) -> [n] { k = last(xs); k }
        """
    )
    assert shapes(module)[:2] == [(5, 3), (5,)]
    assert module.models["g"].inputs[0][1].time == "xs"


def test_let_is_an_ordinary_name_within_a_body(build):
    module = build("model f(let : [3]) -> [3] { let |> dense(3) }")
    assert module.models["f"].inputs[0][0] == "let"
    assert shapes(build("let let = 2\nmodel f(x : [let]) -> [1] { x |> dense(1) }"))[0] == (1, 2)


def test_an_imported_file_keeps_its_constants(tmp_path):
    (tmp_path / "parts.nn").write_text(
        "let hidden = 6\nlayer part(x : [n]) -> [hidden] { x |> dense(hidden) }\n"
    )
    spec = tmp_path / "spec.nn"
    spec.write_text(
        'import part from "parts.nn"\nlet hidden = 2\n'
        "model f(x : [hidden]) -> [6] { x |> part }\n"
    )
    made = compile_file(spec, overrides={"hidden": 3})
    assert [p.type.shape for p in made.parameters] == [(6, 3), (6,)]


@pytest.mark.parametrize(
    ("text", "code", "at"),
    [
        ("let a = b\nlet b = 3", "E0201", "1:9"),
        ("let b = 3\nlet b = 4", "E0202", "2:5"),
        ("let f = 2", "E0202", "2:7"),
        ("let relu = 3", "E0203", "1:5"),
        ("let exp = 3", "E0203", "1:5"),
        ("let batch = 4", "E0203", "1:5"),
        ("let a = dense(3)", "E0403", "1:9"),
        ("let a = q + 1", "E0201", "1:9"),
    ],
)
def test_what_is_wrong_with_a_constant_is_said_there(diagnose, text, code, at):
    found = diagnose(f"{text}\nmodel f(x : [3]) -> [3] {{ x }}")
    span = found[0].primary.span
    assert [d.code for d in found] == [code] and f"{span.line}:{span.column}" == at


def test_a_broken_constant_is_one_error_wherever_it_is_read(diagnose):
    text = "let a = q\nlet b = a\nmodel f(x : [a]) -> [b] { x |> dense(a) }"
    assert [d.code for d in diagnose(text)] == ["E0201"]


def test_a_constant_that_nothing_reads_is_warned_of(build):
    found = warnings_of(build("let a = 3\nlet b = a\nmodel f(x : [3]) -> [3] { x |> dense(3) }"))
    assert [(w.code, w.primary.span.text) for w in found] == [("W0008", "b")]


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ({"hiden": 3}, "nothing here is called `hiden`"),
        ({"lr": 3}, "`lr`, which is set from outside, is a constant and a setting"),
        ({"kernel": 3}, "`kernel` is sizes, got 3"),
        ({"deep": 3}, "`deep` is `true` or `false`, got 3"),
    ],
)
def test_what_cannot_be_set_is_refused_in_one_line(overrides, said):
    names = "let lr = 1e-2\nlet kernel = 3x3\nlet deep = true\n"
    text = names + TRAINED.replace("lr = 1e-2", "lr = lr")
    with pytest.raises(CompileError) as raised:
        compile_source(text, overrides=overrides)
    assert len(raised.value.diagnostics) == 1
    assert said in raised.value.diagnostics[0].message


def test_a_name_from_outside_is_known_without_a_train_block_too():
    text = "let hidden = 3\nmodel f(x : [hidden]) -> [1] { x |> dense(1) }"
    assert compile_source(text, overrides={"hidden": 5}).parameters[0].type.shape == (1, 5)
    with pytest.raises(CompileError) as raised:
        compile_source(text, overrides={"hiden": 5})
    assert [d.code for d in raised.value.diagnostics] == ["E0408"]


def test_the_formatter_lays_a_constant_out():
    text = "let  a=3*  2 # how many\n\nlet b = a\nmodel f(x : [a]) -> [b] { x }\n"
    laid = format_source(Source("spec.nn", text))
    assert laid.startswith("let a = 3 * 2  # how many\n\nlet b = a\nmodel f")
    assert isinstance(parse(Source("spec.nn", laid)).declarations[0], Let)


def test_a_derived_program_has_the_constants_that_its_own_text_reads():
    text = """let n = 3
let rate = 0.1
let hidden = 2
optimizer mine(lr = 1)(p, g) { p' = p - rate * lr * g }
model f(x : [n]) -> [3] { x |> dense(hidden) |> dense(3) }
data iris(x : [n], y : class(3)) = iris()
train on iris { minimize cross_entropy(f(x), y) using mine }
"""
    made = compilation(Source("spec.nn", text), ".", {"n": 4})
    derived = print_program(made)
    assert "let n = 4\nlet rate = 0.1\n" in derived and "let hidden" not in derived
    again = compile_source(derived)
    first = {p.name: p.type.shape for p in made.program.parameters}
    assert {p.name: p.type.shape for p in again.parameters} == first
