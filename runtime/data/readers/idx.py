"""The IDX format of MNIST and its kin, read strictly.

Four bytes (0, 0, type, rank), a big-endian size for each axis, then exactly the data promised; all
of it perhaps inside gzip.  Images of unsigned bytes are scaled to [0, 1] and get an axis of one
channel, [h, w, 1].  `idx("DIR")` knows the usual names: a folder with training and t10k files gives
both parts, the latter held out; one with only the t10k files is one set.  Compressed files are
loaded whole, however large.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from gradc_runtime.data.arrays.columns import Columns
from gradc_runtime.data.blocks.stored_arrays import StoredArray, StoredBlocks, end_to_end
from gradc_runtime.data.blocks.watched_file import WatchedFile
from gradc_runtime.data.readers.reader_context import Context
from gradc_runtime.system.errors import DataError
from gradc_runtime.system.files import Reader, opened, read_up_to, require_sizes

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
CODES = {np.dtype(kind): code for code, kind in TYPES.items()}
GZIP = b"\x1f\x8b"  # what compressed files begin with
LARGEST = 1 << 32  # bytes of data that is loaded whole
Files = dict[str, list[tuple[Path, str]]]  # of each array, with their names
FOLDERS = (".", "raw", "MNIST/raw")
PARTS = {"images": ("images-idx3-ubyte", "images.idx3-ubyte"),
         "labels": ("labels-idx1-ubyte", "labels.idx1-ubyte")}  # fmt: skip


def idx(context: Context, *paths: str) -> Columns | StoredBlocks:
    """A folder of IDX files, or the files themselves in the order of the fields.

    Raises `DataError` where no file is named.
    """
    if len(paths) == 1 and (folder := context.path(paths[0])).is_dir():
        return from_folder(context, folder, paths[0])
    if not paths:
        raise DataError('idx: name a folder, as in idx("DIR"), or files')
    files = {f"file {i}": context.files(path) for i, path in enumerate(paths, 1)}
    return found_in(context, ", ".join(paths), [files])


def from_folder(context: Context, folder: Path, name: str) -> Columns | StoredBlocks:
    """The training and t10k parts that a folder holds.

    Raises `DataError` where it holds none.
    """
    parts = [p for p in (part(folder, "train", name), part(folder, "t10k", name)) if p]
    if not parts:
        raise DataError(f"{name}: no IDX files such as train-images-idx3-ubyte or .gz in {folder}")
    return found_in(context, name, parts)


def part(folder: Path, prefix: str, name: str) -> Files:
    """Images and labels of one part; empty where the folder has neither."""
    found = {what: find(folder, prefix, what) for what in PARTS}
    return {what: [(p, f"{name}/{p.name}")] for what, p in found.items() if p is not None}


def found_in(context: Context, origin: str, parts: Sequence[Files]) -> Columns | StoredBlocks:
    """The arrays of IDX files; where there are two parts, the second is held out."""
    paths = [path for files in parts for found in files.values() for path, _ in found]
    if context.is_streamed(paths) and not any(map(is_compressed, paths)):
        train, *held_out = [blocks_of(context, origin, files) for files in parts]
        train.held_out = held_out[0] if held_out else None
        return train
    arrays = [{name: scaled(whole(found)) for name, found in files.items()} for files in parts]
    return Columns(origin=origin, arrays=arrays[0], held_out=arrays[1] if len(arrays) > 1 else None)


def whole(files: list[tuple[Path, str]]) -> np.ndarray:
    """The arrays of IDX files that are loaded whole."""
    return end_to_end([read_idx(*file) for file in files], [name for _, name in files])


def blocks_of(context: Context, origin: str, files: Files) -> StoredBlocks:
    """The blocks of IDX files that are read in pieces."""
    columns = {name: [stored(*file) for file in found] for name, found in files.items()}
    return StoredBlocks(origin, columns, context.block, convert=scaled)


def stored(path: Path, file: str) -> StoredArray:
    """Where in a file its array lies; no number of the array is read.

    Raises `DataError` where the file does not hold what its header says.
    """
    watched = WatchedFile(path, file)
    with opened(path) as stream:
        shape, dtype = read_header(stream, file)
        start = stream.tell()
    promised, present = prod(shape) * dtype.itemsize, watched.size - start
    if promised != present:
        raise DataError(misfit(shape, dtype, f"{present:,}", file))
    return StoredArray(watched, start, shape, dtype)


def is_compressed(path: Path) -> bool:
    """Whether a file is gzip, no piece of which can be read without those before it."""
    with opened(path) as stream:
        return stream.read(2) == GZIP


def find(folder: Path, prefix: str, what: str) -> Path | None:
    """The file of a part under any of its usual names."""
    for sub in FOLDERS:
        for stem in PARTS[what]:
            for suffix in ("", ".gz"):
                path = folder / sub / f"{prefix}-{stem}{suffix}"
                if path.is_file():
                    return path
    return None


def scaled(array: np.ndarray) -> np.ndarray:
    """Bytes as numbers from 0 to 1, images with an axis of one channel; labels as they are."""
    if array.dtype != np.uint8 or array.ndim < 2:
        return array
    numbers = array / np.float32(255.0)
    return numbers[..., np.newaxis] if array.ndim == 3 else numbers


def read_idx(path: Path, name: str) -> np.ndarray:
    """The array of one file, compressed or not.

    Raises `DataError` for a damaged file.
    """
    with opened(path) as plain:
        compressed = plain.read(2) == GZIP
        plain.seek(0)
        try:
            if compressed:
                with gzip.GzipFile(fileobj=plain) as stream:
                    return parse_idx(stream, name)
            return parse_idx(plain, name)
        except (EOFError, zlib.error, gzip.BadGzipFile) as fault:
            size = path.stat().st_size
            raise DataError(f"{name}: {size:,} bytes of damaged gzip data ({fault})") from None


def parse_idx(stream: Reader, name: str) -> np.ndarray:
    """The array in a stream that must end where its header says.

    Raises `DataError` for a stream that is not as its header says.
    """
    shape, dtype = read_header(stream, name)
    expected = prod(shape) * dtype.itemsize
    if expected > LARGEST:
        raise DataError(f"{name}: IDX header promises too much ({expected:,} bytes)")
    require_sizes(shape, dtype.itemsize, LARGEST, name)
    data, more = read_up_to(stream, expected, name), stream.read(1)
    if len(data) != expected or more:
        raise DataError(misfit(shape, dtype, "more" if more else f"{len(data):,}", name))
    return data.view(dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def misfit(shape: tuple[int, ...], dtype: np.dtype[Any], found: str, name: str) -> str:
    """The message for a file that does not hold what its header says."""
    what = f"{list(shape)} of {dtype.name} (IDX type {CODES[dtype]:02x})"
    expected = prod(shape) * dtype.itemsize
    return f"{name}: {expected:,} bytes of data expected for {what}, found {found}"


def read_header(stream: Reader, name: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """The sizes of an array, and of which numbers it is.

    Raises `DataError` for a header that is none.
    """
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0":
        raise DataError(f"{name}: not an IDX file (it starts with {magic.hex(' ') or 'nothing'})")
    if magic[2] not in TYPES:
        known = ", ".join(f"{code:02x} {np.dtype(kind).name}" for code, kind in TYPES.items())
        raise DataError(f"{name}: IDX type {magic[2]:02x} is none of {known}")
    if not 1 <= magic[3] <= 4:
        raise DataError(f"{name}: IDX rank {magic[3]}; 1 to 4 is accepted")
    header = stream.read(4 * magic[3])
    if len(header) != 4 * magic[3]:
        raise DataError(f"{name}: IDX header is cut off")
    shape = tuple(int.from_bytes(header[i : i + 4], "big") for i in range(0, len(header), 4))
    return shape, np.dtype(TYPES[magic[2]])
