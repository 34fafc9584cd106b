"""E03xx: shapes and types that do not fit."""

from __future__ import annotations

from gradc_compiler.error_index.explanation import Explanation

CODES: dict[str, Explanation] = {
    "E0301": Explanation(
        "a claim that does not hold",
        "A type behind a stage of a chain, or behind `->`, is a checked claim about the value\n"
        "there.",
        "model f(x : [3]) -> [10] { x |> dense(12) }",
        "model f(x : [3]) -> [12] { x |> dense(12) }",
    ),
    "E0302": Explanation(
        "an argument of the wrong type",
        "An input has the shape that the definition wants: a name in it takes the size that is\n"
        "there, and keeps it. A setting has the kind its type says: a size, a number, a layer,\n"
        "sizes.",
        "model f(image : [8, 8, 1]) -> [10] { image |> dense(10) }",
        "model f(image : [8, 8, 1]) -> [10] { image |> flatten |> dense(10) }",
    ),
    "E0303": Explanation(
        "shapes that do not fit each other",
        "Element by element, shapes are compared from the last axis, and a size of 1 is repeated.\n"
        "`@` sums over the last axis of the left and the last but one of the right. An index of\n"
        "contract runs over one size.",
        "model f(x : [3]) -> [2] { param W : [3, 2] ~ glorot_uniform; W @ x }",
        "model f(x : [3]) -> [2] { param W : [2, 3] ~ glorot_uniform; W @ x }",
    ),
    "E0304": Explanation(
        "a contraction that says too little",
        "A position is a sum of indices times whole numbers. An index gets its size from an axis\n"
        "that it indexes alone, or from `index < size` on the left.",
        "model f(x : [8]) -> [4] { contract(k : x[2*k]) }",
        "model f(x : [8]) -> [4] { contract(k < 4 : x[2*k]) }",
    ),
    "E0305": Explanation(
        "arguments that do not fit the list",
        "Too many, too few, one given twice, or one of a name that the definition does not have.",
        "model f(x : [3]) -> [2] { x |> dense(2, 3) }",
        "model f(x : [3]) -> [2] { x |> dense(2) }",
    ),
    "E0306": Explanation(
        "a thing of the wrong kind",
        "A tensor, a number known at compile time, a label and a layer are different things.\n"
        "There is no arithmetic on labels or layers, and only layers, models and functions can be\n"
        "applied.",
        "model f(x : [3]) -> [3] { dense(3) + x }",
        "model f(x : [3]) -> [3] { dense(3)(x) + x }",
    ),
    "E0307": Explanation(
        "an index or axis outside",
        "Axes and positions are counted from 0; negative ones from the end. What is not known at\n"
        "compile time can only index when it is a label. Classes are counted from 0 too, and a\n"
        "label is compared with one of them.",
        "model f(x : [3]) -> scalar { x[3] }",
        "model f(x : [3]) -> scalar { x[2] }",
    ),
    "E0308": Explanation(
        "one layer with two shapes",
        "A layer value has one set of parameters, however often it is applied. Two shapes need\n"
        "two layers: write it twice.",
        "model f(x : [3]) -> [3] { g = dense(3); g(x) + g(concat(x, x)) }",
        "model f(x : [3]) -> [3] { dense(3)(x) + dense(3)(concat(x, x)) }",
    ),
    "E0309": Explanation(
        "a condition on a tensor",
        "`if` chooses while the spec is compiled: on sizes, settings, words, and on `training`.\n"
        "What differs from example to example is chosen by where(condition, a, b).",
        "model f(x : scalar) -> scalar { x if x > 0 else 0 }",
        "model f(x : scalar) -> scalar { where(x > 0, x, 0) }",
    ),
}
