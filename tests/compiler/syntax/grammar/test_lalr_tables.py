"""The kept tables are those of the grammar, and parse as tables that are built anew."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lark import Token

from gradc_compiler.syntax.grammar import lalr_tables

TEXT = "model f(x : scalar) -> scalar { x |> as([1]) |> dense(3) |> sum }\n"


def test_the_kept_tables_are_those_of_the_grammar() -> None:
    kept = json.loads(lalr_tables.TABLES.read_text(encoding="utf-8"))["of"].split(" lark ")[0]
    text = lalr_tables.GRAMMAR.read_text(encoding="utf-8")
    assert lalr_tables.identity(text).startswith(kept), (
        "the grammar has changed: python -m gradc_compiler.syntax.grammar.lalr_tables"
    )


def test_tables_survive_being_kept() -> None:
    again = lalr_tables.restored(json.loads(lalr_tables.kept_tables()))
    assert [token.type for token in again.lex("x = 1")][:2] == ["NAME", "EQUAL"]


def test_kept_and_built_tables_read_the_same_tokens() -> None:
    def tokens(parser: lalr_tables.Lark) -> list[tuple[str, Token]]:
        return [(token.type, token) for token in parser.lex(TEXT)]

    built = lalr_tables.built(lalr_tables.GRAMMAR.read_text(encoding="utf-8"))
    assert tokens(lalr_tables.grammar()) == tokens(built)


@pytest.mark.parametrize("kept", ['{"of": "another grammar"}', None])
def test_without_fitting_tables_they_are_built(
    kept: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "grammar.json"
    if kept:
        place.write_text(kept)
    monkeypatch.setattr(lalr_tables, "TABLES", place)
    assert next(token.type for token in lalr_tables.grammar.__wrapped__().lex("x")) == "NAME"
