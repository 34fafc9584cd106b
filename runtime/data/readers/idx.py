"""The IDX format of MNIST and its kin, read strictly.

Four bytes (0, 0, type, rank), a big-endian size for each axis, then exactly the data promised; all
of it perhaps inside gzip.  Images of unsigned bytes are scaled to [0, 1] and get an axis of one
channel, [h, w, 1].  `idx("DIR")` knows the usual names: a folder with training and t10k files gives
both parts, the latter held out; one with only the t10k files is one set.
"""

from __future__ import annotations

import gzip
import zlib
from math import prod
from pathlib import Path

import numpy as np

from gradc_runtime.data.arrays.columns import Columns
from gradc_runtime.data.readers.reader_context import Context
from gradc_runtime.system.errors import DataError
from gradc_runtime.system.files import Reader, opened, read_up_to, require_sizes

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
LARGEST = 1 << 32  # bytes of data
FOLDERS = (".", "raw", "MNIST/raw")
PARTS = {"images": ("images-idx3-ubyte", "images.idx3-ubyte"),
         "labels": ("labels-idx1-ubyte", "labels.idx1-ubyte")}  # fmt: skip


def idx(context: Context, *paths: str) -> Columns:
    """A folder of IDX files, or the files themselves in the order of the fields.

    Raises `DataError` where no file is named.
    """
    if len(paths) == 1 and (folder := context.path(paths[0])).is_dir():
        return from_folder(folder, paths[0])
    if not paths:
        raise DataError('idx: name a folder, as in idx("DIR"), or files')
    arrays = {f"file {i}": scaled(read_idx(context.file(p), p)) for i, p in enumerate(paths, 1)}
    return Columns(origin=", ".join(paths), arrays=arrays)


def from_folder(folder: Path, name: str) -> Columns:
    """The training and t10k parts that a folder holds.

    Raises `DataError` where it holds none.
    """
    parts = [p for p in (part(folder, "train", name), part(folder, "t10k", name)) if p]
    if not parts:
        raise DataError(f"{name}: no IDX files such as train-images-idx3-ubyte or .gz in {folder}")
    return Columns(origin=name, arrays=parts[0], held_out=parts[1] if len(parts) > 1 else None)


def part(folder: Path, prefix: str, name: str) -> dict[str, np.ndarray]:
    """Images and labels of one part; empty where the folder has neither."""
    found = {what: find(folder, prefix, what) for what in PARTS}
    files = {what: path for what, path in found.items() if path is not None}
    return {what: scaled(read_idx(path, f"{name}/{path.name}")) for what, path in files.items()}


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
        compressed = plain.read(2) == b"\x1f\x8b"
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
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0":
        raise DataError(f"{name}: not an IDX file (it starts with {magic.hex(' ') or 'nothing'})")
    if magic[2] not in TYPES:
        known = ", ".join(f"{code:02x} {np.dtype(kind).name}" for code, kind in TYPES.items())
        raise DataError(f"{name}: IDX type {magic[2]:02x} is none of {known}")
    if not 1 <= magic[3] <= 4:
        raise DataError(f"{name}: IDX rank {magic[3]}; 1 to 4 is accepted")
    header = stream.read(4 * magic[3])
    shape = tuple(int.from_bytes(header[i : i + 4], "big") for i in range(0, len(header), 4))
    dtype = np.dtype(TYPES[magic[2]])
    expected = prod(shape) * dtype.itemsize
    if len(header) != 4 * magic[3] or expected > LARGEST:
        raise DataError(f"{name}: IDX header is cut off or promises too much ({expected:,} bytes)")
    require_sizes(shape, dtype.itemsize, LARGEST, name)
    data, more = read_up_to(stream, expected, name), stream.read(1)
    if len(data) != expected or more:
        found = "more" if more else f"{len(data):,}"
        what = f"{list(shape)} of {dtype.name} (IDX type {magic[2]:02x})"
        raise DataError(f"{name}: {expected:,} bytes of data expected for {what}, found {found}")
    return data.view(dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)
