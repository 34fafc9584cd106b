"""A layered drawing without any library: ranks by the longest way, order by the middles of
neighbours, long edges led between the boxes.  Background: Sugiyama, Tagawa & Toda, 1981.

For pictures in a notebook, of graphs that a person looks at whole; the explorer's page has `dot`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gradc_compiler.records.fast_dataclass import dataclass

SWEEPS = 6
GAP_X, GAP_Y = 22.0, 34.0
ROOM = (6.0, 0.0)  # what a long edge takes in a row that it goes through

Reads = Mapping[int, Sequence[int]]
Sizes = Mapping[int, tuple[float, float]]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Drawing:
    """The middle of each node, the points that an edge goes through, and the size of the whole."""

    places: Mapping[int, Point]
    routes: Mapping[tuple[int, int], Sequence[Point]]
    width: float
    height: float


def layered(reads: Reads, sizes: Sizes) -> Drawing:
    """Places for nodes, given what each reads (each after what it reads) and how large each is."""
    rank = _ranks(reads)
    linked, passes = _with_passes(reads, rank)
    room = {node: sizes.get(node, ROOM) for node in linked}
    rows = _ordered(linked, _in_rows(linked, rank))
    across = _across(rows, linked, room)
    left = min((across[n] - room[n][0] / 2 for n in across), default=0.0)
    right = max((across[n] + room[n][0] / 2 for n in across), default=0.0)
    places: dict[int, Point] = {}
    top = 0.0
    for row in rows:
        height = max(room[node][1] for node in row)
        places |= {node: (across[node] - left, top + height / 2) for node in row}
        top += height + GAP_Y
    routes = {edge: [places[node] for node in between] for edge, between in passes.items()}
    return Drawing(places, routes, right - left, max(0.0, top - GAP_Y))


def _ranks(reads: Reads) -> dict[int, int]:
    """Each node below the last that it reads; what reads nothing, above its first reader."""
    rank: dict[int, int] = {}
    for node, read in reads.items():
        rank[node] = 1 + max((rank[i] for i in read), default=-1)
    for node, users in _read_by(reads).items():
        if not reads[node] and users:
            rank[node] = min(rank[u] for u in users) - 1
    return rank


def _with_passes(
    reads: Reads, rank: dict[int, int]
) -> tuple[dict[int, list[int]], dict[tuple[int, int], list[int]]]:
    """The same with a point, numbered below 0, in each row that an edge only goes through; and the
    points of each edge.
    """
    linked: dict[int, list[int]] = {node: [] for node in reads}
    passes: dict[tuple[int, int], list[int]] = {}
    for node, read in reads.items():
        for above in read:
            before, passes[above, node] = above, []
            for row in range(rank[above] + 1, rank[node]):
                point = -1 - len(rank)
                linked[point], rank[point] = [before], row
                passes[above, node].append(point)
                before = point
            linked[node].append(before)
    return linked, passes


def _in_rows(linked: Reads, rank: Mapping[int, int]) -> list[list[int]]:
    least = min(rank.values(), default=0)
    rows: list[list[int]] = [[] for _ in range(max(rank.values(), default=-1) - least + 1)]
    for node in linked:
        rows[rank[node] - least].append(node)
    return [row for row in rows if row]


def _ordered(linked: Reads, rows: list[list[int]]) -> list[list[int]]:
    """The rows, each in an order with few crossings."""
    read_by = _read_by(linked)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        near = linked if down else read_by
        for row in rows if down else reversed(rows):
            spot = {node: k / len(r) for r in rows for k, node in enumerate(r)}
            row.sort(key=lambda n: _middle([spot[i] for i in near[n]], spot[n]))
    return rows


def _read_by(reads: Reads) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {node: [] for node in reads}
    for node, read in reads.items():
        for i in read:
            found[i].append(node)
    return found


def _middle(places: Sequence[float], own: float) -> float:
    return sum(places) / len(places) if places else own


def _across(rows: Sequence[Sequence[int]], linked: Reads, room: Sizes) -> dict[int, float]:
    """How far right each middle is: near those of its neighbours, in its row's order, apart."""
    found: dict[int, float] = {}
    for row in rows:
        at = 0.0
        for node in row:
            found[node] = at + room[node][0] / 2
            at += room[node][0] + GAP_X
    read_by = _read_by(linked)
    for sweep in range(2 * SWEEPS):
        near = linked if sweep % 2 == 0 else read_by
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wanted = [_middle([found[i] for i in near[n]], found[n]) for n in row]
            _spread(row, wanted, room, found)
    return found


def _spread(
    row: Sequence[int], wanted: Sequence[float], room: Sizes, found: dict[int, float]
) -> None:
    """Places as near as can be to those wanted, none over another: pushed right, then all back by
    the mean of what that moved them.
    """
    edge = -float("inf")
    moved = []
    for node, place in zip(row, wanted, strict=True):
        half = room[node][0] / 2
        found[node] = max(place, edge + half)
        moved.append(found[node] - place)
        edge = found[node] + half + GAP_X
    back = sum(moved) / len(moved)
    for node in row:
        found[node] -= back
