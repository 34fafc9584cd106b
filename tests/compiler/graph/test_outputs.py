"""Outputs with a role are records; only the text form of a graph is read and printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gradc_compiler.graph.outputs import Carry, Role, Tagged, is_of, of_role, read_key, with_role

ROOT = Path(__file__).resolve().parents[3]
READER = "compiler/graph/outputs.py"


@pytest.mark.parametrize("role", Role)
def test_a_role_is_a_field(role: Role) -> None:
    key = Tagged(role, "f.dense1.W")
    assert is_of(role, key) and not any(is_of(other, key) for other in Role if other is not role)
    assert of_role(role, {"loss": 0, key: 1, Carry(3): 2}) == {"f.dense1.W": 1}
    assert with_role(role, {"f.dense1.W": 1}) == {key: 1}


@pytest.mark.parametrize("key", ["loss", Carry(12), *(Tagged(role, "a.m/b") for role in Role)])
def test_a_key_is_printed_and_read_back(key: str | Tagged | Carry) -> None:
    found = read_key(str(key))
    assert found == key and type(found) is type(key)


def test_no_other_file_takes_a_name_apart() -> None:
    roles = "|".join([*(role.value for role in Role), "carry"])
    text = re.compile(rf"""(?:startswith|removeprefix|partition|split)\(f?["'](?:{roles})?/""")
    files = [p for folder in ("compiler", "runtime") for p in (ROOT / folder).rglob("*.py")]
    found = {p.relative_to(ROOT).as_posix() for p in files if text.search(p.read_text("utf-8"))}
    assert found == {READER}
