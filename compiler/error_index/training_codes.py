"""E06xx: training and data declarations."""

from __future__ import annotations

from gradc_compiler.error_index.explanation import Explanation

_DATA = (
    "model f(x : scalar) -> scalar { param w = 1; w * x }\n"
    'data d(x : scalar, y : scalar) = csv("d.csv")\n'
)

CODES: dict[str, Explanation] = {
    "E0601": Explanation(
        "a step that minimizes nothing",
        "A step says what it minimizes, or along which directions it descends.",
        _DATA + "train on d { using sgd }",
        _DATA + "train on d { minimize (f(x) - y)^2 using sgd }",
    ),
    "E0602": Explanation(
        "one too many",
        "A file has one train block, a step one loss and one optimizer.",
        _DATA + "train on d { minimize f(x)^2; minimize f(y)^2; using sgd }",
        _DATA + "train on d { minimize f(x)^2 + f(y)^2 using sgd }",
    ),
    "E0603": Explanation(
        "no optimizer",
        "`using` names the update rule; an update rule sets p'.",
        _DATA + "train on d { minimize (f(x) - y)^2 }",
        _DATA + "train on d { minimize (f(x) - y)^2 using sgd(lr = 0.01) }",
    ),
    "E0604": Explanation(
        "nothing to train",
        "The loss, or what stands behind `over`, has no parameters.",
        _DATA + "train on d { minimize y^2 using sgd }",
        _DATA + "train on d { minimize (f(x) - y)^2 using sgd }",
    ),
    "E0605": Explanation(
        "a clause in the wrong place",
        "minimize, over, using, report and descend belong into a train block; where it has steps,\n"
        "minimize, over and descend belong into one of them.",
        _DATA + "train on d { minimize f(x)^2; step a { minimize y * f(x) using sgd } }",
        _DATA + "train on d { step a { minimize y * f(x) using sgd } }",
    ),
    "E0606": Explanation(
        "a loss that is no scalar",
        "What is minimized is one number for each example; its mean over the batch is taken.",
        "model g(x : scalar) -> [2] { x |> as([1]) |> dense(2) }\n"
        + _DATA
        + "train on d { minimize g(x)^2 using sgd }",
        "model g(x : scalar) -> [2] { x |> as([1]) |> dense(2) }\n"
        + _DATA
        + "train on d { minimize sum(g(x)^2) using sgd }",
    ),
    "E0607": Explanation(
        "a data declaration that cannot be read",
        "Each field has a type, and the source is a call with texts and numbers.",
        'data d(x : scalar) = "d.csv"',
        'data d(x : scalar) = csv("d.csv")',
    ),
    "E0608": Explanation(
        "no such data",
        "`train on` names a data declaration of the file.",
        _DATA + "train on dd { minimize (f(x) - y)^2 using sgd }",
        _DATA + "train on d { minimize (f(x) - y)^2 using sgd }",
    ),
    "E0609": Explanation(
        "a report that is no scalar",
        "A report is one number for each example; its mean is shown.",
        _DATA + "train on d { minimize (f(x) - y)^2 using sgd report [x, y] }",
        _DATA + "train on d { minimize (f(x) - y)^2 using sgd report x * y }",
    ),
    "E0610": Explanation(
        "a step over what its loss does not depend on",
        "A step updates only what stands behind `over`, so each of these must have a part in the\n"
        "loss of that step: otherwise it would never move.",
        "model g(x : scalar) -> scalar { param v = 1; v * x }\n"
        + _DATA
        + "train on d { minimize (f(x) - y)^2 over f, g using sgd }",
        "model g(x : scalar) -> scalar { param v = 1; v * x }\n"
        + _DATA
        + "train on d { minimize (f(x) - y)^2 + (g(x) - y)^2 over f, g using sgd }",
    ),
    "E0611": Explanation(
        "a report that takes the place of the loss",
        "What is minimised stands under the name `loss` among the metrics of a run, and a report\n"
        "of that name would replace it there without a word. Any other name will do.",
        _DATA + "train on d { minimize (f(x) - y)^2 using sgd report loss = abs(f(x) - y) }",
        _DATA + "train on d { minimize (f(x) - y)^2 using sgd report error = abs(f(x) - y) }",
    ),
}
