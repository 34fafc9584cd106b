"""Fast dataclasses do what those of the standard library do."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import (
    FrozenInstanceError,
    asdict,
    astuple,
    dataclass,
    field,
    fields,
    is_dataclass,
    replace,
)
from functools import cached_property
from typing import Any, ClassVar

import pytest

from gradc_compiler.records import fast_dataclass

FORMS: list[dict[str, bool]] = [
    {"frozen": frozen, "slots": slots, "kw_only": kw_only, "eq": eq}
    for frozen in (False, True)
    for slots in (False, True)
    for kw_only in (False, True)
    for eq in (False, True)
]
Decorator = Callable[..., Any]
fast: Decorator = fast_dataclass.dataclass  # as it is run, not as type checkers see it


def point(decorator: Decorator, form: dict[str, bool]) -> Any:
    @decorator(**form)
    class Point:
        """A place."""

        x: int
        y: float = 2.0
        tags: list[str] = field(default_factory=list)
        hidden: str = field(default="h", repr=False, compare=False)
        made: int = field(default=7, init=False)
        scale: ClassVar[int] = 3

        def norm(self) -> float:
            return self.x + self.y

    return Point


def outcome(do: Callable[[], Any]) -> Any:
    """What is found, or the kind of what is raised."""
    try:
        return do()
    except (TypeError, AttributeError) as fault:
        return type(fault)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: "-".join(k for k in form if form[k]))
def test_objects_are_like_those_of_the_standard_library(form: dict[str, bool]) -> None:
    ours, theirs = (point(decorator, form) for decorator in (fast, dataclass))
    assert [f.name for f in fields(ours)] == [f.name for f in fields(theirs)]
    assert ours.__match_args__ == theirs.__match_args__
    assert hasattr(ours, "__slots__") == hasattr(theirs, "__slots__")
    for make in (
        lambda c: c(x=1),
        lambda c: c(x=1, y=3.0, tags=["a"], hidden="b"),
        lambda c: c(1, 2.0),
        lambda c: c(),
        lambda c: c(x=1, z=2),
        lambda c: c(x=1, made=2),
        lambda c: replace(c(x=1), y=5.0),
        lambda c: copy.deepcopy(c(x=1)),
    ):
        a, b = (outcome(lambda c=c, make=make: make(c)) for c in (ours, theirs))
        if isinstance(b, type):
            assert a is b
            continue
        assert repr(a) == repr(b)
        assert asdict(a) == asdict(b) and astuple(a) == astuple(b)
        assert (a.hidden, a.made, a.scale, a.norm()) == (b.hidden, b.made, b.scale, b.norm())


@pytest.mark.parametrize("form", FORMS, ids=lambda form: "-".join(k for k in form if form[k]))
def test_equality_hashes_and_assignment_are_those_of_the_standard_library(
    form: dict[str, bool],
) -> None:
    def facts(decorator: Decorator) -> list[Any]:
        cls = point(decorator, form)
        a, same, unlike = cls(x=1), cls(x=1, hidden="other"), cls(x=2)
        keys = [cls(x=1, tags=()), cls(x=1, tags=())]  # a list has no hash
        return [
            a == same, a == unlike, a == 1, a != same,
            outcome(lambda: hash(keys[0]) == hash(keys[1])),
            outcome(lambda: hash(a)) if form["eq"] else None,
            outcome(lambda: setattr(cls(x=1), "x", 2)),
            outcome(lambda: delattr(cls(x=1), "x")),
        ]  # fmt: skip

    assert facts(fast) == facts(dataclass)


def test_what_a_class_says_itself_stays() -> None:
    @fast(frozen=True)
    class Own:
        x: int

        def __eq__(self, other: object) -> bool:
            return True

        def __repr__(self) -> str:
            return "own"

        @cached_property
        def double(self) -> int:
            return 2 * self.x

    assert repr(Own(1)) == "own" and Own(1) == Own(2) and hash(Own(1)) != hash(Own(2))
    assert Own(4).double == 8


def test_an_object_equals_itself_where_a_field_does_not() -> None:
    nan = float("nan")

    @fast(frozen=True)
    class One:
        x: float

    assert One(nan) == One(nan) and One(nan) != One(float("nan"))


def test_classes_inherit() -> None:
    @fast(frozen=True, slots=True, kw_only=True)
    class Base:
        place: int

    @fast(frozen=True, slots=True, kw_only=True)
    class Empty(Base):
        pass

    @fast(frozen=True, slots=True, kw_only=True)
    class More(Base):
        value: str = "v"

        def __post_init__(self) -> None:
            assert self.place >= 0, "a place counts from 0"

    class Plain(Base):
        pass

    assert repr(More(place=1)).endswith("More(place=1, value='v')")
    assert repr(Plain(place=1)).endswith("Plain(place=1)")
    assert Base(place=1) != Empty(place=1) and Empty(place=1) == Empty(place=1)
    with pytest.raises(AssertionError, match="counts from 0"):
        More(place=-1)
    match More(place=3):
        case More(place=place, value=value):
            assert (place, value) == (3, "v")


@fast(frozen=True, slots=True)
class Kept:
    """Found by name, as pickling asks."""

    x: int
    y: str = "y"


def test_frozen_objects_with_slots_are_pickled() -> None:
    assert pickle.loads(pickle.dumps(Kept(3))) == Kept(3)
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'x'"):
        Kept(3).x = 4


def test_wrong_arguments_are_named_from_the_first_object_on() -> None:
    for _ in range(2):
        with pytest.raises(TypeError, match=r"Kept.__init__\(\) missing 1 required"):
            Kept()


def test_every_dataclass_of_the_program_is_one() -> None:
    """But for those with an order, which these have not."""
    text = (
        "import sys, dataclasses, gradc\ngradc.compile_source, gradc.Session\n"
        "made = [c for m in list(sys.modules.values()) if m.__name__.startswith('gradc')\n"
        "        for c in vars(m).values() if isinstance(c, type)\n"
        "        and c.__module__ == m.__name__ and dataclasses.is_dataclass(c)]\n"
        "print(len(made), *[c.__name__ for c in made if c.__dataclass_params__.init\n"
        "                   and not c.__dataclass_params__.order])"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, check=True, text=True)
    count, *others = done.stdout.split()
    assert int(count) > 200 and not others
    assert is_dataclass(Kept)
