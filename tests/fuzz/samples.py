"""Files that are nearly right, by the reader that they are for."""

from __future__ import annotations

import gzip
import io
import json
import struct
import zipfile
from collections.abc import Callable
from random import Random

import numpy as np

from tests.fuzz.mutations import WORDS, of_bytes, of_text

DESCRIPTIONS = (
    "<f8", "<f4", ">f8", "<i8", "<u8", "|u1", "|b1", "<f2", "<i4", "|O", "<U3", "V8", "<c16",
    "<M8[s]", "<f16", "f", "<f8,<i4", "3f8", "(2,)f8", "<x9", "", "S9999999999",
)  # fmt: skip
SIZES = (0, 1, 2, 3, 4, 8, 12, 2**31, 2**63 - 1, 2**63, 2**64, -1, 1e999, 1.5, "x", None, True)
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
NAMES = ("x.npy", "k.npy", "xs.npy", "xs_lengths.npy", "lengths.npy", "x", "../x", "\u00e4.npy")


def npy(draw: Random) -> bytes:
    """An array of which the header says this or that."""
    if draw.random() < 0.5:
        return of_bytes(draw, saved(array(draw)), draw.choice([0, 1, 4]))
    shape = tuple(draw.choice(SIZES) for _ in range(draw.choice([0, 1, 1, 2, 2, 3, 40])))
    text = str({"descr": draw.choice(DESCRIPTIONS), "fortran_order": draw.choice([True, False, 3]),
                "shape": shape}).replace("inf", "1e999")  # fmt: skip
    text = of_text(draw, text, most=1)
    encoded = text.encode("latin-1", "replace")[: 2**16 - 1]
    start = b"\x93NUMPY" + draw.choice([b"\1\0", b"\1\0", b"\2\0", b"\3\0", b"\4\0"])
    width = "<H" if start[6] == 1 else "<I"
    return (
        start + struct.pack(width, len(encoded)) + encoded + bytes(draw.choice([0, 8, 16, 48, 64]))
    )


def array(draw: Random) -> np.ndarray:
    """A small array of some kind, some of whose numbers make no sense."""
    shape = draw.choice([(3, 2), (3,), (0, 2), (4,), (2, 3, 2), (6, 2), (3, 2), ()])
    kind = draw.choice(["f8", "f4", "i8", "u8", "u1", "?", ">i4"])
    numbers = [
        draw.choice(WORDS if draw.random() < 0.05 else [0, 1, 2])
        for _ in range(int(np.prod(shape)))
    ]
    with np.errstate(all="ignore"):
        return np.array(numbers, object).astype("u8").astype(kind).reshape(shape)


def saved(one: np.ndarray) -> bytes:
    """The bytes of an .npy file."""
    stream = io.BytesIO()
    np.save(stream, one)
    return stream.getvalue()


def npz(draw: Random) -> bytes:
    """An archive of several arrays, perhaps damaged."""
    whole = io.BytesIO()
    if draw.random() < 0.3:
        lengths = np.array([draw.choice([0, 1, 2, *WORDS[-5:]]) for _ in range(3)], "u8")
        np.savez(whole, x=np.ones((3, 2)), k=np.arange(3), xs=np.ones((4, 2)), xs_lengths=lengths)
        return of_bytes(draw, whole.getvalue(), 1)
    names = draw.sample(NAMES, draw.randint(1, 4))
    with zipfile.ZipFile(whole, "w", draw.choice(METHODS)) as archive:
        for name in names:
            archive.writestr(name, saved(array(draw)) if draw.random() < 0.7 else npy(draw))
    return of_bytes(draw, whole.getvalue()) if draw.random() < 0.8 else whole.getvalue()


def idx(draw: Random) -> bytes:
    """A file of MNIST's kind, perhaps packed."""
    if draw.random() < 0.3:
        count = draw.randint(1, 4)
        labels = bytes(draw.randrange(3) for _ in range(count))
        return of_bytes(draw, struct.pack(">2xBBI", 8, 1, count) + labels, 1)
    sizes = [
        draw.choice([0, 1, 2, 3, 4, 2**16, 2**31, 2**32 - 1]) for _ in range(draw.randint(0, 5))
    ]
    kind = draw.choice([8, 8, 9, 0x0B, 0x0C, 0x0D, 0x0E, 7, 0])
    head = bytes([0, 0, kind, draw.choice([len(sizes), len(sizes), 3])])
    body = b"".join(struct.pack(">I", size) for size in sizes)
    data = of_bytes(draw, head + body + draw.randbytes(draw.choice([0, 1, 2, 6, 12, 24, 96])), 2)
    return of_bytes(draw, gzip.compress(data, 1, mtime=0), 2) if draw.random() < 0.3 else data


def csv(draw: Random) -> bytes:
    """A table."""
    rows = "".join(f"{draw.random()},{draw.randrange(9)},{draw.randrange(3)}\n" for _ in range(3))
    text = of_text(draw, "x_0,x_1,k\n" + rows)
    return of_bytes(draw, text.encode("utf-8", "replace"), 1)


def jsonl(draw: Random) -> bytes:
    """Lines of JSON."""
    lines = [json.dumps({"x": [draw.random(), 1], "k": draw.randrange(3), "xs": [[1, 2]] * 2})
             for _ in range(3)]  # fmt: skip
    return of_bytes(draw, of_text(draw, "\n".join(lines)).encode("utf-8", "replace"), 1)


def text(draw: Random) -> bytes:
    """Letters."""
    words = of_text(draw, "the quick brown fox jumps over the lazy dog\n" * draw.randint(0, 3))
    return of_bytes(draw, words.encode("utf-8", "replace"), 2)


def metrics(draw: Random) -> bytes:
    """The rows of a run."""
    rows = [json.dumps({"epoch": i, "step": 6 * i, "seconds": 0.1, "loss": draw.random()}) + "\n"
            for i in range(1, 5)]  # fmt: skip
    return of_bytes(draw, of_text(draw, "".join(rows)).encode("utf-8", "replace"), 2)


FILES: dict[str, Callable[[Random], bytes]] = {
    "npy": npy, "npz": npz, "idx": idx, "csv": csv, "jsonl": jsonl, "text": text,
}  # fmt: skip
