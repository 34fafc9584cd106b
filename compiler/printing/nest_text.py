"""A loop nest as text for people, and for the tests of passes: text before, text after.

for i0 of rows
  for i1 of 5
    sum i2 of 7
      v0 = input/0[i0 * 35 + i1 * 7 + i2]
      v1 = tanh(v0)
    node/9[i0 * 5 + i1 + 2] += sum of v1
"""

from __future__ import annotations

from collections.abc import Iterator

from gradc_compiler.loops.ir import BodyItem, LoopNest, MemAccess, NestLoop, Read, Store, Write
from gradc_compiler.loops.thread_groups import LoopKind
from gradc_compiler.printing.scalar_text import statement_text
from gradc_compiler.program.kernel_abi import Extent

AT_THE_END = {
    Store.SUM: "{} = sum of {}",
    Store.SUM_ADD: "{} += sum of {}",
    Store.MAX: "{} = greatest {}",
    Store.ARGMAX: "{} = where {} is greatest",
}  # of the inner loops
AT_ONCE = {
    Store.SET: "{} = {}",
    Store.ADD: "{} += {}",
    Store.LOST: "{} = what is lost of {}",
    Store.PAIR: "{} += {} and what was lost",
    Store.SCAN: "{} = running sum of {}",
    Store.PAIRS: "{} = sums of pairs as {} tells",
    Store.ORDER: "{} = order of {}",
}

OVER_THREADS = {
    LoopKind.THREAD: "threads",
    LoopKind.SEARCHED: "search",
    LoopKind.SOLVED: "solve",
}


def nest_text(nest: LoopNest) -> str:
    """A nest, a line for each loop, load, statement and store."""
    lines, inner = [], next((j for j, loop in enumerate(nest.loops) if loop.reduces), None)
    hoisted = {v: access.depth() for v, access in nest.loads} if nest.hoisted else {}
    early = [v for v, depth in hoisted.items() if depth < len(nest.loops)]
    for level, loop in enumerate(nest.loops):
        own = (Read(v, access) for v, access in nest.loads if v in early and hoisted[v] == level)
        lines += ["  " * level + _item_text(nest, item) for item in own]
        lines.append("  " * level + _loop_text(level, loop))
    for item in nest.in_order():
        if isinstance(item, Read) and item.target in early:
            continue
        at_the_end = isinstance(item, Write) and item.store in AT_THE_END and inner is not None
        depth = inner if at_the_end and inner is not None else len(nest.loops)
        lines.append("  " * depth + _item_text(nest, item))
    for head in _words_of_groups(nest):
        lines = [head, *(f"  {line}" for line in lines)]
    if nest.zeroed:
        lines.insert(0, f"{'/'.join(map(str, nest.stores[-1][1].storage))} = 0")
    if nest.lanes > 1:
        lines = [f"for {nest.lanes} rows side by side", *(f"  {line}" for line in lines)]
    return "\n".join(lines) + "\n"


def _words_of_groups(nest: LoopNest) -> Iterator[str]:
    """Lines for groups: of loops that write over one another, a thread takes a word."""
    for group in reversed(nest.groups):
        if group.overlaps:
            apart = "" if group.unit == 1 else f", each {group.unit} apart"
            yield f"threads w{group.levels[0]} of {group.pieces} words{apart}"


def _item_text(nest: LoopNest, item: BodyItem) -> str:
    """One line of a nest."""
    match item:
        case Read(target, access):
            return f"{target} = {access_text(nest, access)}"
        case Write(value, access, store):
            form = AT_ONCE.get(store) or AT_THE_END[store]
            return form.format(access_text(nest, access), value)
    return statement_text(item)


def _loop_text(level: int, loop: NestLoop) -> str:
    """`for i0 of rows * 5`; `sum`, where the result stays in its place."""
    known: dict[int, str] = {Extent.RANGE: "rows", Extent.WALK: "its rows"}
    extent = known.get(loop.extent, str(loop.extent))
    scale = f" * {loop.scale}" if loop.scale != 1 else ""
    masked = ", masked" if loop.masked else ""
    blocks = f", in blocks of {loop.block}" if loop.block else ""
    word = OVER_THREADS.get(loop.kind, "sum" if loop.reduces else "for")
    return f"{word} i{level} of {extent}{scale}{masked}{blocks}"


def access_text(nest: LoopNest, access: MemAccess) -> str:
    """`node/3[i0 * 5 + i1 + 2]`; a row that is not the loop's own stands in its counter's place."""
    terms, ranged = [], Extent.RANGE if nest.walk is None else Extent.WALK
    for level, (move, loop) in enumerate(zip(access.moves, nest.loops, strict=True)):
        counter = (
            str(access.row) if access.row is not None and loop.extent == ranged else f"i{level}"
        )
        if move:
            terms.append(counter if move == 1 else f"{counter} * {move}")
    if access.at is not None:
        number, words = access.at.number, access.at.words
        terms.append(str(number) if words == 1 else f"{number} * {words}")
    if access.offset or not terms:
        terms.append(str(access.offset))
    return f"{'/'.join(map(str, access.storage))}[{' + '.join(terms)}]"
