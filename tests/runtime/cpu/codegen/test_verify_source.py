"""Kernel text may say only what a kernel needs."""

from __future__ import annotations

import ast
import re

import pytest

from gradc_runtime.cpu.codegen.verify_definition import SourceError
from gradc_runtime.cpu.codegen.verify_source import checked_kernel

HEAD = "def k1(pointers, geometry, begin, end, first):\n    "


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("v1 = pointers.__class__", "Attribute is not allowed"),
        ("import os", "Import is not allowed"),
        ("v1 = open(x1)", "may not call open"),
        ("v1 = (lambda: 1)()", "may not call"),
        ("v1 = exp(*x1)", "Starred is not allowed"),
        ("v1 = real(x=1)", "may not call real"),
        ("v1 = __import__", "unknown name __import__"),
        ("v1 = 'text'", "a str is not allowed"),
        ("v1 = [1 for i1 in range(3)]", "ListComp is not allowed"),
        ("begin = 3", "may not assign begin"),
        ("exp = 3", "may not assign exp"),
        ("v1 = geometry[begin]", "geometry is read with a literal number"),
        ("while True:\n        pass", "While is not allowed"),
        ("global v1", "Global is not allowed"),
        ("return 1", "Return is not allowed"),
        ("v1 = (v2 := 1)", "NamedExpr is not allowed"),
    ],
)
def test_text_is_refused_by_name(body: str, reason: str) -> None:
    with pytest.raises(SourceError, match="line 2: .*" + reason.replace("(", r"\(")):
        checked_kernel(HEAD + body)


@pytest.mark.parametrize(
    "text",
    [
        "v1 = 1",
        HEAD + "pass\nv1 = exp(1)",
        "@exp\n" + HEAD + "pass",
        "def k1(pointers, geometry, begin, end, first=exp(1)):\n    pass",
        "def exp(pointers, geometry, begin, end, first):\n    pass",
        "def k1(pointers, geometry, begin, end, first) -> exp(1):\n    pass",
        "def k1(:",
    ],
)
def test_only_one_plain_function_is_accepted(text: str) -> None:
    with pytest.raises(SourceError):
        checked_kernel(text)


def test_geometry_is_read_before_the_loops() -> None:
    body = "for i0 in range(geometry[2]):\n        v1 = geometry[0] * geometry[2]"
    tree, _ = checked_kernel(HEAD + body)
    assert tree.name == "k1"
    assert ast.unparse(tree).splitlines()[1:] == [
        "    geometry_0 = geometry[0]",
        "    geometry_2 = geometry[2]",
        "    for i0 in range(geometry_2):",
        "        v1 = geometry_0 * geometry_2",
    ]


FORMULA = "def mine(v0, v1):\n    v2 = exp(v0) / v1\n    return select(v2 > 1.0, v2, -v0)\n"


def test_a_kernel_may_bring_formulas_along() -> None:
    kernel, formulas = checked_kernel(FORMULA + HEAD + "v1 = real(mine(wide(v0), 1.5))")
    assert kernel.name == "k1" and [formula.name for formula in formulas] == ["mine"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("v1 = 1\n", "functions alone"),
        (FORMULA.replace("mine", "exp"), "`exp` may not be defined so"),
        (FORMULA.replace("mine", "reals"), "may not be defined so"),
        (FORMULA.replace("mine", "begin"), "may not be defined so"),
        (FORMULA.replace("mine", "v9"), "may not be defined so"),
        (FORMULA.replace("mine", "__import__"), "may not be defined so"),
        ("@exp\n" + FORMULA, "may not be defined so"),
        (FORMULA.replace("v1):", "v1=exp(1)):"), "may not be defined so"),
        (FORMULA.replace("v1):", "*v1):"), "may not be defined so"),
        (FORMULA.replace("v0, v1)", ")"), "may not be defined so"),
        (FORMULA.replace("):\n", ") -> exp(1):\n"), "may not be defined so"),
        ("def mine(v0):\n    pass\n", "ends with its result"),
        ("def mine(v0):\n    return\n", "ends with its result"),
        ("def mine(v0):\n    exp(v0)\n    return v0\n", "is assignments"),
        ("def mine(v0):\n    v0[0] = v0\n    return v0\n", "is assignments"),
        (FORMULA.replace("exp(v0)", "mine(v0, v0)"), "may not call mine"),
        (FORMULA.replace("exp(v0)", "reals(v0, 1)"), "may not call reals"),
        (FORMULA.replace("exp(v0)", "open(v0)"), "may not call open"),
        (FORMULA.replace("exp(v0)", "exp(x=v0)"), "may not call exp"),
        (FORMULA.replace("exp(v0)", "exp(*v0)"), "Starred is not allowed"),
        (FORMULA.replace("exp(v0)", "v0.real"), "Attribute is not allowed"),
        (FORMULA.replace("exp(v0)", "v0[0]"), "Subscript is not allowed"),
        (FORMULA.replace("exp(v0)", "geometry"), "unknown name geometry"),
        (FORMULA.replace("exp(v0)", "'text'"), "a str is not allowed"),
        (FORMULA.replace("v2 =", "exp ="), "unknown name exp"),
    ],
)
def test_only_plain_formulas_are_accepted(text: str, reason: str) -> None:
    with pytest.raises(SourceError, match=re.escape(reason)):
        checked_kernel(text + HEAD + "v1 = exp(1)")
