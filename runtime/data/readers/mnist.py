"""The MNIST digits, downloaded once into the user's cache and checked by their contents.

A file is accepted only if the SHA-256 of what it unpacks to is the known one, whichever mirror it
came from and however that mirror compressed it.  Without a network the user is told, in one line,
what to do instead.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import zlib
from collections.abc import Mapping, Sequence
from importlib import import_module
from io import BytesIO
from pathlib import Path

import numpy as np

from gradc_runtime.data.arrays.columns import Columns
from gradc_runtime.data.readers.idx import parse_idx, scaled
from gradc_runtime.data.readers.reader_context import Context
from gradc_runtime.system.errors import DataError

MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)
FILES = {  # SHA-256 of the unpacked contents
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
LARGEST = 64 << 20  # bytes of a file, packed or unpacked
DOWNLOADS = (
    "gradc_runtime.data.readers.download"  # with it comes TLS: imported only if a file is missing
)


def mnist(context: Context) -> Columns:
    """60,000 images to train on and 10,000 held out, from the cache or a mirror."""
    arrays = [scaled(a) for a in fetch_all(cache_folder(), FILES, MIRRORS)]
    train = {"images": arrays[0], "labels": arrays[1]}
    return Columns(
        origin="mnist()", arrays=train, held_out={"images": arrays[2], "labels": arrays[3]}
    )


def cache_folder() -> Path:
    """Where downloads are kept: `GRADC_CACHE`, or the desktop's cache directory."""
    if given := os.environ.get("GRADC_CACHE"):
        return Path(given) / "mnist"
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "gradc" / "mnist"


def fetch_all(folder: Path, files: Mapping[str, str], mirrors: Sequence[str]) -> list[np.ndarray]:
    """The arrays of all the files, downloading those that the folder lacks."""
    return [
        parse_idx(BytesIO(fetch(folder, name, digest, mirrors)), name)
        for name, digest in files.items()
    ]


def fetch(folder: Path, name: str, digest: str, mirrors: Sequence[str]) -> bytes:
    """The contents of one file: a good copy in the folder, or one from the first good mirror.

    Raises `DataError` where no mirror has it.
    """
    kept, reasons = folder / f"{name}.gz", []
    if kept.is_file() and (contents := valid(kept.read_bytes(), digest)) is not None:
        return contents
    for mirror in mirrors:
        try:
            packed = import_module(DOWNLOADS).download(f"{mirror}{name}.gz", LARGEST)
        except (OSError, ValueError) as fault:
            reasons.append(f"{mirror}: {getattr(fault, 'reason', fault)}")
            continue
        if (contents := valid(packed, digest)) is not None:
            keep(kept, packed)
            return contents
        reasons.append(f"{mirror}: wrong checksum")
    raise DataError(
        f"mnist() could not download {name}.gz ({'; '.join(map(str, reasons))}); with the files at"
        """ hand use --data 'idx("DIR")', or --data 'digits()' for the digits of scikit-learn"""
    )


def valid(packed: bytes, digest: str) -> bytes | None:
    """The unpacked contents, if they are the known ones."""
    try:
        contents = zlib.decompressobj(wbits=31).decompress(packed, LARGEST)
    except zlib.error:
        return None
    return contents if hashlib.sha256(contents).hexdigest() == digest else None


def keep(path: Path, packed: bytes) -> None:
    """Store a download whole or not at all; a cache that cannot be written is no fault."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as stream:
            stream.write(packed)
        os.replace(temporary, path)
    except OSError:
        return
