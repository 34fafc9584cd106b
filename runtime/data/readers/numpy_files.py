"""NumPy's own files, read without trust: never a pickle, and nothing allocated on a header's word.

An .npy header can promise 34 GB in 80 bytes and an .npz directory can unpack to any size, so the
promise is compared with the bytes that are there before an array is made.  A file's arrays are
taken by name (.npz), or in the order of the arguments (.npy).

Sequences of differing lengths are two arrays of an .npz: for a field `xs`, `xs_lengths` [N] (or
`lengths` for all fields) and `xs`, either [all elements, ...] one after another or padded
[N, longest, ...]; what stands beyond a length is not read.
"""

from __future__ import annotations

import warnings
from ast import literal_eval
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import IO, Any
from zipfile import ZipFile, ZipInfo

import numpy as np
from numpy.lib import format as npy_format

from gradc_compiler.graph.ragged import Batch, Ragged
from gradc_compiler.graph.types import TensorType
from gradc_runtime.data.arrays.columns import Columns
from gradc_runtime.data.blocks.stored_arrays import StoredArray, StoredBlocks, end_to_end
from gradc_runtime.data.blocks.watched_file import WatchedFile
from gradc_runtime.data.readers.reader_context import Context
from gradc_runtime.system.errors import DataError
from gradc_runtime.system.files import one_line, opened, read_up_to, require_memory, require_sizes

LARGEST = 1 << 33  # bytes of one file once unpacked
MEMBERS = 1000  # arrays in one .npz
HEADER = 10_000  # bytes of an .npy header
LENGTHS = "_lengths"  # suffix of the name of a field's array of lengths


def npz(context: Context, file: str) -> Columns:
    """The arrays of an .npz archive that bear the fields' names."""
    types = dict(context.source.fields)
    wanted = {f"{name}{end}" for name in types for end in ("", LENGTHS)} | {"lengths"}
    path = context.file(file)
    with one_line(file, "an .npz archive"), opened(path) as stream, ZipFile(stream) as archive:
        members = checked_directory(archive, file)
        names = [name for name in members if name in wanted] or list(members)
        require_memory(sum(members[name].file_size for name in names), f"{file}, unpacked,")
        arrays: dict[str, Any] = {name: member(archive, members[name], file) for name in names}
    for name, type in types.items():
        if name in arrays and type.time is not None:
            arrays[name] = with_lengths(name, type, arrays, file)
    return Columns(origin=file, arrays=arrays, by_name=True)


def with_lengths(name: str, type: TensorType, arrays: Mapping[str, np.ndarray], file: str) -> Batch:
    """The sequences of a field that has lengths in the archive; other arrays as they are.

    Raises `DataError` for lengths that do not fit the array.
    """
    array, lengths = arrays[name], arrays.get(f"{name}{LENGTHS}", arrays.get("lengths"))
    if lengths is None:
        return array
    if lengths.ndim != 1 or lengths.dtype.kind not in "iu":
        raise DataError(f"{file}: the lengths of {name} must be whole numbers, one a sequence")
    if array.ndim <= type.rank + 1:
        return Ragged(array, lengths)  # checked as all sequences are
    longest = array.shape[1]
    if len(lengths) != len(array) or lengths.min(initial=0) < 0 or lengths.max(initial=0) > longest:
        raise DataError(
            f"{file}: {name} {list(array.shape)} needs {len(array)} lengths from 0 to {longest}"
        )
    return Ragged.of_padded(array, lengths)


def checked_directory(archive: ZipFile, file: str) -> dict[str, ZipInfo]:
    """The archive's members by array name, if their sizes together are acceptable.

    Raises `DataError` where they are not.
    """
    infos = archive.infolist()
    total = sum(info.file_size for info in infos)
    if len(infos) > MEMBERS or total > LARGEST:
        raise DataError(f"{file}: {len(infos)} arrays of {total:,} bytes are more than is accepted")
    return {info.filename.removesuffix(".npy"): info for info in infos}


def member(archive: ZipFile, info: ZipInfo, file: str) -> np.ndarray:
    """One array of an archive."""
    with archive.open(info) as stream:
        return read_array(stream, info.file_size, f"{file}[{info.filename[:80]}]")


def npy(context: Context, *files: str, **file: str) -> Columns | StoredBlocks:
    """Arrays from .npy files: for the fields in order, or `field = "file"`.

    Raises `DataError` where no file is named.
    """
    given = {f"array {i}": context.files(f) for i, f in enumerate(files, 1)}
    given |= {name: context.files(f) for name, f in file.items()}
    if not given:
        raise DataError('npy: name a file, as in npy("x.npy", "y.npy") or npy(x = "x.npy")')
    origin = ", ".join([*files, *file.values()])
    if context.is_streamed(path for found in given.values() for path, _ in found):
        arrays = {key: [stored(*file) for file in found] for key, found in given.items()}
        return StoredBlocks(origin, arrays, context.block, by_name=bool(file))
    loaded = {key: end_to_end([load_npy(*f) for f in found], [n for _, n in found])
              for key, found in given.items()}  # fmt: skip
    return Columns(origin=origin, arrays=loaded, by_name=bool(file))


def load_npy(path: Path, file: str) -> np.ndarray:
    """The array of one .npy file."""
    with opened(path) as stream:
        return read_array(stream, path.stat().st_size, file)


def stored(path: Path, file: str) -> StoredArray:
    """Where in a file its array lies; no number of the array is read.

    Raises `DataError` where the header promises other data than is there.
    """
    watched = WatchedFile(path, file)
    with opened(path) as stream:
        shape, fortran, dtype, start = read_header(stream, file)
    require_promised(prod(shape) * dtype.itemsize, watched.size - start, file)
    if fortran and len(shape) > 1:
        raise DataError(f"{file}: stored column by column, which cannot be read in pieces")
    if not prod(shape):
        raise DataError(f"{file}: there are no examples")
    return StoredArray(watched, start, shape, dtype)


def read_array(stream: IO[bytes], size: int, name: str) -> np.ndarray:
    """An array whose header agrees with the `size` bytes that hold it.

    Raises `DataError` where it does not agree.
    """
    shape, fortran, dtype, start = read_header(stream, name)
    promised = prod(shape) * dtype.itemsize
    require_promised(promised, size - start, name)
    require_sizes(shape, dtype.itemsize, LARGEST, name)
    data = read_up_to(stream, promised, name)
    if len(data) != promised:
        raise DataError(f"{name}: {promised:,} bytes of data expected, {len(data):,} found")
    flat = data.view(dtype).astype(dtype.newbyteorder("="), copy=False)
    return flat.reshape(shape, order="F" if fortran else "C")


def require_promised(promised: int, present: int, name: str) -> None:
    """Refuse a file that does not hold what its header says.

    Raises `DataError`.
    """
    if promised != present:
        raise DataError(f"{name}: header promises {promised:,} bytes of data, file has {present:,}")


def read_header(stream: IO[bytes], name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Shape, order and type of an array of plain numbers, and where its data starts.

    Raises `DataError` for a damaged header or an array of other things than numbers.
    """
    with one_line(name, "an .npy file"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Python's parser, about what the text has of its own
        version = npy_format.read_magic(stream)
        width = {(1, 0): 2, (2, 0): 4, (3, 0): 4}[version]
        length = int.from_bytes(stream.read(width), "little")
        if length > HEADER:
            raise ValueError("header too long")
        header = literal_eval(stream.read(length).decode("latin-1").strip())
        shape, dtype = tuple(header["shape"]), np.dtype(header["descr"])
        if any(type(n) is not int or n < 0 for n in shape):
            raise ValueError("sizes are whole numbers from 0")
        fortran = bool(header.get("fortran_order"))
    if dtype.kind not in "buif":
        raise DataError(f"{name}: holds {dtype}, not plain numbers (pickles are never read)")
    return shape, fortran, dtype, 8 + width + length
