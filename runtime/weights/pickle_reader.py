"""Pickled state dicts read as data: nothing in a file is ever called or imported.

A pickle is a program for a small stack machine, and Python's own interpreter of it calls whatever
the program names.  `PickleReader` knows the few instructions that `torch.save` writes for a dict of
tensors, and the few names that stand for tensors; anything else is refused.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from io import BytesIO
from typing import Any

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.weights.stored import count_of

MOST = 5_000_000  # instructions
STORAGES = {  # of torch, with the kinds of their numbers
    "DoubleStorage": "F64", "FloatStorage": "F32", "HalfStorage": "F16", "BFloat16Storage": "BF16",
    "LongStorage": "I64", "IntStorage": "I32", "ShortStorage": "I16", "CharStorage": "I8",
    "ByteStorage": "U8", "BoolStorage": "BOOL",
}  # fmt: skip
KNOWN = {
    "collections OrderedDict", "torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_parameter",
    "torch Size", *(f"torch {name}" for name in STORAGES),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PickledName:
    """A name of a Python module and an object in it, which the file mentions."""

    text: str


@dataclass(frozen=True, slots=True)
class PickledStorage:
    """Numbers in a file of the archive: their kind, the file's name, how many there are."""

    kind: str
    key: str
    count: int


@dataclass(frozen=True, slots=True)
class PickledTensor:
    """A tensor: some numbers of a storage, from `offset` on, with steps between them."""

    storage: PickledStorage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class Refusal(Exception):
    """Raised where a pickle holds more than tensors in dicts."""


MARK = object()


class PickleReader:
    """A stack machine for pickles: its stack, and the objects it was told to remember."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self, data: bytes) -> Any:
        """The object that the pickle describes; raises `Refusal` for what is no dict of tensors."""
        stream = BytesIO(data)
        for _ in range(MOST):
            opcode = OPCODES.get(stream.read(1))
            if opcode is None:
                raise Refusal("it has no end")
            if opcode.name not in DOES:
                raise Refusal(f"it has the instruction {opcode.name}")
            argument = argument_of(opcode, stream)
            if opcode.name == "STOP":
                return self.stack.pop()
            DOES[opcode.name](self, argument)
        raise Refusal("it is too long")

    def above_mark(self) -> list[Any]:
        """Remove the last mark and all above it from the stack; return what was above it.

        Raises `Refusal` for what is more than tensors in dicts.
        """
        at = len(self.stack) - 1
        while self.stack[at] is not MARK:
            at -= 1
            if at < 0:
                raise Refusal("a mark is missing")
        found = self.stack[at + 1 :]
        del self.stack[at:]
        return found

    def name(self, text: str) -> None:
        """Push a name, if it is one of those that stand for tensors.

        Raises `Refusal` for what is more than tensors in dicts.
        """
        if text not in KNOWN:
            raise Refusal(f"it names {text.replace(' ', '.')}")
        self.stack.append(PickledName(text))

    def stack_global(self, _: Any) -> None:
        """Push a name that is given by two texts on the stack."""
        name, module = self.stack.pop(), self.stack.pop()
        self.name(f"{module} {name}")

    def persistent(self, _: Any) -> None:
        """Replace the tuple ("storage", kind, key, place, count) on the stack by a storage.

        Raises `Refusal` for what is more than tensors in dicts.
        """
        _, kind, key, _, count = self.stack.pop()
        plain = isinstance(kind, PickledName) and kind.text.removeprefix("torch ") in STORAGES
        if not plain or type(count) is not int or not isinstance(key, str):
            raise Refusal("a storage is none")
        self.stack.append(PickledStorage(STORAGES[kind.text.removeprefix("torch ")], key, count))

    def reduce(self, _: Any) -> None:
        """Replace a call on the stack by its known result, without calling anything.

        Raises `Refusal` for what is more than tensors in dicts.
        """
        arguments, function = self.stack.pop(), self.stack.pop()
        match function:
            case PickledName("collections OrderedDict"):
                self.stack.append(dict(*arguments) if not arguments else dict(arguments[0]))
            case PickledName("torch._utils _rebuild_tensor_v2"):
                self.stack.append(tensor_of(arguments))
            case PickledName("torch._utils _rebuild_parameter"):
                self.stack.append(arguments[0])
            case PickledName("torch Size"):
                self.stack.append(tuple(arguments[0]))
            case _:
                raise Refusal("it calls what is no function of tensors")

    def set_items(self, _: Any) -> None:
        """Set all keys and values above the last mark in the dict below them."""
        flat = self.above_mark()
        self.into_dict(list(zip(flat[::2], flat[1::2], strict=True)))

    def set_item(self, _: Any) -> None:
        """Set one key and value in the dict below them."""
        value, key = self.stack.pop(), self.stack.pop()
        self.into_dict([(key, value)])

    def into_dict(self, pairs: list[tuple[Any, Any]]) -> None:
        """Set these pairs in the dict on top of the stack.

        Raises `Refusal` for what is more than tensors in dicts.
        """
        target = self.stack[-1]
        if not isinstance(target, dict):
            raise Refusal("items are set of what is no dict")
        target.update(pairs)

    def append(self, values: list[Any]) -> None:
        """Add values to the list on top of the stack.

        Raises `Refusal` for what is more than tensors in dicts.
        """
        target = self.stack[-1]
        if not isinstance(target, list):
            raise Refusal("items are added to what is no list")
        target.extend(values)

    def tuple_of(self, count: int) -> None:
        """Replace the last `count` objects on the stack by a tuple of them."""
        found = tuple(self.stack[-count:]) if count else ()
        del self.stack[len(self.stack) - count :]
        self.stack.append(found)


def argument_of(opcode: pickletools.OpcodeInfo, stream: BytesIO) -> Any:
    """The argument after an instruction; for GLOBAL two lines, in which nothing is escaped."""
    if opcode.name == "GLOBAL":
        module, name = stream.readline(), stream.readline()
        return f"{module.decode('ascii').strip()} {name.decode('ascii').strip()}"
    return None if opcode.arg is None else opcode.arg.reader(stream)


def tensor_of(arguments: Any) -> PickledTensor:
    """The tensor with the arguments (storage, offset, shape, strides, ...).

    Raises `Refusal` for what is more than tensors in dicts.
    """
    storage, offset, shape, strides, *_ = arguments
    numbers = (offset, *shape, *strides)
    whole = all(type(x) is int and x >= 0 for x in numbers)
    if not isinstance(storage, PickledStorage) or not whole or len(shape) != len(strides):
        raise Refusal("a tensor is none")
    last = offset + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))
    if all(shape) and (last >= storage.count or count_of(shape) > storage.count):
        raise Refusal("a tensor reaches beyond its numbers")
    return PickledTensor(storage, offset, tuple(shape), tuple(strides))


def remember(machine: PickleReader, at: Any) -> None:
    """Remember the object on top of the stack."""
    machine.memo[len(machine.memo) if at is None else at] = machine.stack[-1]


OPCODES = {opcode.code.encode("latin-1"): opcode for opcode in pickletools.opcodes}
Do = Callable[[PickleReader, Any], None]
DOES: dict[str, Do] = {
    **dict.fromkeys(("PROTO", "FRAME", "STOP"), lambda m, _: None),
    "MARK": lambda m, _: m.stack.append(MARK),
    "POP": lambda m, _: m.stack.pop(),
    "NONE": lambda m, _: m.stack.append(None),
    "NEWTRUE": lambda m, _: m.stack.append(True),
    "NEWFALSE": lambda m, _: m.stack.append(False),
    "EMPTY_DICT": lambda m, _: m.stack.append({}),
    "EMPTY_LIST": lambda m, _: m.stack.append([]),
    "EMPTY_TUPLE": lambda m, _: m.tuple_of(0),
    "TUPLE1": lambda m, _: m.tuple_of(1),
    "TUPLE2": lambda m, _: m.tuple_of(2),
    "TUPLE3": lambda m, _: m.tuple_of(3),
    "TUPLE": lambda m, _: m.stack.append(tuple(m.above_mark())),
    "SETITEMS": PickleReader.set_items,
    "SETITEM": PickleReader.set_item,
    "APPENDS": lambda m, _: m.append(m.above_mark()),
    "APPEND": lambda m, _: m.append([m.stack.pop()]),
    "GLOBAL": lambda m, text: m.name(text),
    "STACK_GLOBAL": PickleReader.stack_global,
    "REDUCE": PickleReader.reduce,
    "BINPERSID": PickleReader.persistent,
    "BUILD": lambda m, _: m.stack.pop(),  # attributes of a dict: versions of layers
    "BINPUT": remember, "LONG_BINPUT": remember, "MEMOIZE": remember,
    "BINGET": lambda m, at: m.stack.append(m.memo[at]),
    "LONG_BINGET": lambda m, at: m.stack.append(m.memo[at]),
    **dict.fromkeys(
        ("BINUNICODE", "SHORT_BINUNICODE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT",
         "BINUNICODE8"), lambda m, value: m.stack.append(value),
    ),
}  # fmt: skip
