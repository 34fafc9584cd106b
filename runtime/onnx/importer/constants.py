"""Numbers that are known while importing, as the language has them.

An initializer becomes a parameter; a long table that is not trained becomes a `state`, which is
stored beside the parameters and never updated; a short table is written out in the spec.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.onnx.importer.atoms import Axes, fixed, sizes
from gradc_runtime.onnx.importer.expression import Expr, call, name, number, shape_text
from gradc_runtime.onnx.importer.graph_value import GraphValue
from gradc_runtime.onnx.importer.names import SpecNames, is_generated
from gradc_runtime.system.errors import DataError

WRITTEN_OUT = 64  # numbers


@dataclass(frozen=True, slots=True)
class StoredTable:
    """A table of numbers, or a parameter: its name, the line that declares it, the numbers."""

    name: Expr
    line: str
    array: np.ndarray


class Stored:
    """Declarations of parameters and tables, and the arrays that belong to them."""

    def __init__(self, names: SpecNames, *, inline: bool) -> None:
        self.names, self.inline = names, inline  # inline: nothing is kept beside the text
        self.known: dict[tuple[str, tuple[int, ...], bytes], StoredTable] = {}

    def __call__(self, value: GraphValue, slots: Axes) -> Expr:
        """A known value as an expression that lies in `slots`.

        Raises `DataError` for the size of the batch, which no example knows.
        """
        assert value.array is not None
        if value.array.dtype == object:
            raise DataError(f"{value.name} has the size of the batch, which an example cannot know")
        array = arranged(value, slots)
        if array.size == 1 and not (value.trained and not is_generated(value.name)):
            return number(array.reshape(())) if not slots else self.small(array)
        if not value.trained and (self.inline or array.size <= WRITTEN_OUT):
            return self.small(array)
        return self.kept(value, array)

    def small(self, array: np.ndarray) -> Expr:
        """An array written out."""
        shape = shape_text(list(array.shape))
        if array.size == 0:
            return Expr(f"zeros({shape})")
        if (array == array.flat[0]).all():
            return call("full", Expr(shape), number(array.flat[0]))
        if not np.isfinite(array).all():
            return parts_of(array, shape)
        if is_count(array):
            return Expr(f"iota({array.size})")
        written = ", ".join(number(x).text for x in array.flat)
        return Expr(f"tensor({written}, shape = {shape})")

    def kept(self, value: GraphValue, array: np.ndarray) -> Expr:
        """An array beside the text."""
        key = (value.name, array.shape, array.tobytes()[:64])
        if key not in self.known:
            called = self.names.fresh(value.name)
            form = shape_text(list(array.shape)) if array.ndim else "scalar"
            word = "param" if value.trained else "state"
            line = f"{word} {called} : {form}{first_value(array, value.trained)}"
            self.known[key] = StoredTable(name(called), line, array)
        return self.known[key].name

    def read_by(self, nodes: Iterable[Expr]) -> list[StoredTable]:
        """The declarations that some nodes of a spec read; others led to a layer of the prelude."""
        read = {node.serial for node in nodes}
        return [one for one in self.known.values() if one.name.serial in read]


def first_value(array: np.ndarray, trained: bool) -> str:
    """How a parameter is drawn where its weights are not loaded."""
    return " ~ glorot_uniform" if trained and array.ndim >= 2 else " = 0"


def is_count(array: np.ndarray) -> bool:
    """Whether an array is 0, 1, 2, ..."""
    return array.ndim == 1 and bool((array == np.arange(array.size)).all())


def parts_of(array: np.ndarray, shape: str) -> Expr:
    """An array with numbers that have no literal: added to 0, infinite or NaN where it is."""
    finite = np.where(np.isfinite(array), array, 0)
    written = ", ".join(number(x).text for x in finite.flat)
    found = Expr(f"tensor({written}, shape = {shape})") if array.size > 1 else number(0)
    for bad in (np.inf, -np.inf, np.nan):
        where = np.isnan(array) if np.isnan(bad) else array == bad
        if where.any():
            mask = ", ".join(str(int(x)) for x in where.flat)
            found = call("where", Expr(f"tensor({mask}, shape = {shape})"), number(bad), found)
    return found


def arranged(value: GraphValue, slots: Axes) -> np.ndarray:
    """A known array in slots."""
    assert value.array is not None
    atoms, wanted = fixed(value.axes), fixed(slots)
    apart = value.array.reshape([atom.size for atom in atoms])
    order = [atoms.index(atom) for atom in wanted]
    return np.ascontiguousarray(apart.transpose(order)).reshape(sizes(slots))
