"""Formulas for TeX, in amsmath: names become letters with indices, d_x becomes x with a bar.

A name of the author's is never TeX: every character of it is a letter, a digit, or escaped.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.study.textbook_formula import (
    ATOM,
    BINDING,
    SUM,
    TERM,
    Called,
    Formula,
    Indexed,
    Letter,
    Name,
    Numeral,
    Product,
    Signs,
    binding,
    number_text,
)

GREEK = {
    *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa"),
    *("lambda", "mu", "nu", "xi", "pi", "rho", "sigma", "tau", "phi", "chi", "psi", "omega"),
}
KNOWN = {
    **{name: rf"\{name}" for name in ("exp", "log", "sin", "cos", "max")},  # as TeX has them
    "maximum": r"\max",
    "minimum": r"\min",
    "sigmoid": r"\sigma",
    "dot": r"\operatorname{dot}",
    "sum": r"\operatorname{sum}",
}
TO_ONE = ("sum", "dot", "mean", "max", "row")  # what gives one number, whatever it reads
FIRST_MARK = 0xE000  # private characters, which stand for the arguments of a call
SIGNS = {"*": r"\,", "<=": r"\leq", ">=": r"\geq", "==": "=", "!=": r"\neq", "%": r"\bmod"}
WORDS = {
    **{c: rf"\{c}" for c in "_#$%&{}"},
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
}


@dataclass(frozen=True, slots=True)
class Letters:
    """What stands for a symbol; a product of two `tensors` is told element by element."""

    tensors: frozenset[str]

    def __call__(self, name: str) -> str:
        """The letter of a name."""
        return letter_of(name)

    def is_tensor(self, formula: Formula) -> bool:
        """Whether a formula has more than one number."""
        match formula:
            case Letter(name):
                return name in self.tensors
            case Indexed(result=result):
                return bool(result)
            case Product(outer=outer):
                return outer or any(map(self.is_tensor, formula.factors))
            case Called(function):
                return function not in TO_ONE and any(map(self.is_tensor, formula.arguments))
            case Signs():
                return any(map(self.is_tensor, formula.parts))
        return False


def latex(formula: Formula, name: Name | None = None) -> str:
    """A formula in mathematics mode; `name` says what stands for a symbol."""
    match formula:
        case Letter(known):
            return (name or letter_of)(known)
        case Numeral(value):
            return number_latex(number_text(value))
        case Signs("-", (inner,)):
            return f"-{_inside(inner, TERM, name)}"
        case Signs("/", (a, b)):
            return rf"\frac{{{latex(a, name)}}}{{{latex(b, name)}}}"
        case Signs("^", (a, b)):
            return f"{{{_inside(a, ATOM, name)}}}^{{{latex(b, name)}}}"
        case Signs(sign, (a, b)):
            return _between(sign, a, b, name)
        case Called():
            return _called(formula, name)
        case Product(outer=True, factors=(a, b)):
            return rf"{_inside(a, ATOM, name)}\,{_inside(b, ATOM, name)}^{{\top}}"
        case Product(factors=factors, transposed=turned):
            parts = zip(factors, turned, strict=True)
            return r"\,".join(_inside(f, ATOM, name) + r"^{\top}" * t for f, t in parts)
        case Indexed():
            return _sum(formula, name)
    raise AssertionError(f"no formula: {formula}")


def equation_latex(left: str, formula: Formula, name: Name | None = None, sign: str = "=") -> str:
    """`left = formula`, of one element where that is how it is told."""
    sign = r"\mathrel{+}=" if sign == "+=" else sign
    if not isinstance(formula, Indexed):
        return f"{left} {sign} {latex(formula, name)}"
    place = _at(left, formula.result)
    if formula.adds_up:
        return rf"{place} \mathrel{{+}}= {_terms(formula, name)}"
    return f"{place} {sign} {_sum(formula, name)}"


def _between(sign: str, a: Formula, b: Formula, name: Name | None) -> str:
    right = BINDING[sign] + (sign == "-")
    said = f"{_inside(a, BINDING[sign], name)} {{}} {_inside(b, right, name)}"
    shown = (
        r"\cdot" if sign == "*" and re.match(r"^[(\d-]", latex(b, name)) else SIGNS.get(sign, sign)
    )
    if sign == "*" and isinstance(name, Letters) and name.is_tensor(a) and name.is_tensor(b):
        shown = r"\odot"
    return said.replace("{}", shown, 1) if "{}" in said else said


def _inside(formula: Formula, least: int, name: Name | None) -> str:
    said = latex(formula, name)
    loose = binding(formula) < least and not (isinstance(formula, Signs) and formula.sign == "/")
    wide = isinstance(formula, Signs) and formula.sign == "/" and least == ATOM
    if loose or wide or (said.startswith("-") and least > SUM):
        return rf"\left({said}\right)"
    return said


def _called(call: Called, name: Name | None) -> str:
    parts = [latex(a, name) for a in call.arguments]
    match call.function:
        case "transpose":
            return rf"{_inside(call.arguments[0], ATOM, name)}^{{\top}}"
        case "sqrt":
            return rf"\sqrt{{{parts[0]}}}"
        case "abs":
            return rf"\left|{parts[0]}\right|"
        case "total":
            return rf"\sum_{{t}} {parts[0]}"
        case "where":
            return (
                rf"\begin{{cases}}{parts[1]} & {parts[0]}\\{parts[2]} & \text{{else}}\end{{cases}}"
            )
        case "row" if call.spell is not None:
            return rf"{parts[0]}_{{{call.spell(['']).strip('[]')}}}"
    if call.function not in KNOWN and call.spell is not None:
        return _spelled(call.spell, parts)
    function = KNOWN.get(call.function) or rf"\operatorname{{{escaped(call.function)}}}"
    return rf"{function}\left({', '.join(parts)}\right)"


def _spelled(spell: Callable[[Sequence[str]], str], parts: Sequence[str]) -> str:
    """A call as the language spells it, its settings too, around arguments in TeX."""
    marks = [chr(FIRST_MARK + k) for k in range(len(parts))]
    said = re.sub(r"[^\W\d]\w+(?=(\()?)", _word, spell(marks)).replace("_", r"\_")
    for mark, part in zip(marks, parts, strict=True):
        said = said.replace(mark, part)
    return said


def _word(found: re.Match[str]) -> str:
    """A function's name upright, any other word in italics."""
    return rf"\operatorname{{{found[0]}}}" if found[1] else rf"\mathit{{{found[0]}}}"


def _sum(formula: Indexed, name: Name | None) -> str:
    over = rf"\sum_{{{', '.join(formula.summed)}}} " if formula.summed else ""
    return over + _terms(formula, name)


def _terms(formula: Indexed, name: Name | None) -> str:
    return r"\,".join(
        _at(_inside(factor, ATOM, name), places) for factor, places in formula.factors
    )


def _at(said: str, places: tuple[str, ...]) -> str:
    """One element; a name that has an index of its own stands in brackets."""
    if not places:
        return said
    base = rf"\left[{said}\right]" if "_{" in said or "^" in said else said
    return f"{base}_{{{', '.join(places)}}}"


def letter_of(name: str) -> str:
    """`c14` is c with 14 below; `dense1.W` W with dense1; `d_W` has a bar; `h_before` has t - 1."""
    base, below = _parts(name)
    return f"{base}_{{{below}}}" if below else base


def bar_of(name: str) -> str:
    """The letter of a value with a bar: the derivative by it."""
    base, below = _parts(name)
    barred = rf"\bar{{{base}}}" if len(base) == 1 else rf"\overline{{{base}}}"
    return f"{barred}_{{{below}}}" if below else barred


def _parts(name: str) -> tuple[str, str]:
    """The letter, and what stands below it."""
    stem, bracket, step = name.partition("[")
    if bracket:
        base, below = _parts(stem)
        return rf"\left({base}_{{{below}}}\right)" if below else base, step.rstrip("]")
    if stem.startswith("d_"):
        base, below = _parts(stem[2:])
        return (rf"\bar{{{base}}}" if len(base) == 1 else rf"\overline{{{base}}}"), below
    if stem.endswith("_before"):
        base, below = _parts(stem.removesuffix("_before"))
        return base, f"{below}, t - 1" if below else "t - 1"
    if "." in stem:
        layer, _, own = stem.rpartition(".")
        base, below = _parts(own)
        named = rf"\text{{{escaped(layer)}}}"
        return base, f"{below}, {named}" if below else named
    if found := re.fullmatch(r"([^\W\d_]+)_?(\d+)", stem):
        return _parts(found[1])[0], found[2]
    if stem in GREEK:
        return rf"\{stem}", ""
    return (stem if len(stem) == 1 and stem.isascii() else rf"\mathit{{{escaped(stem)}}}"), ""


def escaped(text: str) -> str:
    """A text of which nothing is TeX."""
    return "".join(WORDS.get(c) or _ascii(c) for c in text)


def _ascii(character: str) -> str:
    if character.isascii():
        return character
    return unicodedata.name(character, "a sign").rpartition(" ")[2].lower()


def number_latex(text: str) -> str:
    """`-2.125e8` with a power of ten, thousands with a thin space."""
    mantissa, e, exponent = text.partition("e")
    plain = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "{,}", mantissa)
    return (
        rf"{plain} \cdot 10^{{{exponent}}}" if e and re.fullmatch(r"-?[\d.]+", mantissa) else plain
    )
