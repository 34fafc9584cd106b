"""What the library kernels of a CPU do, as loop nests, from which CUDA kernels are written."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.schedule.contraction import Trip
from compiler.schedule.layout import Place, StorageKey
from compiler.schedule.nest import RANGE, Access, Loop, Nest, Store, merge_loops


def contraction_nest(
    trips: Sequence[Trip], places: Sequence[tuple[Place, int]], adds: bool
) -> Nest:
    """y (+)= sum of a * b; `places` are those of a, b and y, each with its first word."""
    (a, at_a), (b, at_b), (y, at_y) = places
    loops = tuple(Loop(extent=t.extent, reduces=t.y == 0) for t in trips)
    loads = (
        ("v0", _access(a.storage, at_a, [t.a for t in trips])),
        ("v1", _access(b.storage, at_b, [t.b for t in trips])),
    )
    store = Store.SUM_ADD if adds else Store.SUM
    target = _access(y.storage, at_y, [t.y for t in trips])
    return merge_loops(
        Nest(
            loops=loops, loads=loads, statements=("v2 = v0 * v1",), stores=(("v2", target, store),)
        )
    )


def fill_nest(storage: StorageKey, words: int, examples: bool) -> Nest:
    """y = 0, for every example or once."""
    loop = Loop(extent=RANGE, scale=words) if examples else Loop(extent=words)
    target = _access(storage, 0, [1])
    return Nest(
        loops=(loop,), loads=(), statements=("v0 = real(0.0)",), stores=(("v0", target, Store.SET),)
    )


def _access(storage: StorageKey, offset: int, moves: Sequence[int]) -> Access:
    return Access(storage=storage, offset=offset, moves=tuple(moves))
