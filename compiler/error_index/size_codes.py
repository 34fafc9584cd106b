"""E04xx: sizes, limits and settings."""

from __future__ import annotations

from gradc_compiler.error_index.explanation import Explanation

_DATA = (
    "model f(x : scalar) -> scalar { param w = 1; w * x }\n"
    'data d(x : scalar, y : scalar) = csv("d.csv")\n'
)

CODES: dict[str, Explanation] = {
    "E0401": Explanation(
        "not a size",
        "A size is a whole number, 0 or more. A quotient of sizes is one when it has no\n"
        "remainder; `//`, floor and ceil round.",
        "model f(x : [5]) -> [2] { x |> dense(5 / 2) }",
        "model f(x : [5]) -> [2] { x |> dense(5 // 2) }",
    ),
    "E0402": Explanation(
        "arithmetic without an answer",
        "Numbers are computed while the spec is compiled: a division by 0, the logarithm of a\n"
        "negative number, or a number beyond the range is found then.",
        "model f(x : [3]) -> [3] { x * (1 / 0) }",
        "model f(x : [3]) -> [3] { x * 1e6 }",
    ),
    "E0403": Explanation(
        "a setting that makes no sense",
        "held_out is a share of the data, exact is true or false, other settings of training are\n"
        "whole numbers, and clip takes a norm or a value above 0. A setting may have a range, as\n"
        "`beta1 : share = 0.9` has, which goes from 0 to below 1. Rules are tried while the spec\n"
        "is compiled: one that makes no number of a first update is refused.",
        _DATA + "train on d { minimize (f(x) - y)^2 using sgd, batch 0 }",
        _DATA + "train on d { minimize (f(x) - y)^2 using sgd, batch 32 }",
    ),
    "E0404": Explanation(
        "a size that nothing gives",
        "A name in a type is bound by the first argument that has it. A model that leaves a size\n"
        "open can be applied, but it has no forward pass of its own.",
        "model f(x : [n]) -> [2] { x |> dense(2) }",
        "model f(x : [3]) -> [2] { x |> dense(2) }",
    ),
    "E0405": Explanation(
        "refused by a definition",
        "A definition says with refuse(...) what it does not take, such as heads that do not\n"
        "divide the width, or a window larger than its image.",
        "model f(x : [5, 6]) -> [5, 6] { x |> multi_head_attention(4) }",
        "model f(x : [5, 6]) -> [5, 6] { x |> multi_head_attention(3) }",
    ),
    "E0408": Explanation(
        "a value from outside that names nothing",
        "What is set on the command line is a setting of the training, a setting of its\n"
        "optimizer, a constant of the spec (`let hidden = 64`), or the data; a name that is a\n"
        "setting of the optimizer and a constant too is refused.",
        "gradc train mnist_cnn.nn --set learning_rate=0.1",
        "gradc train mnist_cnn.nn --set lr=0.1",
    ),
    "E0410": Explanation(
        "more memory than there can be",
        "Shapes are added up before anything is allocated.",
        "model f(x : [3]) -> [3] { x |> dense(1_000_000_000_000) |> dense(3) }",
        "model f(x : [3]) -> [3] { x |> dense(1_000) |> dense(3) }",
    ),
    "E0411": Explanation(
        "more operations than can be compiled",
        "`repeat` writes its layer out. A graph applies at most 20,000 layers and functions,\n"
        "those within others and an optimizer's counted too, and has at most 100,000 operations.",
        "model f(x : [3]) -> [3] { x |> repeat(1_000_000, dense(3)) }",
        "model f(x : [3]) -> [3] { x |> repeat(100, dense(3)) }",
    ),
    "E0412": Explanation(
        "a layer within itself",
        "A definition cannot use itself, and layers nest 60 deep at most. repeat(n, layer)\n"
        "repeats.",
        "layer deep(x : [3]) -> [3] { x |> dense(3) |> deep }\n"
        "model f(x : [3]) -> [3] { x |> deep }",
        "model f(x : [3]) -> [3] { x |> repeat(8, dense(3)) }",
    ),
}
