"""Writes LLVM instructions on whole vector registers, as the tiles of products need them.

A vector is as wide as the processor's registers; a *lane* is one number of it.  Loads and stores at
the edge of a matrix are masked: lanes beyond it read 0 and write nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cpu.codegen.intrinsics import I32, I64, write_fetch
from gradc_runtime.cpu.codegen.pair_words import multiply_pairs, rounded
from gradc_runtime.cpu.gemm.tile import Tile


def function_once(
    module: ir.Module, name: str, kinds: Sequence[ir.Type], write: Callable[[ir.Function], None]
) -> ir.Function:
    """A function of a module, which `write` gives its body when it is first asked for.

    It is called and never inlined: it has loops of its own, and many callers.
    """
    if name in module.globals:
        return module.globals[name]
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), kinds), name)
    function.linkage = "internal"
    function.attributes.add("noinline")
    write(function)
    return function


@dataclass(slots=True)
class SimdBuilder:
    """Writes the instructions of one tile; loads and stores are masked while there is a `mask`."""

    tile: Tile
    builder: ir.IRBuilder
    mask: ir.Value | None = None

    @classmethod
    def in_function(cls, tile: Tile, function: ir.Function) -> SimdBuilder:
        """Begin the body of a function that has none."""
        return cls(tile, ir.IRBuilder(function.append_basic_block("entry")))

    def intrinsic(self, name: str, result: ir.Type, operands: Sequence[ir.Type]) -> ir.Function:
        """An LLVM intrinsic for this tile's vectors."""
        shape = ir.FunctionType(result, operands)
        full = f"llvm.{name}.v{self.tile.vector.count}f{8 * self.tile.word}"
        found = self.builder.module.globals.get(full)
        return found or ir.Function(self.builder.module, shape, full)

    def at(self, pointer: ir.Value, *offsets: ir.Value) -> ir.Value:
        """A pointer moved on by so many numbers, not bytes."""
        for offset in offsets:
            pointer = self.builder.gep(pointer, [offset])
        return pointer

    def constant(self, value: int) -> ir.Value:
        """An int64."""
        return ir.Constant(I64, value)

    def make_mask(self, columns: ir.Value) -> None:
        """Let the mask have the lanes below `columns`."""
        lanes = self.tile.vector.count
        whole = ir.IntType(8 * self.tile.word)  # as wide as a number: one comparison for a register
        numbers = ir.Constant(
            ir.VectorType(whole, lanes), [ir.Constant(whole, i) for i in range(lanes)]
        )
        limit = self.builder.trunc(columns, whole) if self.tile.word == 4 else columns
        self.mask = self.builder.icmp_signed("<", numbers, self.splat(limit, numbers.type))

    def splat(self, value: ir.Value, vector: ir.VectorType) -> ir.Value:
        """The same value in every lane."""
        nothing = ir.Constant(vector, ir.Undefined)
        first = self.builder.insert_element(nothing, value, ir.Constant(I32, 0))
        zeros = ir.Constant(ir.VectorType(I32, vector.count), [0] * vector.count)
        return self.builder.shuffle_vector(first, nothing, zeros)

    def load(self, pointer: ir.Value) -> ir.Value:
        """A vector from memory of any alignment."""
        vector, word = self.tile.vector, self.tile.word
        place = self.builder.bitcast(pointer, vector.as_pointer())
        if self.mask is None:
            return self.builder.load(place, align=word)
        kinds = [vector.as_pointer(), I32, self.mask.type, vector]
        read = self.intrinsic("masked.load", vector, kinds)
        zero = ir.Constant(vector, [0.0] * vector.count)
        return self.builder.call(read, [place, ir.Constant(I32, word), self.mask, zero])

    def fetch(self, pointer: ir.Value) -> None:
        """Have the cache line at a pointer, which need not be valid, loaded ahead of its use."""
        write_fetch(self.builder, pointer)

    def store(self, value: ir.Value, pointer: ir.Value) -> None:
        """A vector to memory of any alignment."""
        vector, word = self.tile.vector, self.tile.word
        place = self.builder.bitcast(pointer, vector.as_pointer())
        if self.mask is None:
            self.builder.store(value, place, align=word)
            return
        kinds = [vector, vector.as_pointer(), I32, self.mask.type]
        write = self.intrinsic("masked.store", ir.VoidType(), kinds)
        self.builder.call(write, [value, place, ir.Constant(I32, word), self.mask])

    def offsets(self, most: int, stride: ir.Value, rows: ir.Value) -> list[ir.Value]:
        """Where each of `most` rows begins; one beyond the last of `rows` begins as that does."""
        offsets = [self.constant(0)]
        for r in range(1, most):
            inside = self.builder.icmp_signed("<", self.constant(r), rows)
            further = self.builder.add(offsets[-1], stride)
            offsets.append(self.builder.select(inside, further, offsets[-1]))
        return offsets

    def multiply_add(self, a: ir.Value, b: ir.Value, total: ir.Value) -> ir.Value:
        """a * b + total, fused where the processor can; in a tile of `pairs`, both products of a
        word.
        """
        if self.tile.pairs:
            return multiply_pairs(self.builder, a, b, total)
        vector = self.tile.vector
        fused = self.intrinsic("fmuladd", vector, [vector] * 3)
        return self.builder.call(fused, [a, b, total])

    def add_products(
        self, left: Sequence[ir.Value], right: Sequence[ir.Value], sums: Any
    ) -> list[list[ir.Value]]:
        """Every sum with a product: of its row's vector on the left, its column's on the right."""
        return [
            [self.multiply_add(p, q, total) for q, total in zip(right, row, strict=True)]
            for p, row in zip(left, sums, strict=True)
        ]

    def columns(self) -> list[ir.Value]:
        """Where each vector of a row begins."""
        lanes = self.tile.vector.count
        return [self.constant(v * lanes) for v in range(self.tile.vectors)]

    def load_row(self, pointer: ir.Value) -> list[ir.Value]:
        """The vectors of a row."""
        return [self.read(self.at(pointer, column)) for column in self.columns()]

    def read(self, pointer: ir.Value) -> ir.Value:
        """A vector of an operand, as it is multiplied."""
        return self.as_read(self.load(pointer))

    def as_read(self, numbers: ir.Value) -> ir.Value:
        """Numbers of an operand as they are multiplied: rounded to bfloat16, if the tile rounds."""
        return rounded(self.builder, numbers) if self.tile.rounds else numbers

    def store_row(self, vectors: Sequence[ir.Value], pointer: ir.Value) -> None:
        """The vectors of a row to memory."""
        for vector, column in zip(vectors, self.columns(), strict=True):
            self.store(vector, self.at(pointer, column))

    def zeros(self) -> list[list[ir.Value]]:
        """The tile's sums before their first term."""
        tile = self.tile
        return [[ir.Constant(tile.vector, [0.0] * tile.vector.count)] * tile.vectors] * tile.rows

    def add_term(
        self, a: ir.Value, b_vectors: list[ir.Value], a_rows: list[ir.Value], sums: Any
    ) -> list[list[ir.Value]]:
        """Every sum with one term added: a number of a, from each row, times the vectors of b."""
        after = []
        for row, offset in zip(sums, a_rows, strict=True):
            start = self.at(a, offset)
            if self.tile.lanewise:
                factors = self.load_row(start)
            else:
                single = self.as_read(self.builder.load(start))
                factors = [self.splat(single, self.tile.vector)] * self.tile.vectors
            terms = zip(factors, b_vectors, row, strict=True)
            after.append([self.multiply_add(*term) for term in terms])
        return after

    def loop(
        self, name: str, count: ir.Value, sums: list[list[ir.Value]], body: Any
    ) -> list[list[ir.Value]]:
        """`sums = body(k, sums)` for k in range(count)."""
        before = self.builder.block
        head, inside, end = (
            self.builder.append_basic_block(f"{name}{part}") for part in ("", ".inside", ".end")
        )
        self.builder.branch(head)
        self.builder.position_at_end(head)
        k = self.builder.phi(I64)
        k.add_incoming(self.constant(0), before)
        phis = [[self.builder.phi(self.tile.vector) for _ in row] for row in sums]
        self.builder.cbranch(self.builder.icmp_signed("<", k, count), inside, end)
        self.builder.position_at_end(inside)
        after = body(k, phis)
        last = self.builder.block
        k.add_incoming(self.builder.add(k, self.constant(1)), last)
        for own, firsts, nexts in zip(phis, sums, after, strict=True):
            for phi, first, following_sum in zip(own, firsts, nexts, strict=True):
                phi.add_incoming(first, before)
                phi.add_incoming(following_sum, last)
        self.builder.branch(head)
        self.builder.position_at_end(end)
        return phis

    def repeat(self, name: str, count: ir.Value, body: Callable[[ir.Value], None]) -> None:
        """`body(k)` for k in range(count)."""

        def turn(k: ir.Value, none: Any) -> Any:
            body(k)
            return none

        self.loop(name, count, [], turn)
