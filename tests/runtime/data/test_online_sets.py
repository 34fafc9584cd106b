"""Well-known sets from a server on this machine: checked, kept, and what is said without one."""

from __future__ import annotations

import gzip
import hashlib
import io
import struct
import tarfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.program.program import DataSource
from gradc_runtime.data import DataError, Dataset, load
from gradc_runtime.data.readers import fetched, online_sets

NOWHERE = "http://127.0.0.1:9/"
TEN = TensorType((), Kind.INDEX, 10)


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files and prints nothing."""

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, str]]:
    """A folder served on this machine, and its address; the cache is empty."""
    monkeypatch.setenv("GRADC_CACHE", str(tmp_path / "cache"))
    (folder := tmp_path / "mirror").mkdir()
    handler = partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def fault(file: str, reasons: str) -> DataError:
    return DataError(f"{file}: {reasons}")


@pytest.mark.parametrize("packed", [False, True])
def test_a_download_is_checked_kept_and_not_repeated(
    tmp_path: Path, mirror: tuple[Path, str], packed: bool
) -> None:
    folder, address = mirror
    contents = b"contents"
    file = gzip.compress(contents)
    digest = hashlib.sha256(file if packed else contents).hexdigest()
    (folder / "bad").mkdir()
    (folder / "bad" / "f.gz").write_bytes(gzip.compress(contents + b"x"))
    (folder / "f.gz").write_bytes(file)
    mirrors = [f"{address}none/", f"{address}bad/", address]
    cache = tmp_path / "cache"
    assert fetched.fetch(cache, "f.gz", digest, mirrors, fault) == contents
    assert fetched.fetch(cache, "f.gz", digest, [], fault) == contents
    (cache / "f.gz").write_bytes(b"damaged")
    with pytest.raises(DataError, match="wrong checksum"):
        fetched.fetch(cache, "f.gz", digest, [f"{address}bad/"], fault)
    assert fetched.fetch(cache, "f.gz", digest, mirrors, fault) == contents


def served(
    name: str, files: Mapping[str, bytes], mirror: tuple[Path, str], patch: pytest.MonkeyPatch
) -> None:
    """Make a set one of small files that the server has."""
    folder, address = mirror
    for file, data in files.items():
        (folder / file).write_bytes(data)
    digests = {file: hashlib.sha256(data).hexdigest() for file, data in files.items()}
    known = getattr(online_sets, name)
    patch.setattr(online_sets, name, replace(known, mirrors=(address,), files=digests))


def loaded(function: str, image: TensorType) -> Dataset:
    source = DataSource(name="d", fields=(("x", image), ("kind", TEN)), function=function)
    data = load(source)
    assert isinstance(data, Dataset)
    return data


@pytest.mark.parametrize(("name", "function"), [("MNIST", "mnist"), ("FASHION", "fashion_mnist")])
def test_a_set_of_idx_files(
    mirror: tuple[Path, str], monkeypatch: pytest.MonkeyPatch, name: str, function: str
) -> None:
    def idx(shape: tuple[int, ...]) -> bytes:
        head = struct.pack(f">2xBB{len(shape)}I", 8, len(shape), *shape)
        return gzip.compress(head + bytes(k % 10 for k in range(int(np.prod(shape)))))

    shapes = [(4, 2, 2), (4,), (3, 2, 2), (3,)]
    files = dict(zip(getattr(online_sets, name).files, map(idx, shapes), strict=True))
    served(name, files, mirror, monkeypatch)
    data = loaded(function, TensorType((2, 2, 1)))
    assert data.examples == 4 and data.held_out is not None and data.held_out.examples == 3
    assert data.arrays["kind"].tolist() == [0, 1, 2, 3]
    names = getattr(online_sets, name).classes
    assert (data.encoding.classes if data.encoding else {}) == ({"kind": names} if names else {})


def test_cifar10_is_read_from_its_binary_form(
    mirror: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for number, name in enumerate([*online_sets.BATCHES, "test_batch"]):
            planes = np.arange(3)[:, None, None] * np.ones((3, 32, 32)) * 40 + number
            data = bytes([number]) + planes.astype(np.uint8).tobytes()
            entry = tarfile.TarInfo(f"cifar-10-batches-bin/{name}.bin")
            entry.size = 2 * len(data)
            archive.addfile(entry, io.BytesIO(data * 2))
    served("CIFAR10", {"cifar-10-binary.tar.gz": stream.getvalue()}, mirror, monkeypatch)
    data = loaded("cifar10", TensorType((32, 32, 3)))
    assert data.examples == 10 and data.held_out is not None and data.held_out.examples == 2
    assert data.arrays["kind"].tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    np.testing.assert_allclose(data.arrays["x"][2, 5, 7] * 255, [1, 41, 81], rtol=1e-6)
    assert data.encoding is not None and data.encoding.classes["kind"][3] == "cat"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("MNIST", """--data 'idx("DIR")', or --data 'digits()'"""),
        ("FASHION", """--data 'idx("DIR")'"""),
        ("CIFAR10", "put cifar-10-binary.tar.gz into that folder of the cache"),
    ],
)
def test_offline_a_set_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, said: str
) -> None:
    monkeypatch.setenv("GRADC_CACHE", str(tmp_path))
    known = replace(getattr(online_sets, name), mirrors=(NOWHERE,))
    with pytest.raises(DataError) as caught:
        known.contents()
    assert said in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("function", "names"), [("iris", "setosa"), ("wine", "class_0"), ("breast_cancer", "malignant")]
)
def test_bundled_sets_bring_the_names_of_their_classes(function: str, names: str) -> None:
    sizes = {"iris": (4, 3), "wine": (13, 3), "breast_cancer": (30, 2)}[function]
    label = TensorType((), Kind.INDEX, sizes[1])
    fields = (("x", TensorType((sizes[0],))), ("kind", label))
    data = load(DataSource(name="d", fields=fields, function=function))
    assert data.encoding is not None and data.encoding.classes["kind"][0] == names
