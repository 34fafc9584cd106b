"""A layered drawing without any library: ranks by the longest way, order by the middles of
neighbours.  Background: Sugiyama, Tagawa & Toda, 1981.

For pictures in a notebook, of graphs that a person looks at whole; the explorer's page has `dot`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gradc_compiler.records.fast_dataclass import dataclass

SWEEPS = 6
GAP_X, GAP_Y = 22.0, 34.0


@dataclass(frozen=True, slots=True)
class Drawing:
    """The middle of each node, and the size of the whole."""

    places: Mapping[int, tuple[float, float]]
    width: float
    height: float


def layered(
    reads: Mapping[int, Sequence[int]], sizes: Mapping[int, tuple[float, float]]
) -> Drawing:
    """Places for nodes, given what each reads (each after what it reads) and how large each is."""
    rows = _ordered(reads)
    heights = [max(sizes[node][1] for node in row) for row in rows]
    across = _across(rows, reads, sizes)
    left = min(across[n] - sizes[n][0] / 2 for n in across) if across else 0.0
    right = max(across[n] + sizes[n][0] / 2 for n in across) if across else 0.0
    places: dict[int, tuple[float, float]] = {}
    top = 0.0
    for row, height in zip(rows, heights, strict=True):
        places |= {node: (across[node] - left, top + height / 2) for node in row}
        top += height + GAP_Y
    return Drawing(places, right - left, max(0.0, top - GAP_Y))


def _ordered(reads: Mapping[int, Sequence[int]]) -> list[list[int]]:
    """The rows from the first to the last, each in an order with few crossings."""
    rows = _rows(reads)
    read_by = _read_by(reads)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        near = reads if down else read_by
        for row in rows if down else reversed(rows):
            spot = {node: k / len(r) for r in rows for k, node in enumerate(r)}
            row.sort(key=lambda n: _middle([spot[i] for i in near[n]], spot[n]))
    return rows


def _rows(reads: Mapping[int, Sequence[int]]) -> list[list[int]]:
    """Each node below the last that it reads; what reads nothing, above its first reader."""
    rank: dict[int, int] = {}
    for node, read in reads.items():
        rank[node] = 1 + max((rank[i] for i in read), default=-1)
    for node, users in _read_by(reads).items():
        if not reads[node] and users:
            rank[node] = min(rank[u] for u in users) - 1
    rows: list[list[int]] = [[] for _ in range(max(rank.values(), default=-1) + 1)]
    for node in reads:
        rows[rank[node]].append(node)
    return [row for row in rows if row]


def _read_by(reads: Mapping[int, Sequence[int]]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {node: [] for node in reads}
    for node, read in reads.items():
        for i in read:
            found[i].append(node)
    return found


def _middle(places: Sequence[float], own: float) -> float:
    return sum(places) / len(places) if places else own


def _across(
    rows: Sequence[Sequence[int]],
    reads: Mapping[int, Sequence[int]],
    sizes: Mapping[int, tuple[float, float]],
) -> dict[int, float]:
    """How far right each middle is: near those of its neighbours, in its row's order, apart."""
    found: dict[int, float] = {}
    for row in rows:
        at = 0.0
        for node in row:
            found[node] = at + sizes[node][0] / 2
            at += sizes[node][0] + GAP_X
    read_by = _read_by(reads)
    for sweep in range(2 * SWEEPS):
        near = reads if sweep % 2 == 0 else read_by
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wanted = [_middle([found[i] for i in near[n]], found[n]) for n in row]
            _spread(row, wanted, sizes, found)
    return found


def _spread(
    row: Sequence[int],
    wanted: Sequence[float],
    sizes: Mapping[int, tuple[float, float]],
    found: dict[int, float],
) -> None:
    """Places as near as can be to those wanted, none over another: pushed right, then all back by
    half of what that moved them.
    """
    edge = -float("inf")
    moved = []
    for node, place in zip(row, wanted, strict=True):
        half = sizes[node][0] / 2
        found[node] = max(place, edge + half)
        moved.append(found[node] - place)
        edge = found[node] + half + GAP_X
    back = sum(moved) / len(moved)
    for node in row:
        found[node] -= back
