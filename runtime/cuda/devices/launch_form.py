"""A node of a step's graph as the driver launches it: a kernel, its grid, its parameters.

All parameters have 8 bytes: pointers, of which `words` and `numbers` are 0 as kernels count words
from there, and whole numbers.  What does not come as a parameter stands in one table of the graph.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import field
from enum import Enum
from functools import lru_cache

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cuda.device_form import HEADER, ROW_THREADS, by_parameters, parameters_of
from gradc_runtime.cuda.devices.device import MOST_BLOCKS, THREADS
from gradc_runtime.cuda.launch.kernel_call import CudaCall
from gradc_runtime.cuda.launch.step_graph import StepGraph, StepNode

Part = tuple[str, int, int]  # a text, the number of the kernel there, numbers of a segment


class KernelForm(Enum):
    """How kernels stand in what is compiled as one."""

    ALONE = "alone"
    SIDE_BY_SIDE = "side by side"
    ALONG_ROWS = "along rows"


@dataclass(frozen=True, slots=True)
class KernelKey:
    """What is compiled as one kernel: one of a text, or several plain ones."""

    parts: tuple[Part, ...]
    form: KernelForm = KernelForm.ALONE

    @property
    def threads(self) -> int:
        """Of a block."""
        return ROW_THREADS if self.form is KernelForm.ALONG_ROWS else THREADS


@dataclass(frozen=True, slots=True)
class NodeLaunch:
    """A launch: words of the table count from its beginning until it lies on the device."""

    key: KernelKey
    blocks: int
    parameters: tuple[int, ...]
    table: tuple[int, ...]  # which of the parameters is the table's address
    together: bool = False  # whether all blocks have to run at once


@dataclass
class LaunchTable:
    """The numbers that kernels read in memory."""

    numbers: list[int] = field(default_factory=list)

    def add(self, numbers: Sequence[int]) -> int:
        """The place of some numbers."""
        self.numbers += numbers
        return len(self.numbers) - len(numbers)


@lru_cache(maxsize=4096)
def parameters_in(source: str, number: int) -> int | None:
    """How many numbers of its table a kernel has as parameters; None if it reads a table."""
    kernels = [part for part in ast.parse(source).body if isinstance(part, ast.FunctionDef)]
    (kernel,) = (part for part in kernels if part.name == f"k{number}")
    return parameters_of(kernel) if by_parameters(kernel) else None


def launches_of(graph: StepGraph) -> tuple[list[NodeLaunch], list[int]]:
    """Every node of a graph as it is launched, and the table that they read."""
    table = LaunchTable()
    return [_launch(node, table) for node in graph.nodes], table.numbers


def _launch(node: StepNode, table: LaunchTable) -> NodeLaunch:
    if node.rows:
        return _along_rows(node, table)
    most = max(call.total for call in node.calls)
    blocks = max(1, min(-(-most // THREADS), MOST_BLOCKS))
    if len(node.calls) > 1:
        return _side_by_side(node, blocks, table)
    (call,) = node.calls
    key = KernelKey(((*call.kernel, 0),))
    own = (0, 0, call.begin, call.count, call.pieces, int(call.each), call.slot)
    count = parameters_in(*call.kernel)
    if count is None:
        at = table.add(call.numbers)
        return NodeLaunch(key, blocks, (*own, 0, at), (len(own),))
    return NodeLaunch(key, blocks, (*own, *call.numbers[:count]), (), call.meetings > 0)


def _side_by_side(node: StepNode, blocks: int, table: LaunchTable) -> NodeLaunch:
    """Several calls: those of one kernel are segments that follow one another in the table."""
    groups: dict[Part, list[CudaCall]] = {}
    for call in node.calls:
        groups.setdefault((*call.kernel, len(call.numbers)), []).append(call)
    pairs: list[int] = []
    for calls in groups.values():
        starts = [table.add(_segment(call)) for call in calls]
        pairs += [starts[0], len(calls)]
    return NodeLaunch(
        KernelKey(tuple(groups), KernelForm.SIDE_BY_SIDE), blocks, (0, 0, 0, *pairs), (2,)
    )


def _along_rows(node: StepNode, table: LaunchTable) -> NodeLaunch:
    """Calls in order for each row, each with a segment of the table."""
    key = KernelKey(tuple((*call.kernel, 0) for call in node.calls), KernelForm.ALONG_ROWS)
    starts = [table.add(_segment(call)) for call in node.calls]
    return NodeLaunch(key, min(node.rows, MOST_BLOCKS), (0, 0, 0, node.rows, *starts), (2,))


def _segment(call: CudaCall) -> list[int]:
    found = [call.begin, call.count, call.pieces, int(call.each), call.slot, *call.numbers]
    assert len(found) == HEADER + len(call.numbers), "a segment begins with its header"
    return found
