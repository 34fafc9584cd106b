"""The page on ONNX has a row for every operator, and every operator has a rule."""

from __future__ import annotations

import re

from gradc_compiler.graph.op_registry import OPS
from gradc_compiler.onnx.export.node_rules import RULES
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.ops.leaf import Input, PersistentOp
from gradc_compiler.ops.orthonormalize import Orthonormalize
from gradc_compiler.ops.ruled import Ruled
from gradc_compiler.ops.sequence import Previous
from tests.onnx.exporting import ROOT

ELSEWHERE = {
    Contract,
    Input,
    PersistentOp,
    Previous,
    Ruled,
}  # each has a module of its own, or none
FIRST_VALUES = {Orthonormalize}  # no model has it


def test_every_operator_has_a_rule() -> None:
    others = {op for op in OPS.values() if not issubclass(op, Elementwise)}
    assert others == {*RULES} | ELSEWHERE | FIRST_VALUES


def test_the_page_has_a_row_for_every_operator() -> None:
    text = (ROOT / "specs" / "onnx.md").read_text().split("## Operators")[1]
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    named = re.findall(r"`(\w+)`", " ".join(rows))
    assert len(named) == len({*named}) and {*named} == {*OPS}
