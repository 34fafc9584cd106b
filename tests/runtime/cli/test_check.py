"""`gradc check` and `gradc fmt`."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradc_runtime.cli.actions.check import owned
from gradc_runtime.cli.actions.model_stages import stages
from gradc_runtime.cli.actions.request import Request
from gradc_runtime.cpu.partition.space_sizes import bytes_of
from tests.runtime.cli.calling import LINE, SPECS, Caller


def test_every_shape_of_example_d3(call: Caller) -> None:
    answer = call("check", SPECS / "mnist_cnn.nn")
    assert answer.code == 0 and answer.err == ""
    for line in (
        "image [28, 28, 1]",
        "conv(8, 5x5, stride = 2) conv1 [14, 14, 8] 208",
        "conv(16, 3x3, stride = 2) conv2 [7, 7, 16] 1,168",
        "conv(32, 3x3, stride = 2) conv3 [4, 4, 32] 4,640",
        "conv(32, 3x3, stride = 2) conv4 [2, 2, 32] 9,248",
        "conv(32, 2x2, pad = valid) conv5 [1, 1, 32] 4,128",
        "flatten [32]",
        "dense(10) dense1 [10] 330",
        "digit in all [10] 19,722",
        "no errors, 19,722 parameters",
    ):
        assert line in answer.words


def test_statements_are_stages_too(call: Caller) -> None:
    answer = call("check", call.spec)
    assert "param a = 2 scalar 1" in answer.words
    assert "a * x scalar" in answer.words
    assert "train on points: moves 2 parameters; reports " in answer.words
    assert "batch 4, epochs 3" in answer.words


def test_a_layer_of_the_same_file_is_one_stage(call: Caller) -> None:
    call.spec.write_text(
        "layer block(n : size)(x : [m]) -> [n] { x |> dense(n) |> tanh }\n"
        "model f(x : [3]) -> [2] { x |> block(4) |> block(5) |> dense(2) }\n"
    )
    words = call("check", call.spec).words
    assert "block(4) block1.dense1 [4] 16" in words
    assert "block(5) block2.dense1 [5] 25" in words
    assert "f in all [2] 53" in words


def test_a_stage_may_draw(call: Caller) -> None:
    chain = "x |> dropout |> dense(4) |> dropout |> dense(2)"
    call.spec.write_text(f"model f(x : [3]) -> [2] {{ {chain} }}\n")
    words = call("check", call.spec).words
    assert "dropout [3] dense(4) dense1 [4] 16 dropout [4] dense(2) dense2 [2] 10" in words


def test_several_specs_and_json(call: Caller) -> None:
    (call.folder / "wrong.nn").write_text("model f(x : [3]) { y }\n")
    answer = call("check", call.spec, "wrong.nn", "--json")
    assert answer.code == 1
    right, wrong = answer.data
    assert right["errors"] == [] and right["total"] == 2
    assert right["models"]["line"]["stages"][2] == {
        "text": "a * x", "gives": "scalar", "layers": [], "parameters": 0,
    }  # fmt: skip
    assert wrong["errors"][0]["primary"]["line"] == 1
    assert call("check", call.spec, "--json").data["spec"] == str(call.spec)


def test_fmt_is_idempotent_and_checks(call: Caller) -> None:
    call.spec.write_text(LINE.replace("a * x", "a*x"))
    assert call("fmt", "--check", call.spec).code == 1
    assert call("fmt", "--stdout", call.spec).out.count("a * x") == 1
    first = call("fmt", call.spec)
    assert first.code == 0 and "rewrote" in first.err
    assert "a * x" in call.spec.read_text()
    again = call("fmt", "--check", call.spec)
    assert again.code == 0 and "0 files to change, 1 as they were" in again.err


def test_fmt_leaves_a_broken_file_alone(call: Caller) -> None:
    call.spec.write_text("model f( { }\n")
    answer = call("fmt", call.spec)
    assert answer.code == 1 and "error[E01" in answer.err
    assert call.spec.read_text() == "model f( { }\n"


def test_where_data_comes_from_is_checked_too(call: Caller) -> None:
    call.spec.write_text(call.spec.read_text().replace('csv("points.csv")', "lien(40)"))
    answer = call("check", call.spec)
    wrong = "line.nn:8:39: no data source is called lien; did you mean line?\n"
    assert answer.code == 1 and answer.err.endswith(wrong)
    assert answer.out.endswith("line.nn: 1 error, 2 parameters\n")
    (found,) = call("check", call.spec, "--json").data["errors"]
    assert (found["primary"]["line"], found["primary"]["column"]) == (8, 39)
    assert call("train", call.spec).err.endswith(wrong)
    call.spec.write_text(call.spec.read_text().replace("lien(40)", "line(points = 40)"))
    assert "it is line(n: int" in call("check", call.spec).err


def test_open_sizes_are_said_to_be_open(call: Caller) -> None:
    call.spec.write_text(
        "model f(x : [None, 4]) { each(dense(3))(x) }\nmodel g(x : [4]) { x |> dense(3) }\n"
    )
    answer = call("check", call.spec)
    assert answer.code == 0 and "f leaves open: None" in answer.words
    assert answer.out.endswith("line.nn: no errors, 1 warning, 15 parameters; without f\n")
    assert "warning[W0009]: `f` leaves sizes open and nothing applies it" in answer.err
    assert call("check", call.spec, "--json").data["open"] == {"f": "f leaves open: None"}
    call.spec.write_text("model f(x : [None, 4]) { x |> dense(3) }\n")
    refused = call("check", call.spec)
    assert refused.code == 1 and "`dense` takes x : [n], got [None, 4]" in refused.err


def test_every_stage_has_its_own_shape_and_count(call: Caller) -> None:
    call.spec.write_text(
        "layer sep(n : size)(x : [c]) -> [n] { x |> dense(n) |> relu }\n"
        "model a(x : [4]) -> [2] { x |> sep(8) |> repeat(3, sep(8)) |> sep(5) |> sep(6)"
        " |> dense(2) }\n"
        "model b(x : [4]) -> ([2], [4]) {\n    f = dense(3) |> sep(2)\n    param w : [4] = 1\n"
        "    ((x * w) |> f, a(x) |> dense(4))\n}\n"
    )
    found = call("check", call.spec, "--json").data["models"]
    rows = [(s["text"], s["gives"], s["parameters"]) for s in found["a"]["stages"]]
    assert rows == [
        ("x", "[4]", 0), ("sep(8)", "[8]", 40), ("repeat(3, sep(8))", "[8]", 216),
        ("sep(5)", "[5]", 45), ("sep(6)", "[6]", 36), ("dense(2)", "[2]", 14),
    ]  # fmt: skip
    rows = [(s["text"], s["gives"], s["parameters"]) for s in found["b"]["stages"]]
    assert rows == [
        ("dense(3)", None, 0), ("sep(2)", None, 0), ("param w : [4] = 1", "[4]", 4),
        ("((x * w) |> f, a(x) |> dense(4))", "([2], [4])", 35),
    ]  # fmt: skip


@pytest.mark.parametrize("path", sorted(SPECS.glob("*.nn")), ids=lambda path: path.stem)
def test_the_stages_add_up_to_the_model(path: Path) -> None:
    made = Request(spec=path).compile()
    whole = 0
    for model in made.module.models:
        found = stages(made, model)
        total = sum(spec.type.size for spec in owned(made, model))
        assert sum(stage.size for stage in found) == total, model
        assert all(stage.gives for stage in found if stage.parameters), model
        whole += total
    assert whole == sum(s.type.size for s in made.module.parameters if s.role == "parameter")


def test_a_value_larger_than_memory_is_refused(
    call: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gradc_runtime.system.files.free_memory", lambda: 2 * 10**9)
    spec = tmp_path / "large.nn"
    spec.write_text("model f(x : [4]) -> scalar { sum(full([2^33], 1)) + sum(x) }\n")
    answer = call("check", spec)
    assert answer.code == 1 and answer.err.count("\n") == 1
    told = "large.nn:1:34: this value [8589934592] needs 34.4 GB of memory; 2.0 GB are free"
    assert told in answer.err


TRAINED = """
model f(x : [64]) -> scalar { param w : [2^20] = 0; mean(w * sum(x)) }
data d(x : [64], y : scalar) = csv("d.csv")
train on d { minimize (f(x) - y)^2 using adam(lr = 0.1), batch SIZE }
"""


@pytest.mark.parametrize(("free", "batch", "told"), [
    (10, 4, "`f` with its parameters needs"),
    (16, 4, "training on 4 examples at once, without its data, needs"),
    (100, 4, ""),
    (100, 10**6, "training on 1,000,000 examples at once, without its data, needs"),
])  # fmt: skip
def test_a_program_larger_than_memory_is_refused(
    call: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, batch: int, told: str
) -> None:
    monkeypatch.setattr("gradc_runtime.system.files.free_memory", lambda: free * 10**6)
    monkeypatch.setattr("gradc_runtime.cli.actions.room.free_memory", lambda: free * 10**6)
    monkeypatch.setattr("gradc_runtime.system.files.CHUNK", 0)
    spec = tmp_path / "large.nn"
    spec.write_text(TRAINED.replace(", batch SIZE", f" batch {batch}"))
    answer = call("check", spec, "--no-data")
    assert answer.code == bool(told), answer.err
    assert told in answer.err and answer.err.count("\n") == bool(told)


SEQUENCES = """
model f(xs : seq(LENGTH) [3]) -> scalar { sum(time_sum(xs |> dense(2))) }
data d(xs : seq(LENGTH) [3], y : scalar, note : class(5)) = jsonl("d.jsonl")
train on d { minimize (f(xs) - y)^2 using adam(lr = 0.1), batch 4 }
"""


def test_what_memory_is_told_and_what_is_left_out(call: Caller) -> None:
    call.spec.write_text(SEQUENCES.replace("LENGTH", "100"))
    fixed = call("check", call.spec)
    assert "data take 1,208 bytes an example; what a step computes comes" in fixed.out
    assert fixed.out.count("grows with the batch\n") == 1
    call.spec.write_text(SEQUENCES.replace("(LENGTH)", ""))
    opened = call("check", call.spec)
    told = "data take 8 bytes an example and 12 bytes an element of xs; what a step computes"
    assert told in opened.out and "grows with the batch and the lengths of sequences" in opened.out
    bytes = call("check", call.spec, "--json").data["bytes"]
    assert bytes["data"] == {"d": {"example": 8, "element": {"xs": 12}}}
    made = Request(spec=call.spec).compile()
    assert bytes["persistent"] == 4 * made.program.persistent_words


def test_a_step_is_counted_with_the_lengths_that_types_fix(call: Caller) -> None:
    sizes = {}
    for length in ("10", "1000"):
        call.spec.write_text(SEQUENCES.replace("LENGTH", length))
        entry = Request(spec=call.spec).compile().program.entries["step/train"]
        sizes[length] = bytes_of(entry, 4, 1, 4)
    assert sizes["1000"] - sizes["10"] >= 4 * 990 * 3 * 4  # the sequences alone


def test_a_refusal_says_what_is_left_out(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradc_runtime.system.files.free_memory", lambda: 1 << 24)
    monkeypatch.setattr("gradc_runtime.cli.actions.room.free_memory", lambda: 1 << 10)
    call.spec.write_text(SEQUENCES.replace("(LENGTH)", "").replace("batch 4", "batch 1000000"))
    told = "at once, sequences of one element each, without its data, needs"
    assert told in call("check", call.spec).err


def test_fmt_shows_what_would_change_as_a_patch(call: Caller) -> None:
    call("fmt", call.spec)
    canonical = call.spec.read_text()
    assert call("fmt", "--diff", call.spec).code == 0
    call.spec.write_text(canonical.replace("slope = a * x", "slope=a*x"))
    answer = call("fmt", "--diff", call.spec)
    assert answer.code == 1 and "would change" in answer.err
    assert f"--- a/{call.spec}\n+++ b/{call.spec}\n@@ " in answer.out
    assert "-    slope=a*x\n+    slope = a * x\n" in answer.out
    assert call.spec.read_text() != canonical, "nothing was written"


def test_hooks_before_a_commit_are_commands_that_work(call: Caller) -> None:
    text = (SPECS.parent / ".pre-commit-hooks.yaml").read_text()
    entries = [line.partition("entry: gradc ")[2] for line in text.splitlines() if "entry:" in line]
    assert entries == ["fmt", "check"] and text.count(r"files: \.nn$") == len(entries)
    for entry in entries:
        assert call(*entry.split(), call.spec).code == 0
