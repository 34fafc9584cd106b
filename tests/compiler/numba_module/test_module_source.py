"""A spec as a Numba module: trained in a process without gradc, it is what a session is."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

from gradc_compiler.numba_module.module_names import PublicNames
from gradc_runtime.data import split
from tests.compiler.numba_module.emitting_numba import (
    PLAIN,
    SPECS,
    Module,
    compare,
    differentiated_beside,
    drawn,
    module_of,
    run_beside,
    trained_beside,
)

CLOSE = {"rtol": 1e-9, "atol": 1e-10}  # float64: sums in another order


@pytest.mark.wide
def test_it_trains_mnist_cnn_to_the_same_loss(tmp_path: Path) -> None:
    made = module_of("mnist_cnn", tmp_path, "float64")
    data = made.session.dataset()
    train, held_out = split(data, 0.2, 0)
    names = ["image", "label"]
    batches = []
    for first in range(0, train.examples, 32):
        batch = train.take(slice(first, first + 32), names)
        batches.append({name: np.asarray(batch[name]) for name in names})
    rest = {name: np.asarray(held_out.take(slice(None), names)[name]) for name in names}
    calls = [("step", batch) for batch in batches]
    *steps, scores = made.run([*calls, ("predict", {"image": rest["image"]})])
    wanted = [made.session.step(**batch) for batch in batches]
    compare(steps, wanted, rtol=1e-8, atol=1e-10)
    assert np.mean([s["loss"] for s in steps[-5:]]) < 0.7 * steps[0]["loss"]
    compare(scores, made.session.run("digit", image=rest["image"]), rtol=1e-7, atol=1e-8)


def test_it_is_readable(tmp_path: Path) -> None:
    text = module_of("mnist_cnn", tmp_path).text
    assert "    # line 5: |> conv(16, 3x3, stride = 2) |> relu    : [7, 7, 16]" in text
    assert "digit_conv1_W[k * 25 + l * 5 + o]" in text
    imported = {alias.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import)
                for alias in node.names}  # fmt: skip
    assert imported == {"base64", "json", "math", "zlib", "numba", "numpy"}
    for name in ("digit", "predict", "loss_and_gradients", "step", "start", "load", "save"):
        assert f"\ndef {name}(" in text or f"\n{name} = " in text


def test_equal_loops_are_written_once(tmp_path: Path) -> None:
    text = module_of("mnist_cnn", tmp_path).text
    bodies = [part.partition("(")[2] for part in text.split("@njit\ndef ")[1:]]
    functions = [body.partition("\n\n\n")[0] for body in bodies]
    assert len(set(functions)) == len(functions)
    assert text.count("line_5_2(n, ") == 3  # written once; in the gradients, in the step


SEVERAL = [pytest.param(name, marks=pytest.mark.wide) for name in ("row_digits", "vae", "gan")]


@pytest.mark.parametrize("spec", SEVERAL)
def test_sequences_noise_and_several_steps(tmp_path: Path, spec: str) -> None:
    trained_beside(module_of(spec, tmp_path, "float64"), steps=3, count=5, **CLOSE)


OVER_TIME = """
model total(x : seq [2]) -> scalar { x |> scan(elman(3)) |> last |> dense(1) |> as(scalar) }
data sums(x : seq [2], y : scalar) = npz("none.npz")
train on sums {
    minimize (total(x) - y)^2
    using sgd(lr = 1e-2), clip(norm = 1), batch 8
}
"""


def test_a_short_recurrence(tmp_path: Path) -> None:
    trained_beside(Module(OVER_TIME, tmp_path, "sums", "float64"), steps=3, count=5, **CLOSE)


MLP = """
model f(x : [3]) -> [2] { x |> dense(4) |> tanh |> dense(2) }
data points(x : [3], y : [2]) = csv("none.csv")
train on points {
    minimize sum((f(x) - y)^2)
    using adam(lr = 1e-2), batch 8
}
"""


def test_an_mlp(tmp_path: Path) -> None:
    made = Module(MLP, tmp_path, "mlp")
    run_beside(made, "f", 70, rtol=1e-5, atol=1e-6)
    differentiated_beside(made, 5, rtol=1e-4, atol=1e-6)
    trained_beside(made, 5, 5, rtol=1e-4, atol=1e-5)


HOSTILE = '''
model int(double : [3], n : [2], e : class(4), sum : [3], v1 : [2], lambda : [3], np : [3]) -> (
    first : [3], given : [2]
) {
    first = double + lambda * sin(np) + sum(one_hot(e)) + lgamma(double + 3) + cumsum(np)
    given = n * 2 + v1
    (first, given)
}
# """ and \\ end no string
'''


def test_hostile_names(tmp_path: Path) -> None:
    text = HOSTILE.replace("sum : [3]", "total : [3]").replace("lambda", "yield")
    made = Module(text, tmp_path, "hostile")
    inputs = drawn(made.program.inputs["int"], 4)
    wanted = made.session.run("int", **inputs)
    names = PublicNames()
    given = {names.take(name): value for name, value in inputs.items()}
    (found,) = made.run([("predict", given)])
    compare(found, wanted, rtol=1e-5, atol=1e-6)


ALONG_AXES = """
model f(x : [6], carry : [1100]) -> (y : [6], total : [1100]) {
    param w : [6] = 1
    (cumsum(sort(x * w)) + sort(w), cumsum(carry))
}
data d(x : [6], carry : [1100], y : [6]) = csv("none.csv")
train on d {
    out = f(x, carry)
    minimize sum((out.y - y)^2) + sum(out.total) / 1e6
    using sgd(lr = 1e-2), batch 8
}
"""


@pytest.mark.wide
def test_orders_and_running_sums(tmp_path: Path) -> None:
    made = Module(ALONG_AXES, tmp_path, "along")
    run_beside(made, "f", 5, rtol=1e-6)
    trained_beside(made, 3, 8, rtol=1e-5)


@pytest.mark.wide
@pytest.mark.parametrize("spec", [path.stem for path in sorted(SPECS.glob("*.nn"))])
def test_every_function(tmp_path: Path, spec: str) -> None:
    made = module_of(spec, tmp_path, "float64")
    for model in made.program.models:
        run_beside(made, model, 4, **CLOSE)
    differentiated_beside(made, 4, **CLOSE)
    trained_beside(made, 2, 4, **CLOSE)
    for model in made.program.models:
        run_beside(module_of(spec, tmp_path, "float64"), model, 3, **CLOSE)


COLLIDING = """
model one(x : [2]) -> [2] { x |> dense(2) }
model run_one(x : [2]) -> [2] { line_2 = x |> dense(2) |> tanh
    line_2 + 1 }
model step_b(run_one : [2], rows_of_xs : [2]) -> [2] { run_one * 2 + rows_of_xs }
data d(x : [2]) = csv("none.csv")
train on d {
    step a { minimize sum(one(x)^2) using adam(lr = 1e-2) }
    step b { minimize sum(run_one(x)^2) using sgd(lr = 1e-2) }
}
# \\N{no} \\x \\u1
"""


def test_functions_of_the_module_and_of_the_spec_are_apart(tmp_path: Path) -> None:
    """`step_b` is the step, and a module's own `run_one` did the work of a model of that name."""
    made = Module(COLLIDING.replace("\\\\", "\\"), tmp_path, "numba", "float64", "reference")
    assert made.name == "numba_of_spec"
    x, session = np.ones((2, 2)), made.session
    found = made.run([
        ("one", {"x": x}), ("run_one", {"x": x}),
        ("step_b_2", {"run_one": x, "rows_of_xs": x}), ("step", {"x": x}),
    ], PLAIN)  # fmt: skip
    wanted = [session.run("one", x=x), session.run("run_one", x=x), 3 * x, session.step(x=x)]
    for value, other in zip(found, wanted, strict=True):
        compare(value, other, **CLOSE)
