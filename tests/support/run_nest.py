"""The reference interpreter of loop nests: what a nest means, iteration by iteration, in Python.

`run_nest(nest, memory, rows)` changes the arrays of `memory`, one of each storage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any

import numpy as np

from gradc_compiler.graph.op_registry import OPS
from gradc_compiler.loops.ir import (
    Apply,
    KernelArgument,
    Leaf,
    LoopCounter,
    LoopNest,
    MemAccess,
    Read,
    Scalar,
    ScalarConstant,
    Statement,
    Store,
)
from gradc_compiler.loops.verify_nest import GATHERING

Memory = Mapping[tuple[Any, ...], np.ndarray]
Names = dict[Leaf, Any]
SIGNS: dict[str, Callable[..., Any]] = {
    "+": np.add,
    "-": lambda a, b=None: -a if b is None else a - b,
    "*": np.multiply,
    "times": np.multiply,
    "plus": np.add,
    "/": np.divide,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
    "|": np.logical_or,
    "select": lambda c, a, b: a if c else b,
    "maximum": np.maximum,
    "abs_": np.abs,
    "pow_": np.power,
    "step": lambda x: float(x > 0),
    "wide": float,
    "real": float,
    "index": int,
}


def evaluate(value: Scalar, names: Names) -> Any:
    """What an expression gives."""
    match value:
        case ScalarConstant(number, _):
            return number
        case Apply(op, args):
            given = [evaluate(arg, names) for arg in args]
            if op in SIGNS:
                return SIGNS[op](*given)
            with np.errstate(all="ignore"):
                return OPS[op].function(*map(np.float64, given))  # type: ignore[attr-defined]
        case leaf:
            return names[leaf]


def extents(nest: LoopNest, rows: int) -> list[int]:
    """How often each loop goes round."""
    return [loop.iterations(rows) for loop in nest.loops]


def address(nest: LoopNest, access: MemAccess, at: tuple[int, ...], names: Names) -> int:
    """The word that an access reaches."""
    word = access.offset
    for loop, move, i in zip(nest.loops, access.moves, at, strict=True):
        own = access.row is not None and loop.over_rows
        word += move * (names[access.row] if own else i)
    if access.at is not None:
        word += access.at.words * int(np.clip(names[access.at.number], 0, access.at.rows - 1))
    return word


def points(nest: LoopNest, rows: int) -> Iterator[tuple[tuple[int, ...], list[tuple[int, ...]]]]:
    """Each place of the loops outside a reduction, and the iterations that are reduced there."""
    lengths = extents(nest, rows)
    inner = [j for j, loop in enumerate(nest.loops) if loop.reduces]
    outer = [j for j in range(len(lengths)) if j not in inner]
    for here in product(*(range(lengths[j]) for j in outer)):
        own = dict(zip(outer, here, strict=True))
        yield (
            tuple(own.get(j, 0) for j in range(len(lengths))),
            [
                tuple((own | dict(zip(inner, there, strict=True)))[j] for j in range(len(lengths)))
                for there in product(*(range(lengths[j]) for j in inner))
            ],
        )


def iteration(nest: LoopNest, memory: Memory, at: tuple[int, ...], rows: int) -> Names:
    """What the names of a nest have at one iteration."""
    names: Names = {LoopCounter(j): i for j, i in enumerate(at)}
    names |= {KernelArgument("count"): rows, KernelArgument("first"): 0}
    for variable, access in nest.loads:
        names[variable] = memory[access.storage][address(nest, access, at, names)]
    for item in nest.body or nest.statements:
        if isinstance(item, Statement):
            names[item.target] = evaluate(item.value, names)
            continue
        lies, word = memory[item.access.storage], address(nest, item.access, at, names)
        if isinstance(item, Read):
            names[item.target] = lies[word]
        else:
            _store(lies, word, names[item.value], item.store)
    return names


def _store(y: np.ndarray, word: int, value: Any, store: Store) -> None:
    """A store at once; in exact numbers nothing is lost."""
    if store in (Store.ADD, Store.PAIR, Store.SUM_ADD):
        y[word] += value
    elif store is not Store.LOST:
        y[word] = value


def run_nest(nest: LoopNest, memory: Memory, rows: int = 1) -> None:
    """Do what a nest says, on so many rows."""
    if nest.zeroed:
        memory[nest.stores[-1][1].storage][:] = 0
    if nest.stores and nest.stores[-1][2] in (Store.SCAN, Store.ORDER):
        _along(nest, memory, rows)
        return
    for first, together in points(nest, rows):
        found: dict[int, list[Any]] = {}
        for at in together:
            names = iteration(nest, memory, at, rows)
            for k, (variable, access, store) in enumerate(nest.stores):
                y, word = memory[access.storage], address(nest, access, at, names)
                if store in GATHERING:
                    found.setdefault(k, []).append(names[variable])
                else:
                    _store(y, word, names[variable], store)
        for k, values in found.items():
            _, access, store = nest.stores[k]
            y, word = memory[access.storage], address(nest, access, first, {})
            before = y[word] if store is Store.SUM_ADD else 0
            if store is Store.ARGMAX:
                y[word] = np.argmax(values)
            else:
                y[word] = max(values) if store is Store.MAX else before + sum(values)


def _along(nest: LoopNest, memory: Memory, rows: int) -> None:
    """A nest whose result along the innermost loop is of all its iterations."""
    *outer, inner = extents(nest, rows)
    ((variable, access, store),) = nest.stores
    for here in product(*map(range, outer)):
        values = [iteration(nest, memory, (*here, i), rows)[variable] for i in range(inner)]
        order = store is Store.ORDER
        found = np.argsort(values, kind="stable") if order else np.cumsum(values)
        for i in range(inner):
            memory[access.storage][address(nest, access, (*here, i), {})] = found[i]


def memory_of(nest: LoopNest, rows: int, rng: np.random.Generator) -> Memory:
    """Arrays of random numbers, as long as a nest needs."""
    reach: dict[tuple[Any, ...], int] = {}
    for access in nest.accesses():
        ends = zip(access.moves, extents(nest, rows), strict=True)
        last = access.offset + sum(move * (n - 1) for move, n in ends if move > 0)
        reach[access.storage] = max(reach.get(access.storage, 0), last + 1)
    return {storage: rng.normal(size=n) for storage, n in reach.items()}
