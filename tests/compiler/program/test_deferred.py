"""What is made when it is first asked for is made once."""

from __future__ import annotations

import weakref
from threading import Barrier, Thread

from gradc_compiler.program.deferred import Deferred


class Source:
    """Something that a value is made from."""


def test_a_value_is_made_once_by_whoever_asks_first() -> None:
    made: list[int] = []

    def make() -> int:
        made.append(len(made))
        return made[-1]

    late, together = Deferred(make), Barrier(8)
    assert not made
    seen: list[int] = []

    def ask() -> None:
        together.wait()
        seen.append(late.value)

    threads = [Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [0] and seen == [0] * 8


def test_what_makes_it_is_let_go() -> None:
    source = Source()
    alive, late = weakref.ref(source), Deferred(lambda source=source: id(source))
    del source
    assert alive() is not None
    assert isinstance(late.value, int) and alive() is None
