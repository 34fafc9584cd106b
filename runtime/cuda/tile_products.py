"""A thread's products of a step, and its results, as intrinsics of LLVM.

They are written out: NVVM has no pragma that unrolls a loop of a thousand products.  A thread's
results are a tuple, and `products` gives it anew; sizes are whole numbers in the text.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from llvmlite import ir

from gradc_compiler.records.fast_dataclass import dataclass

types: Any = import_module("numba.cuda.types")
cgutils: Any = import_module("numba.cuda.cgutils")
intrinsic: Callable[[Any], Any] = import_module("numba.cuda.extending").intrinsic
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


def quads(
    builder: Any, pointer: Callable[[int], Any], word: ir.Type, first: int, gap: int, count: int
) -> list[Any]:
    """So many numbers of a buffer, four at a time, the next four a gap further on."""
    found: list[Any] = []
    for quad in range(count // 4):
        loaded = builder.load(four(builder, pointer(first + quad * gap), word))
        loaded.align = ALIGNED
        found += [builder.extract_element(loaded, I32(k)) for k in range(4)]
    return found


def multiplied(builder: Any, word: ir.Type, sums: list[Any], a: list[Any], b: list[Any]) -> None:
    """Add the products of a step's numbers of a and b to a thread's results."""
    kind = ir.FunctionType(word, [word] * 3)
    name = f"llvm.fma.{word.intrinsic_name}"
    fused = cgutils.get_or_insert_function(builder.module, kind, name)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            at = i * len(b) + j
            sums[at] = builder.call(fused, [x, y, sums[at]])


@dataclass(frozen=True, slots=True)
class StepOfBuffers:
    """Steps, a thread's rows and columns, the words from one step to the next in the buffers of a
    and of b, and from four neighbours to the next four.
    """

    steps: int
    rows: int
    columns: int
    row_a: int
    row_b: int
    gap_a: int
    gap_b: int

    def code(self, context: Any, builder: Any, sig: Any, args: Any) -> Any:
        """Of `products`."""
        word = context.get_value_type(sig.args[0].dtype)
        sums = [builder.extract_value(args[0], k) for k in range(self.rows * self.columns)]

        def pointer_of(operand: int) -> Callable[[int], Any]:
            def pointer(further: int) -> Any:
                place = builder.add(args[operand + 1], args[operand + 1].type(further))
                return address(context, builder, sig.args[operand], args[operand], place)

            return pointer

        for k in range(self.steps):
            a = quads(builder, pointer_of(1), word, k * self.row_a, self.gap_a, self.rows)
            b = quads(builder, pointer_of(3), word, k * self.row_b, self.gap_b, self.columns)
            multiplied(builder, word, sums, a, b)
        return cgutils.pack_array(builder, sums)


@intrinsic
def products(
    typing: Any, acc: Any, sa: Any, ia: Any, sb: Any, ib: Any, steps: Any, rows: Any, columns: Any,
    row_a: Any, row_b: Any, gap_a: Any, gap_b: Any,
) -> Any:  # fmt: skip
    """acc[i, j] + sum over k of a[k, i] * b[k, j]: a thread's results after all steps of a buffer;
    for the sizes see `StepOfBuffers`.
    """
    sizes = steps, rows, columns, row_a, row_b, gap_a, gap_b
    known = numbers(*sizes)
    if known is None:
        return None
    return acc(acc, sa, ia, sb, ib, *sizes), StepOfBuffers(*known).code


@intrinsic
def keep(
    typing: Any, acc: Any, rows: Any, buffer: Any, place: Any, columns: Any, row: Any, gap: Any
) -> Any:
    """Four rows of a thread's results, those of a number, into a buffer."""
    sizes = numbers(rows, columns, row, gap)
    if sizes is None:
        return None
    first, wide, along, apart = sizes

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        word = context.get_value_type(acc.dtype)
        for i in range(4):
            for quad in range(wide // 4):
                start = (4 * first + i) * wide + 4 * quad
                value = ir.Constant(ir.VectorType(word, 4), ir.Undefined)
                for k in range(4):
                    result = builder.extract_value(args[0], start + k)
                    value = builder.insert_element(value, result, I32(k))
                at = builder.add(args[3], args[3].type(i * along + quad * apart))
                pointer = address(context, builder, sig.args[2], args[2], at)
                builder.store(value, four(builder, pointer, word)).align = ALIGNED
        return context.get_dummy_value()

    return types.void(acc, rows, buffer, place, columns, row, gap), code
