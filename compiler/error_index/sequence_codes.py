"""E031x: sequences, and the recurrences and cells that run along them."""

from __future__ import annotations

from gradc_compiler.error_index.explanation import Explanation

CODES: dict[str, Explanation] = {
    "E0310": Explanation(
        "a sequence is wanted",
        "scan, last, first, reverse, length and time_sum are for sequences: seq [3] is a type of\n"
        "one. Inside a layer written for one element there is one element only.",
        "model f(x : [3]) -> [2] { x |> scan(elman(2)) |> last }",
        "model f(xs : seq [3]) -> [2] { xs |> scan(elman(2)) |> last }",
    ),
    "E0311": Explanation(
        "sequences that may differ in length",
        "Two sequences meet in one operator only where they have one length for certain. A length\n"
        "has a name: seq(n) [3] and seq(n) [2] are as long as each other.",
        "model f(xs : seq [3], ys : seq [3]) -> seq [3] { xs + ys }",
        "model f(xs : seq(n) [3], ys : seq(n) [3]) -> seq(n) [3] { xs + ys }",
    ),
    "E0312": Explanation(
        "one value is wanted, this is a sequence",
        "What looks across the examples of a batch, what persists between steps, and what a\n"
        "recurrence starts with is one tensor. The elements of a sequence are tensors too.",
        "model f(xs : seq [3]) -> seq [3] { xs - batch_mean(xs) }",
        "model f(xs : seq [3]) -> seq [3] { xs - batch_mean(time_mean(xs)) }",
    ),
    "E0313": Explanation(
        "a recurrence that does not go on",
        "h = previous(start, xs) is h one step before. h' = ... in the same body says what it is\n"
        "at the next step, once, and of the same shape.",
        "model f(xs : seq [3]) -> seq [3] { h = previous(zeros([3]), xs); h + xs }",
        "model f(xs : seq [3]) -> seq [3] { h = previous(zeros([3]), xs); h' = h + xs; h' }",
    ),
    "E0314": Explanation(
        "a cell of another form",
        "A cell goes from a state and an input to the next state, which is like the state. It\n"
        "starts with zeros where its first input has a type of known size.",
        "model f(xs : seq [3]) -> seq [4] { xs |> scan(dense(4)) }",
        "model f(xs : seq [3]) -> seq [4] { xs |> scan(elman(4)) }",
    ),
    "E0315": Explanation(
        "a layer that each cannot map",
        "each(layer) applies a layer along the leading axis, all at once. A layer that updates a\n"
        "state, or looks along a sequence itself, cannot be applied so.",
        "model f(x : [4, 3]) -> [4, 2] { x |> each(unfold(5, elman(2)) |> last) }",
        "model f(xs : seq [3]) -> seq [2] { xs |> scan(elman(2)) }",
    ),
}
