"""The text of a recurrence as one kernel for CUDA (`recurrence_plan.py`).

A block reads its columns of each matrix once.  Then it goes through the steps, whose rows it finds
where the launch says: a step that is not made has none.  Between parts of a step threads wait for
their block, or one of them for all other blocks (`all_blocks`, a counter in memory), and the block
for that one.  Sums are added up in the order of their terms, as a kernel for one step does it.

Sizes are literals: there is a text for each recurrence.  In the text `l0` is the thread, `l1` the
block's first unit, `c0` and `c1` the first row of a step and their number, `s0` the matrices, `m0`
a thread's sums.
"""

from __future__ import annotations

from gradc_compiler.loops.ir import LoopNest
from gradc_compiler.loops.renumber import renumber
from gradc_compiler.loops.thread_groups import ThreadGroup
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.printing.common import called_by, with_definitions, written
from gradc_compiler.printing.cuda_printer import HEAD, CudaKernelText, CudaWriter, body, word
from gradc_compiler.printing.recurrence_plan import (
    OwnedNest,
    OwnedPart,
    OwnedProduct,
    RecurrencePlan,
    Wait,
)
from gradc_compiler.records.fast_dataclass import dataclass

THREADS = MACHINE.gpu_threads
AT_ONCE = 16  # terms that are written out
NOTHING = LoopNest(loops=(), loads=(), statements=(), stores=())
GIVEN = 3  # numbers of a launch: the slot of the first step, how many steps, the counter's place
SLOT = 3  # words that tell of a step: its first row, how many rows, and whether it is made


@dataclass(kw_only=True)
class LiteralWriter(CudaWriter):
    """A writer whose numbers stand in the text; rows are counted from that of the step."""

    def number(self, value: int) -> str:
        """A number as it is."""
        return str(value)

    def start(self, group: ThreadGroup) -> str:
        """The first row of the step."""
        return " + c0" if self.nest.loops[group.levels[0]].over_rows else ""

    def of(self, nest: LoopNest) -> LiteralWriter:
        """A writer of another nest into the same text."""
        return LiteralWriter(
            nest=nest, lines=self.lines, geometry=self.geometry, pointers=self.pointers,
            depth=self.depth,
        )  # fmt: skip


def print_recurrence(plan: RecurrencePlan) -> CudaKernelText:
    """The kernel of a plan.  After the operands' words come the numbers of the launch."""
    w = LiteralWriter(nest=NOTHING)
    keep_columns(w, plan)
    w.line("for e3 in range(e1):")
    w.depth += 1
    for k, name in enumerate(("c0", "c1", "c2")):
        w.line(f"{name} = index(numbers[e0 + e3 * {SLOT} + {k}])")
    w.line("if c2 != 0:")
    w.depth += 1
    first = 0
    for wait, part in plan.parts:
        write_wait(w, wait)
        if isinstance(part, OwnedProduct):
            write_product(w, plan, part, first)
            first += part.terms * plan.columns_of(part)
        else:
            write_nest(w, plan, part)
    pieces = plan.blocks * THREADS
    return CudaKernelText(assembled(w, plan), tuple(w.pointers), (), pieces, each=False)


def keep_columns(w: LiteralWriter, plan: RecurrencePlan) -> None:
    """A block's columns of all matrices, term by term: of each unit all of its columns."""
    w.line(f"s0 = shared({plan.words})")
    w.line("l0 = lane()")
    w.line(f"l1 = block() * {plan.own}")
    first = 0
    for part in plan.products():
        columns, each = plan.columns_of(part), part.columns // plan.units
        w.line(f"for t0 in range(l0, {part.terms * columns}, {THREADS}):")
        w.line(f"    t1 = t0 // {columns}")
        w.line(f"    t2 = t0 % {columns}")
        w.line(f"    t3 = t2 // {each} + l1" if each > 1 else "    t3 = t2 + l1")
        if each > 1:
            w.line(f"    t3 = t3 + t2 % {each} * {plan.units}")
        moved = times("t1", part.b_moves[0]), times("t3", part.b_moves[1])
        at = " + ".join([w.pointer(part.b), *moved])
        w.line(f"    s0[unsigned(t0 + {first})] = {word(at, part.b)}")
        first += part.terms * columns
    w.line("barrier()")


def times(name: str, move: int) -> str:
    """A counter times the words that it moves."""
    return name if move == 1 else f"{name} * {move}"


def write_wait(w: LiteralWriter, wait: Wait) -> None:
    """Wait for the block, or for all."""
    if wait is Wait.NOBODY:
        return
    w.line("barrier()")
    if wait is Wait.ALL:
        w.line("if l0 == 0:")
        w.line("    all_blocks(numbers, e2)")
        w.line("barrier()")


def begin_rows(w: LiteralWriter, plan: RecurrencePlan, part: OwnedPart, pieces: int) -> None:
    """The loop over a thread's pieces of work, so many for each row of the step."""
    w.line(f"for t0 in range(l0, c1 * {pieces}, {THREADS}):")
    w.depth += 1
    w.line(f"t1 = t0 // {pieces}")
    w.line(f"t2 = t0 % {pieces}")
    w.line("i0 = t1 + c0")


def write_nest(w: LiteralWriter, plan: RecurrencePlan, part: OwnedNest) -> None:
    """An elementwise nest, for a block's columns."""
    nest, columns = renumber(part.nest, hoisted=False), plan.columns_of(part)
    own = w.of(nest)
    begin_rows(own, plan, part, columns)
    if columns == plan.own:
        own.line("i1 = t2 + l1")
    else:
        own.line(f"i1 = t2 // {plan.own} * {plan.units} + t2 % {plan.own} + l1")
    body(own)
    for variable, access, _ in nest.stores:
        own.line(f"{word(own.address(access), access)} = {written(variable, access)}")


def write_product(w: LiteralWriter, plan: RecurrencePlan, part: OwnedProduct, first: int) -> None:
    """A product: a thread has a row and a unit, and makes all columns of that unit at once."""
    own, each = w.of(NOTHING), part.columns // plan.units
    columns = plan.columns_of(part)
    begin_rows(own, plan, part, plan.own)
    own.line(f"a0 = {own.pointer(part.a)} + {times('i0', part.a_moves[0])}")
    own.line(f"a1 = {own.pointer(part.y)} + {times('i0', part.y_row)} + t2 + l1")
    own.line(f"d0 = {times('t2', each)} + {first}")
    own.line(f"m0 = zeros({each})")
    along, many = part.a_moves[1], part.terms // AT_ONCE * AT_ONCE
    sizes = f"{along}, {columns}, {{}}, {each}, {int(part.fours)}"
    call = f"m0 = row_products(m0, words, {{}}, s0, unsigned({{}}), {sizes})"
    if many:
        own.line(f"for i1 in range(0, {many}, {AT_ONCE}):")
        row, place = f"a0 + {times('i1', along)}", f"d0 + i1 * {columns}"
        own.line("    " + call.format(row, place, AT_ONCE))
    if part.terms > many:
        row, place = f"a0 + {many * along}", f"d0 + {many * columns}"
        own.line(call.format(row, place, part.terms - many))
    for k in range(each):
        target = f"words[a1 + {k * plan.units}]"
        own.line(f"{target} = {f'plus({target}, m0[{k}])' if part.adds else f'm0[{k}]'}")


def assembled(w: LiteralWriter, plan: RecurrencePlan) -> str:
    """The whole text."""
    count = len(w.pointers)
    head = [HEAD, f"    # a recurrence over {plan.units} units, {plan.own} of them in a block"]
    head += [f"    x{k} = table[at + {k}]" for k in range(count)]
    head += [f"    e{k} = table[at + {count + k}]" for k in range(GIVEN)]
    nests = [part.nest for _, part in plan.parts if isinstance(part, OwnedNest)]
    called = called_by(statement for nest in nests for statement in nest.statements)
    return with_definitions("\n".join([*head, *w.lines]) + "\n", called)
