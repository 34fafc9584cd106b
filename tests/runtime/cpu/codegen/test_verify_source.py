"""Kernel text may say only what a kernel needs."""

from __future__ import annotations

import ast

import pytest

from gradc_runtime.cpu.codegen.verify_source import SourceError, checked_function

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
        checked_function(HEAD + body)


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
        checked_function(text)


def test_geometry_is_read_before_the_loops() -> None:
    body = "for i0 in range(geometry[2]):\n        v1 = geometry[0] * geometry[2]"
    tree = checked_function(HEAD + body)
    assert tree.name == "k1"
    assert ast.unparse(tree).splitlines()[1:] == [
        "    geometry_0 = geometry[0]",
        "    geometry_2 = geometry[2]",
        "    for i0 in range(geometry_2):",
        "        v1 = geometry_0 * geometry_2",
    ]
