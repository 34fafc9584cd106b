"""Heights of nodes, which keep fusion's search for cycles short.

Before two fusion groups are merged, a search asks whether a path leads from one to the other; over
the whole graph for each pair that would take quadratic time.  The *height* of a node is the number
of groups on the longest path from it to a node that nobody reads.  All nodes of a group have the
same height, and a node is higher than each of its readers.  So every node on a path between two
groups is higher than the lower of the two, and the search stops at any that is not (Pearce and
Kelly, "A dynamic topological sort algorithm", 2007, prune theirs likewise).  In a recurrence nodes
read one another in a circle: no node of such a graph has a height, and nothing is pruned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

LOWEST = -1  # lower than every node


class Heights:
    """Heights of the nodes so far.  A node is added before the nodes that it reads."""

    def __init__(self, following: Mapping[int, Sequence[int]], circles: bool) -> None:
        self._following, self._circles = following, circles
        self._height: dict[int, int] = {}

    def add(self, id: int) -> None:
        """Add a node; all its readers have been added."""
        if not self._circles:
            self._height[id] = 1 + max((self._height[u] for u in self._following[id]), default=0)

    def lowest(self, nodes: Iterable[int]) -> int:
        """The height of the lowest of some nodes."""
        return LOWEST if self._circles else min(self._height[i] for i in nodes)

    def above(self, id: int, height: int) -> bool:
        """Whether a node is above a height, so that a path from the node may lead down to it."""
        return self._circles or self._height[id] > height

    def join(
        self,
        nodes: Sequence[int],
        members: Callable[[int], Sequence[int]],
        reads: Callable[[int], Iterable[int]],
    ) -> None:
        """Make some nodes one group: raise what they read above the highest of them.

        `members` gives the nodes of the group that a node is in, or the node alone if in none.
        """
        if self._circles:
            return
        raised = [(nodes, max(self._height[i] for i in nodes))]
        while raised:
            unit, height = raised.pop()
            self._height.update(dict.fromkeys(unit, height))
            for i in {i for id in unit for i in reads(id)}.difference(unit):
                if self._height.get(i, height + 1) <= height:
                    raised.append((members(i), height + 1))
