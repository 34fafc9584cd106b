"""Files that nobody should trust: each is read, or refused in one line with exit code 1."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.onnx.imported.onnx_models import drawn, mlp, model_of
from tests.runtime.cli.calling import Caller

GIVEN = {"whole": False, "batch_axis": None, "sequence": None, "loss": None}


def of_nodes(*nodes: Any, shape: Any = ("N", 4), **weights: Any) -> Any:
    return model_of(nodes, {"x": shape}, {"y": None}, weights)


def zipped() -> bytes:
    """A bomb: 10 MB of zeros in a few kB."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.onnx", bytes(10_000_000))
    return stream.getvalue()


def bytes_for_a_name() -> Any:
    """A weight whose name is not UTF-8."""
    model = mlp()
    data = model.SerializeToString().replace(b"fc2.bias", b"fc2.\xff\xfe\xff\xff")
    return onnx.ModelProto.FromString(data)


def weight(change: Callable[[Any], None]) -> Any:
    """An MLP whose first weight is changed."""
    model = mlp()
    change(model.graph.initializer[0])
    return model


def outside(location: str, **more: str) -> Any:
    """An MLP whose first weight lies elsewhere."""

    def change(tensor: Any) -> None:
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in {"location": location, **more}.items():
            tensor.external_data.add(key=key, value=value)

    return weight(change)


def set_dims(*dims: int) -> Callable[[Any], None]:
    def change(tensor: Any) -> None:
        del tensor.dims[:]
        tensor.dims.extend(dims)

    return change


def circle() -> Any:
    return of_nodes(
        helper.make_node("Add", ["x", "b"], ["a"]), helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Relu", ["b"], ["y"]),
    )  # fmt: skip


def endless() -> Any:
    """A function that calls itself."""
    model = of_nodes(helper.make_node("f", ["x"], ["y"], domain="own"))
    body = [helper.make_node("f", ["a"], ["b"], domain="own")]
    opsets = [helper.make_opsetid("own", 1), helper.make_opsetid("", 17)]
    model.functions.append(helper.make_function("own", "f", ["a"], ["b"], body, opsets))
    return model


def doubled() -> Any:
    """Functions that call the next one many times."""
    model = of_nodes(helper.make_node("f0", ["x"], ["y"], domain="own"))
    opsets = [helper.make_opsetid("own", 1), helper.make_opsetid("", 17)]
    for k in range(12):
        nodes = [
            helper.make_node(f"f{k + 1}", ["a" if j == 0 else f"t{j}"], [f"t{j + 1}"], domain="own")
            for j in range(10)
        ]
        model.functions.append(helper.make_function("own", f"f{k}", ["a"], ["t10"], nodes, opsets))
    last = [helper.make_node("Relu", ["a"], ["t10"])]
    model.functions.append(helper.make_function("own", "f12", ["a"], ["t10"], last, opsets))
    return model


def table(size: int) -> Any:
    return of_nodes(
        helper.make_node("ConstantOfShape", ["s"], ["big"]),
        helper.make_node("Add", ["x", "big"], ["y"]),
        s=np.array([size, size], np.int64),
    )


def outer() -> Any:
    """Two long tables that would be a square."""
    return of_nodes(
        helper.make_node("ConstantOfShape", ["s"], ["row"]),
        helper.make_node("ConstantOfShape", ["t"], ["column"]),
        helper.make_node("Add", ["row", "column"], ["big"]),
        helper.make_node("Add", ["x", "big"], ["y"]),
        s=np.array([1, 1 << 20], np.int64), t=np.array([1 << 20, 1], np.int64),
    )  # fmt: skip


def opset(version: int) -> Any:
    model = mlp()
    model.opset_import[0].version = version
    return model


def softmax_over_examples() -> Any:
    return of_nodes(helper.make_node("Softmax", ["x"], ["y"], axis=0))


def wrong_attribute() -> Any:
    return of_nodes(
        helper.make_node("Conv", ["x", "w"], ["y"], strides=[0.5, 2.5], pads=[1, 1]),
        shape=("N", 1, 8, 8), w=drawn(2, 1, 3, 3),
    )  # fmt: skip


BYTES = {
    "empty": (b"", "no graph"),
    "text": (b"this is no model at all\n" * 9, "not an ONNX model"),
    "zip": (zipped(), "not an ONNX model"),
    "truncated": (mlp().SerializeToString()[:-9], "not an ONNX model"),
}
MODELS: dict[str, tuple[Callable[[], Any], str]] = {
    "negative size": (lambda: weight(set_dims(-8, -4)), "negative size"),
    "2^40 numbers": (lambda: weight(set_dims(1 << 20, 1 << 20)), "larger than is accepted"),
    "fewer bytes than it says": (lambda: weight(set_dims(80, 4)), "bytes"),
    "texts": (lambda: weight(lambda t: setattr(t, "data_type", 8)), "STRING"),
    "unknown kind": (lambda: weight(lambda t: setattr(t, "data_type", 99)), "number 99"),
    "up and out": (lambda: outside("../../etc/passwd"), "outside of the model's folder"),
    "absolute": (lambda: outside("/etc/passwd"), "outside of the model's folder"),
    "no name": (lambda: outside(""), "without a usable name"),
    "not there": (lambda: outside("gone.bin"), "cannot read"),
    "a link out": (lambda: outside("link.bin"), "outside of the model's folder"),
    "too short": (lambda: outside("few.bin"), "has others"),
    "far away": (lambda: outside("few.bin", offset="999999999999"), "has others"),
    "an offset of words": (lambda: outside("few.bin", offset="-1"), "no number"),
    "a circle": (circle, "in a circle"),
    "a function without end": (endless, "without end"),
    "functions of functions": (doubled, "more than"),
    "a huge table": (lambda: table(1 << 30), "larger than is accepted"),
    "an outer sum": (outer, "larger than is accepted"),
    "a huge input": (lambda: of_nodes(helper.make_node("Relu", ["x"], ["y"]),
                                      shape=("N", 1 << 40)), "larger than is accepted"),
    "old": (lambda: opset(3), "opset 3"),
    "new": (lambda: opset(999), "opset 999"),
    "unknown operator": (lambda: of_nodes(helper.make_node("Guess", ["x"], ["y"])), "Guess"),
    "a quotient of nothing": (lambda: of_nodes(helper.make_node("Div", [], ["y"])), "Div"),
    "nothing turned": (lambda: of_nodes(helper.make_node("Transpose", [], ["y"])), "Transpose"),
    "exp of nothing": (lambda: of_nodes(helper.make_node("Exp", [], ["e"]),
                                        helper.make_node("Div", ["e", "x"], ["y"])), "Exp"),
    "reads nothing": (lambda: of_nodes(helper.make_node("Relu", ["z"], ["y"])), "z"),
    "given twice": (lambda: of_nodes(helper.make_node("Relu", ["x"], ["y"]),
                                     helper.make_node("Abs", ["x"], ["y"])), "two nodes give y"),
    "across examples": (softmax_over_examples, "mixes examples"),
    "a name that is no text": (bytes_for_a_name, "is no text"),
    "a wrong attribute": (wrong_attribute, "Conv"),
}  # fmt: skip


def refused(call: Caller, folder: Path, wanted: str) -> None:
    (folder / "few.bin").write_bytes(b"1234")
    (folder / "link.bin").unlink(missing_ok=True)
    (folder / "link.bin").symlink_to("/etc/passwd")
    done = call("import", "bad.onnx", "-o", "net.nn")
    assert done.code == 1, done.err
    assert done.err.startswith("gradc: ") and done.err.count("\n") == 1
    assert wanted in done.err
    assert not (folder / "net.nn").exists()


@pytest.mark.parametrize("name", BYTES)
def test_bytes_that_are_no_model(call: Caller, tmp_path: Path, name: str) -> None:
    data, wanted = BYTES[name]
    (tmp_path / "bad.onnx").write_bytes(data)
    refused(call, tmp_path, wanted)


@pytest.mark.parametrize("name", MODELS)
def test_models_that_lie(call: Caller, tmp_path: Path, name: str) -> None:
    make, wanted = MODELS[name]
    (tmp_path / "bad.onnx").write_bytes(make().SerializeToString())
    refused(call, tmp_path, wanted)


def test_external_data_beside_the_model(call: Caller, tmp_path: Path) -> None:
    model = outside("weights.bin", offset="8", length="128")
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    array = numpy_helper.to_array(mlp().graph.initializer[0])
    (tmp_path / "weights.bin").write_bytes(b"........" + array.tobytes())
    assert call("import", "net.onnx", "-o", "net.nn").code == 0
