"""Lowering of attention and its derivative: the loops, the formula of a pair, and the tile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from math import prod

from gradc_compiler.fusion.groups import FusionGroup
from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.graph.types import Kind
from gradc_compiler.loops.ir import (
    LoopNest,
    MemAccess,
    NestLoop,
    Scalar,
    ScalarConstant,
    Statement,
    Store,
    Variable,
)
from gradc_compiler.loops.scalar_form import applied
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.machine.targets import CUDA
from gradc_compiler.memory.layout import BufferView
from gradc_compiler.ops.leaf import Constant
from gradc_compiler.ops.pair_sums import PairSums, row_axis
from gradc_compiler.printing.attention_plan import (
    THREADS,
    PairDim,
    PairPlan,
    PairTile,
    PlannedProduct,
    PlannedSum,
)
from gradc_compiler.printing.cuda_attention import print_pairs
from gradc_compiler.program.deferred import Deferred
from gradc_compiler.program.entry import Kernel, Launch, OpCost, Operand
from gradc_compiler.program.kernel_abi import Extent
from gradc_compiler.rewrites.driver import SINGLE_TILES
from gradc_compiler.select.builder import KernelCall, ProgramBuilder
from gradc_compiler.select.pair_moves import PairMoves

FIRST = 10  # variable: the kernel has names of its own below
EXPONENT = 10  # operations of a pair's numbers, beside those of products


def attention(table: ProgramBuilder, unit: FusionGroup, node: Node) -> None:
    """Add sums over pairs as one kernel."""
    op, graph, places = node.op, table.graph, table.layouts.places
    assert isinstance(op, PairSums), "one operator is lowered here"
    given, others = node.inputs[: op.matrices], node.inputs[op.matrices :]
    read = [i for i in others if not isinstance(graph[i].op, Constant)]
    shaped = [(places[i], graph[i].type.shape) for i in read]
    moves = PairMoves(op, [places[i] for i in given], shaped, places[node.id])
    starts = [_starts_at_four(table, place) for place in moves.given]
    tile = tile_of(op, single=table.switches.allow(SINGLE_TILES))
    plan = _Planning(graph, node, op, moves, unit.phase.examples, starts).plan(tile)
    views = [*moves.given, *(place for place, _ in moves.others)]
    operands = [*map(table.operand, views), table.operand(moves.result, written=True)]
    call = KernelCall(
        kernel=Kernel(op.name),
        operands=tuple(operands),
        geometry=(),
        launch=Deferred(partial(_printed, plan, operands)) if table.target == CUDA else None,
        nest=_nest(plan, moves),
        work=_work(table, plan, moves),
    )
    table.add(unit, call)


def tile_of(op: PairSums, *, single: bool) -> PairTile:
    """The tile, by how many numbers of a pair there are, and by the size of a word; a second sum
    takes the registers of a block.
    """
    if not single:
        return PairTile(*MACHINE.gpu_pairs_of_double)
    tile = PairTile(*(MACHINE.gpu_attention if op.softmax else MACHINE.gpu_pairs))
    return replace(tile, resident=tile.resident + 1 - len(op.sums))


def _printed(plan: PairPlan, operands: Sequence[Operand]) -> Launch:
    """The kernel, whose result comes before what formulas read besides."""
    source, geometry = print_pairs(plan)
    return Launch(
        source=source,
        operands=(*operands[: plan.matrices], operands[-1], *operands[plan.matrices : -1]),
        geometry=geometry,
        pieces=plan.tiles * THREADS,
        each=plan.each,
        time=None,
    )


def _starts_at_four(table: ProgramBuilder, place: BufferView) -> bool:
    """Whether an operand begins at a multiple of four words."""
    return not any(n % MACHINE.gpu_grain for n in (table.operand(place).offset, place.offset))


class _Planning:
    """Makes the plan of an operator whose matrices begin at multiples of four words, or not."""

    def __init__(
        self, graph: Graph, node: Node, op: PairSums, moves: PairMoves, examples: bool,
        starts: Sequence[bool],
    ) -> None:  # fmt: skip
        self.graph, self.node, self.op, self.moves, self.starts = graph, node, op, moves, starts
        self.dims = [moves.axis(axis) for axis in range(len(op.shape))]
        self.rows = row_axis(op.products[0], op.columns)
        outer = [d for axis, d in enumerate(self.dims) if axis not in (self.rows, op.columns)]
        self.z = (*([moves.examples()] if examples else []), *outer)
        count = len(op.products) + len(moves.others) + len(op.steps)
        self.names = [Variable(Kind.REAL, FIRST + k) for k in range(count)]

    def plan(self, tile: PairTile) -> PairPlan:
        """The plan."""
        op, moves, products = self.op, self.moves, len(self.op.products)
        others = self.names[products : products + len(moves.others)]
        values, statements = self.formula(others)
        after = op.starts[len(op.sums) :][:2]
        return PairPlan(
            tile=tile, z=self.z, rows=self.dims[self.rows], columns=self.dims[op.columns],
            products=tuple(map(self.product, range(products))),
            scores=tuple(self.names[:products]),
            others=tuple(zip(others, moves.accesses(), strict=True)),
            statements=statements,
            sums=tuple(self.sum(k, values[own.value]) for k, own in enumerate(op.sums)),
            matrices=op.matrices, statistics=(after[0], after[1]) if op.softmax else None,
            law="y = softmax(q k') v" if op.softmax else "sums over pairs",
        )  # fmt: skip

    def product(self, number: int) -> PlannedProduct:
        """A product, and how its operands are read."""
        own, terms = self.op.products[number], self.moves.terms(number)
        fours = self.fours(own.rows, terms, self.rows), self.fours(own.columns, terms, None)
        return PlannedProduct(own.rows, own.columns, terms, fours)

    def sum(self, number: int, value: Variable) -> PlannedSum:
        """A sum, and how its factor is read."""
        own, wide = self.op.sums[number], self.moves.wide(number)
        four = self.fours(own.factor, wide, None)
        return PlannedSum(value, own.factor, wide, four, self.op.starts[number])

    def fours(self, operand: int, last: PairDim, axis: int | None) -> bool:
        """Whether a matrix has four neighbours along a loop wherever the others begin."""
        others = [*self.z, self.dims[self.op.columns if axis is None else axis]]
        beside = last.moves[operand] == 1 and last.each % 4 == 0
        return (
            beside and self.starts[operand] and all(dim.moves[operand] % 4 == 0 for dim in others)
        )

    def formula(self, others: Sequence[Variable]) -> tuple[list[Variable], tuple[Statement, ...]]:
        """What is computed of a pair, number by number; constants stand in the text."""
        products, names = len(self.op.products), iter(others)
        given = [self.graph[i].op for i in self.node.inputs[self.op.matrices :]]
        read: list[Scalar] = [
            ScalarConstant(own.value, Kind.REAL) if isinstance(own, Constant) else next(names)
            for own in given
        ]
        known, made = self.names[:products], list[Statement]()
        for step, name in zip(self.op.steps, self.names[products + len(others) :], strict=True):
            own = [known[n] if n >= 0 else read[-n - 1] for n in step.operands]
            made.append(Statement(name, applied(step.op.text, own)))
            known.append(name)
        return known, tuple(made)


def _nest(plan: PairPlan, moves: PairMoves) -> LoopNest:
    """What it reads, and its first result, as loops."""
    dims = [*plan.z, plan.rows, plan.sums[0].wide, plan.columns]
    dims += [product.terms for product in plan.products] + [own.wide for own in plan.sums[1:]]
    extents = (Extent.RANGE if dim.extent is None else dim.extent for dim in dims)
    views = [*moves.given, moves.result, *(place for place, _ in moves.others)]
    after = range(plan.of_rows + 1, plan.of_rows + 1 + len(moves.others))
    found = {
        k: MemAccess(
            storage=place.storage, offset=place.offset, index=place.index,
            moves=tuple(dim.moves[k] for dim in dims),
        )
        for k, place in zip([*range(plan.matrices + 1), *after], views, strict=True)
    }  # fmt: skip
    result = found.pop(plan.matrices)
    return LoopNest(
        loops=tuple(NestLoop(extent=n) for n in extents),
        loads=tuple((Variable(Kind.REAL, k), access) for k, access in found.items()),
        statements=(),
        stores=((Variable(Kind.REAL, 0), result, Store.PAIRS),),
    )


def _work(table: ProgramBuilder, plan: PairPlan, moves: PairMoves) -> OpCost:
    """Products of pairs and of sums, and their formulas; each word once."""
    loops = [product.terms for product in plan.products] + [own.wide for own in plan.sums]
    operations = prod(moves.op.shape) * (sum(2 * dim.each for dim in loops) + EXPONENT)
    views = {place.storage: place for place in (*moves.given, *(p for p, _ in moves.others))}
    words = [(table.layouts.words[key], place.example > 0) for key, place in views.items()]
    own = sum(n for n, varies in words if varies) + moves.op.starts[-1]
    once = sum(n for n, varies in words if not varies)
    if plan.each:
        return OpCost(operations_each=operations, words=once, words_each=own)
    return OpCost(operations=operations, words=once + own)
