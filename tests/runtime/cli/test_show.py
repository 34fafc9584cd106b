"""`gradc show`, `cache` and `doctor`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from gradc_compiler.graph_tools.graph_text import parse_graph, print_graph
from gradc_compiler.rewrites.table import SWITCHED
from gradc_runtime.cli.commands.show import STAGES
from tests.runtime.cli.calling import SPECS, Caller


def test_the_graph_prints_with_names_and_lines_and_parses_back(call: Caller) -> None:
    out = call("show", call.spec).out
    head, _, text = out.partition("\n")
    assert head == "# forward/line"
    assert "line.nn:5:13" in text and "slope" in text
    assert print_graph(parse_graph(text)).count("\n") == text.count("\n")


def test_the_tree(call: Caller) -> None:
    words = call("show", call.spec, "--stage", "tree").words
    assert "declarations: Definition kind='model' name='line' # 2:1" in words


def test_the_derived_program_trains_like_the_spec(call: Caller) -> None:
    options = ("--target", "reference", "--dtype", "float64", "--json", "--name", "x")
    wanted = call("train", call.spec, *options).out.splitlines()
    derived = call.folder / "derived.nn"
    derived.write_text(call("show", call.spec, "--stage", "joint").out)
    found = call("train", derived, *options, "--batch", "4", "--epochs", "3").out.splitlines()
    assert len(wanted) == len(found) == 4
    for before, after in zip(map(json.loads, wanted), map(json.loads, found), strict=True):
        assert after["loss"] == pytest.approx(before["loss"], rel=1e-12)


@pytest.mark.parametrize("stage", ["joint", "optimized"])
def test_a_step_has_derivatives_with_their_rules(call: Caller, stage: str) -> None:
    out = call("show", call.spec, "--stage", stage, "--entry", "step").out
    assert "vjp of mul" in out and "update/line.a=" in out


def test_the_schedule_and_its_kernels(call: Caller) -> None:
    schedule = call("show", call.spec, "--stage", "schedule").out
    assert "blocks of" in schedule and "for every block of examples" in schedule
    kernels = call("show", call.spec, "--stage", "kernels").out
    assert "def " in kernels and "line.nn:5:13" in kernels
    assert "all of it one kernel" in schedule and "all of step/train" in kernels


def test_the_tokens(call: Caller) -> None:
    out = call("show", call.spec, "--stage", "tokens").out
    assert "KIND:model NAME:line ( NAME:x : " in out and "minimize" in out and "SETTING:" in out


def test_the_graph_after_each_pass(call: Caller) -> None:
    entry = ("--entry", "step/train")
    out = call("show", call.spec, "--stage", "passes", *entry).out
    assert "# 1: simplify, " in out
    _, _, last = out.rpartition(" nodes\n")
    assert call("show", call.spec, "--stage", "optimized", *entry).out.endswith(last)


def test_the_stages_between_the_graph_and_the_schedule(call: Caller) -> None:
    """Each note of the schedule has a nest, each node that is stored a group and a place."""
    entry = ("--entry", "step/train")
    schedule = call("show", call.spec, "--stage", "schedule", *entry).out
    nests = call("show", call.spec, "--stage", "nests", *entry).out
    notes = [line.partition("# ")[2] for line in schedule.splitlines() if "  # %" in line]
    assert notes and all(f"# {note}\n" in nests for note in notes)
    groups = call("show", call.spec, "--stage", "groups", *entry).out
    assert groups.index("batch stage 0:") < groups.index("serial stage 1:")
    memory = call("show", call.spec, "--stage", "memory", *entry).out.splitlines()[1:]
    stored = [line.partition("  %")[2].partition(" ")[0] for line in memory]
    assert stored and all(f"%{id} " in groups for id in stored)
    assert any(line.startswith("partial+") for line in memory)
    target = call("show", call.spec, "--stage", "target", *entry).out
    assert all(f"\n%{id} = " in target for id in stored)


def test_the_schedule_of_a_recurrence(call: Caller) -> None:
    spec = call.folder / "recurrent.nn"
    spec.write_text("model f(xs : seq [3]) -> seq [2] { xs |> both(elman(1), elman(1)) }\n")
    lines = call("show", spec, "--stage", "schedule").out.splitlines()
    assert "  for every step of xs:" in lines and "  for every step of xs, backwards:" in lines
    assert any("an element of xs" in line for line in lines)
    start = lines.index("  for every step of xs:")
    assert lines[start + 1].startswith("    ") and " over xs" not in lines[start + 1]
    assert any(line.startswith("  contract") and " over xs " in line for line in lines)
    (data,) = call("show", spec, "--stage", "schedule", "--json").data.values()
    assert [loop["backwards"] for p in data["phases"] for loop in p["loops"]] == [False, True]


def test_the_kernels_of_a_gpu(call: Caller) -> None:
    options = ("--stage", "kernels", "--target", "cuda")
    kernels = call("show", call.spec, *options).out
    assert "range(thread(), total, threads())" in kernels and "line.nn:5:13" in kernels
    data = call("show", call.spec, *options, "--json").data["step/train"]
    assert all(kernel["source"] in kernels for kernel in data)


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage != "ptx"])
def test_every_stage_is_data_too(call: Caller, stage: str) -> None:
    answer = call("show", call.spec, "--stage", stage, "--json")
    assert answer.code == 0 and answer.data


def test_dot(call: Caller) -> None:
    out = call("show", call.spec, "--dot").out
    assert out.startswith('digraph "forward/line" {') and out.endswith("}\n")
    assert out.count(" -> ") == 5


def test_a_picture_of_a_step_tells_forward_from_backward_and_has_no_dead_ends(call: Caller) -> None:
    out = call("show", call.spec, "--stage", "joint", "--entry", "gradients", "--dot").out
    nodes = dict(re.findall(r"^  (\w+) \[(.*)\];$", out, re.MULTILINE))
    read = {*re.findall(r"^  (\w+) -> ", out, re.MULTILINE)}
    assert {name for name in nodes if not name.startswith("out")} == read
    colours = ["mistyrose" in how for how in nodes.values()]
    assert any(colours) and not all(colours)
    assert "plaintext" not in out, "numbers stand in the labels of those that read them"


def test_a_pass_can_be_left_out(call: Caller) -> None:
    options = ("--stage", "optimized", "--entry", "step/train")
    assert len(call("show", call.spec, *options, "--without", "simplify").out) > len(
        call("show", call.spec, *options).out
    )


def test_cache(call: Caller, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("GRADC_CACHE", str(folder))
    (folder / "0.object").write_bytes(b"damaged")
    assert call("cache").out == f"{folder}: 1 kernel, 7 bytes\n"
    verified = call("cache", "verify", "--json")
    assert verified.code == 1 and verified.data["rejected"] == ["0.object"]
    assert call("cache", "clear").out == "1 kernel removed, 7 bytes\n"
    assert call("cache", "--json").data["entries"] == 0
    assert call("cache", "verify").code == 0


def test_doctor(call: Caller) -> None:
    rows = {row["topic"]: row for row in call("doctor", "--json").data}
    assert {"python", "numba", "processor", "cache", "threads", "cuda", "data"} <= set(rows)
    assert "float32" in rows["vectors"]["found"]
    assert "python" in call("doctor").words


def test_each_target_has_a_graph_of_its_own(call: Caller) -> None:
    """That of a GPU is that of a CPU without what is made for a CPU alone."""
    spec = SPECS / "mnist_cnn.nn"
    show = ("show", spec, "--stage", "target", "--entry", "gradients")
    off = [name for name, row in SWITCHED.items() if row.targets == ("cpu",)]
    without = [word for name in off for word in ("--without", name)]
    cpu, cuda = call(*show).out, call(*show, "--target", "cuda").out
    assert cpu != cuda == call(*show, *without).out


def test_code_of_the_machine(call: Caller) -> None:
    """The last stages: LLVM's language and assembly of the kernels that the spec itself made."""
    llvm = call("show", call.spec, "--stage", "llvm").out
    assert "define " in llvm and "@kernel" in llvm
    assert "retq" in call("show", call.spec, "--stage", "asm").out or "ret" in llvm
    (first, *_) = call("show", call.spec, "--stage", "llvm", "--format", "json").data.values()
    assert first and all("define " in kernel["code"] for kernel in first)


def test_ptx_or_one_line_that_says_what_it_needs(call: Caller) -> None:
    answer = call("show", call.spec, "--stage", "ptx")
    if answer.code == 0:
        assert ".visible .entry" in answer.out
    else:
        assert answer.code == 2 and "pip install 'gradc[cuda-test]'" in answer.err


def test_formats_of_a_graph(call: Caller) -> None:
    assert call("show", call.spec, "--format", "dot").out.startswith("digraph")
    assert (
        call("show", call.spec, "--format", "json").data == call("show", call.spec, "--json").data
    )
    answer = call("show", call.spec, "--format", "svg")
    assert "<svg" in answer.out if answer.code == 0 else "apt install graphviz" in answer.err
    buffers = call("show", call.spec, "--stage", "buffers")
    assert buffers.out == call("show", call.spec, "--stage", "memory").out != ""


def test_a_stage_may_be_spelt_as_the_documents_spell_it(call: Caller) -> None:
    told = [call("show", call.spec, "--stage", f"optimi{letter}ed").out for letter in "sz"]
    assert told[0] and told[0] == told[1]
