"""Writes the nodes of one ONNX graph, each under a name of its own, with the author's line.

A graph inside a node (the body of a `Scan`) has a writer of its own, which shares names and
constants with the outer one: such a graph may read any tensor around it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

import numpy as np

from gradc_compiler.onnx.records import ElementType, OnnxNode, OnnxValue
from gradc_compiler.records.fast_dataclass import dataclass

LONGEST_SHOWN = 40  # characters of a name that a constant gets from its numbers


@dataclass
class FreshNames:
    """The names that a file uses, each once."""

    taken: set[str] = field(default_factory=set)

    def new(self, wanted: str) -> str:
        """The wanted name, or that name with the first number that makes it new."""
        name, number = wanted, 2
        while name in self.taken:
            name, number = f"{wanted}_{number}", number + 1
        self.taken.add(name)
        return name


@dataclass
class GraphWriter:
    """The nodes of one graph so far, with the scope and the note that the next nodes get."""

    names: FreshNames = field(default_factory=FreshNames)
    constants: dict[str, np.ndarray] = field(default_factory=dict)
    nodes: list[OnnxNode] = field(default_factory=list)
    values: list[OnnxValue] = field(default_factory=list)
    scope: str = ""  # what nodes are part of: a layer's name
    note: str = ""  # where in the spec the author wrote them
    shared: dict[Any, str] = field(default_factory=dict)  # constants by their numbers
    known: dict[Any, str] = field(default_factory=dict)  # nodes that were asked for before

    def inside(self) -> GraphWriter:
        """A writer for a graph within this one."""
        return GraphWriter(
            self.names, self.constants, shared=self.shared, scope=self.scope, note=self.note
        )

    def add(
        self, operator: str, *inputs: str, name: str = "", domain: str = "", **attributes: Any
    ) -> str:
        """Append a node with one output, which is given back."""
        return self.add_many(operator, inputs, (name,), domain, **attributes)[0]

    def add_many(
        self, operator: str, inputs: Sequence[str], names: Sequence[str], domain: str = "",
        **attributes: Any,
    ) -> tuple[str, ...]:  # fmt: skip
        """Append a node with outputs of the wanted names; returns their names."""
        title = f"{self.scope}/{operator}"
        outputs = tuple(self.names.new(name or f"{title}.out") for name in names)
        node = OnnxNode(
            operator=operator, inputs=tuple(inputs), outputs=outputs, attributes=attributes,
            name=self.names.new(title), note=self.note, domain=domain,
        )  # fmt: skip
        self.nodes.append(node)
        return outputs

    def once(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """The output of a node with these inputs, appended unless the graph has it already."""
        key = (operator, inputs, tuple(sorted(attributes.items())))
        if key not in self.known:
            self.known[key] = self.add(operator, *inputs, **attributes)
        return self.known[key]

    def constant(self, numbers: Any, dtype: Any = np.float32) -> str:
        """A constant tensor, one for equal numbers."""
        array = np.asarray(numbers, dtype)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self.shared:
            shown = re.sub(r"[^\w.+-]+", "_", str(array.tolist())).strip("_")
            kind = "" if array.dtype == np.float32 else f"{array.dtype.name}_"
            wanted = f"{kind}{shown}" if len(shown) <= LONGEST_SHOWN else f"{kind}table"
            self.shared[key] = self.names.new(f"constant_{wanted}")
            self.constants[self.shared[key]] = array
        return self.shared[key]

    def whole(self, numbers: Any) -> str:
        """Constant whole numbers: sizes, axes, places."""
        return self.constant(numbers, np.int64)

    def cast(self, name: str, element: ElementType) -> str:
        """A tensor with numbers of another kind."""
        return self.once("Cast", name, to=int(element))

    def unsqueezed(self, name: str, axes: Sequence[int]) -> str:
        """A tensor with axes of one element at these places of the result."""
        return self.add("Unsqueeze", name, self.whole(axes)) if axes else name

    def squeezed(self, name: str, axes: Sequence[int]) -> str:
        """A tensor without these axes, which have one element."""
        return self.add("Squeeze", name, self.whole(axes)) if axes else name

    def transposed(self, name: str, order: Sequence[int]) -> str:
        """A tensor with its axes reordered: axis k of the result is axis order[k]."""
        if list(order) == list(range(len(order))):
            return name
        return self.add("Transpose", name, perm=tuple(order))

    def padded(self, name: str, lead: int, before: Sequence[int], after: Sequence[int]) -> str:
        """A tensor with zeros around the axes after `lead`."""
        if not any(before) and not any(after):
            return name
        margins = [*[0] * lead, *before, *[0] * lead, *after]
        return self.add("Pad", name, self.whole(margins))

    def sliced(self, name: str, cuts: Mapping[int, tuple[int, int, int]]) -> str:
        """A tensor cut to [start, end) by a step, by axis."""
        if not cuts:
            return name
        starts, ends, steps = (self.whole(numbers) for numbers in zip(*cuts.values(), strict=True))
        return self.add("Slice", name, starts, ends, self.whole([*cuts]), steps)

    def reshaped(self, name: str, lead: int, shape: Sequence[int]) -> str:
        """A tensor with the axes after `lead` in another shape; 0 keeps an axis of the lead."""
        return self.add("Reshape", name, self.whole([*[0] * lead, *shape]))
