"""An ONNX file, read without trust: every size is checked before anything is made of it.

Protobuf is parsed by its own library, which refuses what is cut off or nested without end; all else
that a file may say (dimensions, lengths, where external data lies) is checked here.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from gradc_runtime.system.errors import DataError
from gradc_runtime.system.files import opened, require_memory

LARGEST = 1 << 31  # bytes of a protobuf message
MOST = 1 << 31  # bytes of one tensor
KINDS = {1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64",
         9: "bool", 10: "float16", 11: "float64", 12: "uint32", 13: "uint64",
         16: "float32"}  # fmt: skip
"""NumPy's kinds for those of ONNX; bfloat16 is widened."""
FIELDS = {"float32": "float_data", "float64": "double_data", "int64": "int64_data",
          "uint64": "uint64_data", "uint32": "uint64_data"}  # fmt: skip
PARSER: Any = onnx  # its messages have no types


def read_model(path: Path) -> Any:
    """The model in a file.

    Raises `DataError` where the file is no model, or cannot be read.
    """
    try:
        with opened(path) as stream:
            size = path.stat().st_size
            if size > LARGEST:
                raise DataError(f"{path.name}: {size:,} bytes are more than a model can have")
            require_memory(4 * size, path.name)
            data = stream.read(LARGEST + 1)
    except OSError as fault:
        raise DataError(f"cannot read {path}: {fault.strerror}") from None
    return parse_model(data, path.name)


def parse_model(data: bytes, name: str) -> Any:
    """The model in the bytes of a file.

    Raises `DataError` where the bytes are no model.
    """
    model = PARSER.ModelProto()
    try:
        model.ParseFromString(data)
    except Exception as fault:  # DecodeError, and what else its library raises
        reason = str(fault).partition("\n")[0][:80]
        raise DataError(f"{name}: damaged or not an ONNX model ({reason})") from None
    if not model.HasField("graph") or not model.graph.output:
        raise DataError(f"{name}: not an ONNX model: it has no graph that gives anything")
    if not all(isinstance(text, str) for text in texts_of(model)):
        raise DataError(f"{name}: damaged: a name in it is no text")
    return model


def texts_of(message: Any) -> Iterator[Any]:
    """Every text of a protobuf message and of those within; bytes where one is not UTF-8."""
    if message.DESCRIPTOR.name == "TensorProto":  # its numbers are not looked at
        yield message.name
        for entry in message.external_data:
            yield from (entry.key, entry.value)
        return
    for field, value in message.ListFields():
        single = isinstance(value, str | bytes) or hasattr(value, "ListFields")
        if field.type == field.TYPE_STRING:
            yield from [value] if single else value
        elif field.type == field.TYPE_MESSAGE:
            for one in [value] if single else value:
                yield from texts_of(one)


def kind_of(number: int, what: str) -> np.dtype[Any]:
    """NumPy's kind for a number of ONNX's table.

    Raises `DataError` for texts, complex numbers and packed ones.
    """
    if number not in KINDS:
        known = PARSER.TensorProto.DataType.values()
        said = PARSER.TensorProto.DataType.Name(number) if number in known else f"number {number}"
        raise DataError(f"{what} is of kind {said}, which a spec has no numbers for")
    return np.dtype(KINDS[number])


def tensor_array(tensor: Any, folder: Path | None) -> np.ndarray:
    """The numbers of a tensor.

    Raises `DataError` where the declared size and the data differ.
    """
    what = f"tensor {tensor.name or 'without a name'}"
    kind = kind_of(tensor.data_type, what)
    shape = checked_shape(tensor.dims, kind.itemsize, what)
    if tensor.data_location == PARSER.TensorProto.EXTERNAL:
        return external_array(tensor, kind, shape, folder, what)
    if tensor.HasField("segment"):
        raise DataError(f"{what} is in segments, which nothing writes")
    if tensor.HasField("raw_data"):
        return of_bytes(tensor.raw_data, tensor.data_type, kind, shape, what)
    values = getattr(tensor, FIELDS.get(str(kind), "int32_data"))
    if len(values) != prod(shape):
        raise DataError(f"{what} has {len(values):,} numbers, {list(shape)} wants {prod(shape):,}")
    if str(kind) == "float16" or tensor.data_type == 16:
        return numpy_helper.to_array(tensor).astype(kind)
    return np.array(values).astype(kind).reshape(shape)


def checked_shape(dims: Any, itemsize: int, what: str) -> tuple[int, ...]:
    """The shape of an array.

    Raises `DataError` for one that no array may have.
    """
    shape = tuple(int(d) for d in dims)
    if any(d < 0 for d in shape):
        raise DataError(f"{what} has a negative size: {list(shape[:8])}")
    if len(shape) > 32 or prod(max(d, 1) for d in shape) * itemsize > MOST:
        raise DataError(f"{what} of {list(shape[:8])} is larger than is accepted")
    return shape


def of_bytes(
    data: bytes, number: int, kind: np.dtype[Any], shape: tuple[int, ...], what: str
) -> np.ndarray:
    """An array from little-endian bytes.

    Raises `DataError` where there are too few or too many.
    """
    width = 2 if number == 16 else kind.itemsize
    if len(data) != prod(shape) * width:
        wanted = f"{list(shape)} wants {prod(shape) * width:,}"
        raise DataError(f"{what} has {len(data):,} bytes, {wanted}")
    if number == 16:
        words = np.frombuffer(data, "<u2").astype(np.uint32) << 16
        return words.view(np.float32).reshape(shape)
    return np.frombuffer(data, kind.newbyteorder("<")).astype(kind).reshape(shape)


def external_array(
    tensor: Any, kind: np.dtype[Any], shape: tuple[int, ...], folder: Path | None, what: str
) -> np.ndarray:
    """The numbers of a tensor that lie in a file beside the model.

    Raises `DataError` for a place outside of the model's folder, and for one that the file lacks.
    """
    entries = {e.key: e.value for e in tensor.external_data}
    path = beside(entries.get("location", ""), folder, what)
    width = 2 if tensor.data_type == 16 else kind.itemsize
    wanted = prod(shape) * width
    offset = whole_number(entries.get("offset", "0"), what)
    length = whole_number(entries.get("length", str(wanted)), what)
    try:
        with opened(path) as stream:
            if offset + length > path.stat().st_size or length != wanted:
                raise DataError(f"{what} wants {wanted:,} bytes, {path.name} has others")
            stream.seek(offset)
            data = stream.read(length)
    except OSError as fault:
        raise DataError(f"cannot read {path.name} for {what}: {fault.strerror}") from None
    return of_bytes(data, tensor.data_type, kind, shape, what)


def beside(location: str, folder: Path | None, what: str) -> Path:
    """The path of a file in the model's folder or below, with links resolved.

    Raises `DataError` for a path outside of that folder.
    """
    if folder is None:
        raise DataError(f"{what} lies in another file, and this model in none")
    root = folder.resolve()
    if not location or "\0" in location or "\\" in location:
        raise DataError(f"{what} lies in a file without a usable name")
    path = (root / location).resolve()
    if Path(location).is_absolute() or not path.is_relative_to(root) or path == root:
        raise DataError(f"{what} lies in {location}, outside of the model's folder")
    return path


def whole_number(text: str, what: str) -> int:
    """A number of bytes, read from a text.

    Raises `DataError` for any other text.
    """
    if not text.isdecimal() or len(text) > 18:
        raise DataError(f"{what} has an offset or a length that is no number")
    return int(text)
