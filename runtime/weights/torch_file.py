"""Files of `torch.save`: a zip archive with a pickle, and a file of numbers for each storage.

PyTorch stores them uncompressed, so an archive that unpacks to more than it is, is refused.
"""

from __future__ import annotations

import zipfile
from functools import partial
from pathlib import Path

import numpy as np

from gradc_runtime.system.errors import DataError
from gradc_runtime.system.files import one_line, opened, require_memory
from gradc_runtime.weights.pickle_reader import PickledTensor
from gradc_runtime.weights.state_dict import HOW, read_pickle
from gradc_runtime.weights.stored import KINDS, StoredTensor, TensorFile, count_of
from gradc_runtime.weights.tensor_file import ZIP

LARGEST_PICKLE = 1 << 28  # bytes


def read_torch(path: Path) -> TensorFile:
    """The tensors of a file that `torch.save` wrote.

    Raises `DataError` where it is damaged or has more than tensors, `OSError` where it cannot be
    read.
    """
    folder, sizes, data = parts_of(path)
    tensors = {}
    for name, tensor in read_pickle(data, path.name).items():
        storage = tensor.storage
        entry = f"{folder}data/{storage.key}"
        if sizes.get(entry, -1) < storage.count * np.dtype(KINDS[storage.kind]).itemsize:
            raise DataError(f"{path.name}: the numbers of {name} are not all there")
        tensors[name] = StoredTensor(
            name=name, kind=storage.kind, shape=tensor.shape,
            read=partial(numbers_of, path, entry, tensor),
        )  # fmt: skip
    return TensorFile(name=path.name, form="PyTorch", tensors=tensors, metadata={})


def parts_of(path: Path) -> tuple[str, dict[str, int], bytes]:
    """The folder in an archive, the size of every file in it, and its pickle.

    Raises `DataError` where there is no such archive.
    """
    with opened(path) as stream:
        if stream.read(4) != ZIP:
            raise DataError(f"{path.name} is no zip archive, as PyTorch writes since 1.6; {HOW}")
    with one_line(path.name, "a file of PyTorch"), opened(path) as stream:
        archive = zipfile.ZipFile(stream)
        sizes = {info.filename: size_of(info, path) for info in archive.infolist()}
        (pickled,) = [name for name in sizes if name.endswith("data.pkl")]
        folder = pickled.removesuffix("data.pkl")
        if sizes[pickled] > LARGEST_PICKLE:
            raise DataError(f"{path.name}: its pickle is too large")
        order = f"{folder}byteorder"
        if order in sizes and archive.read(order).strip() != b"little":
            raise DataError(f"{path.name}: its numbers are big-endian")
        return folder, sizes, archive.read(pickled)


def size_of(info: zipfile.ZipInfo, path: Path) -> int:
    """The size of a file in the archive, which must lie there as it is.

    Raises `DataError` where that cannot be.
    """
    if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
        raise DataError(f"{path.name} is compressed, which PyTorch's files are not")
    return info.file_size


def numbers_of(path: Path, entry: str, tensor: PickledTensor) -> bytes:
    """The numbers of a tensor, one after another in the order of its axes."""
    kind = np.dtype(KINDS[tensor.storage.kind])
    require_memory(2 * tensor.storage.count * kind.itemsize, path.name)
    with one_line(path.name, "a file of PyTorch"), opened(path) as stream:
        data = zipfile.ZipFile(stream).read(entry)
    flat = np.frombuffer(data, kind)[tensor.offset :]
    if not count_of(tensor.shape):
        return b""
    steps = [stride * kind.itemsize for stride in tensor.strides]
    return np.lib.stride_tricks.as_strided(flat, tensor.shape, steps, writeable=False).tobytes()
