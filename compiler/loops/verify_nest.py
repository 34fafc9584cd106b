"""The verifier of loop nests: what must hold of any nest, checked after every pass.

A pass that breaks one of these would give wrong numbers, or a kernel that writes where it must not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import gcd

from gradc_compiler.graph.types import Kind
from gradc_compiler.loops.ir import (
    BY_HAND,
    Apply,
    BodyItem,
    Leaf,
    LoopCounter,
    LoopNest,
    MemAccess,
    Scalar,
    Statement,
    Store,
    Variable,
    Write,
)
from gradc_compiler.loops.scalar_form import leaves
from gradc_compiler.loops.thread_groups import LoopKind
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.memory.layout import StorageKey
from gradc_compiler.program.kernel_abi import Extent

GATHERING = {Store.SUM, Store.SUM_ADD, Store.MAX, Store.ARGMAX}
COMPARISONS = {"<", "<=", ">", ">=", "==", "!=", "|"}


def verify_nest(
    nest: LoopNest, after: str, words: Mapping[StorageKey, int] | None = None
) -> LoopNest:
    """The nest, if it is valid; `words` has the length of each buffer, of one example where each
    has its own.

    Raises `AssertionError`, naming the pass that ran last, where it is not.
    """
    for fault in _faults(nest, words or {}):
        raise AssertionError(f"after {after}: {fault}")
    return nest


def verify_bounds(nest: LoopNest, after: str, words: Mapping[StorageKey, int] | None) -> None:
    """The nest, if no place is outside its buffer; raises as `verify_nest`."""
    for fault in _of_bounds(nest, words or {}):
        raise AssertionError(f"after {after}: {fault}")


def _faults(nest: LoopNest, words: Mapping[StorageKey, int]) -> Iterator[str]:
    yield from _of_loops(nest)
    yield from _of_places(nest)
    if words:
        yield from _of_bounds(nest, words)
    yield from _of_names(nest)
    yield from _of_stores(nest)
    yield from _of_threads(nest)


def _of_loops(nest: LoopNest) -> Iterator[str]:
    """At most one loop is over rows; a loop that walks through rows has index arrays to do so."""
    for level, loop in enumerate(nest.loops):
        if loop.extent < 0 and loop.extent not in (Extent.RANGE, Extent.WALK):
            yield f"loop i{level} runs {loop.extent} times"
        if loop.scale != 1 and not loop.over_rows:
            yield f"loop i{level} is scaled, but not over rows"
        if loop.masked and (level < len(nest.loops) - 1 or loop.extent < 0):
            yield f"loop i{level} is masked, but not a short innermost one"
        if loop.block and not (loop.over_rows and loop.reduces):
            yield f"loop i{level} is in blocks, but sums over no rows"
        if loop.scale < 1:
            yield f"loop i{level} has {loop.scale} iterations of a row"
    extents = [loop.extent for loop in nest.loops]
    if nest.lanes not in (1, MACHINE.panel):
        yield f"{nest.lanes} rows side by side are no vector"
    if nest.lanes > 1 and Extent.RANGE in extents:
        yield "a loop goes over rows that are side by side"
    if nest.body and nest.statements:
        yield "loops are unrolled, and statements left"
    if extents.count(Extent.RANGE) > 1:
        yield "two loops go over rows"
    if extents.count(Extent.WALK) != (nest.walk is not None):
        yield "a loop through rows has no clocks, or clocks no loop"


def _of_places(nest: LoopNest) -> Iterator[str]:
    """Every place says by how much each loop moves it."""
    for access in nest.accesses():
        if len(access.moves) != len(nest.loops):
            yield f"{access.storage} has {len(access.moves)} moves in {len(nest.loops)} loops"


def _of_bounds(nest: LoopNest, words: Mapping[StorageKey, int]) -> Iterator[str]:
    """No place is outside its buffer, of one row: the loop over rows goes from row to row."""
    if _of_no_elements(nest):
        return
    for access in nest.accesses():
        if access.storage not in words or any(loop.extent == Extent.WALK for loop in nest.loops):
            continue
        low = high = access.offset
        for loop, move in zip(nest.loops, access.moves, strict=True):
            reach = move * (loop.in_a_row - 1)
            low, high = low + min(0, reach), high + max(0, reach)
        high += 0 if access.at is None else access.at.words * (access.at.rows - 1)
        if low < 0 or high >= max(1, words[access.storage]):
            yield f"words {low} to {high} of {access.storage}, which has {words[access.storage]}"


def _of_no_elements(nest: LoopNest) -> bool:
    """Whether no place is reached, because a loop over elements has no iterations."""
    return any(not loop.extent and not loop.reduces for loop in nest.loops)


def _of_names(nest: LoopNest) -> Iterator[str]:
    """A name has one value, given before it is read; whole numbers and reals are not mixed up."""
    known: set[Leaf] = set()
    for variable, access in nest.loads:
        for row in _rows_of(access):
            if row not in known:
                yield f"{row} is read as a row before it has a value"
        if variable in known:
            yield f"{variable} has two values"
        known.add(variable)
    for item in nest.in_order()[len(nest.loads) :]:
        yield from _unknown(_read_by(item), known, len(nest.loops))
        if isinstance(item, Write):
            continue
        if item.target in known:
            yield f"{item.target} has two values"
        kind = kind_of(item.value) if isinstance(item, Statement) else None
        if kind not in (None, item.target.kind):
            yield f"{item.target} is given a value of the other kind"
        known.add(item.target)


def _read_by(item: BodyItem) -> Iterator[Leaf]:
    """The names that an item reads."""
    if isinstance(item, Statement):
        yield from leaves(item.value)
        return
    yield from _rows_of(item.access)
    if isinstance(item, Write):
        yield item.value


def _rows_of(access: MemAccess) -> tuple[Variable, ...]:
    """The whole numbers that say where a place is."""
    own = () if access.row is None else (access.row,)
    return own if access.at is None else (*own, access.at.number)


def _unknown(read: Iterable[Leaf], known: set[Leaf], loops: int) -> Iterator[str]:
    for leaf in read:
        if isinstance(leaf, Variable) and leaf not in known:
            yield f"{leaf} is read before it has a value"
        if isinstance(leaf, LoopCounter) and leaf.level >= loops:
            yield f"{leaf} counts no loop"


def _of_stores(nest: LoopNest) -> Iterator[str]:
    """There is a result (unless it has no elements), and no loop that is summed over moves it."""
    stores = [(i.value, i.access, i.store) for i in nest.body if isinstance(i, Write)]
    stores += nest.stores
    if not stores and not _of_no_elements(nest):
        yield "nothing is stored"
    for _, access, store in stores:
        moved = any(m and loop.reduces for m, loop in zip(access.moves, nest.loops, strict=True))
        if store in GATHERING and moved and access.row is None:
            yield f"{access.storage} is moved by a loop that it is summed over"
    kinds = [store for _, _, store in stores]
    if BY_HAND.intersection(kinds) and (len(kinds) > 1 or nest.body or nest.lanes > 1):
        yield f"{kinds[-1].value} is a store among others"
    if {Store.SCAN, Store.ORDER}.intersection(kinds) and nest.loops[-1].reduces:
        yield f"{kinds[-1].value} goes along a loop that is summed over"
    if (Store.LOST in kinds or Store.PAIR in kinds) and kinds[-2:] != [Store.LOST, Store.PAIR]:
        yield "what rounding loses is stored without its sum"


def _of_threads(nest: LoopNest) -> Iterator[str]:
    """A loop over threads is in one group, and no two threads write the same word."""
    levels = [j for group in nest.groups for j in group.levels]
    divided = [j for j, loop in enumerate(nest.loops) if loop.kind is not LoopKind.SERIAL]
    if sorted(levels) != divided:
        yield f"loops {divided} are divided over threads, and {levels} in groups"
        return
    for group in nest.groups:
        if tuple(nest.loops[j].kind for j in group.levels) != group.kinds:
            yield f"loops {group.levels} are of other kinds than their group"
    if nest.groups and any(store is not Store.SET for _, _, store in nest.stores):
        yield from _of_words(nest, nest.stores[0][1])


def _of_words(nest: LoopNest, access: MemAccess) -> Iterator[str]:
    """The words of groups, the innermost first: each group steps over all words that the groups
    before it reach.
    """
    for level, loop in enumerate(nest.loops):
        if loop.kind is LoopKind.SERIAL and access.moves[level]:
            yield f"i{level} moves what a thread writes, and threads are not divided over it"
    reach = 1
    for group in reversed(nest.groups):
        moves = [access.moves[j] for j in group.levels]
        if any(nest.loops[j].over_rows for j in group.levels):
            continue
        if gcd(*moves) < (1 if group.overlaps else reach) or gcd(*moves) % group.unit:
            yield f"threads that are divided over {group.levels} write the same word"
        reach += sum(
            m * (nest.loops[j].extent - 1) for m, j in zip(moves, group.levels, strict=True)
        )
        if group.overlaps and group.pieces * group.unit < reach:
            yield f"no thread has the last of the words of {group.levels}"


def kind_of(value: Scalar) -> Kind | None:
    """The kind of an expression, if its form alone says it."""
    match value:
        case Variable(kind=kind):
            return kind
        case Apply("real", _):
            return Kind.REAL
        case Apply("index", _):
            return Kind.INDEX
        case Apply(op, _) if op in COMPARISONS:
            return None
        case Apply("select", (_, a, b)):
            return kind_of(a) or kind_of(b)
        case Apply("+" | "-" | "*", args):
            kinds = [kind for kind in map(kind_of, args) if kind is not None]
            return kinds[0] if kinds and all(kind is kinds[0] for kind in kinds) else None
        case _:
            return None
