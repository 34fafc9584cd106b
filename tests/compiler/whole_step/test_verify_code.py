"""The verifier of a step's code: every kind of fault is found in the line that has it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gradc_compiler.graph.types import Kind
from gradc_compiler.loops.ir import (
    Accumulator,
    Address,
    Apply,
    KernelArgument,
    PointerWord,
    Scalar,
    Variable,
)
from gradc_compiler.loops.scalar_form import whole_number
from gradc_compiler.pipeline import compile_file, compile_source
from gradc_compiler.program.entry import Space
from gradc_compiler.whole_step import whole_step
from gradc_compiler.whole_step.step_code import (
    COUNT,
    EXAMPLE,
    EXAMPLE_OF_ALL,
    ZERO,
    AssignLine,
    CodeLine,
    Effect,
    LoopHead,
    Remark,
    StepCode,
    When,
    word_at,
)
from gradc_compiler.whole_step.step_text import print_step
from gradc_compiler.whole_step.verify_code import verify_code
from tests.runtime.test_empty import INPUTS, NUMBERS, SHAPES

SPECS = Path(__file__).parents[3] / "specs"
V1, V2, V3 = (Variable(Kind.REAL, k) for k in (1, 2, 3))
N4 = Variable(Kind.INDEX, 4)
R5, E0, I1 = Accumulator(5), KernelArgument("e0"), KernelArgument("i1")
X = PointerWord("x0", ("n0", 2), Address((), 0))  # a number of each example
Y = PointerWord("x1", None, Address((), 0))  # one of all
FRAME = word_at("s0", (("i1", 1),))


def assign(depth: int, target: object, value: Scalar) -> CodeLine:
    return CodeLine(depth, AssignLine(target, value))  # type: ignore[arg-type]


def plus(*values: Scalar) -> Apply:
    return Apply("plus", values)


GOOD = (
    CodeLine(2, Remark("the mean of squares")),
    assign(2, V1, Y),
    assign(2, R5, ZERO),
    CodeLine(2, LoopHead(EXAMPLE, (COUNT,))),
    CodeLine(3, EXAMPLE_OF_ALL),
    assign(3, V2, Apply("*", (X, V1))),
    assign(3, R5, plus(R5, V2)),
    assign(2, V3, Apply("mean", (R5, COUNT))),
    assign(2, Y, V3),
    CodeLine(2, LoopHead(I1, (whole_number(8),))),
    assign(3, FRAME, V3),
)
HEAD = (
    assign(1, KernelArgument("s0"), Apply("rows", (whole_number(8), whole_number(16)))),
    assign(1, KernelArgument("y2"), Apply("after", (KernelArgument("x1"), whole_number(0)))),
)
POINTERS = (
    ((Space.ARRAY, 0, False), "x0"),
    ((Space.UNIFORM, 0, False), "x1"),
    ((Space.UNIFORM, 8, True), "x2"),
)


def code(*lines: CodeLine) -> StepCode:
    return StepCode(POINTERS, HEAD, lines)


def with_line(number: int, *lines: CodeLine) -> StepCode:
    """The code with others in place of a line."""
    return code(*GOOD[:number], *lines, *GOOD[number + 1 :])


def before(number: int, *lines: CodeLine) -> StepCode:
    return with_line(number, *lines, GOOD[number])


LABELS = PointerWord("x2", None, Address((), 0))
FIRST = Address((), 0)
TOTALS = Apply("totals", (KernelArgument("y2"), FIRST, KernelArgument("s0"), FIRST))
BAD = {
    "v1 is read before it has a value": with_line(1),
    "r5 is read before it has a value": with_line(2),
    "n0 is read before it has a value": with_line(4),
    "v2 is read before it has a value": before(7, assign(2, Variable(Kind.REAL, 9), V2)),
    "x9 is read before it has a value": before(7, assign(2, word_at("x9", ()), V1)),
    "v1 has two values": before(7, assign(2, V1, V1)),
    "n4 is given a value of the other kind": before(7, assign(2, N4, Apply("real", (V1,)))),
    "x2[0] is given a value of the other kind": before(7, assign(2, LABELS, V1)),
    "what r5 was is lost": before(7, assign(2, R5, V1)),
    "what x1[0] was is lost": before(9, assign(2, Y, V1)),
    "r5 is read before all examples have added to it": before(
        7, assign(3, Variable(Kind.REAL, 9), R5)
    ),
    "row 0 to 8 of 8": with_line(9, CodeLine(2, LoopHead(I1, (whole_number(9),)))),
    "row -1 to 6 of 8": with_line(10, assign(3, word_at("s0", (("i1", 1),), -1), V3)),
    "row 0 to inf of 8": with_line(10, assign(3, word_at("s0", (("t0", 1),)), V3)),
    "is in no loop of that depth": with_line(8, assign(3, Y, V3)),
    "comes after a loop that is empty": with_line(9, GOOD[9], GOOD[9]),
    "the last loop is empty": with_line(10),
}  # fmt: skip


@pytest.mark.parametrize("fault", BAD)
def test_a_fault_is_found_and_named(fault: str) -> None:
    with pytest.raises(AssertionError, match=r"^the code of a step: ") as caught:
        verify_code(BAD[fault])
    assert fault in str(caught.value), caught.value


def test_sums_over_lanes_are_whole_behind_the_examples() -> None:
    """What `totals` adds to is read behind the loop over vectors of examples, not in it."""
    late = (*GOOD[:7], CodeLine(3, Effect(TOTALS)))
    end = assign(2, Variable(Kind.REAL, 9), word_at("y2", ()))
    verify_code(code(*late, end))
    with pytest.raises(AssertionError, match="y2 is read before all examples have added to it"):
        verify_code(code(*late, replace(end, depth=3)))


def test_a_choice_may_give_a_name_another_value() -> None:
    once = assign(3, E0, whole_number(256))
    choice = (CodeLine(3, When(Apply(">", (E0, COUNT)))), assign(4, E0, COUNT))
    verify_code(code(*GOOD[:5], once, *choice, *GOOD[5:]))
    with pytest.raises(AssertionError, match="what e0 was is lost"):
        verify_code(code(*GOOD[:5], once, assign(3, E0, COUNT), *GOOD[5:]))


def test_a_word_may_grow_in_variables() -> None:
    """What was stored there is a term of what is stored next."""
    v8, v9 = Variable(Kind.REAL, 8), Variable(Kind.REAL, 9)
    grown = (assign(2, v8, plus(V3, V1)), assign(2, v9, plus(v8, V1)), assign(2, Y, v9))
    verify_code(before(9, *grown))
    with pytest.raises(AssertionError, match=r"what x1\[0\] was is lost"):
        verify_code(before(9, *grown[:2], assign(2, Y, V1)))


def test_code_without_fault_is_given_back() -> None:
    given = code(*GOOD)
    assert verify_code(given) is given and "for i0 in range(g0):" in print_step(given)
    assert len(BAD) >= 15


@pytest.mark.parametrize("without", [(), ("unroll",), ("scalar-replacement",)], ids=str)
def test_the_code_of_every_small_step_is_read(
    without: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = list[StepCode]()

    def watched(made: StepCode) -> StepCode:
        seen.append(made)
        return verify_code(made)

    monkeypatch.setattr(whole_step, "verify_code", watched)
    entries = compile_file(SPECS / "circle.nn", without=without).entries
    steps = [entry.whole_step.entry for entry in entries.values() if entry.whole_step]
    texts = {print_step(made) for made in seen}
    assert len(steps) >= 3 and texts.issuperset(step.kernels[0].source for step in steps)


@pytest.mark.parametrize("body", [*SHAPES, *NUMBERS])
def test_no_elements_are_no_fault(body: str) -> None:
    """Sums of nothing and empty tensors, with borders too, as one kernel."""
    for without in ((), ("fusion",), ("unroll",)):
        program = compile_source(f"model f({INPUTS}) {{ {body} }}", without=without)
        for entry in program.entries.values():
            assert entry.whole_step is None or entry.whole_step.entry.kernels
