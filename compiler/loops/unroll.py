"""Loop unrolling: iterations one after another, in place of a loop.

A nest on rows one at a time has every loop unrolled but the one over rows; a sum over inner loops
becomes a chain of statements.  In a nest on rows side by side only a short innermost loop is
unrolled, so that the factors of a product stay in registers.  A load that an unrolled loop does not
move is made once for all its iterations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from itertools import product

from gradc_compiler.graph.types import Kind
from gradc_compiler.loops.ir import (
    Apply,
    BodyItem,
    Leaf,
    LoopCounter,
    LoopNest,
    MemAccess,
    NestLoop,
    Read,
    Scalar,
    Statement,
    Store,
    Variable,
    Write,
)
from gradc_compiler.loops.peel import peel
from gradc_compiler.loops.reductions import OVER_NO_LOOP
from gradc_compiler.loops.scalar_form import renamed, whole_number
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.records.fast_dataclass import dataclass

WRITTEN_OUT = MACHINE.inner_iterations  # iterations of an innermost loop


def unroll(nest: LoopNest) -> LoopNest:
    """The nest with its unrolled iterations as its body."""
    if nest.body:
        return nest
    return _innermost(nest) if nest.lanes > 1 else _all(nest)


def extents_of(nest: LoopNest) -> list[int]:
    """How often each loop goes round for one example."""
    return [loop.in_a_row for loop in nest.loops]


def combined(a: Scalar, b: Scalar, store: Store) -> Scalar:
    """A sum or a maximum so far, combined with one more term."""
    return Apply("maximum" if store is Store.MAX else "plus", (a, b))


@dataclass
class _Iterations:
    """The iterations that are written so far; each has variables of its own."""

    items: list[BodyItem] = field(default_factory=list)
    names: int = 0

    def new(self, kind: Kind) -> Variable:
        """A name that nothing has."""
        self.names += 1
        return Variable(kind, self.names - 1)

    def compute(self, statements: Sequence[Statement], names: dict[Leaf, Scalar]) -> None:
        """The statements of an iteration."""
        for statement in statements:
            value = renamed(statement.value, names)
            names[statement.target] = target = self.new(statement.target.kind)
            self.items.append(Statement(target, value))

    def gather(self, before: Variable | None, value: Variable, store: Store) -> Variable:
        """Combine a term with a sum or a maximum so far."""
        if before is None:
            return value
        total = self.new(Kind.REAL)
        self.items.append(Statement(total, combined(before, value, store)))
        return total


def _all(nest: LoopNest) -> LoopNest:
    extents, body = extents_of(nest), _Iterations()
    outer = [j for j, loop in enumerate(nest.loops) if not loop.reduces]
    inner = [j for j, loop in enumerate(nest.loops) if loop.reduces]
    one = nest
    for here in _points(outer, extents):
        sums: dict[int, Variable] = {}
        for there in _points(inner, extents):
            one = peel(nest, {**here, **there})
            _iteration(body, one, sums)
        first = peel(nest, {**here, **dict.fromkeys(inner, 0)})
        for k, total in sums.items():
            _, access, store = first.stores[k]
            body.items.append(Write(total, access, OVER_NO_LOOP[store]))
    rows = tuple(NestLoop(extent=loop.extent) for loop in one.loops)
    return replace(nest, loops=rows, loads=(), statements=(), stores=(), body=tuple(body.items))


def _iteration(body: _Iterations, one: LoopNest, sums: dict[int, Variable]) -> None:
    """One iteration of a nest; terms of a sum go into `sums`, by store."""
    names: dict[Leaf, Scalar] = {}
    for variable, access in one.loads:
        names[variable] = target = body.new(variable.kind)
        body.items.append(Read(target, access))
    body.compute(one.statements, names)
    for k, (variable, access, store) in enumerate(one.stores):
        value = _named(names, variable)
        if store in OVER_NO_LOOP:
            sums[k] = body.gather(sums.get(k), value, store)
        else:
            body.items.append(Write(value, access, store))


def _innermost(nest: LoopNest) -> LoopNest:
    """A nest on rows side by side: of a short innermost loop all iterations, one after another."""
    level = _short_innermost(nest)
    if level is None:
        return nest
    body = _Iterations()
    loads, values = _loads(nest, level, range(nest.loops[level].extent), body)
    sums: dict[int, Variable] = {}
    for k, names in enumerate(values):
        body.compute(nest.statements, names)
        _store(nest, level, k, names, body, sums)
    loops = list(nest.loops)
    loops[level] = NestLoop(extent=1)
    kept = tuple(
        (sums[s], _moved(access, level, 0), store)
        for s, (_, access, store) in enumerate(nest.stores)
        if s in sums
    )
    return replace(
        nest, loops=tuple(loops), loads=loads, statements=(), stores=kept, body=tuple(body.items)
    )


def _store(
    nest: LoopNest, level: int, k: int, names: Mapping[Leaf, Scalar], body: _Iterations,
    sums: dict[int, Variable],
) -> None:  # fmt: skip
    """The stores of iteration k: a term of a sum over inner loops goes into `sums`, by store."""
    inner = any(loop.extent > 1 and loop.reduces for loop in nest.loops)
    for s, (variable, access, store) in enumerate(nest.stores):
        value = _named(names, variable)
        if store in OVER_NO_LOOP and inner:
            sums[s] = body.gather(sums.get(s), value, store)
        else:
            kind = OVER_NO_LOOP.get(store, store)
            body.items.append(Write(value, _moved(access, level, k), kind))


def _short_innermost(nest: LoopNest) -> int | None:
    """The innermost loop, if it is short and not the only one; loops that are summed over are moved
    inside.
    """
    long = [j for j, extent in enumerate(extents_of(nest)) if extent > 1]
    order = sorted(long, key=lambda j: nest.loops[j].reduces)
    if len(order) < 2 or nest.loops[order[-1]].extent > WRITTEN_OUT:
        return None
    return order[-1]


def _loads(
    nest: LoopNest, level: int, copies: range, body: _Iterations
) -> tuple[tuple[tuple[Variable, MemAccess], ...], list[dict[Leaf, Scalar]]]:
    """The loads of all iterations of a loop, and what the variables of each iteration stand for."""
    loads: list[tuple[Variable, MemAccess]] = []
    values: list[dict[Leaf, Scalar]] = [{LoopCounter(level): whole_number(k)} for k in copies]
    for variable, access in nest.loads:
        for k, names in enumerate(values):
            if k and not access.moves[level]:
                names[variable] = values[0][variable]
                continue
            names[variable] = target = body.new(variable.kind)
            loads.append((target, _moved(access, level, k)))
    return tuple(loads), values


def _moved(access: MemAccess, level: int, count: int) -> MemAccess:
    """A place in one iteration of a loop, which does not move it any more."""
    moves = list(access.moves)
    offset, moves[level] = access.offset + moves[level] * count, 0
    return replace(access, offset=offset, moves=tuple(moves))


def _named(names: Mapping[Leaf, Scalar], variable: Variable) -> Variable:
    """The name that stands for a variable now."""
    name = names[variable]
    assert isinstance(name, Variable), "only counters are numbers"
    return name


def _points(levels: Sequence[int], extents: Sequence[int]) -> Iterator[dict[int, int]]:
    for at in product(*(range(extents[j]) for j in levels)):
        yield dict(zip(levels, at, strict=True))
