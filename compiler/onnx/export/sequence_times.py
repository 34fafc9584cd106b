"""How long sequences are, as tensors of a file.

A sequence is an input `[batch, time, *shape]`, padded with arbitrary numbers, and the lengths
of a time that has a name are an input of their own, `length/NAME` [batch].  Where a length is a
whole number it is a constant, and nothing is padded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gradc_compiler.graph.ragged import length_key
from gradc_compiler.graph.types import TensorType, Time
from gradc_compiler.onnx.export.node_writer import GraphWriter
from gradc_compiler.onnx.records import ElementType, OnnxValue, Size
from gradc_compiler.records.fast_dataclass import dataclass

BATCH = "batch"  # the axis of examples
EXAMPLES = "examples"  # the input that says how many, where no other does


@dataclass(frozen=True, slots=True)
class Times:
    """The batch and the times of a model, in the outermost graph."""

    writer: GraphWriter
    axes: Mapping[Time, Size]
    lengths: Mapping[Time, str]
    first: Mapping[Time, str]  # an input of each time
    example: str  # an input with the batch as its first axis, or none
    count: str  # the input that says how many examples, or none

    @staticmethod
    def of(writer: GraphWriter, inputs: Mapping[str, TensorType], times: Sequence[Time]) -> Times:
        """The times of a model with these inputs, whose names are taken already."""
        named = [t for t in times if isinstance(t, str)]
        axes: dict[Time, Size] = {t: t for t in times if isinstance(t, int)}
        axes |= {t: f"time/{t}" for t in named}
        lengths: dict[Time, str] = {t: writer.names.new(length_key(t)) for t in named}
        first = {type.time: name for name, type in reversed([*inputs.items()]) if type.time}
        count = "" if inputs else writer.names.new(EXAMPLES)
        return Times(writer, axes, lengths, first, next(iter(inputs), ""), count)

    def inputs(self) -> list[OnnxValue]:
        """The inputs that a file has in addition to the model's."""
        counted = [OnnxValue(self.count, ElementType.INT64, (), "how many examples")]
        return (counted if self.count else []) + [
            OnnxValue(name, ElementType.INT64, (BATCH,), f"lengths of {time}")
            for time, name in self.lengths.items()
        ]

    def sizes(self, type: TensorType, lead: int) -> tuple[Size, ...]:
        """The sizes of a tensor that has `lead` axes in front of its type's own."""
        axes = [BATCH] if type.time is None else [BATCH, self.axes[type.time]]
        return (*axes[:lead], *type.shape)

    def batch(self) -> str:
        """The number of examples, [1]."""
        if not self.example:
            return self.writer.once("Unsqueeze", self.count, self.writer.whole([0]))
        return self.writer.once("Shape", self.example, start=0, end=1)

    def steps(self, time: Time) -> str:
        """The size of the time axis, [1]: the room for the longest sequence."""
        if isinstance(time, int):
            return self.writer.whole([time])
        if time in self.first:
            return self.writer.once("Shape", self.first[time], start=1, end=2)
        return self.writer.once("ReduceMax", self.lengths[time], keepdims=1)

    def length(self, time: Time) -> str:
        """The length of each sequence, [batch]."""
        if isinstance(time, int):
            return self.writer.once("Expand", self.writer.whole(time), self.batch())
        return self.lengths[time]

    def places(self, time: Time) -> str:
        """The places along a time, [time]: 0, 1, ..."""
        if isinstance(time, int):
            return self.writer.whole(range(time))
        w = self.writer
        end = w.once("Squeeze", self.steps(time), w.whole([0]))
        return w.once("Range", w.whole(0), end, w.whole(1))

    def is_inside(self, time: Time, rank: int) -> str:
        """Whether a place is inside its sequence: [batch, time, 1, ...] for a shape of a rank."""
        w = self.writer
        length = w.once("Unsqueeze", self.length(time), w.whole([1]))
        found = w.once("Less", self.places(time), length)
        return w.once("Unsqueeze", found, w.whole(range(2, 2 + rank))) if rank else found

    def is_end(self, time: Time, rank: int, first: bool) -> str:
        """Whether a place is its sequence's last, or first: [batch, time, 1, ...]."""
        w, places = self.writer, self.places(time)
        if first:
            at = w.whole([[0]])
        else:
            last = w.once("Sub", self.length(time), w.whole(1))
            at = w.once("Unsqueeze", last, w.whole([1]))
        row = w.once("Unsqueeze", places, w.whole([0]))
        found = w.once("Equal", row, at)
        return w.once("Unsqueeze", found, w.whole(range(2, 2 + rank))) if rank else found
