"""Dataclasses that are cheap to define: the standard decorator, without most text it compiles.

The standard library writes up to six methods of each class as text and compiles each where the
class is defined, which takes 0.25 ms for a frozen one.  A process that finds its kernels in the
cache defines 300 classes, and that was a sixth of its start.  Here `__eq__`, `__hash__`, `__repr__`
are closures over the names of the fields, and `__init__` alone is text, compiled for the first
object.  `fields`, `replace`, `asdict`, `match` and type checkers see an ordinary dataclass.

Not taken over: `order`, and a `__repr__` that stops at an object which holds itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, FrozenInstanceError, fields
from dataclasses import dataclass as standard
from operator import attrgetter
from types import MemberDescriptorType
from typing import TYPE_CHECKING, Any, NoReturn

Method = Callable[..., Any]

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(cls=None, /, *, frozen=False, slots=False, kw_only=False, eq=True):
        """As the decorator of the standard library, of which it has these options."""
        shape = standard(init=False, repr=False, eq=False, slots=slots, kw_only=kw_only)

        def define(plain):
            said = own_methods(plain)
            made = shape(plain)
            for name, method in methods_of(made, frozen=frozen, slots=slots, eq=eq).items():
                if name not in said:
                    setattr(made, name, method)
            return made

        return define if cls is None else define(cls)


def own_methods(cls: type) -> set[str]:
    """What a class says itself; the `__hash__` of None that comes with an `__eq__` is not that."""
    said = set(cls.__dict__)
    if "__eq__" in said and cls.__dict__["__hash__"] is None:
        said.remove("__hash__")
    return said


def methods_of(cls: type, *, frozen: bool, slots: bool, eq: bool) -> dict[str, Method | None]:
    """What the decorator gives a class, where the class does not say it itself."""
    own = fields(cls)
    found: dict[str, Method | None] = {
        "__init__": _first_init(cls, frozen),
        "__repr__": _repr([field.name for field in own if field.repr]),
    }
    if eq:
        found["__eq__"], hashed = _comparison([field.name for field in own if field.compare])
        found["__hash__"] = hashed if frozen else None
    if frozen:
        found |= {"__setattr__": _refuse_assignment, "__delattr__": _refuse_deletion}
    if frozen and slots:  # else unpickling would assign
        names = [field.name for field in own]
        found |= {"__getstate__": _state(names), "__setstate__": _restore(names)}
    return found


def _first_init(cls: type, frozen: bool) -> Method:
    """An `__init__` that compiles the true one, and leaves its place to it."""

    def __init__(self: Any, /, *args: Any, **kwargs: Any) -> None:
        init = _init(cls, frozen)
        type.__setattr__(cls, "__init__", init)
        init(self, *args, **kwargs)

    return __init__


def _init(cls: type, frozen: bool) -> Method:
    """The `__init__` of a class: text, because no closure takes arguments as fast."""
    own: Sequence[Field[Any]] = fields(cls)
    places = [_parameter(field) for field in own if field.init and not field.kw_only]
    named = [_parameter(field) for field in own if field.init and field.kw_only]
    slots = _slots(cls, own)
    body = [_stored(field, slots, frozen) for field in own if _is_set(field)]
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    scope: dict[str, Any] = {"_store": object.__setattr__, "_missing": MISSING}
    scope |= {f"_default_{f.name}": f.default for f in own}
    scope |= {f"_make_{f.name}": f.default_factory for f in own}
    scope |= {f"_store_{name}": store for name, store in slots.items()}
    parameters = ", ".join(["self", *places, *(["*", *named] if named else [])])
    exec("\n    ".join([f"def __init__({parameters}):", *(body or ["pass"])]), scope)
    init: Method = scope["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    return init


def _slots(cls: type, own: Sequence[Field[Any]]) -> dict[str, Method]:
    """How each field that has a slot is set."""
    found = {field.name: getattr(cls, field.name, None) for field in own}
    return {n: s.__set__ for n, s in found.items() if isinstance(s, MemberDescriptorType)}


def _stored(field: Field[Any], slots: Mapping[str, Method], frozen: bool) -> str:
    """The line that sets a field; into a slot itself, as that takes half as long, and most of what
    a compilation makes are frozen records with slots.
    """
    if not frozen:
        return f"self.{field.name} = {_value(field)}"
    if field.name in slots:
        return f"_store_{field.name}(self, {_value(field)})"
    return f"_store(self, '{field.name}', {_value(field)})"


def _is_set(field: Field[Any]) -> bool:
    """Whether `__init__` sets a field, which may have no value yet."""
    return field.init or field.default is not MISSING or field.default_factory is not MISSING


def _parameter(field: Field[Any]) -> str:
    if field.default is not MISSING:
        return f"{field.name}=_default_{field.name}"
    return f"{field.name}=_missing" if field.default_factory is not MISSING else field.name


def _value(field: Field[Any]) -> str:
    """What a field is set to."""
    if field.default_factory is not MISSING:
        made = f"_make_{field.name}()"
        return f"{made} if {field.name} is _missing else {field.name}" if field.init else made
    return field.name if field.init else f"_default_{field.name}"


def _values(names: Sequence[str]) -> Method:
    """The values of some attributes, as a tuple."""
    if not names:
        return lambda self: ()
    get = attrgetter(*names)
    return get if len(names) > 1 else lambda self: (get(self),)


def _comparison(names: Sequence[str]) -> tuple[Method, Method]:
    """Objects of one class are equal, and have the same hash, where these attributes are equal."""
    values = _values(names)

    def __eq__(self: Any, other: Any) -> Any:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return values(self) == values(other)

    def __hash__(self: Any) -> int:
        return hash(values(self))

    return __eq__, __hash__


def _repr(names: Sequence[str]) -> Method:
    """The call that would make the object again."""

    def __repr__(self: Any) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{self.__class__.__qualname__}({shown})"

    return __repr__


def _state(names: Sequence[str]) -> Method:
    """The values of these attributes, for a copy."""
    values = _values(names)

    def __getstate__(self: Any) -> Any:
        return values(self)

    return __getstate__


def _restore(names: Sequence[str]) -> Method:
    """The way back from the values of these attributes."""

    def __setstate__(self: Any, state: Sequence[Any]) -> None:
        for name, value in zip(names, state, strict=True):
            object.__setattr__(self, name, value)

    return __setstate__


def _refuse_assignment(self: Any, name: str, value: Any) -> NoReturn:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_deletion(self: Any, name: str) -> NoReturn:
    raise FrozenInstanceError(f"cannot delete field {name!r}")
