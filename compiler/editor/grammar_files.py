"""Grammars of other programs, written from the one list of words: `python -m
gradc_compiler.editor.grammar_files` writes them into `editors/`.

Each is a table of words behind a few patterns for what the lexer knows as numbers, texts, comments
and signs.  A test holds the files equal to what this writes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gradc_compiler.editor.words import DECLARED, IN_PLACE, groups

NAME = "[A-Za-z_][A-Za-z_0-9]*"
DIMS = r"\b[0-9]+(?:x[0-9]+)+\b"
NUMBER = r"\b[0-9]+(?:_[0-9]+)*(?:\.[0-9]+(?:_[0-9]+)*)?(?:[eE][+-]?[0-9]+)?\b"
SIGNS = r"\|>|->|\.\.|//|<=|>=|==|!=|[-+*/%^@<>=~]"
OWN = "Written by `python -m gradc_compiler.editor.grammar_files`; do not edit."
KINDS = sorted({*DECLARED} - {"data", "train", "import"})
IN_PLACE_ONLY = frozenset(IN_PLACE)


def any_of(words: Iterable[str]) -> str:
    """A pattern for whole words."""
    return rf"\b(?:{'|'.join(words)})\b"


def textmate() -> str:
    """The TextMate grammar, which VS Code and GitHub read."""
    return json.dumps(
        {
            "$comment": OWN, "name": "gradc", "scopeName": "source.gradc", "fileTypes": ["nn"],
            "patterns": [{"match": match, **scopes(named)} for match, named in rows(groups())],
        },
        indent=2,
    ) + "\n"  # fmt: skip


def scopes(named: str | tuple[str, ...]) -> dict[str, Any]:
    """One scope for a whole match, or one for each group in it."""
    if isinstance(named, str):
        return {"name": f"{named}.gradc"}
    parts = {str(k): {"name": f"{name}.gradc"} for k, name in enumerate(named, 1) if name}
    return {"captures": parts}


def rows(words: Mapping[str, list[str]]) -> list[tuple[str, str | tuple[str, ...]]]:
    """Patterns in the order in which they are tried, with what they match."""
    keyword = "keyword.control"
    return [
        (r"#.*$", "comment.line.number-sign"),
        (r'"[^"\n]*"', "string.quoted.double"),
        *heads(),
        (r"\b(import)\b|\b(from)(?=\s*\")", (keyword, keyword)),
        (rf"\b(over|along)(?=\s+{NAME})", (keyword,)),
        (any_of(words["setting"]) + r"(?=\s+[-A-Za-z0-9_])", "keyword.other.setting"),
        (any_of(w for w in words["statement"] if w not in IN_PLACE_ONLY), keyword),
        (any_of(words["operator"]), "keyword.operator.word"),
        (any_of(words["constant"]), "constant.language"),
        (DIMS, "constant.numeric.sizes"),
        (NUMBER, "constant.numeric"),
        (SIGNS, "keyword.operator"),
        (any_of([*words["type"], *KINDS]), "storage.type.primitive"),
        (any_of([*words["function"], *words["prelude"]]) + r"(?!\s*[:=](?!=))", "support.function"),
        (rf"\b{NAME}'", "variable.other.next"),
        (rf"\b{NAME}\b", "variable.other"),
    ]


def heads() -> list[tuple[str, str | tuple[str, ...]]]:
    """Patterns of what begins with a word and gives a name."""
    keyword, entity = "keyword.control", "entity.name"
    return [
        (rf"\b({'|'.join(KINDS)})\s+({NAME})(?!\s*[:,)])", ("storage.type", f"{entity}.type")),
        (rf"\b(data)\s+({NAME})(?=\s*\()", ("storage.type", f"{entity}.namespace")),
        (rf"\b(train)\s+(on)\s+({NAME})", ("storage.type", keyword, f"{entity}.namespace")),
        (rf"^\s*(let)\s+({NAME})(?=\s*=)", ("storage.type", "variable.other.constant")),
        (rf"^\s*(derivative)\s+({NAME})(?=\s*\()", ("storage.type", f"{entity}.type")),
        (r"\b(because)(?=\s*\")", (keyword,)),
        (rf"\b(step)\s+({NAME})(?=\s*\{{)", (keyword, f"{entity}.namespace")),
        (rf"\b(param|noise)\s+({NAME})", (keyword, "variable.other.member")),
    ]


VIM_PATTERNS = r"""syntax match gradcDeclaration /^\s*\zslet\>\ze\s\+\h\w*\s*=/
syntax match gradcDeclaration /^\s*\zsderivative\>\ze\s\+\h\w*\s*(/
syntax match gradcStatement /\<because\>\ze\s*"/
syntax match gradcStatement /\<step\>\ze\s\+\h\w*\s*{/
syntax match gradcStatement /\<\%(over\|along\)\>\ze\s\+\h/
syntax match gradcStatement /\%(\<train\s\+\)\@<=on\>/
syntax match gradcStatement /\<from\>\ze\s*"/
syntax match gradcSign /|>\|->\|\.\.\|[-+*\/%^@<>=~]/
syntax match gradcNumber /\<\d\+\%(x\d\+\)*\>/
syntax match gradcNumber /\<\d[0-9_]*\%(\.\d[0-9_]*\)\=\%([eE][-+]\=\d\+\)\=\>/
syntax region gradcString start=/"/ end=/"/ oneline
syntax match gradcComment /#.*$/ contains=@Spell"""
VIM_GROUPS = {  # of ours -> of Vim's colour schemes
    "gradcDeclaration": "Structure", "gradcStatement": "Statement",
    "gradcOperatorWord": "Operator", "gradcType": "Type", "gradcConstant": "Boolean",
    "gradcFunction": "Function", "gradcSetting": "Identifier", "gradcSign": "Operator",
    "gradcNumber": "Number", "gradcString": "String", "gradcComment": "Comment",
}  # fmt: skip


def vim() -> str:
    """The syntax file of Vim."""
    words = groups()
    listed = {
        "gradcDeclaration": words["declaration"],
        "gradcStatement": [word for word in words["statement"] if word not in IN_PLACE_ONLY],
        "gradcOperatorWord": words["operator"],
        "gradcType": words["type"],
        "gradcConstant": words["constant"],
        "gradcFunction": [*words["function"], *words["prelude"]],
    }
    settings = r"\|".join(words["setting"])
    lines = [f'" {OWN}', 'if exists("b:current_syntax")', "  finish", "endif", ""]
    lines += [f"syntax keyword {name} {' '.join(known)}" for name, known in listed.items()]
    lines += [rf"syntax match gradcSetting /\<\%({settings}\)\>\ze\s\+[-A-Za-z0-9_]/"]
    lines += [VIM_PATTERNS, ""]
    lines += [f"highlight default link {name} {group}" for name, group in VIM_GROUPS.items()]
    return "\n".join([*lines, "", 'let b:current_syntax = "gradc"', ""])


def tree_sitter_words() -> str:
    """The words of the tree-sitter grammar, which `grammar.js` reads."""
    return f"// {OWN}\nmodule.exports = {json.dumps(groups(), indent=2)};\n"


def tree_sitter_highlights() -> str:
    """The queries by which a tree has colours: names of the library by what they are called."""
    words = groups()
    listed = " ".join(json.dumps(w) for w in [*words["function"], *words["prelude"]])
    keywords = [*words["declaration"], *words["statement"], *words["operator"]]
    own = " ".join(json.dumps(word) for word in keywords)
    return (
        f"; {OWN}\n(comment) @comment\n(text) @string\n[(number) (dims)] @number\n"
        "(type_name) @type\n(definition name: (name) @type)\n(data name: (name) @namespace)\n"
        "(let name: (name) @constant)\n(derivative name: (name) @type)\n"
        "(call function: (name) @function)\n(argument name: (name) @property)\n"
        "(setting name: _ @keyword)\n"
        f"[{own}] @keyword\n"
        f"((name) @function.builtin (#any-of? @function.builtin {listed}))\n"
    )


FILES = {
    "vscode/syntaxes/gradc.tmLanguage.json": textmate,
    "vim/syntax/gradc.vim": vim,
    "tree-sitter/words.js": tree_sitter_words,
    "tree-sitter/queries/highlights.scm": tree_sitter_highlights,
}


def write(folder: Path) -> None:
    """All of them."""
    for name, made in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made(), encoding="utf-8")


if __name__ == "__main__":
    write(Path("editors"))
