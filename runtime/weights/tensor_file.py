"""A file of weights in either format, safetensors or that of PyTorch."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from gradc_runtime.system.errors import CheckpointError
from gradc_runtime.system.files import opened
from gradc_runtime.weights.safetensors_file import read_safetensors
from gradc_runtime.weights.stored import TensorFile

ZIP = b"PK\x03\x04"  # zip files, as those of PyTorch are; their reader is rarely needed
TORCH = {".pt", ".pth", ".bin", ".ckpt"}


def read_tensors(path: Path) -> TensorFile:
    """The tensors of a file of weights.

    Raises `DataError` where it is damaged, `CheckpointError` where it cannot be read.
    """
    try:
        with opened(path) as stream:
            begins = stream.read(4)
        torch = begins == ZIP or path.suffix in TORCH
        if not torch:
            return read_safetensors(path)
        found: TensorFile = import_module("gradc_runtime.weights.torch_file").read_torch(path)
        return found
    except OSError as fault:
        raise CheckpointError(f"cannot read {path}: {fault.strerror}") from None
