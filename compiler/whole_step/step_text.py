"""Prints the code of a whole step as text.  It runs last and decides nothing."""

from __future__ import annotations

from gradc_compiler.printing.common import with_definitions
from gradc_compiler.printing.scalar_text import scalar_text
from gradc_compiler.whole_step.step_code import (
    AssignLine,
    CodeItem,
    CodeLine,
    Effect,
    LoopHead,
    Remark,
    StepCode,
    When,
    called_in,
)


def print_step(code: StepCode) -> str:
    """A kernel's text."""
    head = ["def k0(pointers, geometry, begin, end, first):", "    g0 = geometry[0]"]
    for (_, _, index), name in code.pointers:
        kind = "indices" if index else "reals"
        head.append(f"    {name} = {kind}(pointers, {name[1:]})")
    head += map(_line, code.head)
    lines = [*head, "    for t0 in range(begin, end):", *map(_line, code.lines)]
    return with_definitions("\n".join(lines) + "\n", called_in(code.lines))


def _line(line: CodeLine) -> str:
    return "    " * line.depth + item_text(line.item)


def item_text(item: CodeItem) -> str:
    """A statement, or the head of a loop."""
    match item:
        case AssignLine(target, value):
            return f"{target} = {scalar_text(value)}"
        case LoopHead(counter, bounds, masked):
            kind = "narrow" if masked else "range"
            return f"for {counter} in {kind}({', '.join(map(scalar_text, bounds))}):"
        case When(condition):
            return f"if {scalar_text(condition)}:"
        case Effect(call):
            return scalar_text(call)
        case Remark(text):
            return f"# {text}"
