"""A derivation as plain text: the values forward, then each step of the chain rule backward.

With numbers, every line ends with its own, and a line of nothing but numbers says them instead of
the names first, as example D.2 does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.study.derivation import ChainStep, Derivation, Term
from gradc_compiler.study.forward_values import ForwardValue, GivenValue, LookedBack, forward_values
from gradc_compiler.study.single_path import LocalSlope
from gradc_compiler.study.step_rule import step_rule
from gradc_compiler.study.tell_once import Again, LoopBegins, tell_once
from gradc_compiler.study.textbook_formula import (
    Formula,
    Indexed,
    Letter,
    Name,
    equation,
    symbols,
    text,
)
from gradc_compiler.study.value_labels import adjoint_label

LOOP = " " * 5
WIDE, WIDEST = 58, 110  # columns before the author's line, and at most


@dataclass(frozen=True)
class Numbers:
    """What the values of a derivation are, as texts; nothing where no inputs were given."""

    of_node: Mapping[int | tuple[int, ...], str]  # of nodes, and of sums of several
    of_name: Mapping[str, str]  # of single numbers

    def after(self, node: int | tuple[int, ...]) -> str:
        """` = -85,000`, or nothing."""
        return f" = {self.of_node[node]}" if node in self.of_node else ""

    def sum_of(self, nodes: tuple[int, ...]) -> str:
        """The same of a sum."""
        return self.after(nodes[0]) if len(nodes) == 1 else self.after(nodes)

    def put_in(self, formula: Formula) -> str:
        """` = 2 * 3`: the formula in numbers, where all of it is single numbers."""
        used = symbols(formula)
        told = isinstance(formula, Letter | Indexed)  # one element of several is no single number
        if told or not used or not used <= self.of_name.keys():
            return ""
        return f" = {text(formula, self.name)}"

    def name(self, name: str) -> str:
        """The number of a name."""
        return self.of_name[name]


NONE = Numbers({}, {})


def derivation_text(
    made: Derivation, paths: Mapping[str, Sequence[LocalSlope]], numbers: Numbers = NONE
) -> str:
    """The whole derivation, one line after another."""
    lines = [*head_lines(made), "", "Forward", "", *forward_lines(made, numbers)]
    lines += ["", "Backward", "", f"     {adjoint_label(made.of)} = 1", ""]
    for told in tell_once(made):
        match told:
            case LoopBegins() as loop:
                lines += [*wrap(loop.words, 88, initial_indent=LOOP, subsequent_indent=LOOP), ""]
            case Again():
                lines += [*_again(told, numbers), ""]
            case ChainStep():
                lines += [*_step(told, numbers), ""]
    lines += _results(made, numbers)
    lines += path_lines(made, paths, numbers)
    return "\n".join(line.rstrip() for line in lines).rstrip() + "\n"


def head_lines(made: Derivation) -> Iterator[str]:
    """What is derived by what, and what does not matter."""
    by = [*made.wrt]
    named = ", ".join(by) if len(by) <= 4 else f"{', '.join(by[:3])} and {len(by) - 3} others"
    yield f"The gradient of {made.of} by {named}"
    yield f"d_x stands for d{made.of}/dx: how fast {made.of} grows with x."
    for name in sorted(made.zero):
        yield f"{made.of} does not depend on {name}: {adjoint_label(name)} = 0."


def forward_lines(made: Derivation, numbers: Numbers) -> Iterator[str]:
    """How every value is computed, with the line it stands in, and from what."""
    for value in forward_values(made):
        place = "" if value.line is None else str(value.line)
        said, number = _computed(value, numbers), numbers.after(value.id)
        yield from _filled(f"{place:>5} | ", said, "" if said.endswith(number) else number)


def _computed(value: ForwardValue, numbers: Numbers) -> str:
    """A value with its formula."""
    match value.made:
        case GivenValue(kind=kind):
            return f"{value.name} : {value.type}, {kind}"
        case LookedBack() as before:
            return f"{value.name} = {before_text(before)}"
        case formula:
            return equation(value.name, formula) + numbers.put_in(formula)


def before_text(before: LookedBack) -> str:
    """`c[t - 1], at the first step 0`."""
    step, first = ("+", "last") if before.backwards else ("-", "first")
    return f"{text(before.carried)}[t {step} 1], at the {first} step {text(before.start)}"


def _filled(start: str, said: str, number: str) -> Iterator[str]:
    """One line, or two where the number would make it long."""
    if len(start + said + number) <= WIDEST or not number:
        yield start + said + number
    else:
        bar = start.find("|")
        yield start + said
        begin = f"{'':{bar}}|   " if bar >= 0 else f"{'':{len(start)}}"
        yield f"{begin}  {number.strip()}"


def _step(step: ChainStep, numbers: Numbers) -> Iterator[str]:
    """One step: what is computed, by which rule it is derived, what comes in and what goes out."""
    yield f"{step.number:>3}  {equation(step.value, step.computed):<{WIDE}}  {author_line(step)}"
    yield f"       rule  {step_rule(step)}"
    if step.incoming is not None:
        yield from _filled("       in    ", step.cotangent, numbers.after(step.incoming))
    yield from _terms(step.terms, numbers)
    for name, end in step.cut.items():
        yield f"             nothing to {name}: {end} lets no derivative through"


def author_line(step: ChainStep) -> str:
    """`line 5: theta1 + theta2 * sqft`."""
    if step.span is None:
        return ""
    said = " ".join(step.span.text.split())
    return f"line {step.span.line}: {said if len(said) <= 40 else said[:37] + '...'}"


def term_text(term: Term, numbers: Numbers, name: Name = str) -> tuple[str, str]:
    """`d_c2 = 2 * d_loss * c2`, and ` = -85,000`; it says where many readers are added up."""
    left = adjoint_label(term.of)
    said = equation(left, term.formula, name, "+=" if term.adds else "=")
    said += "   (added up: it is read many times)" if term.summed else numbers.put_in(term.formula)
    number = numbers.sum_of(term.sent)
    if number and said.endswith(number):
        number = ""
    return said, number


def running_total(term: Term, numbers: Numbers) -> str:
    """What a value has been sent by now, where this was not all of it."""
    if not term.adds or not numbers.of_node or (term.more and term.carried):
        return ""
    end = "so far" if term.more else "in all"
    return f"{adjoint_label(term.of)} = {numbers.of_node[term.total]} {end}"


def _terms(terms: Sequence[Term], numbers: Numbers) -> Iterator[str]:
    for k, term in enumerate(terms):
        yield from _filled(f"       {'      ' if k else 'out   '}", *term_text(term, numbers))
        if total := running_total(term, numbers):
            yield f"             {total}"


def _again(told: Again, numbers: Numbers) -> Iterator[str]:
    """Steps that were told before, at another place."""
    first = told.numbers.partition(" ")[0]
    head = f"{first:>3}{told.numbers.removeprefix(first)}  {told.values}: {told.like}"
    yield f"{head:<{WIDE + 6}} {author_line(told.steps[0])}"
    if told.instead:
        pairs = ", ".join(f"{new} for {old}" for old, new in told.instead.items())
        yield f"       with  {pairs}"
    yield from _terms(told.terms, numbers)


def _results(made: Derivation, numbers: Numbers) -> Iterator[str]:
    """The gradient itself."""
    if not numbers.of_node:
        return
    yield f"The gradient of {made.of}"
    yield ""
    for name, node in made.wrt.items():
        yield f"    {adjoint_label(name)}{numbers.after(node)}"
    yield ""


def path_lines(
    made: Derivation, paths: Mapping[str, Sequence[LocalSlope]], numbers: Numbers
) -> Iterator[str]:
    """The chain rule as one product, where there is one path."""
    if not paths:
        return
    yield "The same as one product, from the loss down"
    yield ""
    for x, slopes in paths.items():
        left = f"    d{made.of}/d{x}"
        said = [" * ".join(f"d{s.y}/d{s.x}" for s in slopes)]
        said.append(" * ".join(_factor(s.formula, alone=len(slopes) == 1) for s in slopes))
        if numbers.of_node:
            known = [numbers.of_node[s.node] for s in slopes]
            said.append(" * ".join(_bracketed(n, first=k == 0) for k, n in enumerate(known)))
            said.append(numbers.of_node[made.wrt[x]])
        told = [line for line in dict.fromkeys(said) if line != left.strip()]
        for k, line in enumerate(told):
            yield f"{'' if k else left:{len(left)}} = {line}"
        yield ""


def _factor(formula: Formula, *, alone: bool) -> str:
    said = text(formula)
    if alone:
        return said
    return f"({said})" if " " in said or said.startswith("-") else said


def _bracketed(number: str, *, first: bool) -> str:
    return f"({number})" if number.startswith("-") and not first else number
