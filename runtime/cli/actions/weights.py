"""What `gradc weights` does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gradc_runtime.cli.actions.output import console, counted, say, table, write_json
from gradc_runtime.cli.actions.request import Request
from gradc_runtime.cli.actions.with_weights import renamed, weights_at
from gradc_runtime.cli.faults import Refused
from gradc_runtime.session.checkpoint import write_atomically
from gradc_runtime.session.load_weights import network_of
from gradc_runtime.weights.as_modules import as_modules
from gradc_runtime.weights.safetensors_file import safetensors_bytes
from gradc_runtime.weights.stored import BF16, WIDTHS, StoredTensor, TensorFile, count_of
from gradc_runtime.weights.tensor_file import read_tensors


def file_at(path: Path) -> TensorFile:
    """The tensors of a file, or of the last checkpoint of a run."""
    return read_tensors(weights_at(path)[0])


def list_files(files: Sequence[Path], given: Mapping[str, Any]) -> int:
    """Every tensor: its name, kind and shape."""
    file = file_at(files[0])
    chosen = [one for one in file.tensors.values() if wanted(one, given["only"])]
    if given["as_json"]:
        write_json({one.name: {"kind": one.kind, "shape": list(one.shape)} for one in chosen})
        return 0
    numbers = sum(count_of(one.shape) for one in chosen)
    size = sum(one.bytes for one in chosen)
    tensors, words = counted(len(chosen), "tensor"), counted(numbers, "number")
    say(f"{file.name}: {file.form}, {tensors}, {words}, {size:,} bytes")
    rows = [(one.name, one.kind, str(list(one.shape))) for one in chosen]
    console().print(table(["", "kind", "shape"], rows))
    return 0


def wanted(one: StoredTensor, only: Sequence[str]) -> bool:
    """Whether a tensor is one of those asked for."""
    return not only or any(one.name == o or one.name.startswith(f"{o}.") for o in only)


def diff_files(files: Sequence[Path], given: Mapping[str, Any]) -> int:
    """What differs between two files; exit code 1 if anything does."""
    first, second = map(file_at, files)
    rows = [row for name in dict.fromkeys([*first.tensors, *second.tensors])
            if (row := compared(name, first, second)) is not None]  # fmt: skip
    if given["as_json"]:
        write_json(dict(rows))
    elif rows:
        console().print(table(["", "differs by"], rows))
    else:
        say(f"equal: {counted(len(first.tensors), 'tensor')}")
    return 1 if rows else 0


def compared(name: str, first: TensorFile, second: TensorFile) -> tuple[str, str] | None:
    """In what a tensor differs; None where it does not."""
    a, b = first.tensors.get(name), second.tensors.get(name)
    if a is None or b is None:
        return name, f"only in {first.name if b is None else second.name}"
    if a.shape != b.shape:
        return name, f"shape: {list(a.shape)} and {list(b.shape)}"
    x, y = a.array(), b.array()
    if np.array_equal(x, y, equal_nan=x.dtype.kind == "f"):
        return None if a.kind == b.kind else (name, f"kind alone: {a.kind} and {b.kind}")
    with np.errstate(all="ignore"):
        most = float(np.nanmax(np.abs(x.astype(np.float64) - y.astype(np.float64))))
    return name, f"at most {most:.3g}"


def convert_files(files: Sequence[Path], given: Mapping[str, Any]) -> int:
    """Another file of the same numbers: of another kind, or under a spec's names.

    Raises `Refused` where that cannot be.
    """
    source, target = files
    if target.suffix != ".safetensors":
        raise Refused(f"weights are written as safetensors: {target.with_suffix('.safetensors')}")
    kind = WIDTHS[given["kind"]] if given["kind"] else None
    file = file_at(source)
    if given["like"] is not None:
        data = for_modules(source, kind, given)
    elif given["target"] is not None:
        data = for_spec(source, kind, given)
    else:
        chosen = {n: one for n, one in file.tensors.items() if wanted(one, given["only"])}
        arrays = {name: one.array() for name, one in chosen.items()}
        kept = {name: BF16 for name, one in chosen.items() if one.kind == BF16}
        data = safetensors_bytes(arrays, kind, kept)
    write_atomically(target, data)
    say(f"wrote {target}: {len(data):,} bytes")
    return 0


def for_spec(source: Path, kind: str | None, given: Mapping[str, Any]) -> bytes:
    """What of a file a spec has, under its names.

    Raises `Refused` where that cannot be.
    """
    request = Request.of(given["target"], {})
    session = request.session(request.compile().program)
    only = given["only"] or ("*",)
    report = session.load(weights_at(source)[0], only, renamed(given["rename"]))
    say(str(report))
    if not report.taken:
        raise Refused(f"nothing of {source} fits {given['target']}")
    views = session.memory.views
    return safetensors_bytes({one.name: views[one.name] for one in report.taken}, kind)


def for_modules(source: Path, kind: str | None, given: Mapping[str, Any]) -> bytes:
    """The weights of a spec under the names and with the axes of a state dict of PyTorch.

    Raises `Refused` without a spec, `CheckpointError` where network and state dict differ.
    """
    if given["target"] is None or given["only"]:
        raise Refused("--like takes all of a network, and --spec says which it is")
    request = Request.of(given["target"], {})
    session = request.session(request.compile().program)
    session.load(weights_at(source)[0])
    network = network_of(session.program, session.memory)
    arrays = as_modules(
        read_tensors(given["like"]), network.wanted(None), network.images,
        renamed(given["rename"]),
    )  # fmt: skip
    return safetensors_bytes(arrays, kind)
