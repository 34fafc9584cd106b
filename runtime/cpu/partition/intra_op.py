"""A block that several threads work on together: each of its instructions is cut into shares.

A product is cut along a loop that moves its result: the units of a dense layer, the rows of an
image.  Other instructions are cut along the examples, or along the elements of sequences.  An
instruction that writes sums over the examples is not cut along the examples, since that would
change the order of the terms.  Cuts change no bit, so they may depend on the number of threads.  An
instruction that cannot be cut is done by one thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from gradc_compiler.machine import cost_model
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.entry import Entry, Instruction, Kernel, OpCost, Space
from gradc_compiler.program.kernel_abi import LOOP_COUNT, PRODUCTS, ROWS, product_of
from gradc_runtime.cpu.partition.alike import first_alike
from gradc_runtime.cpu.partition.barriers import written_by
from gradc_runtime.cpu.partition.split_dims import (
    SplitDim,
    apart_in_all,
    inner_dims,
    split_dims_of,
    swapped_loop,
)
from gradc_runtime.cpu.partition.thread_tasks import SINGLE, Group, ThreadTask

FIXED = Space.PERSISTENT, Space.UNIFORM  # the same for every example
CUT = ("contract_rows", "contract_dots")
TILED = ("contract_rows", "contract_lanes")


def nanoseconds(work: OpCost, examples: float) -> float:
    """About how many nanoseconds one thread takes for the work of some examples."""
    operations = work.operations + work.operations_each * examples
    return cost_model.nanoseconds(operations, work.words + work.words_each * examples)


def rows_of(item: Instruction, examples: int) -> int:
    """About how many rows an instruction has on a block: examples, or elements of sequences."""
    return examples if item.time is None else examples * MACHINE.typical_batch


def shared_nanoseconds(entry: Entry, item: Instruction, examples: int, members: int) -> float:
    """About how many nanoseconds `threads` threads take together for an instruction on a block."""
    rows = rows_of(item, examples)
    alone = nanoseconds(item.work, rows)
    if members == 1:
        return alone
    task = in_shares(entry, item, examples, members)
    return alone if not task.shared else _of_cut(item, task.cut, rows, task.grain, members)


def divided(entry: Entry, items: Sequence[Instruction], block: int, members: int) -> list[Group]:
    """The instructions of a batch stage as tasks of a team, on each block.

    Instructions that are not cut are done by the first thread, so that it need not wait for others
    between them.  But long sums into PARTIAL, which no instruction of the stage reads, go to the
    thread that has least of them.
    """
    groups, spent = [], [0.0] * members
    firsts = first_alike(items)
    ways = {k: in_shares(entry, items[k], block, members) for k in dict.fromkeys(firsts)}
    for item, first in zip(items, firsts, strict=True):
        way, alone = ways[first], nanoseconds(item.work, block)
        task = ThreadTask(item, grain=way.grain, cut=way.cut)
        if not task.shared and _into_sums(item) and cost_model.is_worth_splitting(alone):
            task = replace(task, owner=spent.index(min(spent)))
            spent[task.owner] += alone
        groups.append([task])
    return groups


def _into_sums(item: Instruction) -> bool:
    return any(operand.space == Space.PARTIAL for operand in item.operands)


def in_shares(entry: Entry, item: Instruction, examples: int, members: int) -> ThreadTask:
    """An instruction as a task that several threads share, or as one of a single thread."""
    if members == 1:
        return ThreadTask(item)
    rows = rows_of(item, examples)
    costs = {
        (cut, grain): _of_cut(item, cut, rows, grain, members)
        for cut, grain in _ways(entry, item, examples, members)
    }
    if not costs:
        return ThreadTask(item)
    cut, grain = min(costs, key=lambda way: costs[way])
    return ThreadTask(item, grain=grain, cut=cut)


def _ways(
    entry: Entry, item: Instruction, examples: int, members: int
) -> Iterable[tuple[SplitDim | None, int]]:
    """The loops along which an instruction may be cut, None for its rows, and at which grains."""
    kernel, rows = entry.kernels[item.kernel], rows_of(item, examples)
    name = _product(kernel)
    filled = OpCost(words_each=item.geometry[0]) if name == "fill" else item.work
    worth = cost_model.is_worth_splitting(nanoseconds(filled, rows))
    if name in CUT and worth and _is_settled(entry, item, examples):
        for cut in split_dims_of(name, item.geometry, rows):
            if cut.place is not None and cut.busiest(members) < 1:
                yield cut, cut.grain(members)
    if worth and item.time is None:
        for cut in inner_dims(item):
            if cut.busiest(members, examples) < 1:
                yield cut, cut.grain(members)
    grain = _grain_of_rows(entry, item, examples)
    if grain and rows >= 2 * grain and (worth or (grain == SINGLE and item.time is None)):
        yield None, grain


def _grain_of_rows(entry: Entry, item: Instruction, examples: int) -> int:
    """The grain at which an instruction may be cut between rows; 0 if it may not.

    A short row shares its vectors with the rows beside it, and is cut all the same: a number is
    the same in a vector and by itself, as nothing is added up across rows.  So members go through
    a chain of short instructions, such as a softmax, each with its own examples and without
    waiting.
    """
    kernel = entry.kernels[item.kernel]
    if any(item.operands[k].time != item.time for k in written_by(entry, item)):
        return 0  # a sum over the rows of a sequence is not cut
    if _into_sums(item):
        return 0
    if kernel.source is None and kernel.name.startswith("contract"):
        name = _product(kernel)
        if name in PRODUCTS and not _cut_by_rows(name, item.geometry, examples):
            return 0
        return SINGLE if _rows_settled(entry, item, examples) else 0
    if kernel.source is None and kernel.name == "fill":
        return SINGLE if item.geometry[1] else 0
    return SINGLE


def _product(kernel: Kernel) -> str:
    """The name of a library kernel without what it says of sums and rounding; "" for a generated
    kernel.
    """
    return product_of(kernel.name) if kernel.source is None else ""


def _cut_by_rows(name: str, geometry: Sequence[int], examples: int) -> bool:
    """Whether the loop over the rows moves the result of a product, so that it may be cut."""
    return any(cut.place is None for cut in split_dims_of(name, geometry, examples))


def _is_settled(entry: Entry, item: Instruction, examples: int) -> bool:
    """Whether no cut can lead the kernel to add terms in another order.

    With few rows a kernel exchanges loops (`runtime/cpu/gemm/small_batch.py`), depending on their
    lengths.  If windows overlap in the result, that exchange changes the order.
    """
    kernel, geometry = entry.kernels[item.kernel], item.geometry
    if _product(kernel) not in TILED or geometry[ROWS] >= 0 or geometry[LOOP_COUNT] == 0:
        return True
    settled = rows_are_settled(kernel, item, examples)
    return settled or apart_in_all(_product(kernel), geometry, rows_of(item, examples))


def _rows_settled(entry: Entry, item: Instruction, examples: int) -> bool:
    """Whether no cut between examples can do so: then every share exchanges the same loops."""
    if _is_settled(entry, item, examples):
        return True
    if item.time is not None:
        return False
    of_all = swapped_loop(item.geometry, examples)
    return all(swapped_loop(item.geometry, share) == of_all for share in range(1, examples))


def rows_are_settled(kernel: Kernel, item: Instruction, examples: int) -> bool:
    """Whether a product on so many examples handles its rows as it would if they were many.

    The kernel has to be told, since it sees only a share of the rows.
    """
    tiled = _product(kernel) in TILED and item.geometry[ROWS] < 0
    return tiled and item.time is None and examples >= MACHINE.small_batch


def _of_cut(item: Instruction, cut: SplitDim | None, rows: int, grain: int, members: int) -> float:
    """About how long several threads take for an instruction that is cut.

    Every thread reads all weights, unless the cut gives it weights of its own; then it reads all
    numbers that these are multiplied with.
    """
    work, alone = item.work, nanoseconds(item.work, rows)
    if cut is None:
        units = -(-rows // grain)
        busiest = min(1.0, -(-units // members) * grain / rows)
        return alone * busiest + cost_model.shared_nanoseconds(work.words)
    moved = zip(item.operands[:2], cut.moves, strict=False)
    own = not cut.unit and any(move and operand.space in FIXED for operand, move in moved)
    read = work.words_each * rows if own else work.words
    shared = cost_model.shared_nanoseconds(read) + cost_model.barrier_nanoseconds(members)
    return alone * cut.busiest(members, rows) + shared
