"""How far from its end a graph's nodes are, while they are joined to units.

The height of a node is the number of units on the longest way from it to what nobody reads.  All
nodes of a unit have one height, and each is higher than whoever reads it; so a search for a way
from one unit to another need not go on where it is no higher than both (Pearce and Kelly, "A
dynamic topological sort algorithm", 2007, prune their searches alike).  In a recurrence nodes read
one another in a circle: nothing has a height there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

LOWEST = -1  # lower than all


class Heights:
    """Heights of the nodes so far, of which each is added before those that it reads."""

    def __init__(self, following: Mapping[int, Sequence[int]], circles: bool) -> None:
        self._following, self._circles = following, circles
        self._height: dict[int, int] = {}

    def add(self, id: int) -> None:
        """A node whose readers are known."""
        if not self._circles:
            self._height[id] = 1 + max((self._height[u] for u in self._following[id]), default=0)

    def lowest(self, nodes: Iterable[int]) -> int:
        """The height of the lowest of some nodes."""
        return LOWEST if self._circles else min(self._height[i] for i in nodes)

    def above(self, id: int, height: int) -> bool:
        """Whether a node is higher than that, so that a way down from it may lead there."""
        return self._circles or self._height[id] > height

    def join(
        self,
        nodes: Sequence[int],
        members: Callable[[int], Sequence[int]],
        reads: Callable[[int], Iterable[int]],
    ) -> None:
        """Some nodes are one unit: what they read is raised above the highest of them.

        `members` gives the nodes of the unit that a node is in, itself where it is in none.
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
