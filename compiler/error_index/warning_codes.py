"""W0xxx: what compiles and is hardly meant."""

from __future__ import annotations

from gradc_compiler.error_index.explanation import Explanation

_LABELS = 'data d(x : [3], y : class(4)) = csv("d.csv")\n'
_TRUTHS = 'data d(x : [3], y : scalar) = csv("d.csv")\n'
_NET = "model f(x : [3]) -> [4] { x |> dense(4) }\n"
_LOGIT = "model f(x : [3]) -> scalar { x |> dense(1) |> as(scalar) }\n"

CODES: dict[str, Explanation] = {
    "W0001": Explanation(
        "a softmax before cross_entropy",
        "cross_entropy takes logits: it is the negative logarithm of their softmax. Given numbers\n"
        "between 0 and 1 it still runs, its slope is small, and a sure answer cannot be learnt.",
        "model f(x : [3]) -> [4] { x |> dense(4) |> softmax }\n"
        + _LABELS
        + "train on d { minimize cross_entropy(f(x), y) using sgd }",
        _NET + _LABELS + "train on d { minimize cross_entropy(f(x), y) using sgd }",
    ),
    "W0002": Explanation(
        "a sigmoid before bce_logits",
        "bce_logits takes a logit: it applies the sigmoid itself. Given a probability it never\n"
        "sees less than a half, as sigmoid(0) is. bce takes probabilities.",
        _LOGIT + _TRUTHS + "train on d { minimize bce_logits(sigmoid(f(x)), y) using sgd }",
        _LOGIT + _TRUTHS + "train on d { minimize bce_logits(f(x), y) using sgd }",
    ),
    "W0003": Explanation(
        "log, sqrt or / of what may be 0",
        "The slopes of log(x), sqrt(x) and 1 / x have no bound near 0: one example there makes\n"
        "the gradient infinite or NaN, and with it every parameter. What keeps x from 0 is seen:\n"
        "x^2 + 1e-6, exp(x) + 1, maximum(x, 0.1), abs(x) + 1, and sums of such. The branches of\n"
        "where, maximum and minimum are left alone: what these do not take has the slope 0.",
        _LOGIT + _TRUTHS + "train on d { minimize (log(f(x)^2) - y)^2 using sgd }",
        _LOGIT + _TRUTHS + "train on d { minimize (log(f(x)^2 + 1e-3) - y)^2 using sgd }",
    ),
    "W0004": Explanation(
        "two values that broadcast in a loss to more than either",
        "Operands of [4, 1] and [4] broadcast to [4, 4]: every number of the one is compared with\n"
        "every number of the other, and the network learns their mean. Where that is meant, shape\n"
        "an operand in the train block: reshape(y, [1, 4]).",
        "model f(x : [3]) -> [4, 1] { x |> dense(4) |> as([4, 1]) }\n"
        'data d(x : [3], y : [4]) = csv("d.csv")\n'
        "train on d { minimize sum((f(x) - y)^2) using sgd }",
        _NET + 'data d(x : [3], y : [4]) = csv("d.csv")\n'
        "train on d { minimize sum((f(x) - y)^2) using sgd }",
    ),
    "W0005": Explanation(
        "an input or a parameter that nothing reads",
        "An input on which no result of its model depends, or a parameter that is declared and\n"
        "then stands in no result and no loss: often another name was meant.",
        "model f(x : [3], z : [3]) -> [4] { (x + x) |> dense(4) }",
        "model f(x : [3], z : [3]) -> [4] { (x + z) |> dense(4) }",
    ),
    "W0006": Explanation(
        "a loss or a report that is constant",
        "What depends on no data and no parameter tells nothing, and neither does a softmax over\n"
        "one number, which is 1. One number for two classes is a logit, for bce_logits.",
        "model f(x : [3]) -> [1] { x |> dense(1) |> softmax }\n"
        'data d(x : [3], y : [1]) = csv("d.csv")\n'
        "train on d { minimize squared_error(f(x), y) using sgd }",
        "model f(x : [3]) -> [1] { x |> dense(1) |> sigmoid }\n"
        'data d(x : [3], y : [1]) = csv("d.csv")\n'
        "train on d { minimize squared_error(f(x), y) using sgd }",
    ),
    "W0007": Explanation(
        "a field that hides a model",
        "In a train block the names of the fields come first, so a field that is called\n"
        "as a model is takes that model out of reach there.",
        "model y(x : [3]) -> [4] { x |> dense(4) }\n"
        "model f(x : [3]) -> [4] { y(x) }\n"
        + _LABELS
        + "train on d { minimize cross_entropy(f(x), y) using sgd }",
        "model y(x : [3]) -> [4] { x |> dense(4) }\n"
        'data d(x : [3], label : class(4)) = csv("d.csv")\n'
        "train on d { minimize cross_entropy(y(x), label) using sgd }",
    ),
    "W0008": Explanation(
        "a name that nothing reads",
        "A value, a setting or a definition that is given a name and then stands nowhere: often\n"
        "the name of another one was written where this was meant. `_` is a name for a part that\n"
        "is not wanted. Definitions are looked at in files that train, as others may be imported.",
        "model f(x : [3]) -> [4] {\n    h = x^2\n    x |> dense(4)\n}",
        "model f(x : [3]) -> [4] {\n    h = x^2\n    h |> dense(4)\n}",
    ),
    "W0009": Explanation(
        "a model that has not been looked at",
        "Where an input has no type, or its sizes are names, what applies the model says them. If\n"
        "nothing does, its body is only read: its layers, shapes and names have not been checked.",
        "model f(x) { x |> dense(4) }",
        "model f(x : [3]) { x |> dense(4) }",
    ),
    "W0010": Explanation(
        "a batch axis in the data",
        "A spec speaks of one example, and `batch` says how many are computed at a time. Fields\n"
        "that all begin with that size would be sets of examples, each of them one example.",
        "model f(x : [32, 3]) -> [32] { x |> flatten |> dense(32) }\n"
        'data d(x : [32, 3], y : [32]) = npz("d.npz")\n'
        "train on d { minimize mean_squared_error(f(x), y) using sgd, batch 32 }",
        "model f(x : [3]) -> scalar { x |> dense(1) |> as(scalar) }\n"
        'data d(x : [3], y : scalar) = npz("d.npz")\n'
        "train on d { minimize mean_squared_error(f(x), y) using sgd, batch 32 }",
    ),
    "W0011": Explanation(
        "channels first",
        "Images are [height, width, channels]. One of [3, 32, 32] fits `conv`, too: as three rows\n"
        "of 32 pixels with 32 channels, of which a network learns little.",
        "model f(x : [3, 32, 32]) -> [4] { x |> conv(8, 3x3) |> flatten |> dense(4) }\n"
        'data d(x : [3, 32, 32], y : class(4)) = npz("d.npz")\n'
        "train on d { minimize cross_entropy(f(x), y) using sgd }",
        "model f(x : [3, 32, 32]) -> [4] {\n    transpose(x, (1, 2, 0)) |> conv(8, 3x3) |> flatten"
        ' |> dense(4)\n}\ndata d(x : [3, 32, 32], y : class(4)) = npz("d.npz")\n'
        "train on d { minimize cross_entropy(f(x), y) using sgd }",
    ),
    "W0012": Explanation(
        "a sigmoid, relu or dropout before cross_entropy",
        "cross_entropy takes logits: any numbers, of which the largest names the class. Between 0\n"
        "and 1, or without those below 0, no answer can be sure.",
        "model f(x : [3]) -> [4] { x |> dense(4) |> sigmoid }\n"
        + _LABELS
        + "train on d { minimize cross_entropy(f(x), y) using sgd }",
        _NET + _LABELS + "train on d { minimize cross_entropy(f(x), y) using sgd }",
    ),
    "W0013": Explanation(
        "parameters that no gradient reaches",
        "The loss depends on them only through floor, ceil, sign, argmax, comparisons or\n"
        "stop_gradient, whose derivative is 0: every update leaves them as they are.",
        "model f(x : [3]) -> [4] { x |> dense(8) |> floor |> dense(4) }\n"
        + _LABELS
        + "train on d { minimize cross_entropy(f(x), y) using sgd }",
        "model f(x : [3]) -> [4] { x |> dense(8) |> relu |> dense(4) }\n"
        + _LABELS
        + "train on d { minimize cross_entropy(f(x), y) using sgd }",
    ),
    "W0014": Explanation(
        "a learning rate that is far too large",
        "Adam and its kin move every parameter by about the rate at each update, whatever the\n"
        "gradient is; sgd by the rate times the gradient. First weights are below 1.",
        _NET + _LABELS + "train on d { minimize cross_entropy(f(x), y) using adam(lr = 1) }",
        _NET + _LABELS + "train on d { minimize cross_entropy(f(x), y) using adam(lr = 1e-3) }",
    ),
    "W0015": Explanation(
        "inputs that are far from unit size",
        "First weights and rates are made for numbers about 1: an income of 40,000 beside an age\n"
        "of 40 drowns the age, and lets the loss explode. Inputs that are more than 30 times\n"
        "larger or smaller than 1 in the first examples are told by `gradc check` and `gradc\n"
        "train`. Tables are standardised by the part that is trained on, and the run keeps the\n"
        "measure for new rows; bytes of pictures are divided by 255 in the model.",
        _NET + _LABELS + "train on d { minimize cross_entropy(f(x), y) using sgd }",
        _NET
        + 'data d(x : [3], y : class(4)) = csv("d.csv", standardised = "x")\n'
        + "train on d { minimize cross_entropy(f(x), y) using sgd }",
    ),
    "W0016": Explanation(
        "a constant among the indices of a contraction",
        "A name of the file's constants means its number in a contraction too: W[k, i] reads one\n"
        "column if i is a constant, and there is no sum over i. Where a place is meant, a longer\n"
        "name says so.",
        "let i = 2\nmodel f(W : [3, 4], x : [4]) -> [3] { contract(k < 3 : W[k, i] * x[i]) }",
        "let i = 2\nmodel f(W : [3, 4], x : [4]) -> [3] { i * contract(k < 3 : W[k, j] * x[j]) }",
    ),
}
