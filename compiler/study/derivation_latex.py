"""A derivation as a page for pdflatex, to be handed out: amsmath, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.study.derivation import ChainStep, Derivation, Term
from gradc_compiler.study.derivation_text import NONE, Numbers, author_line
from gradc_compiler.study.formula_latex import (
    Letters,
    bar_of,
    equation_latex,
    escaped,
    latex,
    letter_of,
    number_latex,
)
from gradc_compiler.study.forward_values import ForwardValue, GivenValue, LookedBack, forward_values
from gradc_compiler.study.single_path import LocalSlope
from gradc_compiler.study.step_rule import step_rule
from gradc_compiler.study.tell_once import Again, LoopBegins, tell_once
from gradc_compiler.study.textbook_formula import Formula, Indexed, Letter, symbols
from gradc_compiler.study.value_labels import adjoint_label

HEAD = r"""\documentclass[10pt]{article}
\usepackage[utf8]{inputenc}
\usepackage{amsmath}
\setlength{\textwidth}{17cm}\setlength{\oddsidemargin}{-0.5cm}
\setlength{\textheight}{24cm}\setlength{\topmargin}{-1.5cm}
\setlength{\parindent}{0pt}\setlength{\parskip}{4pt}\allowdisplaybreaks\raggedright
\interlinepenalty=10000\predisplaypenalty=10000
\begin{document}
\setlength{\abovedisplayskip}{3pt}\setlength{\belowdisplayskip}{3pt}
"""


@dataclass(frozen=True, slots=True)
class TexPage:
    """What all parts of a page have in common."""

    numbers: Numbers
    letters: Letters


def tensors_of(made: Derivation) -> frozenset[str]:
    """The names of values and adjoints that are more than one number, at a step of time."""
    names = {name for id, name in made.names.items() if made.graph[id].type.size > 1}
    return frozenset(names | {adjoint_label(name) for name in names})


def derivation_latex(
    made: Derivation, paths: Mapping[str, Sequence[LocalSlope]], numbers: Numbers = NONE
) -> str:
    """The whole page."""
    page = TexPage(numbers, Letters(tensors_of(made)))
    lines = [HEAD, *_intro(made), r"\section*{Forward}", r"\begin{align*}"]
    lines += [*_forward(made, page), r"\end{align*}", r"\section*{Backward}"]
    lines.append(rf"\[ {bar_of(made.of)} = 1 \]")
    for told in tell_once(made):
        match told:
            case LoopBegins() as loop:
                lines.append(rf"\par\medskip\textit{{{escaped(loop.words)}}}\par")
            case Again():
                lines += _again(told, page)
            case ChainStep():
                lines += _step(told, page)
    lines += _results(made, page)
    lines += _paths(made, paths, page)
    return "\n".join([*lines, r"\end{document}"]) + "\n"


def _intro(made: Derivation) -> Iterator[str]:
    by = ", ".join(f"${letter_of(name)}$" for name in made.wrt)
    yield rf"\section*{{The gradient of ${letter_of(made.of)}$}}"
    said = rf"By {by}. A bar is the derivative of ${letter_of(made.of)}$ by what is below it."
    yield said + (r" $\odot$ multiplies element by element." if tensors_of(made) else "")


def _forward(made: Derivation, page: TexPage) -> Iterator[str]:
    for value in forward_values(made):
        line = "" if value.line is None else rf"\text{{line {value.line}}}"
        yield rf"{_computed(value, page)}{_number(value.id, page)} && {line} \\"


def _computed(value: ForwardValue, page: TexPage) -> str:
    """A value with its formula, aligned at the sign."""
    letter = letter_of(value.name)
    match value.made:
        case GivenValue():
            return rf"{letter} &: \text{{{escaped(str(value.type))}}}"
        case LookedBack() as before:
            first = "last" if before.backwards else "first"
            start = rf"{latex(before.start, page.letters)} \text{{ at the {first}}}"
            where = "after" if before.backwards else "before"
            carried = latex(before.carried, page.letters)
            return rf"{letter} &: {carried} \text{{ at the step {where}, }} {start}"
        case formula:
            said = equation_latex(letter, formula, page.letters).replace("=", "&=", 1)
            return said + _in_numbers(formula, page)


def _number(node: int | tuple[int, ...], page: TexPage) -> str:
    """` = -85{,}000`, or in words on a tensor that is too large to print."""
    if node not in page.numbers.of_node:
        return ""
    said = page.numbers.of_node[node]
    if " of length " in said:
        return rf"\quad\text{{{escaped(said)}}}"
    return f" = {number_latex(said)}"


def _step(step: ChainStep, page: TexPage) -> Iterator[str]:
    """A numbered step with its rule, and what goes out as displayed equations."""
    value = letter_of(step.value)
    said = value if step.incoming is None else equation_latex(value, step.computed, page.letters)
    place = _typed(author_line(step))
    yield rf"\par\medskip\textbf{{{step.number}}}\quad ${said}$ \hfill {place}\\*"
    yield rf"rule \quad {_typed(step_rule(step))}"
    yield from _equations(step.terms, page)
    for name, end in step.cut.items():
        yield rf"Nothing goes to ${letter_of(name)}$: {_typed(end)} lets no derivative through."


def _again(told: Again, page: TexPage) -> Iterator[str]:
    first, last = told.steps[0].value, told.steps[-1].value
    back = "" if first == last else rf", back to ${letter_of(last)}$"
    yield rf"\par\medskip\textbf{{{told.numbers}}}\quad ${letter_of(first)}${back}: {told.like}"
    yield rf"\hfill {_typed(author_line(told.steps[0]))}"
    if told.instead:
        pairs = (f"${letter_of(b)}$ for ${letter_of(a)}$" for a, b in told.instead.items())
        yield rf"\\ with {', '.join(pairs)}"
    yield from _equations(told.terms, page)


def _equations(terms: Sequence[Term], page: TexPage) -> Iterator[str]:
    """What goes out: one line for each value, the numbers beside it."""
    if not terms:
        return
    yield r"\begin{align*}"
    for term in terms:
        left = bar_of(term.of)
        said = equation_latex(left, term.formula, page.letters, "+=" if term.adds else "=")
        said += _in_numbers(term.formula, page)
        yield rf"&{said}{_number(term.sent if len(term.sent) > 1 else term.sent[0], page)}\\"
    yield r"\end{align*}"


def _in_numbers(formula: Formula, page: TexPage) -> str:
    """` = 2 \\cdot 3`: the formula in numbers, where all of it is single numbers."""
    used = symbols(formula)
    told = isinstance(formula, Letter | Indexed)
    if told or not used or not used <= page.numbers.of_name.keys():
        return ""
    return f" = {latex(formula, partial(_put_in, page.numbers))}"


def _put_in(numbers: Numbers, name: str) -> str:
    number = number_latex(numbers.of_name[name])
    return rf"({number})" if number.startswith("-") or "cdot" in number else number


def _typed(text: str) -> str:
    return rf"{{\small\texttt{{{escaped(text)}}}}}" if text else ""


def _results(made: Derivation, page: TexPage) -> Iterator[str]:
    """The gradient itself."""
    if page.numbers.of_node:
        yield r"\section*{The gradient}"
        yield r"\begin{align*}"
        for name, node in made.wrt.items():
            yield rf"{bar_of(name)} &{_number(node, page).replace('=', '= ', 1)} \\"
        yield r"\end{align*}"


def _paths(
    made: Derivation, paths: Mapping[str, Sequence[LocalSlope]], page: TexPage
) -> Iterator[str]:
    """The chain rule as one product, where there is one path."""
    if not paths:
        return
    yield r"\section*{The same as one product}"
    yield r"\begin{align*}"
    for x, slopes in paths.items():
        factors = " ".join(_partial(s.y, s.x) for s in slopes)
        said = r" \cdot ".join(_factor(latex(s.formula, page.letters)) for s in slopes)
        yield rf"{_partial(made.of, x)} &= {factors} \\ &= {said} \\"
        if page.numbers.of_node:
            known = r" \cdot ".join(number_latex(page.numbers.of_node[s.node]) for s in slopes)
            yield rf"&= {known}{_number(made.wrt[x], page)} \\"
    yield r"\end{align*}"


def _factor(said: str) -> str:
    return rf"\left({said}\right)" if " " in said or said.startswith("-") else said


def _partial(y: str, x: str) -> str:
    return rf"\frac{{\partial\, {letter_of(y)}}}{{\partial\, {letter_of(x)}}}"
