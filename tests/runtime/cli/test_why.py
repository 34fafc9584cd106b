"""`gradc why`, `gradc kinks` and `gradc cost`: questions to a spec."""

from __future__ import annotations

import pytest

from gradc_compiler.pipeline import compile_file
from gradc_runtime.cli.actions.trial import Trial
from gradc_runtime.cpu.executable import Executable
from gradc_runtime.session.session import Session
from tests.runtime.cli.calling import SPECS, Caller

CUT = """model f(x : [3]) -> scalar {
    param w : [3] = 1
    param u : [3] = 2
    param unused = 3
    h = w * x
    k = u * x
    sum(h * stop_gradient(exp(k))) + sum(k > 0)
}
data d(x : [3], y : scalar) = csv("d.csv")
train on d {
    minimize (f(x) - y)^2
    using sgd(lr = 1)
}
"""


def test_why_a_parameter_has_no_gradient(call: Caller) -> None:
    """Both ways to u are cut, each at the operator that sends nothing, with its line."""
    (call.folder / "cut.nn").write_text(CUT)
    answer = call("why", "cut.nn", "--no-gradient", "u")
    assert answer.code == 0
    first, second = answer.out.splitlines()
    assert first.startswith("cut at line 7, stop_gradient(exp(k)): stop_gradient")
    assert second.startswith("cut at line 7, k > 0: gt") and second.endswith("0 everywhere")
    assert "w has a gradient" in call("why", "cut.nn", "--no-gradient", "w").out


def test_why_a_value_is_not_read(call: Caller) -> None:
    (call.folder / "cut.nn").write_text(CUT)
    answer = call("why", "cut.nn", "--no-gradient", "unused")
    assert "the loss is not computed from f.unused" in answer.out
    answer = call("why", SPECS / "gan.nn", "--no-gradient", "G.dense1.W")
    assert "its `over` leaves it out; step generator trains it" in answer.out


def test_ways_and_their_smallest_factors(call: Caller) -> None:
    answer = call("why", SPECS / "house.nn", "--path", "loss", "theta2", "sqft=2500", "paid=36e4")
    assert "1 way from loss to theta2:" in answer.out
    assert "4 steps: loss <- c2 <- price <- c1 <- theta2" in answer.words
    assert "smallest factor 1, at c2 (line 9)" in answer.words
    answer = call("why", SPECS / "circle.nn", "--path", "loss", "dense1.W")
    assert "2 ways from loss to dense1.W:" in answer.out, "e is read twice by a softmax"


def test_who_reads_a_value(call: Caller) -> None:
    answer = call("why", SPECS / "circle.nn", "--who-reads", "c3")
    assert "forward: 1 reader" in answer.out
    assert "tanh: y = tanh(x): x gets g * (1 - y * y)" in answer.out
    assert "it is kept from the forward pass until step 10 of 12" in answer.out


DEAD = """model f(x : scalar) -> scalar {
    param w = 1
    param v = 1
    h = relu(w * x)
    h + v
}
data d(x : scalar, y : scalar) = csv("d.csv")
train on d {
    minimize (f(x) - y)^2
    using sgd(lr = 1)
}
"""


def test_a_kink_behind_a_stopped_gradient_cuts_nothing(call: Caller) -> None:
    """The greatest logit of a softmax is on no way of a cotangent."""
    (call.folder / "soft.nn").write_text(
        "model f(x : [2]) -> [3] { x |> dense(3) |> softmax }\n"
        'data d(x : [2], y : class(3)) = csv("d.csv")\n'
        "train on d { minimize -log(f(x)[y]) using sgd(lr = 1) }\n"
    )
    answer = call("why", "soft.nn", "--no-gradient", "dense1.W")
    assert "dense1.W has a gradient" in answer.out and "a kink" not in answer.out


def test_a_kink_that_cuts_a_gradient_at_some_inputs(call: Caller) -> None:
    """A unit of relu that is off sends nothing; that is said with its line, where inputs tell."""
    (call.folder / "dead.nn").write_text(DEAD)
    answer = call("why", "dead.nn", "--no-gradient", "w")
    assert "w has a gradient" in answer.out
    assert "at some inputs a kink may cut it: h (maximum); --at shows where" in answer.words
    assert "a kink" not in call("why", "dead.nn", "--no-gradient", "v").out
    answer = call("why", "dead.nn", "--no-gradient", "w", "--at", "x=-2", "y=5")
    assert "the gradient of w is 0 at these inputs; of 1 way to it each ends:" in answer.out
    assert "at h (line 4), which sends c1 nothing: maximum" in answer.words
    answer = call("why", "dead.nn", "--no-gradient", "w", "--at", "x=2", "y=5")
    assert "w has a gradient at these inputs, of length 8" in answer.out


def test_which_rule_made_a_derivative(call: Caller) -> None:
    """Of a line in the middle of a large network: the step, the author's line, the numbers."""
    spec = SPECS / "mnist_cnn.nn"
    answer = call("why", spec, "--made", "d_c11", "--at", "image=random", "label=3")
    assert answer.code == 0 and "d_c11 is made by 1 step of 6" in answer.out
    assert "step 50, of c12 = maximum(c11, 0) line 7: relu" in answer.words
    assert "rule maximum: y = maximum(a, b): a gets where(y > b, g, 0)" in answer.words
    assert "out d_c11 = where(c12 > 0, d_c12, 0) = [2, 2, 32] of length" in answer.words
    assert "from it: d_y_4, d_conv4_b" in answer.out
    answer = call("why", SPECS / "house.nn", "--made", "theta1")
    assert "step 3, of price = theta1 + c1" in answer.out
    assert "no step makes c99" in call("why", spec, "--made", "c99").err


def test_ways_through_time(call: Caller) -> None:
    answer = call("why", SPECS / "row_digits.nn", "--path", "loss", "lstm1.W")
    assert "and through time: from each step to the one before it by" in answer.words
    assert "c_before <- c" in answer.words


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "ask one question"),
        (["--no-gradient", "conv9.W"], "nothing is called conv9.W"),
        (["--who-reads", "c33"], "no value is called c33"),
        (["--path", "loss", "paidd"], "there is no value paidd to differentiate by"),
    ],
)
def test_questions_without_an_answer(call: Caller, arguments: list[str], said: str) -> None:
    answer = call("why", SPECS / "house.nn", *arguments)
    assert answer.code == 2 and said in answer.err


BEFORE = """model f(xs : seq [2]) -> scalar {
    param w : [2] = 1
    param u : [2] = 1
    h = previous(zeros([2]), xs)
    h' = tanh(w * xs + u * stop_gradient(h))
    sum(last(h))
}
data d(xs : seq [2]) = npz("none.npz")
train on d { minimize f(xs) using sgd(lr = 0.1) }
"""


def test_a_way_through_the_step_before(call: Caller) -> None:
    """What is read of a recurrence is what it was before: there is no way within one step."""
    (call.folder / "before.nn").write_text(BEFORE)
    answer = call("why", "before.nn", "--path", "loss", "w", "--at", "xs=[[1,2],[0.5,-1]]")
    assert answer.words.startswith("1 way from loss to w:")
    assert "<- h <- h_2 <-" in answer.out and "smallest factor" in answer.out
    assert "w has a gradient" in call("why", "before.nn", "--no-gradient", "w").out
    text = call("derive", "before.nn").out
    assert "stop_gradient lets no derivative through" in text


def test_kinks(call: Caller) -> None:
    answer = call("kinks", SPECS / "mnist_cnn.nn")
    assert answer.words.count("at a tie the second operand has it all: relu'(0) = 0") == 5
    assert "4 c3 maximum c2 = 0" in answer.words
    (first, *_) = call("kinks", SPECS / "mnist_cnn.nn", "--json").data
    assert first["rule"] == "compiler.ops.elementwise" and first["place"].endswith(
        "mnist_cnn.nn:4:36"
    )
    assert call("kinks", SPECS / "house.nn", "--json").data == []


def test_kinks_that_a_rule_of_the_author_stands_for_are_none(call: Caller) -> None:
    """The convention of `maximum` says nothing where the author's derivative is taken instead."""
    (call.folder / "own.nn").write_text(
        "function clipped(x : t) -> t { maximum(minimum(x, 1), -1) }\n"
        'derivative clipped(x)(dx) because "straight through" { dx }\n'
        + CUT.replace("sum(h * stop_gradient(exp(k))) + sum(k > 0)", "sum(clipped(h) * k)")
    )
    assert "goes through has one everywhere" in call("kinks", "own.nn").words
    assert call("kinks", "own.nn", "--json").data == []


def test_costs(call: Caller) -> None:
    answer = call("cost", SPECS / "circle.nn", "--batch", "10")
    assert "27 " in answer.words and "at N = 10, float32" in answer.err
    data = call("cost", SPECS / "row_digits.nn", "--length", "28", "--json").data
    assert data["sizes"] == {"N": 32, "rows": 28}
    line = next(line for line in data["lines"] if line["line"] == 4)
    assert line["parameters"] == 24_458 and "N rows" in line["forward"]["formula"]
    answer = call("cost", SPECS / "gan.nn", "--step", "generater")
    assert answer.code == 2 and "did you mean generator?" in answer.err


@pytest.mark.parametrize(("name", "batch", "threads"), [("mnist_cnn", 32, 2), ("circle", 64, 1)])
def test_peak_memory_is_what_an_executable_allocates(
    call: Caller, name: str, batch: int, threads: int
) -> None:
    """The number of `gradc cost`, against the arrays of a session that runs such a step."""
    spec = SPECS / f"{name}.nn"
    arguments = ("--batch", str(batch), "--threads", str(threads))
    peak = call("cost", spec, *arguments, "--json").data["peak"]
    session = Session(compile_file(spec), threads=threads)
    step = session.training.steps[0]
    runner = session.runner(step.entry)
    assert isinstance(runner, Executable)
    trial = Trial(program=session.program, start={}, examples=batch, seed=0, dtype="float32")
    bound = runner.bind(trial.inputs(step.entry))
    spaces = (runner.uniform, runner._blocks, runner._partials, session.memory.words)
    carried = {id(a.base if a.base is not None else a): a for a in bound.plan.carried.values()}
    own = [a for a in bound.arrays if not any(a is c for c in bound.plan.carried.values())]
    turns = sum((a if a.base is None else a.base).nbytes for a in carried.values())
    found = sum(a.nbytes for a in (*spaces, *own)) + turns
    assert abs(found - peak["number"]) <= 0.02 * found, (found, peak)


def test_peak_memory_grows_with_the_batch_and_the_length(call: Caller) -> None:
    def peak(*arguments: str) -> int:
        found = call("cost", SPECS / "row_digits.nn", *arguments, "--threads", "1", "--json")
        return int(found.data["peak"]["number"])

    assert peak("--length", "28") > peak("--length", "4")
    assert peak("--batch", "64", "--length", "28") > peak("--batch", "32", "--length", "28")
    answer = call("cost", SPECS / "row_digits.nn", "--threads", "2")
    assert "peak memory: " in answer.out and " rows)" in answer.out


@pytest.mark.parametrize("name", ["mnist_cnn", "row_digits", "circle"])
def test_profile_goes_by_lines(call: Caller, name: str) -> None:
    """Nothing about times: only that every second belongs to a line, and that most have one."""
    data = call("profile", SPECS / f"{name}.nn", "--batch", "4", "--json").data
    told = sum(line[way] for line in data["lines"] for way in ("forward", "backward", "update"))
    assert told == pytest.approx(data["seconds"]) and data["seconds"] > 0
    assert all(line["line"] > 0 for line in data["lines"])
    assert 0 <= data["divided"] <= 1 + 1e-9
    assert any(line["backward"] > 0 for line in data["lines"])


def test_roofline_picture(call: Caller) -> None:
    pytest.importorskip("matplotlib")
    path = call.folder / "roofline.png"
    answer = call("profile", SPECS / "mnist_cnn.nn", "--batch", "4", "--plot", path)
    assert answer.code == 0 and path.read_bytes().startswith(b"\x89PNG")


def test_profile_of_what_does_not_train(call: Caller) -> None:
    (call.folder / "f.nn").write_text("model f(x : scalar) -> scalar { x }")
    assert "has no train block" in call("profile", "f.nn").err
    answer = call("profile", SPECS / "gan.nn", "--step", "generater")
    assert answer.code == 2 and "did you mean generator?" in answer.err
