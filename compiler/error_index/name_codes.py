"""E02xx: names that mean nothing, or two things."""

from __future__ import annotations

from gradc_compiler.error_index.explanation import Explanation

CODES: dict[str, Explanation] = {
    "E0201": Explanation(
        "a name that is not defined",
        "A name is looked for in the body, in the file, in what the file imports, in the prelude\n"
        "and among the functions of the language. After a dot it is looked for among the\n"
        "parameters of a model, or among the named parts of its result.",
        "model f(x : [3]) -> [2] { x |> dens(2) }",
        "model f(x : [3]) -> [2] { x |> dense(2) }",
    ),
    "E0202": Explanation(
        "a name that is defined twice",
        "Definitions of a file, what each takes, parameters of a body and steps of a train block\n"
        "have one meaning each. A plain assignment may give a name a new value.",
        "model f(x : [3]) -> [3] { param b : [3] = 0; param b : [3] = 1; x + b }",
        "model f(x : [3]) -> [3] { param b : [3] = 0; param c : [3] = 1; x + b + c }",
    ),
    "E0203": Explanation(
        "a name of the language",
        "Functions of the language, such as exp and sum, cannot be defined anew. Definitions of\n"
        "the prelude can: yours comes first in your file. A constant (`let`) has\n"
        "a name of its own, which neither the prelude nor a setting of training has.",
        "layer exp(x : t) -> t { x }\nmodel f(x : [3]) -> [3] { x |> exp }",
        "layer my_exp(x : t) -> t { x }\nmodel f(x : [3]) -> [3] { x |> my_exp }",
    ),
    "E0204": Explanation(
        "an import that is not there",
        "The path of an import is read from the directory of the file that imports.",
        'import "block.nn"',
        'import "blocks.nn"',
    ),
    "E0205": Explanation(
        "an import from outside",
        "A spec reads files of its own directory and those below it. A path that leaves it, also\n"
        "by way of a symbolic link, is refused.",
        'import "../../blocks.nn"',
        'import "parts/blocks.nn"',
    ),
    "E0206": Explanation(
        "imports in a circle",
        "A file that imports itself, directly or by way of others, has no order to be read in.\n"
        "Move what both files need into a third.",
        '# a.nn\nimport "b.nn"\n# b.nn\nimport "a.nn"',
        '# a.nn\nimport "common.nn"\n# b.nn\nimport "common.nn"',
    ),
    "E0207": Explanation(
        "a name in the wrong place",
        "Distributions and initializers stand behind `~`; only a state of the same body is\n"
        "updated by `name' = ...`.",
        "model f(x : [3]) -> [3] { x + normal(0, 1) }",
        "model f(x : [3]) -> [3] { noise e : [3] ~ normal(0, 1); x + e }",
    ),
}
