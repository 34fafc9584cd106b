"""The LALR tables of the grammar: kept beside it, for to build them takes half of a start.

`grammar.json` is what lark makes of `grammar.lark`, as plain data.  It holds good for one text and
one version of lark; for any other the tables are built anew in each process.  After a change of the
grammar, write it again:

    python -m gradc_compiler.syntax.grammar.lalr_tables
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import lark
from lark import Lark
from lark.grammar import Rule
from lark.lark import PostLex
from lark.lexer import TerminalDef

from gradc_compiler.syntax.grammar.build_tree import REDUCTIONS

GRAMMAR = Path(__file__).with_name("grammar.lark")
TABLES = Path(__file__).with_name("grammar.json")


class _Mistakes(PostLex):
    """Keeps the terminals that stand in no rule: comments, and the ones written by mistake."""

    always_accept = (
        "COMMENT",
        "SEMICOLON",
        "WRONG",
        "WRONG_NUMBER",
        "WRONG_NAME",
        "WRONG_TEXT",
        "WRONG_PRIMES",
        "WRONG_CHARACTER",
    )

    def process(self, stream: Any) -> Any:
        """The tokens as they are."""
        return stream


@cache
def grammar() -> Lark:
    """The parser, from the kept tables if they are those of the grammar."""
    text = GRAMMAR.read_text(encoding="utf-8")
    if TABLES.exists():
        kept = json.loads(TABLES.read_text(encoding="utf-8"))
        if kept["of"] == identity(text):
            return restored(kept)
    return built(text)


def identity(text: str) -> str:
    """What the tables depend on: the grammar, and lark."""
    return f"{hashlib.sha256(text.encode()).hexdigest()} lark {lark.__version__}"


def built(text: str) -> Lark:
    """The parser of a grammar."""
    return Lark(
        text,
        parser="lalr",
        lexer="basic",
        start="file",
        keep_all_tokens=True,
        maybe_placeholders=False,
        transformer=REDUCTIONS,
        postlex=_Mistakes(),
    )


def restored(kept: Any) -> Lark:
    """The parser of kept tables; JSON has made text of the numbers that were keys."""
    data, table = kept["data"], kept["data"]["parser"]["parser"]
    table["tokens"] = {int(k): name for k, name in table["tokens"].items()}
    table["states"] = {
        int(state): {int(k): action for k, action in actions.items()}
        for state, actions in table["states"].items()
    }
    memo = {int(k): value for k, value in kept["memo"].items()}
    loader: Any = Lark  # as the parsers do that lark writes to stand alone
    parser: Lark = loader._load_from_dict(data, memo, transformer=REDUCTIONS, postlex=_Mistakes())
    return parser


def kept_tables() -> str:
    """The tables as text for `grammar.json`."""
    text = GRAMMAR.read_text(encoding="utf-8")
    data, memo = built(text).memo_serialize([TerminalDef, Rule])
    data["options"] |= {"transformer": None, "postlex": None}
    whole = {"of": identity(text), "data": data, "memo": memo}
    return json.dumps(whole, separators=(",", ":")) + "\n"


if __name__ == "__main__":
    TABLES.write_text(kept_tables(), encoding="utf-8")
