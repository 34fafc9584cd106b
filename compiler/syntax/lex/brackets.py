"""Brackets, matched before the parser sees them, with the opening one at hand.

A missing bracket is reported once and put in, so that the parser meets only its own kind of error.
"""

from __future__ import annotations

from gradc_compiler.diagnostics.source import CompileError, Diagnostic, Label, Span
from gradc_compiler.syntax.grammar.build_tree import Lexeme

MAX_NESTING = 200
CLOSING = {"(": ")", "[": "]", "{": "}"}
TERMINAL = {")": "RPAR", "]": "RSQB", "}": "RBRACE"}
OPENERS = frozenset({"LPAR", "LSQB", "LBRACE"})
CLOSERS = frozenset(TERMINAL.values())
LOOKAHEAD = 200
MANY = 50  # with so many errors, guesses about the next one are not worth their time
DECLARATION = frozenset({"KIND", "IMPORT", "DATA", "TRAIN", "LET", "DERIVATIVE"})
STATEMENT = frozenset({"PARAM", "NOISE", "STATE", "MINIMIZE", "USING", "REPORT", "DESCEND", "STEP"})
AFTER_BODY = frozenset({"NL", "SEMICOLON", "RBRACE", "$END", *DECLARATION, *STATEMENT})
VALUE_ENDS = frozenset({"NAME", "PRIMED", "NUMBER", "TEXT", "DIMS", "SCALAR", "RPAR", "RSQB"})
GLUE = frozenset({"|>", "->", "{", "}"})  # a newline before one of these means nothing


class Brackets:
    """Matches brackets and drops newlines, one token at a time."""

    def __init__(self, words: list[Lexeme]) -> None:
        self.words = words
        self.out: list[Lexeme] = []
        self.open: list[Lexeme] = []
        self.problems: list[Diagnostic] = []
        self.doubtful: list[tuple[int, int]] = []
        self.last_newline: int | None = None  # where in `out` the last dropped newline stood

    def take(self, at: int) -> None:
        """Pass a token on, after the brackets that should have been closed before it.

        Raises `CompileError` where brackets are nested too deeply.
        """
        token = self.words[at]
        self._close_what_ends_here(at)
        if token.type in ("NL", "SEMICOLON"):
            self._newline(token)
        elif token.type in CLOSERS:
            self._close(token, at)
        else:
            self._drop_newline(token)
            if token.text in CLOSING and token.type != "TEXT":
                self.open.append(token)
                if len(self.open) > MAX_NESTING:
                    raise CompileError([_too_deep(token, self.open[0])])
            self.out.append(token)

    def _newline(self, token: Lexeme) -> None:
        if self.open and self.open[-1].text != "{" and token.type == "NL":
            self.last_newline = len(self.out)
        elif self.out and self.out[-1].type != "NL" and self.out[-1].text not in ("{", ","):
            self.out.append(Lexeme("NL", token.text, token.span))

    def _drop_newline(self, token: Lexeme) -> None:
        glued = token.text in GLUE or token.type in ("BECAUSE", "$END")
        if glued and self.out and self.out[-1].type == "NL":
            self.out.pop()

    def _close(self, token: Lexeme, at: int) -> None:
        matching = [
            level for level, opened in enumerate(self.open) if CLOSING[opened.text] == token.text
        ]
        inside_line = token.type == "RBRACE" and self.words[at + 1].type not in AFTER_BODY
        if not matching or (inside_line and self.open[-1].text != "{"):
            self._stray(token, at)
            return
        self._close_all(matching[-1] + 1, token)
        self._drop_newline(token)
        self.open.pop()
        self.out.append(token)

    def _stray(self, token: Lexeme, at: int) -> None:
        """A closing bracket that closes nothing: the one that is meant, or none."""
        text, here = f"`{token.text}`", Label(token.span)
        opened = self.open[-1] if self.open and self.open[-1].text != "{" else None
        if opened is None:
            message = f"this {text} closes nothing"
            return self._misplaced(message, here, "delete it, or open it before")
        meant, place = CLOSING[opened.text], Label(opened.span, "opened here")
        if token.type == "RBRACE" or self._next_unmatched(at + 1) == TERMINAL[meant]:
            message = f"{text} stands inside `{opened.text}`"
            hint = f"delete it, or write `{meant}` before it"
            return self._misplaced(message, here, hint, place)
        expected = Label(token.span, f"expected `{meant}`")
        message = f"{text} cannot close `{opened.text}`"
        self._misplaced(message, expected, f"write `{meant}`", place)
        self.open.pop()
        self.out.append(Lexeme(TERMINAL[meant], meant, token.span))
        return None

    def _misplaced(self, message: str, here: Label, hint: str, *others: Label) -> None:
        """E0104, a bracket that is not where it belongs."""
        self.problems.append(
            Diagnostic(code="E0104", message=message, primary=here, secondary=others, hint=hint)
        )

    def _close_what_ends_here(self, at: int) -> None:
        """Some words can only begin a statement or a declaration, and so end what is open."""
        token, after = self.words[at], self.words[at + 1 : at + 2]
        line_start = at == 0 or self.words[at - 1].type == "NL"
        named = bool(after) and after[0].type in ("NAME", "ON", "TEXT")
        declares = line_start and token.type in DECLARATION and named
        if token.type == "$END" or (declares and self._is_outside(token)):
            self._close_all(0, token)
        elif (
            declares
            or token.type in ("LBRACE", "ARROW")
            or (line_start and (token.type in STATEMENT or self._begins_assignment(at)))
        ):
            depth = len(self.open)
            while depth and self.open[depth - 1].text != "{":
                depth -= 1
            self._close_all(depth, token)

    def _is_outside(self, token: Lexeme) -> bool:
        """Not indented against the line of the outermost open bracket."""
        if not self.open:
            return False
        opened = self.open[0].span
        line = opened.source.line_text(opened.line)
        return token.span.column <= 1 + len(line) - len(line.lstrip())

    def _begins_assignment(self, at: int) -> bool:
        """`y = ...` on a new line after a finished value, inside a bracket that nothing closes."""
        if not self.open or self.open[-1].text == "{" or self.out[-1].type not in VALUE_ENDS:
            return False
        if self.words[at].type not in ("NAME", "PRIMED"):
            return False
        if self.words[at + 1].type != "EQUAL" and self.out[-1].type != "RPAR":
            return False
        return self._next_unmatched(at) in ("RBRACE", "$END", *STATEMENT)

    def _next_unmatched(self, at: int) -> str:
        """The next token that closes what is open now, or ends it by being a statement."""
        depth = 0
        if len(self.problems) > MANY:
            return ""
        for token in self.words[at : at + LOOKAHEAD]:
            depth += (token.type in OPENERS) - (token.type in CLOSERS)
            if depth < 0 or token.type in STATEMENT or token.type == "$END":
                return token.type
        return ""

    def _close_all(self, depth: int, token: Lexeme) -> None:
        """Report what is open above `depth`, and close it before the line of `token`."""
        while len(self.open) > depth:
            opened = self.open.pop()
            self._report_unclosed(opened, token)
            inside_line = opened.text != "{" and self.last_newline is not None
            at = self.last_newline if inside_line else len(self.out)
            assert at is not None
            if opened.text == "{" and self.out and self.out[-1].type == "NL":
                at -= 1
            place = self.out[at - 1].span
            end = Span(source=place.source, start=place.end, end=place.end)
            closing = CLOSING[opened.text]
            added = [Lexeme(TERMINAL[closing], closing, end)]
            if inside_line and token.type not in (*CLOSERS, "LBRACE", "ARROW"):
                added.append(Lexeme("NL", "\n", end))
            self.out[at:at] = added
            self.doubtful.append((opened.span.start, token.span.start))
            self.last_newline = None

    def _report_unclosed(self, opened: Lexeme, token: Lexeme) -> None:
        closing = CLOSING[opened.text]
        where = "the end of the file" if token.type == "$END" else f"`{token.text}`"
        what = "the file ends" if token.type == "$END" else f"{where} comes first"
        self.problems.append(
            Diagnostic(
                code="E0104",
                message=f"this `{opened.text}` is never closed: {what}",
                primary=Label(opened.span, "opened here"),
                secondary=(Label(token.span, f"`{closing}` is missing before this"),),
                hint=_braces_within(opened, token) or f"add `{closing}` before {where}",
            )
        )


def _braces_within(opened: Lexeme, token: Lexeme) -> str | None:
    """What to do about `({x : [4]})`."""
    if (opened.text, token.text) != ("(", "{") or token.span.start != opened.span.end:
        return None
    return "delete `{` and its `}`: inputs stand in round brackets alone, `(x : [4])`"


def _too_deep(token: Lexeme, first: Lexeme) -> Diagnostic:
    return Diagnostic(
        code="E0107",
        message=f"nested deeper than {MAX_NESTING}",
        primary=Label(token.span, f"bracket number {MAX_NESTING + 1} inside each other"),
        secondary=(Label(first.span, "the first one"),),
        hint="give the inner parts names: `part = ...`",
    )
