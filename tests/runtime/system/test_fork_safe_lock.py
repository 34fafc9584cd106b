"""A session in a forked child: it works, whatever another thread was at when it was forked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CHILD = """
import multiprocessing, os, signal, threading
import numpy as np
from gradc_compiler.pipeline import compile_source
from gradc_runtime.session.session import Session

SPEC = "model f(x : [37]) -> [7] { x |> dense(113) |> relu |> dense(7) }"
session = Session(compile_source(SPEC), threads=2)
x = np.random.default_rng(0).normal(size=(500, 37)).astype(np.float32)
wanted = session.run("f", x=x)

def works(_=None):
    signal.alarm(10)
    other = Session(compile_source(SPEC), threads=2)
    return all(np.array_equal(s.run("f", x=x), wanted) for s in (session, other) for _ in range(9))

with multiprocessing.get_context("fork").Pool(2) as pool:
    answers = pool.map(works, range(4))
at_it, end = threading.Event(), threading.Event()

def wait():
    with session._exclusive.lock:
        at_it.set()
        end.wait()

thread = threading.Thread(target=wait)
thread.start()
at_it.wait()
child = os.fork()
if child == 0:
    os._exit(0 if works() else 1)
answers.append(os.waitpid(child, 0)[1] == 0)
end.set()
thread.join()
print(answers)
"""


def test_a_forked_child_goes_on_with_a_session() -> None:
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CHILD], capture_output=True, cwd=root, timeout=120
    )
    assert done.stdout.split() == [b"[True,", *[b"True,"] * 3, b"True]"], done.stderr
