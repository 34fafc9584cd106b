"""Wrong programs: each gets its code, its place and its words; all of them in one go."""

from __future__ import annotations

import time

import pytest

from gradc_compiler.diagnostics.source import CompileError
from gradc_compiler.error_index import CODES

HOUSE = ("model f(x : scalar) -> scalar { param w = 1; w * x }\n"
         "data d(x : scalar, y : class(2)) = csv(\"d.csv\")\n")

# code, line, column, part of the message, text
WRONG = [
    ("E0201", 1, 32, "`dens` is not defined", "model f(x : [3]) -> [2] { x |> dens(2) }"),
    ("E0202", 1, 52, "`b` is declared twice",
     "model f(x : [3]) -> [3] { param b : [3] = 0; param b : [3] = 1; x + b }"),
    ("E0202", 1, 18, "`g` has two parameters called `x`",
     "layer g(x : [n], x : [n]) { x }\nmodel f(x : [3]) { g(x, x) }"),
    ("E0202", 1, 19, "`g` has two parameters called `n`",
     "layer g(n : size)(n : [m]) { n }\nmodel f(x : [3]) { x |> g(3) }"),
    ("E0202", 1, 20, "`d` has two fields called `x`",
     "data d(x : scalar, x : scalar) = line()\nmodel f(x : scalar) { x }"),
    ("E0202", 2, 7, "`f` is defined twice",
     "model f(x : [3]) -> [3] { x }\nlayer f(x : [3]) -> [3] { x }"),
    ("E0203", 1, 7, "`exp` is a name of the language", "layer exp(x : t) -> t { x }"),
    ("E0204", 1, 1, "cannot import", "import \"blocks.nn\""),
    ("E0207", 1, 31, "`normal` says how something is drawn",
     "model f(x : [3]) -> [3] { x + normal(0, 1) }"),
    ("E0301", 1, 21, "`f` claims [10], but its body gives [12]",
     "model f(x : [3]) -> [10] { x |> dense(12) }"),
    ("E0301", 2, 28, "this claims [14, 14, 16], but the chain gives [14, 14, 8] here",
     "model f(x : [28, 28, 1]) -> [14, 14, 8] {\n    x |> conv(8, 5x5, 2) : [14, 14, 16]\n}"),
    ("E0302", 1, 39, "`dense` takes x : [n], got [8, 8, 1]",
     "model f(image : [8, 8, 1]) { image |> dense(10) }"),
    ("E0303", 1, 63, "`@` does not fit [3, 2] and [3]: inner sizes 2 and 3 differ",
     "model f(x : [3]) -> [2] { param W : [3, 2] ~ glorot_uniform ; W @ x }"),
    ("E0303", 1, 63, "index `i` runs over 3 in one place and 4 in another",
     "model f(x : [3], y : [4]) -> scalar { contract(: x[i]   *   y[i]) }"),
    ("E0304", 1, 36, "the size of index `k` is not given",
     "model f(x : [8]) -> [4] { contract(k : x[2*k]) }"),
    ("E0305", 1, 32, "`dense(units)` takes 1, got 2",
     "model f(x : [3]) -> [2] { x |> dense(2, 3) }"),
    ("E0305", 1, 46, "`strde` is not one of its parameters",
     "model f(x : [3, 3, 1]) { x |> conv(1, 3x3,   strde = 2) }"),
    ("E0306", 1, 27, "expected a tensor or a number, got the layer `dense`",
     "model f(x : [3]) -> [3] { dense(3) + x }"),
    ("E0307", 1, 31, "index 3 is outside an axis of size 3", "model f(x : [3]) -> scalar {x[3] }"),
    ("E0308", 1, 63, "`f.g.W` is [3, 3] already, and this use makes it [3, 6]",
     "model f(x : [3]) -> [3] { g = dense(3); y = g(x); y + (x |>   g(concat(x, x))) }"),
    ("E0309", 1, 38, "a condition is decided at compile time",
     "model f(x : scalar) -> scalar { x if x > 0 else 0 }"),
    ("E0310", 1, 32, "`last` is for a sequence", "model f(x : [3]) -> [3] { x |> last }"),
    ("E0401", 1, 38, "a size is a whole number", "model f(x : [5]) -> [2] { x |> dense(5 / 2) }"),
    ("E0402", 1, 32, "1 / 0 has no value", "model f(x : [3]) -> [3] { x * (1 / 0) }"),
    ("E0403", 3, 45, "`batch` is a whole number, 1 or more",
     HOUSE + "train on d { minimize f(x) using sgd, batch 0 }"),
    ("E0412", 1, 36, "`deep` uses itself",
     "layer deep(x : [3]) -> [3] { x  |> deep }\nmodel f(x : [3]) -> [3] { x |> deep }"),
    ("E0502", 1, 27, "grad takes the derivative of a scalar, this is [3]",
     "model f(x : [3]) -> [3] { grad(x^2, x) }"),
    ("E0601", 3, 1, "`train` minimizes nothing", HOUSE + "train on d { using sgd }"),
    ("E0602", 3, 40, "a step minimizes one thing",
     HOUSE + "train on d { minimize f(x); using sgd; minimize 2 * f(x) }"),
    ("E0603", 3, 1, "`train` has no optimizer", HOUSE + "train on d { minimize f(x) }"),
    ("E0603", 3, 36, "`o` moves parameters of any type, one at a time, so it cannot claim one",
     HOUSE + "train on d { minimize f(x) using   o }\noptimizer o(p : [3], g) { p' = p - g }"),
    ("E0603", 3, 36, "`o` moves parameters of any type, one at a time, so it cannot claim one",
     HOUSE + "train on d { minimize f(x) using   o }\noptimizer o(p, g) -> [3] { p' = p }"),
    ("E0202", 4, 16, "`o` has two parameters called `p`",
     HOUSE + "train on d { minimize f(x) using o }\noptimizer o(p, p) { p' = p - p }"),
    ("E0604", 3, 23, "the loss uses no parameter", HOUSE + "train on d { minimize x using sgd }"),
    ("E0605", 3, 14, "`minimize` belongs in a step",
     HOUSE + "train on d { minimize x; step a { minimize f(x) using sgd } }"),
    ("E0606", 3, 23, "minimize takes a scalar, this is [2]",
     HOUSE + "train on d { minimize [f(x), x] using sgd }"),
    ("E0607", 1, 22, "data comes from a call", "data d(x : scalar) = 3"),
    ("E0608", 3, 10, "there is no data `e`", HOUSE + "train on e { minimize f(x) using sgd }"),
    ("E0609", 3, 45, "report takes a scalar, this is [2]",
     HOUSE + "train on d { minimize f(x) using sgd report [x, x] }"),
]


@pytest.mark.parametrize(
    ("code", "line", "column", "words", "text"), WRONG, ids=lambda v: str(v)[:24])
def test_an_error_says_what_and_where(diagnose, code, line, column, words, text):
    found = diagnose(text)
    assert [d.code for d in found] == [code]
    assert (found[0].primary.span.line, found[0].primary.span.column) == (line, column)
    assert words in found[0].message


def test_every_code_is_explained():
    assert {row[0] for row in WRONG} <= set(CODES)


def test_all_errors_come_at_once(diagnose):
    found = diagnose(
        "model a(x : [3]) -> [2] {\n    y = x |> dens(3)\n    z = x[4]\n    y + z + w\n}\n"
        "model b(x : [3]) -> [2] { x |> dense(-1) }\n" + HOUSE
        + "train on d {\n    minimize f(x) + y\n    over g, f.v\n"
        "    using sdg, batch 0\n    report q\n}\n")
    places = [(d.code, d.primary.span.line) for d in found]
    assert places == [
        ("E0201", 2), ("E0307", 3), ("E0201", 4), ("E0401", 6), ("E0306", 10), ("E0201", 11),
        ("E0201", 11), ("E0201", 12), ("E0403", 12), ("E0201", 13)]


def test_hints_name_what_is_near(diagnose):
    assert "`dense`" in (diagnose("model f(x : [3]) { x |> dens(2) }")[0].hint or "")
    assert diagnose("model f(x : [3]) { param W : [3, 2] = 0; W @ x }")[0].hint == \
        "transpose(W) @ x fits"


def test_an_error_in_the_prelude_shows_the_call_first(diagnose):
    found = diagnose("model f(x : [3]) -> [3] { g = dense(3); g(x) + g(concat(x, x)) }")[0]
    assert found.primary.span.text == "g(concat(x, x))"
    assert found.secondary[0].span.source.name == "prelude/layers.nn"
    assert found.secondary[1].span.text == "g(x)"


@pytest.mark.parametrize(("code", "text"), [
    ("E0410", "model f(x : [3]) -> [3] { x |> dense(1_000_000_000_000) |> dense(3) }"),
    ("E0410", "model f(x : [300_000]) -> [300_000] { x |> dense(300_000) }"),
    ("E0410", "model f(x : [3]) { broadcast(x, [1_000_000, 1_000_000, 1_000_000, 3]) }"),
    ("E0411", "model f(x : [3]) -> [3] { x |> repeat(1_000_000_000, dense(3)) }"),
    ("E0411", "model f(x : [3]) -> [3] { x |> repeat(9_999, repeat(9_999, identity)) }"),
    ("E0412", "layer w(f : layer)(x : [3]) { x |> f(f) }\nmodel a(x : [3]) { x |> w(w) }"),
    ("E0402", "model f(x : [3]) -> [3] { x * 10^10^10^10 }"),
])
def test_bombs_go_off_quickly(diagnose, code, text):
    begin = time.process_time()
    assert [d.code for d in diagnose(text)] == [code]
    assert time.process_time() - begin < 5


def test_a_model_without_sizes_says_so_when_it_is_asked(build):
    module = build("model f(x : [n]) -> [2] { x |> dense(2) }")
    assert "f" not in module.models
    with pytest.raises(CompileError, match=r"E0404.*`f` leaves open: `n`"):
        module.forward("f")


def test_a_setting_from_outside_names_something(build):
    with pytest.raises(CompileError, match=r"E0408.*`learning_rate`"):
        build(HOUSE + "train on d { minimize f(x) using sgd }", learning_rate=3)


def test_layers_within_layers_within_expressions(diagnose):
    deep = "x"
    for i in range(95):
        deep = f"tanh({deep})" if i % 2 else f"({deep} + 1)"
    lines = [
        f"layer l{i}(x : [3]) {{ {deep.replace('x', f'(x |> l{i + 1})')} }}" for i in range(55)]
    lines += ["layer l55(x : [3]) { x }", "model f(x : [3]) { x |> l0 }"]
    found = diagnose("\n".join(lines))
    assert [d.code for d in found] == ["E0412"]


def test_a_name_cannot_be_a_value_and_a_type(diagnose):
    found = diagnose("model f(x : scalar) -> x { x }")
    assert [(d.code, d.primary.span.column) for d in found] == [("E0201", 24)]
