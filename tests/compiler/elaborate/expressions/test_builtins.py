"""A bad argument of a function of the language is shown where it stands, for every row."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gradc_compiler.diagnostics.source import CompileError
from gradc_compiler.elaborate.expressions.builtins import BUILTINS, ELEMENTWISE
from gradc_compiler.pipeline import compile_source

SPEC = """cell step(h : [3], x : [4]) -> [3] {{ h + x[0:3] }}
model f(x : [3, 4], l : class(3), s : seq(5) [4]) {{
    {}
}}
"""
OPERANDS = {"x", "xs", "a", "b", "condition", "table", "index", "label", "parts", "numbers", "of"}
GOOD = {  # an argument for each parameter that a call may need
    "x": "x", "xs": "s", "a": "x", "b": "x", "condition": "x", "table": "x", "index": "l",
    "label": "l", "parts": "x", "numbers": "1", "of": "sum(x)", "by": "x", "along": "x",
    "order": "(1, 0)", "shape": "[3, 4]", "before": "1", "after": "1", "count": "3", "rows": "3",
    "n": "3", "layer": "relu", "cell": "step", "over": "5", "size": "4", "start": "0", "value": "1",
}  # fmt: skip
BAD = {  # and one that no call takes
    "axis": "99", "shape": "same", "order": "same", "before": "-1", "after": "-1", "count": "-1",
    "rows": "-1", "n": "-1", "layer": "7", "products": "same", "cell": "7", "all": "same",
    "backwards": "same", "over": "-1", "first": "same", "size": "-1", "key": "-1", "value": "same",
    "by": "7", "along": "same", "start": "same",
}  # fmt: skip
DRAWN = {"mean", "std", "low", "high"}  # of distributions: see below
WORDS = {"cell", "layer"}  # of the language, which name no argument
LATER = {("scan", "start"), ("unfold", "start")}  # told where the layer is applied to a sequence


def settings() -> Iterator[tuple[str, str]]:
    """Every function with every parameter of it that is no operand."""
    for name, function in BUILTINS.items():
        for parameter in function.parameters:
            operand = parameter in OPERANDS and name not in ELEMENTWISE
            if not operand and parameter not in DRAWN and (name, parameter) not in LATER:
                yield name, parameter


def call(name: str, bad: str, value: str, *, named: bool) -> tuple[str, str]:
    """A call in which one argument is bad; and the text of that argument."""
    function = BUILTINS[name]
    written = f"{bad} = {value}" if named else value
    given = []
    for number, parameter in enumerate(function.parameters):
        last = named or number >= function.parameters.index(bad)
        if parameter == bad:
            given.append(written)
        elif number < function.required:
            good = "1" if name in ELEMENTWISE else GOOD[parameter]
            by_name = named and number > 0 and parameter not in WORDS
            given.append(f"{parameter} = {good}" if by_name else good)
        elif not last:
            given.append("0")
    return f"{name}({', '.join(given)})", written


def shown(text: str) -> str:
    """What the first error of a spec points at."""
    with pytest.raises(CompileError) as caught:
        compile_source(text)
    return caught.value.diagnostics[0].primary.span.text


@pytest.mark.parametrize(("name", "parameter"), [*settings()], ids=".".join)
def test_a_bad_argument_is_shown_itself(name: str, parameter: str) -> None:
    bad = "same" if name in ELEMENTWISE else BAD[parameter]
    named = parameter != BUILTINS[name].parameters[0] and parameter not in WORDS
    text, written = call(name, parameter, bad, named=named)
    assert shown(SPEC.format(text)) == written
    optional = BUILTINS[name].parameters.index(parameter) >= BUILTINS[name].required
    if not optional and not BUILTINS[name].variadic:
        text, written = call(name, parameter, bad, named=False)
        assert shown(SPEC.format(text)) == written


@pytest.mark.parametrize("drawn", ["normal(0, {})", "uniform(1, {})", "normal(mean = {})"])
@pytest.mark.parametrize("bad", ["-1", "same"])
def test_what_is_drawn_from_is_shown_itself(drawn: str, bad: str) -> None:
    if "mean" in drawn and bad == "-1":
        return  # which a mean may be
    text = f"model f(x : [2]) {{\n    param w : [2] ~ {drawn.format(bad)}\n    x + w\n}}\n"
    assert shown(text) == (f"mean = {bad}" if "mean" in drawn else bad)


@pytest.mark.parametrize("name", [n for n, f in BUILTINS.items() if f.variadic])
def test_what_any_number_is_given_of_has_no_name(name: str) -> None:
    first = BUILTINS[name].parameters[0]
    assert shown(SPEC.format(f"{name}(x, {first} = 1)")) == f"{first} = 1"
