"""The one list of words says something of every word of the language, and of no other."""

from __future__ import annotations

import re
from pathlib import Path

from gradc_compiler.editor.words import HELP, IN_PLACE, OF_TRAINING, groups
from gradc_compiler.syntax.grammar.keywords import KEYWORDS
from gradc_compiler.syntax.lex.newlines import SETTINGS

ROOT = Path(__file__).resolve().parents[3]
GRAMMAR = (ROOT / "compiler" / "syntax" / "grammar" / "grammar.lark").read_text()


def test_every_word_of_the_grammar_has_a_line() -> None:
    words = set(re.findall(r'"([a-z]+)"', GRAMMAR))
    declared = next(line for line in GRAMMAR.splitlines() if line.startswith("%declare"))
    in_place = {word.lower() for word in declared.split()[1:]} - {"error", "setting"}
    assert in_place == {*IN_PLACE} and {*SETTINGS} == {*OF_TRAINING}
    assert words <= {*KEYWORDS} and {*HELP} == {*KEYWORDS, *in_place, *SETTINGS}
    assert all(said and not said.endswith(".") for said in HELP.values())


def test_no_word_stands_in_two_groups_but_those_with_two_uses() -> None:
    seen: dict[str, str] = {}
    for group, words in groups().items():
        for word in words:
            assert word not in seen or {seen[word], group} <= {"type", "function", "prelude"}, word
            seen[word] = group
