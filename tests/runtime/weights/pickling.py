"""Files as `torch.save` writes them, made without PyTorch; and hostile ones."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

NAMES = {"float32": "FloatStorage", "float64": "DoubleStorage", "float16": "HalfStorage",
         "int64": "LongStorage"}  # fmt: skip


class Named:
    """Pickles as a name of a module that need not be there."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name


class Rebuilt:
    """Pickles as a call of a name."""

    def __init__(self, function: Named, arguments: tuple[Any, ...]) -> None:
        self.function, self.arguments = function, arguments


class StateDictPickler(pickle._Pickler):  # type: ignore[name-defined,misc]
    """Python's own pickler, which writes names and storages as `torch.save` does."""

    def save(self, obj: Any, save_persistent_id: bool = True) -> None:
        if isinstance(obj, Named):
            self.write(pickle.GLOBAL + f"{obj.module}\n{obj.name}\n".encode())
        elif isinstance(obj, Rebuilt):
            self.save(obj.function)
            self.save(obj.arguments)
            self.write(pickle.REDUCE)
        elif isinstance(obj, tuple) and obj[:1] == ("storage",) and save_persistent_id:
            super().save(obj, save_persistent_id=False)
            self.write(pickle.BINPERSID)
        else:
            super().save(obj, save_persistent_id)

    def persistent_id(self, obj: Any) -> Any:
        return None


def pickled(value: Any) -> bytes:
    """A pickle of protocol 2."""
    stream = io.BytesIO()
    StateDictPickler(stream, 2).dump(value)
    return stream.getvalue()


def tensor(key: str, array: np.ndarray) -> Rebuilt:
    """A tensor whose numbers are the file `data/KEY`."""
    storage = ("storage", Named("torch", NAMES[str(array.dtype)]), key, "cpu", array.size)
    strides = tuple(stride // array.itemsize for stride in array.strides)
    arguments = (storage, 0, array.shape, strides, False, OrderedDict())
    return Rebuilt(Named("torch._utils", "_rebuild_tensor_v2"), arguments)


def archive(path: Path, pickle_: bytes, arrays: Mapping[str, np.ndarray], **how: Any) -> Path:
    """The zip file around them."""
    with zipfile.ZipFile(path, "w", **how) as found:
        found.writestr("model/data.pkl", pickle_)
        found.writestr("model/byteorder", "little")
        for key, array in arrays.items():
            found.writestr(f"model/data/{key}", np.ascontiguousarray(array).tobytes())
    return path


def torch_file(path: Path, state: Mapping[str, np.ndarray], wrap: str | None = None) -> Path:
    """A state dict as `torch.save` writes it."""
    arrays = {str(k): array for k, array in enumerate(state.values())}
    tensors = {n: tensor(str(k), a) for k, (n, a) in enumerate(state.items())}
    value = OrderedDict(tensors)
    return archive(path, pickled(value if wrap is None else {wrap: value, "epoch": 3}), arrays)
