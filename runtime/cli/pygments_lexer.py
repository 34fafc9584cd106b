"""Colours of specs in documentation and on the web, by Pygments: code marked `gradc` in Sphinx or
MkDocs, `pygmentize -l gradc`.

Registered in `pyproject.toml`, so that Pygments finds it by name and by the ending `.nn`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pygments.lexer import RegexLexer, bygroups, words
from pygments.token import (
    Comment,
    Keyword,
    Name,
    Number,
    Operator,
    Punctuation,
    String,
    Whitespace,
)

from gradc_compiler.editor.grammar_files import DIMS, KINDS, NAME, NUMBER, SIGNS
from gradc_compiler.editor.words import IN_PLACE, groups

WORDS = groups()


def word(group: list[str], ahead: str = "") -> Any:
    """A pattern for any of some words."""
    return words(tuple(group), prefix=r"\b", suffix=rf"\b{ahead}")


class GradcLexer(RegexLexer):
    """Specs of networks."""

    name = "gradc"
    aliases: ClassVar[list[str]] = ["gradc", "nn"]
    filenames: ClassVar[list[str]] = ["*.nn"]
    mimetypes: ClassVar[list[str]] = ["text/x-gradc"]
    tokens: ClassVar[dict[str, Any]] = {
        "root": [
            (r"\s+", Whitespace),
            (r"#.*$", Comment.Single),
            (r'"[^"\n]*"', String.Double),
            (
                rf"({'|'.join(KINDS)})(\s+)({NAME})(?!\s*[:,)])",
                bygroups(Keyword.Declaration, Whitespace, Name.Class),
            ),
            (r"\b(train)(\s+)(on)\b", bygroups(Keyword.Declaration, Whitespace, Keyword)),
            (
                rf"\b(let)(\s+)({NAME})(?=\s*=(?!=))",
                bygroups(Keyword.Declaration, Whitespace, Name.Constant),
            ),
            (rf"\b(step)(\s+)({NAME})(?=\s*\{{)", bygroups(Keyword, Whitespace, Name.Namespace)),
            (r"\bfrom(?=\s*\")", Keyword),
            (rf"\b(over|along)(?=\s+{NAME})", Keyword),
            (word(WORDS["setting"], r"(?=\s+[-A-Za-z0-9_])"), Keyword.Pseudo),
            (word(["data", "train", "import"]), Keyword.Declaration),
            (word([w for w in WORDS["statement"] if w not in IN_PLACE]), Keyword),
            (word(WORDS["operator"]), Operator.Word),
            (word(WORDS["constant"]), Keyword.Constant),
            (DIMS, Number.Integer),
            (NUMBER, Number),
            (SIGNS, Operator),
            (word([*WORDS["type"], *KINDS]), Keyword.Type),
            (word([*WORDS["function"], *WORDS["prelude"]], r"(?!\s*[:=](?!=))"), Name.Builtin),
            (rf"{NAME}'", Name.Variable),
            (NAME, Name),
            (r"[(){}\[\],.:;]", Punctuation),
        ]
    }
