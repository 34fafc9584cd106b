"""Outputs with a role: a name is made and read back, and no other place knows how it looks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gradc_compiler.graph.output_names import Role, named, of_role, output_name

ROOT = Path(__file__).resolve().parents[3]
LEFT = {"compiler/rewrites/legalize.py"}  # files that still look at the text of a name


@pytest.mark.parametrize("role", Role)
def test_a_name_is_read_back(role: Role) -> None:
    name = output_name(role, "f.dense1.W")
    assert named(role, name) == "f.dense1.W"
    assert all(named(other, name) is None for other in Role if other is not role)
    assert of_role(role, {"loss": 0, name: 1}) == {"f.dense1.W": 1}


def test_no_other_file_knows_how_a_name_begins() -> None:
    text = re.compile(rf"""["'](?:{"|".join(role.value for role in Role)})/""")
    files = [p for folder in ("compiler", "runtime") for p in (ROOT / folder).rglob("*.py")]
    found = {p.relative_to(ROOT).as_posix() for p in files if text.search(p.read_text("utf-8"))}
    assert found == LEFT
