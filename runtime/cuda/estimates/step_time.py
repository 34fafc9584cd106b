"""How long a step would take on a GPU, predicted from its data sheet: no GPU was measured.

Each launch takes what its operations take at a share of the peak, or what its bytes take, whichever
is more; where it has fewer blocks than there are multiprocessors, these stand idle.  A launch that
waits for another begins a little later.  The assumptions are the fields of `Assumptions`.
"""

from __future__ import annotations

import re

from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cuda.devices.device import THREADS
from gradc_runtime.cuda.devices.launch_form import NodeLaunch, launches_of
from gradc_runtime.cuda.estimates.data_sheets import DataSheet
from gradc_runtime.cuda.launch.kernel_call import is_plain
from gradc_runtime.cuda.launch.step_graph import StepGraph, StepNode


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """What is taken for granted, with its reason."""

    tiles: float = 0.6  # of the peak: a tile's loop is 58 to 76% products, as disassembled
    words: float = MACHINE.gpu_word_share * 5  # products of a thread a word: 2% in SASS, 5 a cycle
    bytes: float = 0.8  # of the memory's rate: what streaming kernels reach, by public figures
    launch_s: float = 1.3e-6  # between two nodes of a graph that wait for one another (public)
    recurrences: float = 0.3  # products of a recurrence in one kernel: as disassembled
    meeting_s: float = 1.5e-6  # until all blocks of a kernel have met (public)
    graph_s: float = 6e-6  # to launch a graph (public)


DEFAULT = Assumptions()
FULL = 4 * THREADS  # of a kernel that is no tile
LEAST = 1e-3  # of a GPU that a launch uses
RESIDENT = re.compile(r"resident\((\d+)\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeTime:
    """A launch's predicted seconds, and what they come from."""

    note: str
    blocks: int
    operations: int
    bytes: int
    compute_s: float
    memory_s: float
    binds: str  # "products", "memory" or "launch"

    @property
    def seconds(self) -> float:
        """Of its own work."""
        return max(self.compute_s, self.memory_s)


@dataclass(frozen=True, slots=True)
class StepTime:
    """A step's predicted seconds: of its longest way through the graph, with all launches on it."""

    seconds: float
    nodes: tuple[NodeTime, ...]
    on_the_way: int  # nodes of the longest way


def predict(
    graph: StepGraph, word: int, sheet: DataSheet, assumed: Assumptions = DEFAULT
) -> StepTime:
    """The time of a step on a GPU, all its data on the device."""
    launches, _ = launches_of(graph)
    pairs = zip(graph.nodes, launches, strict=True)
    nodes = tuple(node_time(node, launch, word, sheet, assumed) for node, launch in pairs)
    ends: list[tuple[float, int]] = []
    for own, firsts in zip(nodes, graph.before(), strict=True):
        start, count = max((ends[first] for first in firsts), default=(0.0, 0))
        ends.append((start + own.seconds + assumed.launch_s, count + 1))
    last, count = max(ends, default=(0.0, 0))
    busy = sum(own.seconds for own in nodes)  # branches share the multiprocessors
    return StepTime(assumed.graph_s + max(last, busy), nodes, count)


def node_time(
    node: StepNode, launch: NodeLaunch, word: int, sheet: DataSheet, assumed: Assumptions
) -> NodeTime:
    """A launch by itself."""
    operations = sum(call.operations for call in node.calls)
    moved = word * sum(call.words for call in node.calls)
    tiled = any(not is_plain(*call.kernel) for call in node.calls)
    share = used(launch, sheet, full_threads(node))
    peak = (sheet.float32 if word == 4 else sheet.float64) * share
    rate = sheet.bytes * assumed.bytes * min(1.0, 2 * share)
    meetings = max(call.meetings for call in node.calls)
    pace = assumed.recurrences if meetings else assumed.tiles if tiled else assumed.words
    compute = operations / (peak * pace) + meetings * assumed.meeting_s
    memory = moved / rate
    binds = "products" if compute > memory else "memory"
    binds = binds if max(compute, memory) > assumed.launch_s else "launch"
    return NodeTime(
        note=node.note, blocks=launch.blocks, operations=operations, bytes=moved,
        compute_s=compute, memory_s=memory, binds=binds,
    )  # fmt: skip


def full_threads(node: StepNode) -> int:
    """Threads that fill a multiprocessor: of a tile those of the blocks that it says are to fit."""
    tiled = (call.source for call in node.calls if not is_plain(*call.kernel))
    said = [found for source in tiled if (found := RESIDENT.search(source))]
    return int(said[0][1]) * THREADS if said else FULL


def used(launch: NodeLaunch, sheet: DataSheet, full: int) -> float:
    """The share of the multiprocessors that a launch fills; a multiprocessor with fewer threads
    than are full does less.
    """
    whole = sheet.multiprocessors * full
    return max(min(launch.blocks * launch.key.threads, whole) / whole, LEAST)


def told(assumed: Assumptions, sheet: DataSheet) -> list[str]:
    """The assumptions in words."""
    return [
        f"{sheet.name}: {sheet.float32 / 1e12:g} TFLOP/s, {sheet.bytes / 1e12:g} TB/s (data sheet)",
        f"products in tiles at {assumed.tiles:.0%} of that, others at {assumed.words:.0%};"
        f" memory at {assumed.bytes:.0%}; a multiprocessor is full with {FULL} threads, or with as"
        " many tiles as are to fit",
        f"a recurrence in one kernel: products at {assumed.recurrences:.0%},"
        f" {assumed.meeting_s * 1e6:g} us for a meeting of its blocks",
        f"{assumed.launch_s * 1e6:g} us between launches that wait for one another,"
        f" {assumed.graph_s * 1e6:g} us to launch a graph; data on the device",
    ]
