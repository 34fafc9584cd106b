"""The workloads in onnxruntime, which only infers: ONNX graphs with weights as constants."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
from layers import Convolution, Dense, Layer, Line, Network, Pool, Recurrence, Transformer
from onnx import helper, numpy_helper
from workloads import Workload

VERSION = onnxruntime.__version__
THREADS = [2]
OPSET, FORMAT = 20, 10  # which both packages know
FUNCTIONS = {"relu": "Relu", "tanh": "Tanh"}


def load(threads: int) -> None:
    """Use this many threads."""
    THREADS[0] = threads


def covers(workload: Workload, variant: str) -> bool:
    """Everything but the real sizes, as far as it is inference."""
    return not any(
        isinstance(x, Network) or not getattr(x, "last", True) for x in workload.layers()
    )


class Graph:
    """Nodes in order; a value is known by its name."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, value: Any) -> str:
        """A weight."""
        name = f"c{len(self.constants)}"
        array = np.array(value, order="C")
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def add(self, operator: str, *inputs: Any, results: int = 1, **settings: Any) -> str:
        """A node; inputs are names or constants. Gives the name of its last result."""
        names = [x if isinstance(x, str) else self.constant(x) for x in inputs]
        given = [f"v{len(self.nodes)}_{k}" for k in range(results)]
        self.nodes.append(helper.make_node(operator, names, given, **settings))
        return given[-1]

    def reshaped(self, x: str, *shape: int) -> str:
        """The same numbers."""
        return self.add("Reshape", x, np.array(shape, np.int64))

    def layer(self, layer: Layer, values: list[np.ndarray], x: str) -> str:
        """One layer; images have their channels first within."""
        match layer:
            case Line():
                return self.add("Add", self.add("Mul", x, values[1]), values[0])
            case Pool():
                return self.add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
            case Recurrence():
                return recurrence(self, layer, values, x)
            case Transformer():
                return transformer(self, layer, values, x)
            case Convolution():
                W = values[0].transpose(0, 3, 1, 2)
                pads = [*layer.padding, *layer.padding]
                y = self.add("Conv", x, W, values[1], strides=[*layer.stride], pads=pads)
            case Dense():
                y = self.add("Gemm", x, values[0].T, values[1])
        return self.add(FUNCTIONS[layer.after], y) if layer.after else y


def recurrence(graph: Graph, layer: Recurrence, values: list[np.ndarray], x: str) -> str:
    """The last state; ONNX has its gates in an order of its own."""
    order = {"rnn": [0], "lstm": [0, 3, 1, 2], "gru": [1, 0, 2]}[layer.kind]

    def ordered(value: np.ndarray) -> np.ndarray:
        gates = value.reshape(layer.gates, layer.units, *value.shape[1:])
        return gates[order].reshape(1, *value.shape)

    W, U, b, *more = map(ordered, values)
    biases = np.concatenate([b, more[0] if more else np.zeros_like(b)], 1)
    settings = {"linear_before_reset": 1} if layer.kind == "gru" else {}
    turned = graph.add("Transpose", x, perm=[1, 0, 2])
    last = graph.add(
        layer.kind.upper(), turned, U, W, biases, results=2, hidden_size=layer.units, **settings
    )
    if layer.kind == "lstm":  # its results are all states, the last state and the last cell
        graph.nodes[-1].output.append("cell")
    return graph.reshaped(last, -1, layer.units)


def transformer(graph: Graph, layer: Transformer, values: list[np.ndarray], x: str) -> str:
    """The block."""
    E, P, g1, b1, Wqkv, bqkv, Wo, bo, g2, b2, W1, c1, W2, c2, g3, b3, Wu, bu = values
    d, heads, t, add = layer.width, layer.heads, layer.length, graph.add

    def norm(v: str, g: np.ndarray, b: np.ndarray) -> str:
        return add("LayerNormalization", v, g, b, epsilon=1e-5)

    def linear(v: str, W: np.ndarray, b: np.ndarray) -> str:
        return add("Add", add("MatMul", v, W.T), b)

    h = add("Add", add("MatMul", x, E), P)
    qkv = graph.reshaped(linear(norm(h, g1, b1), Wqkv, bqkv), -1, t, 3, heads, d // heads)
    turned = add("Transpose", qkv, perm=[2, 0, 3, 1, 4])
    q, k, v = (add("Gather", turned, np.array(n), axis=0) for n in range(3))
    later = np.triu(np.full((t, t), -1e30, np.float32), 1)
    scale = np.float32((d // heads) ** -0.5)
    s = add("Mul", add("MatMul", q, add("Transpose", k, perm=[0, 1, 3, 2])), np.array(scale))
    a = add("MatMul", add("Softmax", add("Add", s, later), axis=-1), v)
    a = graph.reshaped(add("Transpose", a, perm=[0, 2, 1, 3]), -1, t, d)
    h = add("Add", h, linear(a, Wo, bo))
    m = add("Gelu", linear(norm(h, g2, b2), W1, c1), approximate="tanh")
    h = add("Add", h, linear(m, W2, c2))
    return linear(norm(h, g3, b3), Wu, bu)


class Run:
    """One workload."""

    steps = 0

    def __init__(self, workload: Workload) -> None:
        self.graph, self.given = Graph(), workload.start()
        data = workload.data()
        name = "z1" if workload.loss == "gan" else "x"
        self.read = {name: images_first(data[name])}
        if workload.loss == "vae":
            self.read["eps"] = data["eps"]
            output = self.decoded(workload)
        else:
            output = self.part(workload, "net", name)
        if workload.loss == "gan":
            output = self.graph.add("Tanh", output)
        self.session = self.compiled(output)
        self.output = [output]

    def part(self, workload: Workload, name: str, x: str) -> str:
        """A part of the network; its layers come in the order of their values."""
        image = len(workload.image) == 3
        for layer in workload.parts[name]:
            if image and isinstance(layer, Dense):  # in the order rows, columns, channels
                x = self.graph.add("Flatten", self.graph.add("Transpose", x, perm=[0, 2, 3, 1]))
                image = False
            x = self.graph.layer(layer, [next(self.given) for _ in layer.shapes()], x)
        return x

    def decoded(self, workload: Workload) -> str:
        """The VAE's output."""
        add, sizes = self.graph.add, np.array([2, 2], np.int64)
        log_var = add("Split", self.part(workload, "encode", "x"), sizes, results=2, axis=1)
        mu = self.graph.nodes[-1].output[0]
        half = add("Exp", add("Mul", log_var, np.array(0.5, np.float32)))
        return self.part(workload, "decode", add("Add", mu, add("Mul", half, "eps")))

    def compiled(self, output: str) -> Any:
        """The graph, checked and optimised."""
        inputs = [
            helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, value.shape)
            for name, value in self.read.items()
        ]
        result = helper.make_tensor_value_info(output, onnx.TensorProto.FLOAT, None)
        graph = helper.make_graph(self.graph.nodes, "net", inputs, [result], self.graph.constants)
        opsets = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=FORMAT)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = THREADS[0]
        return onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    def infer(self) -> Any:
        """The output."""
        return self.session.run(self.output, self.read)[0]

    def wait(self, token: Any) -> None:
        """Nothing is left to do."""

    def numbers(self, token: Any) -> np.ndarray:
        """They are such."""
        return token


def images_first(value: np.ndarray) -> np.ndarray:
    """Channels before rows and columns, once."""
    return np.ascontiguousarray(value.transpose(0, 3, 1, 2)) if value.ndim == 4 else value


def build(workload: Workload, variant: str) -> Run:
    """A run."""
    return Run(workload)
