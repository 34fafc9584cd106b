"""A pass is one file and one row: one is added to a copy of the tree, and is there everywhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from shutil import copytree, ignore_patterns

ROOT = Path(__file__).resolve().parents[4]
FILE = '''"""The sine of a negative number is the negative of its sine.

    sin(-x) = -sin(x)          exact, as a sine is computed from the size of x
"""

from __future__ import annotations

from gradc_compiler.graph.graph import Builder, Graph


def odd_sines(graph: Graph) -> Graph:
    """Take a sign out of every sine."""
    builder, mapping = Builder(), dict[int, int]()
    for node in graph.nodes:
        source = graph[node.inputs[0]] if node.inputs else node
        if node.op.name == "sin" and source.op.name == "neg":
            x = builder.value(mapping[source.inputs[0]])
            mapping[node.id] = (-x.apply("sin", x)).id
        else:
            mapping[node.id] = builder.copy(node, [mapping[i] for i in node.inputs])
    return builder.graph({name: mapping[id] for name, id in graph.outputs.items()})
'''
IMPORT = "from gradc_compiler.rewrites.algebra.odd_sines import odd_sines\n"
ROW = '    "odd": row(run=whole(odd_sines), law="The sine of a negative number"),\n'
BEFORE = '    "cse":'
TRIED = """
import numpy as np
from gradc_compiler.pipeline import OPTIONAL, compile_source
from gradc_runtime.session.session import Session

assert "odd" in OPTIONAL
text = "model f(x : [3]) -> [3] { sin(-x) }"
orders, values = [], []
for without in ((), ("odd",)):
    program = compile_source(text, without=without)
    (entry,) = program.entries.values()
    orders.append([node.op.name for node in entry.graph.nodes])
    x = np.linspace(-2, 2, 6).reshape(2, 3)
    values.append(Session(program, "cpu", "float64", 1, 3).run("f", x=x))
assert orders == [["input", "sin", "neg"], ["input", "neg", "sin"]], orders
np.testing.assert_array_equal(*values)
"""


def test_a_pass_is_one_file_and_one_row(tmp_path: Path) -> None:
    for package in ("compiler", "runtime"):
        copytree(
            ROOT / package, tmp_path / f"gradc_{package}", ignore=ignore_patterns("__pycache__")
        )
    folder = tmp_path / "gradc_compiler/rewrites/algebra"
    (folder / "odd_sines.py").write_text(FILE)
    table = folder.with_name("table.py")
    head, body = table.read_text().split("\n\nrow, later = ", 1)
    assert BEFORE in body
    body = body.replace(BEFORE, ROW + BEFORE, 1)
    table.write_text(f"{head}\n{IMPORT}\nrow, later = {body}")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    told = ["-m", "gradc_runtime.cli", "explain", "optimisations", "--json"]
    for arguments in (["-c", TRIED], told):
        run = subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, env=environment, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        assert run.returncode == 0, run.stdout + run.stderr
    assert '"name": "odd"' in run.stdout and "The sine of a negative" in run.stdout
