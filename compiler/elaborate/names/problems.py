"""Errors of meaning: raised where they are found, collected where elaboration can go on.

An expression that fails raises `SpecError`; the evaluator files its diagnostic and the value
becomes `POISON`.  Whatever needs a poisoned value raises `ErrorAlreadyReported`, which is not
reported.  A text is elaborated several times (forward, step, evaluation), so equal diagnostics are
kept once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from difflib import SequenceMatcher, get_close_matches

from gradc_compiler.diagnostics.source import CompileError, Diagnostic, Label, Span
from gradc_compiler.elaborate.names.aliases import (
    ARGUMENTS,
    ELSEWHERE,
    INSTEAD,
    METHODS,
    MODULES,
)
from gradc_compiler.elaborate.names.values import Poison, StaticValue
from gradc_compiler.syntax.parse.training_words import plain

MANY = 2_000  # names that are compared
SHORT = 3  # letters, of which two in common are no likeness: `net` is not `one_hot`
OF_NAMES = ("E0201", "E0302", "E0311")  # codes of errors that recur wherever a name is used
PLACES = 4  # further places that are shown


class SpecError(Exception):
    """One error of the author's."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        self.diagnostic = diagnostic
        super().__init__(diagnostic.message)


class ErrorAlreadyReported(Exception):
    """Something needs a value whose error is already reported."""


class LimitExceeded(Exception):
    """A bound on the work of a compilation is passed: it ends here, with what is found so far."""

    def __init__(self, diagnostic: Diagnostic | None = None) -> None:
        self.diagnostic = diagnostic
        super().__init__("a bound is passed" if diagnostic is None else diagnostic.message)


class DiagnosticSink:
    """Every diagnostic so far."""

    LIMIT = 100

    def __init__(self) -> None:
        self.found: dict[tuple[str, str, int], Diagnostic] = {}
        self.applications = 0  # of layers, in all graphs
        self.unsound: set[str] = set()  # models whose bodies have errors

    def add(self, diagnostic: Diagnostic) -> None:
        """File a diagnostic, once.

        Raises `LimitExceeded` after so many diagnostics that more would help nobody.
        """
        span = diagnostic.primary.span
        key = (diagnostic.code, span.source.name, span.start)
        self.found.setdefault(key, diagnostic)
        if len(self.found) >= self.LIMIT:
            raise LimitExceeded

    def raise_any(self, first: str) -> None:
        """Raise `CompileError` if there is anything, the main file first, in text order."""
        if not self.found:
            return

        def order(d: Diagnostic) -> tuple[bool, str, int]:
            span = d.primary.span
            return (span.source.name != first, span.source.name, span.start)

        raise CompileError(list(_together(sorted(self.found.values(), key=order))))


def _together(found: list[Diagnostic]) -> Iterator[Diagnostic]:
    """Join diagnostics with one cause: the first place, and the others as further places."""
    groups: dict[object, list[Diagnostic]] = {}
    for number, diagnostic in enumerate(found):
        source, declared = diagnostic.primary.span.source.name, diagnostic.secondary[-1:]
        same = diagnostic.code, diagnostic.message, source, declared
        groups.setdefault(same if diagnostic.code in OF_NAMES else number, []).append(diagnostic)
    for first, *others in groups.values():
        places = tuple(Label(other.primary.span, "here too") for other in others[:PLACES])
        yield replace(first, secondary=(*first.secondary, *places))


def diagnose(
    code: str,
    message: str,
    span: Span,
    *,
    site: Span | None = None,
    label: str = "",
    secondary: Iterable[tuple[Span, str]] = (),
    hint: str | None = None,
) -> Diagnostic:
    """A diagnostic; with `site`, the author's call is shown first and the prelude's line second."""
    primary, others = Label(span, label), tuple(Label(s, text) for s, text in secondary)
    if site is not None:
        others = (Label(span, label or "in this line of the prelude"), *others)
        primary = Label(site, "used here")
    return Diagnostic(code=code, message=message, primary=primary, secondary=others, hint=hint)


def too_deep(span: Span) -> SpecError:
    """What takes the place of Python's RecursionError."""
    return SpecError(
        diagnose(
            "E0412",
            "layers within layers within expressions: this is nested too deeply",
            span,
            hint="give parts names, and repeat layers with repeat(n, layer)",
        )
    )


def require_sound(*meanings: StaticValue) -> None:
    """Raise `ErrorAlreadyReported` if any of them, or a part of a tuple among them, is poisoned."""
    for meaning in meanings:
        if isinstance(meaning, Poison):
            raise ErrorAlreadyReported
        if isinstance(meaning, tuple):
            require_sound(*meaning)


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """A hint naming the known names that this may be: as others call it, or misspelt."""
    names = set(known)
    return _as_others_call_it(name, names) or _misspelt(name, names)


def _as_others_call_it(name: str, known: set[str]) -> str | None:
    """A hint where another framework has another name for it, or other capitals."""
    names = {n.lower(): n for n in sorted(known, reverse=True)}
    elsewhere = ELSEWHERE.get(plain(name))
    found = names.get(elsewhere or "") or names.get(name.lower())
    return f"did you mean `{found}`?" if found else None


def _misspelt(name: str, known: set[str]) -> str | None:
    """A hint with the names that are spelt nearly so; of a short name with its first letter."""
    key = name.lower()
    names = {n.lower(): n for n in sorted(known, reverse=True)}
    if len(key) <= SHORT:
        names = {n: as_written for n, as_written in names.items() if n[:1] == key[:1]}
    found = get_close_matches(key, list(names)[:MANY], n=2, cutoff=0.6)
    scores = [SequenceMatcher(None, n, key).ratio() for n in found]
    near = [names[n] for n, s in zip(found, scores, strict=True) if s > scores[0] - 0.08]
    return f"did you mean {' or '.join(f'`{n}`' for n in near)}?" if near else None


def of_another_framework(name: str, known: Iterable[str]) -> str | None:
    """A hint for a name that others have: how it is written here, or what it is called."""
    return INSTEAD.get(plain(name)) or did_you_mean(name, known)


def argument_instead(name: str, known: Iterable[str]) -> str | None:
    """A hint for a named argument that does not exist: what it is called here, or what is done."""
    names = set(known)
    if name in names:
        return None
    return _as_others_call_it(name, names) or ARGUMENTS.get(plain(name)) or _misspelt(name, names)


def behind_a_dot(base: str, name: str, known: Iterable[str]) -> str | None:
    """A hint for `nn.Linear`, `x.view` and other names with a dot, if others write them."""
    if base.lower() in MODULES:
        found = of_another_framework(name, known)
        return f"there are no modules: {found}" if found else "there are no modules: names alone"
    method = METHODS.get(plain(name))
    return None if method is None else f"there are no methods: {method}"
