"""From a file on disk to tokens: decoding, forbidden characters, limits, lark's lexer.

What comes out is every token including comments, each with its place.  Whatever is wrong with the
text as text (its encoding, its size, a control character that would make the screen lie) is said
here, before anything is parsed; what is written by mistake in a token is said in `errors`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from lark import Lark
from lark.lark import PostLex

from compiler.source import CompileError, Diagnostic, Label, Source, Span
from compiler.syntax.build import REDUCTIONS, Lexeme

MAX_BYTES = 4_000_000
MAX_COLUMNS = 10_000
MAX_TOKENS = 60_000

FORBIDDEN = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]"
    r"|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
    r"|\r(?!\n)|[\u2028\u2029\ufeff]"
)
BIDIRECTIONAL = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
ENCODINGS = {
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"\x89P": "a PNG image",
    b"\x1f\x8b": "a gzip archive",
    b"PK": "a zip archive",
}


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
    """The LALR tables, built once a process (a fifth of a second; nothing is read from a cache)."""
    text = Path(__file__).with_name("grammar.lark").read_text(encoding="utf-8")
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


def read_source(path: str | Path) -> Source:
    """The text of a file, or what is wrong with its bytes."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
            size = len(data) if len(data) <= MAX_BYTES else max(path.stat().st_size, len(data))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _refuse(
            Source(str(path), ""),
            0,
            0,
            "E0101",
            f"cannot read this file: {reason}",
            hint="check the path and its permissions",
        ) from None
    if size > MAX_BYTES:
        raise _refuse(
            Source(str(path), ""),
            0,
            0,
            "E0106",
            f"the file is {size / 1e6:.1f} MB, the limit is 4 MB",
            hint="split it, and put the parts together with `import`",
        )
    return Source(str(path), _decode(str(path), data))


def _decode(name: str, data: bytes) -> str:
    """Strict UTF-8; a byte order mark is dropped and CR LF becomes a newline."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        # What comes before the bad byte is shown; the byte itself as a replacement character.
        shown = Source(name, _newlines(before) + "\ufffd")
        at = len(shown.text) - 1
        raise _refuse(
            shown,
            at,
            at + 1,
            "E0101",
            f"byte {error.start} is 0x{data[error.start]:02x}, which is not UTF-8",
            label="not UTF-8",
            hint=_guess_encoding(data),
        ) from None
    return _newlines(text)


def _newlines(text: str) -> str:
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


def _guess_encoding(data: bytes) -> str:
    for start, kind in ENCODINGS.items():
        if data.startswith(start):
            return f"this looks like {kind}; a program is UTF-8 text"
    if b"\0" in data:
        return "this looks like binary data; a program is UTF-8 text"
    return "this looks like Latin-1 or Windows-1252; save the file as UTF-8"


def check_characters(source: Source) -> list[Diagnostic]:
    """Characters a program must not hold, even in comments, and lines too long to read."""
    found: list[Diagnostic] = []
    for match in FORBIDDEN.finditer(source.text):
        if len(found) == 20:
            break
        character = match.group()
        what = (
            "changes the direction of the text around it, so that the program would not read "
            "as it runs"
            if character in BIDIRECTIONAL
            else "is a control character"
        )
        found.append(
            _diagnostic(
                source,
                match.start(),
                match.end(),
                "E0102",
                f"the character U+{ord(character):04X} {what}",
                label="here",
                hint="delete it",
            )
        )
    starts = [*source.line_starts, len(source.text) + 1]
    for start, stop in pairwise(starts):
        if stop - start - 1 > MAX_COLUMNS:
            found.append(
                _diagnostic(
                    source,
                    start + MAX_COLUMNS,
                    start + MAX_COLUMNS + 1,
                    "E0106",
                    f"this line has {stop - start - 1:,} characters, the limit is {MAX_COLUMNS:,}",
                    hint="break the line before a `|>` or inside brackets",
                )
            )
            break
    return found


def scan(source: Source) -> list[Lexeme]:
    """All tokens, comments among them, and `$END`."""
    problems = check_characters(source)
    if problems:
        raise CompileError(problems)
    tokens = []
    for token in _raw_tokens(source):
        start = token.start_pos
        span = Span(source=source, start=start, end=start + len(token))
        tokens.append(Lexeme(token.type, str(token), span))
        if len(tokens) > MAX_TOKENS:
            raise CompileError(
                [
                    Diagnostic(
                        code="E0106",
                        message=f"the file has more than {MAX_TOKENS:,} words and signs",
                        primary=Label(span, "the limit is reached here"),
                        hint="split it, and put the parts together with `import`",
                    )
                ]
            )
    end = len(source.text.rstrip())
    tokens.append(Lexeme("$END", "", Span(source=source, start=end, end=end)))
    return tokens


def _raw_tokens(source: Source) -> Iterable[Any]:
    return grammar().lex(source.text)


def _diagnostic(
    source: Source,
    start: int,
    end: int,
    code: str,
    message: str,
    *,
    label: str = "",
    hint: str | None = None,
) -> Diagnostic:
    span = Span(source=source, start=start, end=end)
    return Diagnostic(code=code, message=message, primary=Label(span, label), hint=hint)


def _refuse(
    source: Source,
    start: int,
    end: int,
    code: str,
    message: str,
    *,
    label: str = "",
    hint: str | None = None,
) -> CompileError:
    return CompileError([_diagnostic(source, start, end, code, message, label=label, hint=hint)])
