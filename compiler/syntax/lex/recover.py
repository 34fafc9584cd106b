"""Tokens written by mistake: each is reported, and what was meant is put in its place.

The parser then goes on as if it had been written rightly, so that one slip gives one error.
"""

from __future__ import annotations

import math
import unicodedata

from gradc_compiler.diagnostics.source import Diagnostic, Label
from gradc_compiler.syntax.grammar.build_tree import Lexeme
from gradc_compiler.syntax.grammar.byte_sizes import SIZED, bytes_in

MAX_DIGITS = 40
SIGNS = {
    # written     terminal      meant   why
    "**": ("CIRCUMFLEX", "^", "a power is written `^`"),
    "&&": ("AND", "and", "write `and`"),
    "&": ("AND", "and", "write `and`"),
    "||": ("OR", "or", "write `or`"),
    "|": ("PIPE", "|>", "write `|>` for a chain, `or` between conditions"),
    "!": ("NOT", "not", "write `not`"),
    "===": ("COMPARE", "==", "write `==`"),
    "!==": ("COMPARE", "!=", "write `!=`"),
    "<>": ("COMPARE", "!=", "write `!=`"),
    ":=": ("EQUAL", "=", "write `=`"),
    "=>": ("ARROW", "->", "write `->`"),
    "+=": ("EQUAL", "=", "write `a = a + b`; for a state, `a' = a + b`"),
    "-=": ("EQUAL", "=", "write `a = a - b`; for a state, `a' = a - b`"),
    "*=": ("EQUAL", "=", "write `a = a * b`; for a state, `a' = a * b`"),
    "/=": ("EQUAL", "=", "write `a = a / b`; for a state, `a' = a / b`"),
    "≤": ("COMPARE", "<=", "write `<=`"),
    "≥": ("COMPARE", ">=", "write `>=`"),
    "≠": ("COMPARE", "!=", "write `!=`"),
    "\u00d7": ("STAR", "*", "write `*`"),
    "·": ("STAR", "*", "write `*`, or `@` for a matrix product"),
    "÷": ("SLASH", "/", "write `/`"),
    "\u2212": ("MINUS", "-", "this is a typographic minus; write `-`"),
    "\u2013": ("MINUS", "-", "this is a dash; write `-`"),
    "→": ("ARROW", "->", "write `->`"),
    "\u223c": ("TILDE", "~", "write `~`"),
    "\u201c": (None, "", 'write plain quotes: `"`'),
    "\u201d": (None, "", 'write plain quotes: `"`'),
    "\u00a0": (None, "", "this is a no-break space; write a plain one"),
    "?": (None, "", "a choice is written `a if condition else b`"),
    "\\": (None, "", "inside parentheses a line goes on without a sign"),
}


def is_size(token: Lexeme, before: str) -> bool:
    """Whether a word is whole bytes with a unit, behind a setting that is in bytes."""
    written = token.text.replace("_", "")
    units = token.type == "WRONG_NUMBER" and before in SIZED and written[0] != "."
    return units and len(written) <= MAX_DIGITS and isinstance(bytes_in(written), int)


def misspelt(token: Lexeme) -> tuple[Lexeme | None, Diagnostic]:
    """What was meant, if anything, and what to say."""
    match token.type:
        case "WRONG" | "WRONG_CHARACTER":
            return _sign(token)
        case "WRONG_NUMBER":
            return _number(token)
        case "WRONG_NAME":
            return _name(token)
        case "WRONG_PRIMES":
            return Lexeme("PRIMED", token.text.rstrip("'") + "'", token.span), Diagnostic(
                code="E0103",
                message="a name has one prime at most",
                primary=Label(token.span),
                hint=f"write `{_shorten(token.text.rstrip(chr(39)))}'`",
            )
        case _:
            return _text(token)


def oversized(token: Lexeme) -> Diagnostic | None:
    """A number that no machine number holds."""
    digits = token.text.split("x") if token.type == "DIMS" else [token.text]
    if all(len(part) <= MAX_DIGITS for part in digits) and not math.isinf(float(digits[0])):
        return None
    return Diagnostic(
        code="E0108",
        message=f"this number is too large: {_shorten(token.text)}",
        primary=Label(token.span),
        hint="numbers go up to 1.8e308, and have at most 40 digits",
    )


def _sign(token: Lexeme) -> tuple[Lexeme | None, Diagnostic]:
    kind, meant, why = SIGNS.get(token.text, (None, "", "delete it"))
    name = unicodedata.name(token.text, "") if len(token.text) == 1 else ""
    shown = f"`{token.text}`" + (f" ({name.lower()})" if name and not token.text.isascii() else "")
    problem = Diagnostic(
        code="E0114",
        message=f"{shown} is not a sign of this language",
        primary=Label(token.span),
        hint=why,
    )
    return (Lexeme(kind, meant, token.span) if kind else None), problem


def _number(token: Lexeme) -> tuple[Lexeme, Diagnostic]:
    text = token.text
    if text.startswith(".") and text[1:].isdigit():
        why = f"write `0{text}`"
    elif text.endswith(".") and text[:-1].isdigit():
        why = f"write `{text}0`, or `{text[:-1]}` for a whole number"
    elif text[:2].lower() in ("0x", "0b", "0o"):
        why = "numbers are decimal"
    elif bytes_in(text) is not None:
        why = f"only {', '.join(sorted(SIZED))} have a unit"
    elif "x" in text:
        why = "sizes are joined as in `5x5` or `3x3x3`"
    elif "_" in text:
        why = "`_` stands only between two digits, as in `10_000`"
    else:
        why = "a number is written as `10_000`, `0.5` or `1e-3`; a name begins with a letter"
    problem = Diagnostic(
        code="E0108",
        message=f"`{_shorten(text)}` is not a number",
        primary=Label(token.span),
        hint=why,
    )
    return Lexeme("NUMBER", "1", token.span), problem


def _name(token: Lexeme) -> tuple[Lexeme, Diagnostic]:
    plain = unicodedata.normalize("NFKD", token.text).encode("ascii", "ignore").decode()
    greek = [
        unicodedata.name(c, "").split()[-1].lower()
        for c in token.text
        if unicodedata.name(c, "").startswith("GREEK")
    ]
    near = plain if plain.isidentifier() else "_".join(greek)
    problem = Diagnostic(
        code="E0103",
        message=f"`{_shorten(token.text)}` is not a name: names are ASCII letters, digits and `_`",
        primary=Label(token.span),
        hint=f"write `{_shorten(near)}`" if near else "choose a name of ASCII letters",
    )
    return Lexeme("NAME", "x", token.span), problem


def _text(token: Lexeme) -> tuple[Lexeme | None, Diagnostic]:
    if token.text == "'":
        message = "a prime follows a name directly"
        why = "write `m' = ...` for the next value of a state"
    elif token.text.startswith("'"):
        inner = token.text.strip("'")
        message, why = "texts stand in double quotes", f'write `"{_shorten(inner)}"`'
    else:
        message, why = "this text is never closed", 'write `"` at its end, on the same line'
    problem = Diagnostic(code="E0105", message=message, primary=Label(token.span), hint=why)
    return (None if token.text == "'" else Lexeme("TEXT", '"x"', token.span)), problem


def _shorten(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."
