"""The state dict in a pickle: tensors by name, of a dict or of dicts within it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gradc_runtime.system.errors import DataError
from gradc_runtime.weights.pickle_reader import PickledTensor, PickleReader, Refusal


def tensors_in(value: Any, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, PickledTensor]]:
    """The tensors in dicts within dicts, with names that dots join."""
    if isinstance(value, PickledTensor):
        yield prefix, value
    elif isinstance(value, dict) and depth < 8:
        for key, one in value.items():
            yield from tensors_in(one, f"{prefix}.{key}" if prefix else str(key), depth + 1)


def read_pickle(data: bytes, name: str) -> dict[str, PickledTensor]:
    """The tensors of a pickled state dict; where a checkpoint holds one, only the state dict's.

    Raises `DataError` for what is damaged or has more than tensors.
    """
    try:
        found = PickleReader().run(data)
        for key in ("state_dict", "model_state_dict", "model"):
            if isinstance(found, dict) and isinstance(found.get(key), dict):
                found = found[key]
        return dict(tensors_in(found))
    except Refusal as fault:
        raise DataError(f"{name} is not read: {fault}; {HOW}") from None
    except (ValueError, LookupError, TypeError, RecursionError, AttributeError, UnicodeError):
        raise DataError(f"{name} is damaged, or no state dict; {HOW}") from None


HOW = (
    "with PyTorch at hand, safetensors.torch.save_file(torch.load(FILE, weights_only=True),"
    " 'model.safetensors') makes a file of it that is"
)
