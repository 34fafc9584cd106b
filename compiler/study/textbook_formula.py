"""Formulas: a small tree of what a textbook writes, and its text.

    Letter    a name                       Numeral    a number
    Signs     a sign between or before     Called    f(x, ...), or as an operator spells itself
    Product   matrices and vectors, each perhaps transposed
    Indexed   a sum of products over indices, of one element of the result

`read_back.py` makes these of nodes, `latex_form.py` writes them for TeX.  Equal terms are gathered
(`a + a` is `2 * a`) and neutral ones dropped, here and nowhere in a graph: it is how formulas are
written, not what is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gradc_compiler.records.fast_dataclass import dataclass

OVER = {"batch_mean": "mean over the batch", "total": "sum over t"}
LOOSEST, SUM, TERM, NEGATED, POWER, ATOM = range(6)  # how tightly a sign binds
BINDING = {
    **dict.fromkeys(("<", "<=", ">", ">=", "==", "!="), LOOSEST),
    **dict.fromkeys(("+", "-"), SUM),
    **dict.fromkeys(("*", "/", "//", "%"), TERM),
    "^": POWER,
}


@dataclass(frozen=True, slots=True)
class Letter:
    """A value by its name."""

    name: str


@dataclass(frozen=True, slots=True)
class Numeral:
    """A number, of a tensor that is filled with it as well."""

    value: float


@dataclass(frozen=True, slots=True)
class Signs:
    """A sign between two formulas, or a minus before one."""

    sign: str
    parts: tuple[Formula, ...]


@dataclass(frozen=True, slots=True)
class Called:
    """A function: `spell` puts the texts of the arguments into the language's own call."""

    function: str
    arguments: tuple[Formula, ...]
    spell: Callable[[Sequence[str]], str] | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """`W @ h`, with a flag for each factor that is transposed; `outer` is a column by a row."""

    factors: tuple[Formula, Formula]
    transposed: tuple[bool, bool] = (False, False)
    outer: bool = False


@dataclass(frozen=True, slots=True)
class Indexed:
    """One element of a sum of products: positions of the result, the indices summed over, and each
    factor with its positions.  `extents` has every index with how far it runs.
    """

    result: tuple[str, ...]
    summed: tuple[str, ...]
    factors: tuple[tuple[Formula, tuple[str, ...]], ...]
    extents: tuple[tuple[str, int], ...]

    adds_up: bool  # several turns may write to one place


Formula = Letter | Numeral | Signs | Called | Product | Indexed
Name = Callable[[str], str]


def plus(a: Formula, b: Formula) -> Formula:
    """a + b; twice a where both are the same."""
    if a == b:
        return times(Numeral(2), a)
    if isinstance(b, Signs) and b.sign == "-" and len(b.parts) == 1:
        return Signs("-", (a, b.parts[0]))
    return Signs("+", (a, b))


def times(a: Formula, b: Formula) -> Formula:
    """a * b without factors of 1, numbers first, and a * a as a square."""
    match a, b:
        case (Numeral(1), other) | (other, Numeral(1)):
            return other
        case (Numeral(-1), other) | (other, Numeral(-1)):
            return negated(other)
        case Numeral(x), Numeral(y):
            return Numeral(x * y)
        case _, Numeral():
            return times(b, a)
        case Numeral(x), Signs("*", (Numeral(y), rest)):
            return times(Numeral(x * y), rest)
        case Signs("*", (Numeral() as number, rest)), _:
            return times(number, times(rest, b))
        case _, Signs("*", (Numeral() as number, rest)):
            return times(number, times(a, rest))
    return Signs("^", (a, Numeral(2))) if a == b else Signs("*", (a, b))


def negated(a: Formula) -> Formula:
    """-a; a number has its own sign, and two signs are none."""
    match a:
        case Numeral(x):
            return Numeral(-x)
        case Signs("-", (inner,)):
            return inner
        case Signs("-", (left, right)):
            return Signs("-", (right, left))
        case Signs("*", (Numeral(x), rest)):
            return times(Numeral(-x), rest)
    return Signs("-", (a,))


def binding(formula: Formula) -> int:
    """How tightly a formula holds together."""
    match formula:
        case Signs("-", (_,)):
            return NEGATED
        case Signs(sign, _):
            return BINDING[sign]
        case Numeral(value) if value < 0:
            return NEGATED
        case Product():
            return TERM
        case _:
            return ATOM


def text(formula: Formula, name: Name = str) -> str:
    """A formula in one line of text; `name` says what stands for a symbol."""
    match formula:
        case Letter(known):
            return name(known)
        case Numeral(value):
            return number_text(value)
        case Signs("-", (inner,)):
            return f"-{_inside(inner, TERM, name)}"
        case Signs(sign, (a, b)):
            left = BINDING[sign]
            right = left if sign in ("+", "*") else left + 1
            between = "^" if sign == "^" else f" {sign} "
            return f"{_inside(a, left, name)}{between}{_inside(b, right, name)}"
        case Called(function, arguments, spell):
            parts = [text(a, name) for a in arguments]
            return spell(parts) if spell else f"{function}({', '.join(parts)})"
        case Product():
            return _product_text(formula, name)
        case Indexed():
            return _indexed_text(formula, name)
    raise AssertionError(f"no formula: {formula}")


def number_text(value: float) -> str:
    """A number in six digits: 0.001, 1e-6."""
    mantissa, e, exponent = f"{value:.6g}".partition("e")
    return f"{mantissa}e{int(exponent)}" if e else mantissa


def _inside(formula: Formula, least: int, name: Name) -> str:
    """With brackets where it holds together less tightly than its surroundings ask for."""
    said = text(formula, name)
    loose = binding(formula) < least or (said.startswith("-") and least > SUM)
    return f"({said})" if loose else said


def _product_text(product: Product, name: Name) -> str:
    a, b = (_inside(f, ATOM, name) for f in product.factors)
    if product.outer:
        return f"outer({a}, {b})"
    left, right = (
        f"transpose({part.removeprefix('(').removesuffix(')') if part[0] == '(' else part})"
        if turned
        else part
        for part, turned in zip((a, b), product.transposed, strict=True)
    )
    return f"{left} @ {right}"


def _indexed_text(formula: Indexed, name: Name) -> str:
    """As the language writes it: `contract(i < 4, j < 2 : a[i, k] * b[k, j])`."""
    extents = dict(formula.extents)
    axes = [f"{p} < {extents[p]}" if p in extents else p for p in formula.result]
    return f"contract({', '.join(axes)} : {terms_text(formula, name)})"


def terms_text(formula: Indexed, name: Name) -> str:
    """The product that is summed."""
    return " * ".join(
        f"{_inside(factor, ATOM, name)}[{', '.join(places)}]"
        if places
        else _inside(factor, TERM, name)
        for factor, places in formula.factors
    )


def equation(left: str, formula: Formula, name: Name = str, sign: str = "=") -> str:
    """`d_W[i, j] = sum over k of ...` where one element is told, else `left = formula`."""
    match formula:
        case Called(function, (inner,)) if function in OVER:
            said = equation(left, inner, name, sign)
            return said.replace(f" {sign} ", f" {sign} {OVER[function]} of ", 1)
    if not isinstance(formula, Indexed):
        return f"{left} {sign} {text(formula, name)}"
    place = f"{left}[{', '.join(formula.result)}]" if formula.result else left
    terms = terms_text(formula, name)
    if formula.adds_up:
        return f"{place} += {terms} for all {', '.join(i for i, _ in formula.extents)}"
    over = f"sum over {', '.join(formula.summed)} of " if formula.summed else ""
    return f"{place} {sign} {over}{terms}"


def symbols(formula: Formula) -> set[str]:
    """The names that occur."""
    match formula:
        case Letter(name):
            return {name}
        case Numeral():
            return set()
        case Signs(_, parts) | Called(_, parts, _) | Product(parts):
            return {name for part in parts for name in symbols(part)}
        case Indexed(factors=factors):
            return {name for part, _ in factors for name in symbols(part)}
    raise AssertionError(f"no formula: {formula}")
