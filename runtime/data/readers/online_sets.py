"""Well-known sets, downloaded once into the user's cache and checked by their contents.

A file is accepted only if its SHA-256, or that of what it unpacks to, is the known one, whichever
mirror it came from.  Without a network the user is told, in one line, what to do instead.
"""

from __future__ import annotations

import tarfile
from collections.abc import Mapping, Sequence
from io import BytesIO

import numpy as np

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.data.arrays.columns import Columns
from gradc_runtime.data.readers.fetched import cache_folder, fetch
from gradc_runtime.data.readers.idx import parse_idx, scaled
from gradc_runtime.data.readers.reader_context import Context
from gradc_runtime.data.tables.encoding import Encoding
from gradc_runtime.system.errors import DataError
from gradc_runtime.system.files import one_line


@dataclass(frozen=True, kw_only=True)
class OnlineSet:
    """An online set: where it is, the digests of its files in reading order, and its names."""

    name: str
    mirrors: Sequence[str]
    files: Mapping[str, str]
    instead: str
    classes: tuple[str, ...] = ()

    def contents(self) -> list[bytes]:
        """The unpacked contents of the set's files.

        Raises `DataError` where they cannot be had.
        """
        folder = cache_folder(self.name)
        found = self.files.items()
        return [fetch(folder, file, digest, self.mirrors, self.fault) for file, digest in found]

    def fault(self, file: str, reasons: str) -> DataError:
        """The message for a file that cannot be had."""
        return DataError(f"{self.name}() could not download {file} ({reasons}); {self.instead}")

    def columns(self, arrays: Sequence[np.ndarray]) -> Columns:
        """Images and labels to train on, and those held out."""
        names = Encoding(classes={"labels": self.classes}) if self.classes else None
        return Columns(
            origin=f"{self.name}()", arrays={"images": arrays[0], "labels": arrays[1]},
            held_out={"images": arrays[2], "labels": arrays[3]}, encoding=names,
        )  # fmt: skip


MNIST = OnlineSet(
    name="mnist",
    mirrors=(
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
    ),
    files={  # SHA-256 of the unpacked contents
        "train-images-idx3-ubyte.gz":
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte.gz":
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte.gz":
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte.gz":
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    instead="""with the files at hand use --data 'idx("DIR")', or --data 'digits()' for the """
    "digits of scikit-learn",
)  # fmt: skip
FASHION = OnlineSet(
    name="fashion_mnist",
    mirrors=(
        "https://fashion-mnist.s3.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/"
        "b2617bb6d3ffa2e429640350f613e3291e10b141/data/fashion/",
    ),
    files={  # SHA-256 of the files as they are
        "train-images-idx3-ubyte.gz":
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "train-labels-idx1-ubyte.gz":
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "t10k-images-idx3-ubyte.gz":
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "t10k-labels-idx1-ubyte.gz":
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    },
    instead="""with the files at hand use --data 'idx("DIR")'""",
    classes=("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker",
             "Bag", "Ankle boot"),
)  # fmt: skip
CIFAR10 = OnlineSet(
    name="cifar10",
    mirrors=("https://www.cs.toronto.edu/~kriz/",),
    files={
        "cifar-10-binary.tar.gz":
            "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    },
    instead="put cifar-10-binary.tar.gz into that folder of the cache that gradc doctor shows",
    classes=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship",
             "truck"),
)  # fmt: skip
BATCHES = ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5")
EDGE, COLOURS = 32, 3
RECORD = 1 + COLOURS * EDGE * EDGE  # bytes: a label, and red, green and blue of all pixels


def mnist(context: Context) -> Columns:
    """60,000 images to train on and 10,000 held out, from the cache or a mirror."""
    return MNIST.columns(of_idx(MNIST))


def fashion_mnist(context: Context) -> Columns:
    """60,000 images of clothes to train on and 10,000 held out, from the cache or a mirror."""
    return FASHION.columns(of_idx(FASHION))


def of_idx(found: OnlineSet) -> list[np.ndarray]:
    """The arrays of a set's IDX files."""
    parts = zip(found.files, found.contents(), strict=True)
    return [scaled(parse_idx(BytesIO(data), name)) for name, data in parts]


def cifar10(context: Context) -> Columns:
    """50,000 colour images, [32, 32, 3], to train on and 10,000 held out: the binary form."""
    (data,) = CIFAR10.contents()
    with one_line("cifar10()", "its archive"), tarfile.open(fileobj=BytesIO(data)) as archive:
        train = b"".join(batch(archive, name) for name in BATCHES)
        return CIFAR10.columns([*pictures(train), *pictures(batch(archive, "test_batch"))])


def batch(archive: tarfile.TarFile, name: str) -> bytes:
    """A file of the archive.

    Raises `DataError` where it is none.
    """
    found = archive.extractfile(f"cifar-10-batches-bin/{name}.bin")
    if found is None:
        raise DataError(f"cifar10(): {name}.bin is no file")
    return found.read()


def pictures(data: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Images [N, 32, 32, 3] from 0 to 1, and labels [N]."""
    records = np.frombuffer(data, np.uint8).reshape(-1, RECORD)
    planes = records[:, 1:].reshape(-1, COLOURS, EDGE, EDGE)
    images = np.ascontiguousarray(planes.transpose(0, 2, 3, 1)) / np.float32(255.0)
    return images, records[:, 0].astype(np.int64)
