"""Several ranks against one machine, through `mpiexec`: the same bits where the batch is laid out
alike, else the same but for rounding; and what happens where a rank is unlike the others, or lost.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.pipeline import compile_file
from gradc_runtime.cli.actions import train_ranks
from gradc_runtime.cpu.partition.rank_shares import shares_of
from gradc_runtime.ranks.launched import AS_ONE, INSTALL, wants_one_machine
from gradc_runtime.session.checkpoint import read_checkpoint
from gradc_runtime.session.session import Session
from gradc_runtime.system.errors import RankLost, RanksError
from tests.runtime.ranks.on_ranks import trained

ROOT = Path(__file__).parents[3]
GRADC = [sys.executable, "-m", "gradc_runtime.cli"]
MNIST = "specs/mnist_cnn.nn"
JOBS = (  # dense with deferred products, convolution, batch statistics, sequences, two networks
    ("specs/autoencoder.nn", 40), (MNIST, 40), ("specs/batch_norm_cnn.nn", 40),
    ("specs/row_digits.nn", 40), ("specs/gan.nn", 40),
)  # fmt: skip
LONGEST = 60.0


def prefix() -> Path:
    """Where mpi4py is installed, and what comes with it."""
    found = find_spec("mpi4py")
    assert found is not None and found.origin is not None, "asked only where it is installed"
    return Path(found.origin).parents[4]


def mpiexec() -> str | None:
    if find_spec("mpi4py") is None:
        return None
    beside = prefix() / "bin" / "mpiexec"
    return str(beside) if beside.is_file() else shutil.which("mpiexec")


needs_mpi = pytest.mark.skipif(
    mpiexec() is None, reason="mpi4py or mpiexec is missing: pip install mpi4py mpich"
)


def environment(**more: str) -> dict[str, str]:
    library = prefix() / "lib" / "libmpi.so.12"
    found = {"MPI4PY_LIBMPI": str(library)} if library.is_file() else {}
    return {**os.environ, "GRADC_RANK_TIMEOUT": "20", **found, **more}


def started(*commands: list[str], ranks: list[int], **more: str) -> subprocess.Popen[str]:
    """`mpiexec` with so many ranks of each command."""
    words = [str(mpiexec())]
    for k, (count, command) in enumerate(zip(ranks, commands, strict=True)):
        words += [":"] * (k > 0) + ["-n", str(count), *command]
    return subprocess.Popen(
        words, cwd=ROOT, env=environment(**more), text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def said(lines: str) -> list[str]:
    return [line for line in lines.splitlines() if line.startswith("gradc: ")]


@pytest.fixture(scope="module")
def alone() -> list[dict[str, Any]]:
    return [trained(str(ROOT / spec), batch) for spec, batch in JOBS]


def is_laid_out_alike(spec: str, batch: int, ranks: int) -> bool:
    program = compile_file(ROOT / spec)
    assert program.training is not None
    steps = (program.entries[step.entry] for step in program.training.steps)
    found = [shares_of(entry, batch, ranks) for entry in steps]
    return all(shares is None or shares.as_alone for shares in found)


@needs_mpi
@pytest.mark.parametrize(
    ("ranks", "as_one"), [(2, "0"), (3, "0"), pytest.param(4, "1", marks=pytest.mark.wide)]
)
def test_ranks_come_to_what_one_machine_does(
    ranks: int, as_one: str, alone: list[dict[str, Any]]
) -> None:
    jobs = [word for spec, batch in JOBS for word in (spec, str(batch))]
    words = str(1000 if ranks == 3 else MACHINE.rank_message)
    process = started([sys.executable, str(Path(__file__).parent / "on_ranks.py"), *jobs],
                      ranks=[ranks], PYTHONPATH=os.pathsep.join(sys.path),
                      WORDS_OF_A_MESSAGE=words, GRADC_RANK_BITS=as_one)  # fmt: skip
    out, err = process.communicate(timeout=LONGEST)
    assert process.returncode == 0, err
    told = [json.loads(line) for line in out.splitlines()]
    assert len(told) == ranks
    assert all(one == told[0] for one in told), "all ranks have the same bits and rows"
    alike = [as_one == "1" or is_laid_out_alike(spec, batch, ranks) for spec, batch in JOBS]
    assert any(alike[1:4]), "some are laid out as on one machine"
    for found, wanted, same in zip(told[0], alone, alike, strict=True):
        if same:
            assert found == wanted
        else:
            require_close(found, wanted)


def require_close(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    for part in ("row", "sums"):
        assert found[part].keys() == wanted[part].keys()
        values = [[of[part][name] for name in sorted(wanted[part])] for of in (found, wanted)]
        np.testing.assert_allclose(*values, rtol=2e-3, atol=1e-5)


def training(out: Path, *more: str) -> list[str]:
    return [*GRADC, "train", MNIST, "--out", str(out), "--name", "run", "--batch", "48", *more]


def weights(out: Path) -> dict[str, Any]:
    newest = max((out / "run" / "checkpoints").glob("step-*.safetensors"))
    return dict(read_checkpoint(newest).tensors)


@needs_mpi
def test_lost_rank_is_named_and_others_go_on(tmp_path: Path) -> None:
    command = training(tmp_path, "--epochs", "100", "--save-every", "0.2")
    process = started(command, ranks=[3])
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("epoch "):
            break
    os.kill(worker(process.pid, "1"), signal.SIGKILL)
    lines = said(process.communicate(timeout=LONGEST)[1])
    assert process.returncode == 1
    assert len(lines) == 1 and "rank 1 (on " in lines[0] and "SIGKILL" in lines[0]
    step = read_checkpoint(max((tmp_path / "run" / "checkpoints").glob("step-*"))).state
    epochs = step["position"]["epoch"] + 1
    resumed = started(training(tmp_path, "--resume", "--epochs", str(epochs)), ranks=[2])
    err = resumed.communicate(timeout=LONGEST)[1]
    assert resumed.returncode == 0, err
    assert "resumed after step" in err and "hidden by computing; seconds waited: " in err
    alone = Session(compile_file(ROOT / MNIST))
    alone.train(batch=48, epochs=epochs)
    assert is_laid_out_alike(MNIST, 48, 3) and is_laid_out_alike(MNIST, 46, 3), "the last has 46"
    found, wanted = weights(tmp_path), alone.tables.saved()
    assert all(np.array_equal(found[name], wanted[name]) for name in wanted)


def worker(root: int, rank: str) -> int:
    """The process that trains as a rank: the child of the one that `mpiexec` knows."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            own = (entry / "environ").read_bytes().split(b"\0")
            if f"PMI_RANK={rank}".encode() in own and root in (line := ancestry(int(entry.name))):
                found.append((len(line), line[0]))
    assert found, f"rank {rank} is not running"
    return max(found)[1]


def ancestry(process: int) -> list[int]:
    """A process, its parent, and so on."""
    found = [process]
    while found[-1] > 1:
        stat = Path(f"/proc/{found[-1]}/stat").read_text()
        found.append(int(stat.rpartition(")")[2].split()[1]))
    return found


@needs_mpi
def test_hanging_rank_is_named(tmp_path: Path) -> None:
    process = started(training(tmp_path, "--epochs", "100"), ranks=[2], GRADC_RANK_TIMEOUT="2")
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("epoch "):
            break
    os.kill(worker(process.pid, "1"), signal.SIGSTOP)
    lines = said(process.communicate(timeout=LONGEST)[1])
    assert process.returncode == 1
    assert len(lines) == 1 and "rank 1 (on " in lines[0]
    assert lines[0].endswith("has not answered for 2 s, and the run ends")


@needs_mpi
def test_rank_with_another_spec_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.nn"
    other.write_text((ROOT / MNIST).read_text() + "\n# another\n")
    unlike = [*GRADC, "train", str(other), "--out", str(tmp_path)]
    process = started(training(tmp_path), unlike, ranks=[1, 1])
    lines = said(process.communicate(timeout=LONGEST)[1])
    assert process.returncode == 1
    assert len(lines) == 1 and lines[0].startswith("gradc: rank 1 (on ")
    assert lines[0].endswith("has another spec than rank 0")


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    hidden = tmp_path / "mpi4py"
    hidden.mkdir()
    (hidden / "__init__.py").write_text("raise ImportError('not here')\n")
    env = {**os.environ, "PMI_SIZE": "2", "PMI_RANK": "0"}
    env["PYTHONPATH"] = os.pathsep.join([str(tmp_path), *sys.path])
    found = subprocess.run(training(tmp_path), cwd=ROOT, env=env, capture_output=True, text=True,
                           timeout=LONGEST)  # fmt: skip
    assert found.returncode == 1
    assert found.stderr == f"gradc: {INSTALL}\n"


def test_what_is_no_answer_to_bits_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(AS_ONE, "yes")
    with pytest.raises(RanksError, match=r"^GRADC_RANK_BITS is 0 or 1, not yes$"):
        wants_one_machine()


def test_a_message_that_fails_is_no_internal_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rank may see by a message that another is lost before anybody has named it."""

    class Fault(RuntimeError):
        pass

    class Lonely:
        mpi, first, rank, ended = SimpleNamespace(Exception=Fault), False, 1, False

        def end_at_exit(self) -> None:
            self.ended = True

    monkeypatch.setattr(train_ranks, "sleep", lambda seconds: None)
    ranks: Any = Lonely()
    message = r"a message between ranks has failed \(gone\), and the run ends; --resume"
    with pytest.raises(RankLost, match=message), train_ranks.ending_together(ranks):
        raise Fault("gone")
    assert ranks.ended
