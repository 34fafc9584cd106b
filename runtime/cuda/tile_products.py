"""A thread's products of a step, and its results, as intrinsics of LLVM.

They are written out: NVVM has no pragma that unrolls a loop of a thousand products.  A thread's
results are a tuple, and `products` gives it anew; sizes are whole numbers in the text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cuda.numba_intrinsics import cgutils, intrinsic, types

I32 = ir.IntType(32)
ALIGNED = 16  # bytes: of a load of four numbers


def address(context: Any, builder: Any, kind: Any, array: Any, place: Any) -> Any:
    """The address of a word of an array, or from a pointer on."""
    if isinstance(kind, types.CPointer):
        return builder.gep(array, [place])
    data = context.make_array(kind)(context, builder, array).data
    return builder.gep(data, [place])


def numbers(*kinds: Any) -> list[int] | None:
    """The whole numbers that stand in the text; None where Numba asks for any numbers first."""
    if not all(isinstance(kind, types.IntegerLiteral) for kind in kinds):
        return None
    return [int(kind.literal_value) for kind in kinds]


def four(builder: Any, pointer: Any, word: ir.Type) -> Any:
    """A pointer to four neighbours."""
    return builder.bitcast(pointer, ir.VectorType(word, 4).as_pointer())


@intrinsic
def zeros(typing: Any, count: Any) -> Any:
    """So many zeros of float32, as a tuple: Numba fails on a tuple of more than 30 written out."""
    return _zeros(types.float32, ir.FloatType(), count)


@intrinsic
def zeros_double(typing: Any, count: Any) -> Any:
    """The same of float64."""
    return _zeros(types.float64, ir.DoubleType(), count)


def _zeros(kind: Any, word: ir.Type, count: Any) -> Any:
    sizes = numbers(count)
    if sizes is None:
        return None
    (size,) = sizes

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return cgutils.pack_array(builder, [word(0.0)] * size)

    return types.UniTuple(kind, size)(count), code


Pointer = Callable[[int], Any]  # to a word so many further than a thread's first


def four_of(builder: Any, pointer: Pointer, word: ir.Type, place: int) -> list[Any]:
    """Four neighbours, by one instruction."""
    loaded = builder.load(four(builder, pointer(place), word))
    loaded.align = ALIGNED
    return [builder.extract_element(loaded, I32(k)) for k in range(4)]


@dataclass(frozen=True, slots=True)
class OperandOfStep:
    """A thread's numbers of an operand in a buffer: `own` rows of `steps` terms.

    From a term to the next it is `step` words.  Either four rows lie side by side and the next four
    a `gap` further on, or (`step` is 1) four terms do, and the next row is a gap further on.
    """

    own: int
    step: int
    gap: int

    def terms(self, builder: Any, pointer: Pointer, word: ir.Type, first: int) -> list[list[Any]]:
        """The rows' numbers of four terms, term by term."""
        if self.step == 1:
            places = [first + row * self.gap for row in range(self.own)]
            rows = [four_of(builder, pointer, word, place) for place in places]
            return [list(term) for term in zip(*rows, strict=True)]
        found = []
        for term in range(first, first + 4):
            places = [term * self.step + quad * self.gap for quad in range(self.own // 4)]
            found.append([x for p in places for x in four_of(builder, pointer, word, p)])
        return found


def multiplied(builder: Any, word: ir.Type, sums: list[Any], a: list[Any], b: list[Any]) -> None:
    """Add the products of a term's numbers of a and b to a thread's results."""
    kind = ir.FunctionType(word, [word] * 3)
    name = f"llvm.fma.{word.intrinsic_name}"
    fused = cgutils.get_or_insert_function(builder.module, kind, name)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            at = i * len(b) + j
            sums[at] = builder.call(fused, [x, y, sums[at]])


@dataclass(frozen=True, slots=True)
class StepOfBuffers:
    """So many terms of both operands."""

    steps: int
    a: OperandOfStep
    b: OperandOfStep

    def code(self, context: Any, builder: Any, sig: Any, args: Any) -> Any:
        """Of `products`."""
        word = context.get_value_type(sig.args[0].dtype)
        sums = [builder.extract_value(args[0], k) for k in range(self.a.own * self.b.own)]

        def pointer_of(operand: int) -> Pointer:
            def pointer(further: int) -> Any:
                place = builder.add(args[operand + 1], args[operand + 1].type(further))
                return address(context, builder, sig.args[operand], args[operand], place)

            return pointer

        for first in range(0, self.steps, 4):
            a = self.a.terms(builder, pointer_of(1), word, first)
            b = self.b.terms(builder, pointer_of(3), word, first)
            for x, y in zip(a, b, strict=True):
                multiplied(builder, word, sums, x, y)
        return cgutils.pack_array(builder, sums)


@intrinsic
def products(
    typing: Any, acc: Any, sa: Any, ia: Any, sb: Any, ib: Any, steps: Any, rows: Any, columns: Any,
    step_a: Any, gap_a: Any, step_b: Any, gap_b: Any,
) -> Any:  # fmt: skip
    """acc[i, j] + sum over k of a[k, i] * b[k, j]: a thread's results after all steps of a buffer;
    for the sizes see `OperandOfStep`.
    """
    sizes = steps, rows, columns, step_a, gap_a, step_b, gap_b
    known = numbers(*sizes)
    if known is None:
        return None
    count, own_a, own_b, *places = known
    operands = OperandOfStep(own_a, *places[:2]), OperandOfStep(own_b, *places[2:])
    return acc(acc, sa, ia, sb, ib, *sizes), StepOfBuffers(count, *operands).code


@intrinsic
def joined(
    typing: Any, acc: Any, more: Any, factors: Any, place: Any, columns: Any, gap: Any
) -> Any:  # fmt: skip
    """acc[i, j] * factors[i] + more[i, j]: a thread's results, of so many columns, whose rows'
    factors lie a `gap` apart in a buffer.
    """
    sizes = numbers(columns, gap)
    if sizes is None:
        return None
    across, apart = sizes

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        word = context.get_value_type(sig.args[0].dtype)
        old, new = ([builder.extract_value(x, k) for k in range(len(sig.args[0]))]
                    for x in args[:2])  # fmt: skip
        for row in range(len(old) // across):
            at = builder.add(args[3], args[3].type(row * apart))
            factor = builder.load(address(context, builder, sig.args[2], args[2], at))
            own = slice(row * across, (row + 1) * across)
            mine = new[own]
            multiplied(builder, word, mine, [factor], old[own])
            new[own] = mine
        return cgutils.pack_array(builder, new)

    return acc(acc, more, factors, place, columns, gap), code


@dataclass(frozen=True, slots=True)
class KeptRows:
    """Four rows of a thread's results, from the row 4 * `four` on: of so many `columns`, a `row`
    apart in the buffer, and of columns so many side by side, and the next a `gap` further on.
    """

    four: int
    columns: int
    row: int
    beside: int
    gap: int

    def code(self, context: Any, builder: Any, sig: Any, args: Any) -> Any:
        """Of `keep`."""
        word = context.get_value_type(sig.args[0].dtype)
        for i in range(4):
            for group in range(self.columns // self.beside):
                first = (4 * self.four + i) * self.columns + self.beside * group
                own = [builder.extract_value(args[0], first + k) for k in range(self.beside)]
                at = builder.add(args[3], args[3].type(i * self.row + group * self.gap))
                pointer = address(context, builder, sig.args[2], args[2], at)
                self._store(builder, pointer, word, own)
        return context.get_dummy_value()

    def _store(self, builder: Any, pointer: Any, word: ir.Type, own: list[Any]) -> None:
        if len(own) == 1:
            builder.store(own[0], pointer)
            return
        value = ir.Constant(ir.VectorType(word, 4), ir.Undefined)
        for k, result in enumerate(own):
            value = builder.insert_element(value, result, I32(k))
        builder.store(value, four(builder, pointer, word)).align = ALIGNED


@intrinsic
def keep(
    typing: Any, acc: Any, rows: Any, buffer: Any, place: Any, columns: Any, row: Any, beside: Any,
    gap: Any,
) -> Any:  # fmt: skip
    """Four rows of a thread's results into a buffer; for the sizes see `KeptRows`."""
    sizes = numbers(rows, columns, row, beside, gap)
    if sizes is None:
        return None
    kinds = acc, rows, buffer, place, columns, row, beside, gap
    return types.void(*kinds), KeptRows(*sizes).code
