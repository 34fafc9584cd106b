"""A signal at any moment of `gradc train` ends it with one line, code 130, and what there is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from gradc_runtime.session.checkpoint import NamedTensors
from tests.runtime.cli.calling import Caller
from tests.runtime.cli.test_train import ROOT, wait_for

LOUD = "import signal\nfor n in (1, 2, 15): signal.signal(n, signal.SIG_DFL)\n"
LOUD += "signal.signal(2, signal.default_int_handler)\nimport runpy, sys\n"
LOUD += "runpy.run_module('gradc_runtime.cli', run_name='__main__')"
EARLY = {
    "click": signal.SIGTERM,
    "numpy": signal.SIGINT,
    "gradc_compiler.elaborate.elaborate": signal.SIGHUP,
    "gradc_runtime.training.trainer": signal.SIGTERM,
}
LATE = {
    "settings.json": signal.SIGHUP,
    "checkpoints/*": signal.SIGTERM,
    "metrics.csv": signal.SIGINT,
}


def training(call: Caller, *options: str) -> subprocess.Popen[str]:
    """A long run in a process of its own, whatever the signals of this one are."""
    command = [sys.executable, *options, "-c", LOUD, "train", str(call.spec), "--target",
               "reference", "--epochs", "100000000"]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command, cwd=call.folder, env=environment, stderr=subprocess.PIPE, text=True
    )


def ended(process: subprocess.Popen[str], number: int) -> str:
    """What it says when it gets a signal, without the lines about imports."""
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    return "\n".join(line for line in err.splitlines() if not line.startswith("import time:"))


@pytest.mark.parametrize("module", EARLY)
def test_a_signal_before_there_is_anything_ends_it_with_a_line(call: Caller, module: str) -> None:
    process = training(call, "-X", "importtime")
    assert process.stderr is not None
    while line := process.stderr.readline():
        if line.split("|")[-1].strip() == module:
            break
    assert line, f"{module} is not imported"
    assert ended(process, EARLY[module]).strip().splitlines()[-1].startswith("gradc: interrupted")


@pytest.mark.parametrize("file", LATE)
def test_a_signal_in_a_run_leaves_a_checkpoint(call: Caller, file: str) -> None:
    process = training(call)
    run = call.folder / "runs" / "line"
    folder, _, name = file.rpartition("/")
    wait_for(run / folder if folder else run / name)
    err = ended(process, LATE[file])
    assert err.count("gradc: interrupted") == 1
    assert NamedTensors(run / "checkpoints").paths() or "interrupted after" not in err
    again = call("train", call.spec, "--target", "reference", "--resume", "--epochs", "1")
    assert again.code == 0, again.err


def test_one_that_is_ignored_stays_ignored() -> None:
    script = "import signal\nsignal.signal(1, signal.SIG_IGN)\n"
    script += "from gradc_runtime.system import stop_signals as s\ns.interrupt_on_signals()\n"
    script += "signal.raise_signal(1)\nwith s.stop_requests() as r: signal.raise_signal(15)\n"
    script += "try: signal.raise_signal(15)\nexcept KeyboardInterrupt: print('raised', r.signal)\n"
    script += "with s.stop_requests() as r: print(r.signal)\n"
    script += "s.ignore_signals()\nfor n in (1, 2, 15): signal.raise_signal(n)\nprint('done')"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "raised 15\n15\ndone\n"
