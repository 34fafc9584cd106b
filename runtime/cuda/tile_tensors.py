"""Products of a step by tensor cores, `mma.sync` of PTX, as intrinsics of LLVM.

Which thread holds which numbers is said in `compiler/printing/tensor_fragments.py`.  Sums are of
float32; in which order the terms of one instruction are added, and that what is lost of the smaller
ones is cut off and not rounded, is the hardware's.  From compute capability 8.0 on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cuda.numba_intrinsics import cgutils, intrinsic, types
from gradc_runtime.cuda.tile_products import I32, address, numbers

UPPER = -(1 << 16)
RESULTS, HALF = 4, 8  # a thread's results of an instruction; rows between its two


@dataclass(frozen=True, slots=True)
class TensorKind:
    """An instruction: its terms, and how many of them neighbour in a register."""

    name: str
    terms: int
    beside: int

    @property
    def text(self) -> str:
        """Of PTX: results, a, b, sums so far."""
        groups = (range(4), range(4, 8), range(8, 10), range(10, 14))
        given = ", ".join(f"{{{', '.join(f'${k}' for k in group)}}}" for group in groups)
        shape = f"m16n8k{self.terms}.row.col.f32.{self.name}.{self.name}.f32"
        return f"mma.sync.aligned.{shape} {given};"

    def instruction(self) -> Any:
        """The same as LLVM has it."""
        result = ir.LiteralStructType([ir.FloatType()] * RESULTS)
        kind = ir.FunctionType(result, [I32] * 6 + [ir.FloatType()] * RESULTS)
        places = ",".join(["=f"] * RESULTS + ["r"] * 6 + ["f"] * RESULTS)
        return ir.InlineAsm(kind, self.text, places)


Words = Callable[[int, int], list[Any]]  # of a buffer, from a place on: so many neighbours


@dataclass(frozen=True, slots=True)
class OperandInFragments:
    """A thread's numbers of an operand in a buffer: so many fragments, a `gap` apart; from a term
    to the next it is `term` words, from a row to the next `row`; a has two rows, b one column.
    """

    count: int
    halves: int
    term: int
    row: int
    gap: int

    def registers(
        self, builder: Any, words: Words, first: int, kind: TensorKind
    ) -> list[list[Any]]:
        """Of each fragment, from a term on: rows first, then the second half of the terms."""
        places = [(4 * kind.beside * k + first) * self.term for k in (0, 1)]
        return [
            [
                self._register(builder, words, i * self.gap + half * HALF * self.row + place, kind)
                for place in places
                for half in range(self.halves)
            ]
            for i in range(self.count)
        ]

    def _register(self, builder: Any, words: Words, place: int, kind: TensorKind) -> Any:
        if kind.beside == 1:
            return words(place, 1)[0]
        if self.term == 1:
            low, high = words(place, 2)
        else:
            low, high = words(place, 1)[0], words(place + self.term, 1)[0]
        return builder.or_(builder.and_(high, I32(UPPER)), builder.lshr(low, I32(16)))


@dataclass(frozen=True, slots=True)
class StepOfFragments:
    """So many terms of both operands."""

    kind: TensorKind
    steps: int
    a: OperandInFragments
    b: OperandInFragments

    def code(self, context: Any, builder: Any, sig: Any, args: Any) -> Any:
        """Of `tf32_products` and `bf16_products`."""
        count = RESULTS * self.a.count * self.b.count
        sums = [builder.extract_value(args[0], k) for k in range(count)]

        def words_of(operand: int) -> Words:
            def words(further: int, beside: int) -> list[Any]:
                at = builder.add(args[operand + 1], args[operand + 1].type(further))
                place = address(context, builder, sig.args[operand], args[operand], at)
                kind = ir.VectorType(I32, beside).as_pointer()
                loaded = builder.load(builder.bitcast(place, kind))
                loaded.align = 4 * beside
                return [builder.extract_element(loaded, I32(k)) for k in range(beside)]

            return words

        multiply = self.kind.instruction()
        for first in range(0, self.steps, self.kind.terms):
            a = self.a.registers(builder, words_of(1), first, self.kind)
            b = self.b.registers(builder, words_of(3), first, self.kind)
            for at, (x, y) in enumerate((x, y) for x in a for y in b):
                own = slice(RESULTS * at, RESULTS * at + RESULTS)
                made = builder.call(multiply, [*x, *y, *sums[own]])
                sums[own] = [builder.extract_value(made, k) for k in range(RESULTS)]
        return cgutils.pack_array(builder, sums)


def tensor_products(kind: TensorKind) -> Any:
    """`tf32_products` or `bf16_products`: a thread's results after all steps of a buffer."""

    @intrinsic
    def products(
        typing: Any, acc: Any, sa: Any, ia: Any, sb: Any, ib: Any, steps: Any, rows: Any,
        columns: Any, term_a: Any, row_a: Any, gap_a: Any, term_b: Any, row_b: Any, gap_b: Any,
    ) -> Any:  # fmt: skip
        sizes = steps, rows, columns, term_a, row_a, gap_a, term_b, row_b, gap_b
        known = numbers(*sizes)
        if known is None:
            return None
        count, high, wide, *places = known
        a, b = (
            OperandInFragments(*own, *where)
            for own, where in (((high, 2), places[:3]), ((wide, 1), places[3:]))
        )
        return acc(acc, sa, ia, sb, ib, *sizes), StepOfFragments(kind, count, a, b).code

    return products


@intrinsic
def keep_fragments(
    typing: Any, acc: Any, number: Any, buffer: Any, place: Any, wide: Any, row: Any
) -> Any:
    """A thread's results of a fragment of rows into a buffer, whose rows are so many words."""
    sizes = numbers(number, wide, row)
    if sizes is None:
        return None
    fragment, count, words = sizes

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        for j in range(count):
            for k in range(RESULTS):
                own = builder.extract_value(args[0], RESULTS * (fragment * count + j) + k)
                further = k // 2 * HALF * words + HALF * j + k % 2
                at = builder.add(args[3], args[3].type(further))
                builder.store(own, address(context, builder, sig.args[2], args[2], at))
        return context.get_dummy_value()

    return types.void(acc, number, buffer, place, wide, row), code


def functions() -> dict[str, Any]:
    """Everything here that text in tiles may call."""
    kinds = TensorKind("tf32", 8, 1), TensorKind("bf16", 16, 2)
    made = {f"{kind.name}_products": tensor_products(kind) for kind in kinds}
    return {**made, "keep_fragments": keep_fragments}
