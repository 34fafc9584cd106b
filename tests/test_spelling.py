"""The documents are spelt one way, the British; words of the language and of libraries are code,
titles of papers stand in italics.

Code is what stands in backticks, in a block, or indented by four blanks: `optimizer` is a word of
the language, an optimiser is what it declares.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
QUOTING = {"mistakes.md"}  # it is made of messages, which have the words of the language
PAGES = [
    *(
        ROOT / name
        for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md")
    ),
    *(p for p in sorted((ROOT / "specs").glob("*.md")) if p.name not in QUOTING),
    *sorted((ROOT / "editors").rglob("*.md")),
]
BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(
    r"``[^\n]+?``|`[^`]*`|\]\([^)\n]*\)|<!--[^\n]*?-->|^ {4,}[^\n]*$|https?://\S+", re.MULTILINE
)
TITLE = re.compile(r"(?<!\*)\*(?![*\s])[^*\n]+\*(?!\*)")
WORD = re.compile(r"(?<![\w./])(?!Gray\b)[A-Za-z]+(?:-[A-Za-z]+)*(?![\w])")  # Gray is a name
IZE = re.compile(r"[a-z]{2,}(?:i|y)z(?:e[ds]?|ers?|ings?|ations?)$")
OR = re.compile(r"(?:col|behavi|neighb|fav|hon|lab|harb|vap|rum|hum)or(?:s|ed|ing|s?hood|al)?$")
OTHERS = re.compile(
    r"(?:center(?:s|ed)?|centering|fiber|gray(?:s|scale)?"
    r"|(?:label|model|cancel|travel|signal)(?:ed|ing)"
    r"|license[ds]?(?= )|defense|catalog|dialog|artifact|fulfill|skillful|aluminum)$"
)
ALIKE = re.compile(r"(?:re)?siz(?:e[ds]?|ing)|priz\w+|seiz\w+|over-?siz\w+|capsiz\w+")  # so in both


def prose(text: str) -> str:
    """A page without its code, line by line as it was."""
    for pattern in (BLOCK, CODE, TITLE):
        text = pattern.sub(lambda found: "\n" * found[0].count("\n"), text)
    return text


def american(text: str) -> Iterator[tuple[int, str]]:
    """Words that a British page spells otherwise, each with its line."""
    for number, line in enumerate(prose(text).split("\n"), 1):
        for word in (part.lower() for found in WORD.findall(line) for part in found.split("-")):
            found = any(pattern.fullmatch(word) for pattern in (IZE, OR, OTHERS))
            if found and not ALIKE.fullmatch(word):
                yield number, word


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_is_spelt_one_way(page: Path) -> None:
    found = [f"{page.name}:{number} {word}" for number, word in american(page.read_text("utf-8"))]
    assert not found, "British spelling, or backticks where it is a word of a language"


def test_what_is_american_is_seen() -> None:
    text = "The optimizer's behavior,\n`optimizer` and a normalized size;\n\n    color\n"
    text += "\n```nn\ngray\n```\n"
    assert [*american(text)] == [(1, "optimizer"), (1, "behavior"), (2, "normalized")]
    assert [*american("colour, sized, prize, optimise, analyse, [colors](colors.md)")] == [
        (1, "colors")
    ]
