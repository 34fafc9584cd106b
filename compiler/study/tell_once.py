"""What is told once: a layer that is used five times is one derivation with five places.

Steps that stand next to one another and come from one expression of the author's are a *passage*.
Two passages are alike when they have the same operators on the same things in the same order,
whatever their sizes; the second is then told as the first, with what stands in place of what.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence

from gradc_compiler.ops.contract import Affine, Contract
from gradc_compiler.ops.leaf import Constant
from gradc_compiler.ops.rule_texts import rule_text
from gradc_compiler.ops.ruled import Ruled
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.study.contraction_formula import one_loop_of_one
from gradc_compiler.study.derivation import ChainStep, Derivation, Term
from gradc_compiler.study.step_rule import contraction_read
from gradc_compiler.study.textbook_formula import Indexed


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """A passage that was told before."""

    steps: Sequence[ChainStep]
    like: str  # `as 4 to 6`
    instead: Mapping[str, str]  # what stood there -> what stands here
    leaves: frozenset[str]  # values that the passage sends something to and does not derive

    @property
    def terms(self) -> list[Term]:
        """What it sends out of the passage."""
        return [term for step in self.steps for term in step.terms if term.of in self.leaves]

    @property
    def numbers(self) -> str:
        """`4 to 13`."""
        first, last = self.steps[0].number, self.steps[-1].number
        return f"{first}" if first == last else f"{first} to {last}"

    @property
    def values(self) -> str:
        """`c60, back to c33`."""
        first, last = self.steps[0].value, self.steps[-1].value
        return first if first == last else f"{first}, back to {last}"


@dataclass(frozen=True, slots=True)
class LoopBegins:
    """The steps of a recurrence, which are one rule."""

    steps: Sequence[ChainStep]

    @property
    def words(self) -> str:
        """What is said before them."""
        first, last = self.steps[0].number, self.steps[-1].number
        carried = [term.of for s in self.steps if s.incoming is None for term in s.terms]
        return (
            f"One rule for the whole recurrence: steps {first} to {last} hold at every step t of "
            f"time, from the last to the first. What is carried on, {' and '.join(carried)}, "
            "first gets what step t + 1 sends back to it, 0 after the last; a parameter gets the "
            "sum over all t."
        )


Told = ChainStep | Again | LoopBegins
OFTEN = 3  # times that steps stand one after another before they are told once


def tell_once(made: Derivation) -> Iterator[Told]:
    """The steps in order; a passage that is like an earlier one as `Again`, a recurrence with a
    word before it.
    """
    known: dict[Hashable, list[Sequence[ChainStep]]] = {}
    begun: set[int | None] = {None}
    for passage in _passages(made.steps):
        if (loop := passage[0].loop) not in begun:
            begun.add(loop)
            yield LoopBegins([step for step in made.steps if step.loop == loop])
        alike = known.setdefault(_shape(passage, made), [])
        first = next((p for p in alike if _sends(passage) <= _sends(p)), None)
        if first is None:
            alike.append(passage)
            yield from _without_repetition(passage, made)
        else:
            yield _again(passage, first)


def _without_repetition(passage: Sequence[ChainStep], made: Derivation) -> Iterator[Told]:
    """A passage in which up to three steps may return again and again, which is told once."""
    shapes = [(_shape([step], made), _sends([step]) != set()) for step in passage]
    k = 0
    while k < len(passage):
        period, times = _repetition(shapes[k:])
        yield from passage[k : k + period]
        if times > 1:
            rest = passage[k + period : k + period * times]
            numbers = [step.number for step in passage[k : k + period]]
            yield Again(
                steps=rest,
                like=f"each as in {_numbers(numbers[0], numbers[-1])}",
                instead={},
                leaves=frozenset(t.of for step in rest for t in step.terms),
            )
        k += period * times


def _repetition(shapes: Sequence[Hashable]) -> tuple[int, int]:
    """How many steps return first, and how often they stand there, if it is often."""
    for period in (1, 2, 3):
        times = 1
        while shapes[:period] == shapes[period * times : period * (times + 1)]:
            times += 1
        if times >= OFTEN and len(shapes) >= period:
            return period, times
    return 1, 1


def _numbers(low: int, high: int) -> str:
    """`step 3`, `steps 3 and 4`, `steps 3 to 6`."""
    if low == high:
        return f"step {low}"
    return f"steps {low} {'and' if high == low + 1 else 'to'} {high}"


def _sends(passage: Sequence[ChainStep]) -> set[tuple[int, int]]:
    """Which operands of which steps are sent something."""
    return {
        (k, place)
        for k, step in enumerate(passage)
        for place, name in enumerate(step.operands)
        if name in {term.of for term in step.terms}
    }


def _passages(steps: Sequence[ChainStep]) -> Iterator[list[ChainStep]]:
    """Steps of one expression, next to one another; those of a recurrence by themselves."""
    passage: list[ChainStep] = []
    for step in steps:
        if passage and (step.span != passage[0].span or step.loop != passage[0].loop):
            yield passage
            passage = []
        passage.append(step)
    if passage:
        yield passage


def _shape(passage: Sequence[ChainStep], made: Derivation) -> Hashable:
    """What two passages have in common if they are alike."""
    numbers: dict[str, int] = {}

    def number(name: str) -> int:
        return numbers.setdefault(name, len(numbers))

    found: list[Hashable] = []
    for step in passage:
        operands = tuple(
            _constant(made, i) if name is None else number(name)
            for i, name in zip(step.node.inputs, step.operands, strict=True)
        )
        cut = tuple((step.operands.index(name), end) for name, end in step.cut.items())
        found.append((_operator(step), number(step.value), operands, step.loop is None, cut))
    return tuple(found)


def _operator(step: ChainStep) -> Hashable:
    """An operator without its sizes, strides and borders."""
    op = step.node.op
    if isinstance(op, Ruled):
        return op.name, rule_text(op, [])  # each function has a rule of its own
    if not isinstance(op, Contract):
        return op.name
    if not isinstance(step.computed, Indexed):
        return contraction_read(step.computed)
    op = one_loop_of_one(op)
    maps = (*op.operands, op.result)
    return (op.name, tuple(tuple(_loops(p) for p in m) for m in maps))


def _loops(position: Affine) -> Hashable:
    """Which indices a position has; alone or among others they may have any factors."""
    return tuple(loop for loop, _ in position.terms)


def _constant(made: Derivation, id: int) -> Hashable:
    op = made.graph[id].op
    return op.value if isinstance(op, Constant) else None


def _again(passage: Sequence[ChainStep], first: Sequence[ChainStep]) -> Again:
    """The passage told as the first."""
    pairs: dict[str, str] = {}
    for old, new in zip(first, passage, strict=True):
        pairs[old.value] = new.value
        pairs |= {
            a: b for a, b in zip(old.operands, new.operands, strict=True) if a and b and a != b
        }
    low, high = first[0].number, first[-1].number
    own = {step.value for step in passage}
    return Again(
        steps=passage,
        like=f"as in {_numbers(low, high)}",
        instead={a: b for a, b in pairs.items() if a != b},
        leaves=frozenset(t.of for s in passage for t in s.terms) - own,
    )
