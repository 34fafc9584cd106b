"""Hostile specs, through the command line: a located error within 5 s and 500 MB, exit code 1.

Nothing in a spec may run code, read a file outside its directory, or keep the compiler busy: names,
nesting, shapes, numbers of layers, values that hold each other twice, imports.  One process,
limited in memory, checks all of them; whether they are told well is tested in `test_errors`.
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECONDS, MEGABYTES = 20, 500  # what is quadratic takes minutes; a busy core doubles what is not
FEW_THREADS = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def body(text: str) -> str:
    """A model of this text."""
    return f"model f(x : [3]) -> [3] {{\n{text}\n}}\n"


def doubling(first: str, step: str, last: str, times: int = 60) -> str:
    """Statements that each use the one before twice."""
    lines = [f"a{k + 1} = {step.replace('?', f'a{k}')}" for k in range(times)]
    return body("\n".join([f"a0 = {first}", *lines, last.replace("?", f"a{times}")]))


def each_of(count: int, text: str) -> str:
    """A text many times, numbered at every `?`."""
    return "".join(text.replace("?", str(k)) for k in range(count))


TWO = "layer two(a : layer, b : layer)(x : t) -> t { x |> a |> b }\n"
TRAIN = 'data d(x : [3]) = csv("d.csv")\ntrain on d { minimize sum(f(x)) using o }\n'

ATTACKS: dict[str, tuple[str | bytes, str]] = {
    # name                          text, code of the first error
    "an empty file": ("", "E0109"),
    "bytes that are no text": (b"model f(x : \xff\xfe) { x }\n", "E0101"),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00\x00\x00", "E0101"),
    "NUL": (body("x\0"), "E0102"),
    "an escape": ("# \x1b]0;title\x07\n" + body("x"), "E0102"),
    "text from right to left": (body("x  # \u202e } 3 \u2066"), "E0102"),
    "a call of Python": (body("__import__('os').system('true')"), "E0105"),
    "a name of Python called": (body('__import__("os")'), "E0201"),
    "an attribute of Python": (body("x.__class__.__bases__"), "E0201"),
    "a lambda": (body("(lambda: x)()"), "E0201"),
    "a name of two lines": ('layer "x); import os\n#" (x) { x }\n', "E0105"),
    "a line of a megabyte": (body("x" + " + x" * 250_000), "E0106"),
    "a name of a megabyte": (body("x" * 1_000_000), "E0106"),
    "a million lines": (body("x\n" * 1_000_000), "E0106"),
    "five megabytes": ("# five\n" * 800_000, "E0106"),
    "10,000 parentheses": (body("(\n" * 10_000 + "x" + ")\n" * 10_000), "E0107"),
    "10,000 brackets and no end": (body("[\n" * 10_000), "E0107"),
    "10,000 operators": (body("(x" + "\n+ x" * 10_000 + ")"), "E0107"),
    "10,000 powers": (body("(x" + "\n^ 2" * 10_000 + ")"), "E0107"),
    "10,000 stages": (body("x" + "\n|> relu" * 10_000), "E0107"),
    "10,000 minus signs": (body("(" + "-\n" * 10_000 + "x)"), "E0107"),
    "10,000 choices": (body("(" + "x if true else\n" * 10_000 + "x)"), "E0107"),
    "10,000 calls": (body("x" + "(1)" * 3_000), "E0107"),
    "10,000 types": ("model f(x : " + "seq " * 2_000 + "[3]) { x }\n", "E0107"),
    "100,000 layers": (body("x = x |> dense(3)\n" * 100_000 + "x"), "E0106"),
    "a shape of 10^12": ("model f(x : [1_000_000_000_000]) -> scalar { sum(x) }\n", "E0410"),
    "a shape of 10^18": (body("x |> dense(1_000_000_000_000_000_000)"), "E0410"),
    "a shape of 10^40": (body("x |> dense(1" + "0" * 39 + ")"), "E0410"),
    "a matrix of 10^12": (body("x |> dense(1_000_000) |> dense(1_000_000)"), "E0410"),
    "an image of 10^12": ("model f(x : [1_000_000, 1_000_000]) { x |> as([1]) }\n", "E0410"),
    "padding of 10^11": (body("pad(x, 0, 100_000_000_000)[:3]"), "E0410"),
    "classes of 10^11": ("model f(x : class(3)) { one_hot(x, 100_000_000_000) }\n", "E0410"),
    "an initializer of 10^11": (
        "initializer big { sum(zeros([100_000_000_000])) }\n" + body("param W : [3] ~ big; x + W"),
        "E0410"),
    "numbers that grow": (body("x * 9^9^9^9^9"), "E0402"),
    "numbers that are squared": (doubling("3", "? * ?", "x * ?"), "E0402"),
    "tensors that are doubled": (doubling("x", "concat(?, ?)", "?"), "E0410"),
    "tuples that are doubled": (doubling("(x, x)", "(?, ?)", "? + 1"), "E0411"),
    "shapes that are doubled": (doubling("[x, x]", "[?, ?]", "? + 1"), "E0410"),
    "chains that are doubled": (doubling("relu |> relu", "? |> ?", "x |> repeat(2, ?)"), "E0411"),
    "settings that are doubled": (
        TWO + doubling("two(relu, relu)", "two(?, ?)", "x |> repeat(2, ?)"), "E0411"),
    "definitions that double": (
        "".join(f"layer l{k}(x : t) -> t {{ x |> l{k + 1} |> l{k + 1} }}\n" for k in range(50))
        + "layer l50(x : t) -> t { x }\n" + body("x |> l0"), "E0411"),
    "parameters that double": (
        "layer l0(x : [n]) -> [n] { param b : [n] = 0; x + b }\n"
        + "".join(f"layer l{k + 1}(x : t) -> t {{ x |> l{k} |> l{k} }}\n" for k in range(40))
        + body("x |> l40"), "E0411"),
    "definitions 500 deep": (
        "".join(f"layer l{k}(x : t) -> t {{ x |> l{k + 1} }}\n" for k in range(500))
        + "layer l500(x : t) -> t { x }\n" + body("x |> l0"), "E0412"),
    "layers in a circle": (
        "layer a(x : t) -> t { x |> b }\nlayer b(x : t) -> t { x |> a }\n" + body("x |> a"),
        "E0412"),
    "32 lengths": (
        "model f(" + ", ".join(f"x{k} : seq [1]" for k in range(32)) + ") -> [1] { last(x0) }",
        "E0411",
    ),
    "repeated 10^9 times": (body("x |> repeat(1_000_000_000, dense(3))"), "E0411"),
    "repeated 10^80 times": (body("x |> " + "repeat(10000, " * 20 + "relu" + ")" * 20), "E0411"),
    "repeated for each": (body("x |> each(repeat(10000, repeat(10000, relu)))"), "E0411"),
    "many large models": (
        each_of(1_000, "model f?(x : [3]) -> [3] { x |> repeat(10000, relu) }\n"), "E0411"),
    "derivatives of derivatives": (
        "model f(x : scalar) -> scalar { " + "grad(" * 40 + "tanh(x)" + ", x)" * 40 + " }\n",
        "E0411"),
    "a large update rule": (
        "optimizer o(p, g) {\n" + each_of(2_000, "a? = p * ?\n") + "p' = p\n}\n"
        + body("x |> repeat(500, dense(3))") + TRAIN, "E0411"),
    "unknown names": (body(each_of(10_000, "a? = b?\n") + "x"), "E0201"),
    "wrong claims": (body("a = x : [4]\n" * 6_000 + "x"), "E0301"),
    "definitions of one name": ("layer a(x : t) -> t { x }\n" * 3_000, "E0202"),
    "parameters of one name": (body("param a : [3] = 0\n" * 5_000 + "x"), "E0202"),
    "an import of itself": ('import "an_import_of_itself.nn"\n', "E0206"),
    "imports in a circle": ('import "parts/circle.nn"\n', "E0206"),
    "an import from above": ('import "../secret.nn"\n', "E0205"),
    "an import from the root": ('import "/etc/passwd"\n', "E0205"),
    "an import by a link": ('import "link.nn"\n', "E0205"),
    "an import through a linked folder": ('import "folder/secret.nn"\n', "E0205"),
    "an import of a folder": ('import "parts"\n', "E0204"),
    "an import of a device": ('import "/dev/zero"\n', "E0205"),
    "a long import": ('import "' + "a" * 5_000 + '.nn"\n', "E0204"),
    "a chain of imports": ('import "chain/0.nn"\n', "E0106"),
    "imports of much text": (each_of(20, 'import "large/?.nn"\n'), "E0106"),
}

SCRIPT = """
import contextlib, io, json, resource, sys, time
resource.setrlimit(resource.RLIMIT_AS, (MEGABYTES << 20, MEGABYTES << 20))
from gradc_runtime.cli.main import main
results = []
for path in sys.argv[1:]:
    out, err, start, code = io.StringIO(), io.StringIO(), time.process_time(), None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            sys.argv = ["gradc", "check", path]
            main()
        except SystemExit as end:
            code = end.code
    results.append((code, out.getvalue(), err.getvalue(), time.process_time() - start))
print(json.dumps(results))
"""

Answer = tuple[int, str, str, float]  # exit code, both outputs, seconds of processor time


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with every attack, and what they try to reach."""
    outside = tmp_path_factory.mktemp("attacks")
    inside = outside / "inside"
    for name in ("parts", "chain", "large"):
        (inside / name).mkdir(parents=True)
    (outside / "secret.nn").write_text("layer secret(x : t) -> t { x }\n")
    (outside / "secret.csv").write_text("x\n1\n")
    (inside / "link.nn").symlink_to(outside / "secret.nn")
    (inside / "link.csv").symlink_to(outside / "secret.csv")
    (inside / "folder").symlink_to(outside)
    (inside / "parts" / "circle.nn").write_text('import "../imports_in_a_circle.nn"\n')
    for k in range(1_000):
        (inside / "chain" / f"{k}.nn").write_text(f'import "{k + 1}.nn"\n')
    for k in range(20):
        (inside / "large" / f"{k}.nn").write_text(f"layer a{k}(x : t) -> t {{ x }}\n#" +
                                                  "# a long comment\n" * 6_000)
    for name, (text, _) in ATTACKS.items():
        data = text if isinstance(text, bytes) else text.encode()
        file_of(inside, name).write_bytes(data)
    return inside


def file_of(folder: Path, name: str) -> Path:
    """Where an attack lies."""
    return folder / f"{re.sub('[^a-z0-9]+', '_', name.lower())}.nn"


@pytest.fixture(scope="module")
def answers(folder: Path) -> dict[str, Answer]:
    """What `gradc check` does with each."""
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT.replace("MEGABYTES", str(MEGABYTES)),
         *(str(file_of(folder, name)) for name in ATTACKS)],
        cwd=ROOT, env=FEW_THREADS, capture_output=True, text=True, check=False,
        timeout=SECONDS * len(ATTACKS))
    assert run.returncode == 0, run.stderr
    return dict(zip(ATTACKS, map(tuple, json.loads(run.stdout)), strict=True))


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_gets_a_located_error(
    answers: dict[str, Answer], folder: Path, attack: str
) -> None:
    code, out, err, seconds = answers[attack]
    head, place, *_ = err.split("\n")
    assert head.startswith(f"error[{ATTACKS[attack][1]}]: ")
    assert re.fullmatch(rf"  {re.escape(str(folder))}/[\w/]+\.nn:\d+:\d+", place)
    assert (code, out) == (1, "")
    assert "Traceback" not in err and "internal error" not in err
    assert len(err) < 100_000 and not set(err) & set("\0\x1b\u202e\u2066")
    assert seconds < SECONDS


def limited() -> None:
    """The limits of one attack, in a process of its own."""
    resource.setrlimit(resource.RLIMIT_AS, (MEGABYTES << 20, MEGABYTES << 20))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))


@pytest.mark.parametrize("attack", ["an empty file", "a shape of 10^12", "repeated 10^80 times"])
def test_from_the_start_of_the_process(folder: Path, attack: str) -> None:
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "gradc_runtime.cli",
            "check",
            "--json",
            str(file_of(folder, attack)),
        ],
        cwd=ROOT,
        env=FEW_THREADS,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limited,
    )
    assert run.returncode == 1, run.stderr
    assert run.stderr == ""
    assert json.loads(run.stdout)["errors"][0]["code"] == ATTACKS[attack][1]


@pytest.mark.parametrize(
    "path", ["../../../../../../etc/passwd", "/etc/passwd", "../secret.csv", "link.csv"])
def test_data_from_outside_is_not_read(folder: Path, tmp_path: Path, path: str) -> None:
    spec = folder / "thief.nn"
    spec.write_text(
        "model f(x : scalar) -> scalar { param w = 1; w * x }\n"
        f'data d(x : scalar) = csv("{path}")\n'
        "train on d { minimize f(x)^2 using sgd(lr = 0.1) epochs 1 }\n")
    run = subprocess.run(
        [sys.executable, "-m", "gradc_runtime.cli", "train", "--target", "reference", str(spec)],
        cwd=tmp_path, env={**FEW_THREADS, "PYTHONPATH": str(ROOT)}, capture_output=True,
        text=True, check=False)
    assert run.returncode == 1, run.stderr
    assert "--allow-path" in run.stderr and "Traceback" not in run.stderr
    assert "root:" not in run.stdout + run.stderr
