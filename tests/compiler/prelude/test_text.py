"""The prelude as text: laid out, commented, documented, every name once."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from gradc_compiler.diagnostics.source import Source
from gradc_compiler.elaborate.expressions.declarations import RESERVED
from gradc_compiler.elaborate.names.library import PRELUDE
from gradc_compiler.syntax.parse.parse import parse
from gradc_compiler.syntax.pretty.format_source import format_source

FILES = sorted(PRELUDE.glob("*.nn"))
HELPERS = {
    "pair", "margins", "around", "places", "reached", "peak", "heads_of", "straighten", "filled",
    "moves", "pooled", "unit_of", "at_least", "gathered",
}  # fmt: skip
MANUAL = Path(__file__).parents[3] / "specs" / "prelude.md"


def source_of(path: Path) -> Source:
    return Source(path.name, path.read_text(encoding="utf-8"))


def names() -> list[str]:
    return [d.name for path in FILES for d in parse(source_of(path)).declarations]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_file_is_laid_out(path):
    source = source_of(path)
    assert format_source(source) == source.text
    assert max(map(len, source.text.splitlines())) <= 100


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_definition_opens_with_a_comment(path):
    source = source_of(path)
    for definition in parse(source).declarations:
        before = source.text[: definition.span.start].splitlines()
        assert before[-1].startswith("#"), definition.name


def test_every_name_is_defined_once_and_none_is_reserved():
    counts = Counter(names())
    assert [name for name, count in counts.items() if count > 1] == []
    assert not counts.keys() & RESERVED


def test_manual_names_every_definition():
    told = set(re.findall(r"`(\w+)", MANUAL.read_text(encoding="utf-8")))
    assert set(names()) - HELPERS - told == set()
