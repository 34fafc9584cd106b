"""E01xx: text that is no program."""

from __future__ import annotations

from gradc_compiler.error_index.explanation import Explanation

CODES: dict[str, Explanation] = {
    "E0101": Explanation(
        "the file cannot be read as text",
        "A program is UTF-8 text. The file is missing, may not be read, or holds bytes that are\n"
        "not UTF-8: text saved in another encoding, or no text at all.",
        "# a comment with an accented letter, saved as Latin-1: the byte 0xe9",
        "# the same comment saved as UTF-8: the bytes 0xc3 0xa9",
    ),
    "E0102": Explanation(
        "a forbidden character",
        "Control characters other than tab and newline, and the characters that change the\n"
        "direction of text, may not stand anywhere, not even in a comment: with them a program\n"
        "could show one thing and mean another.",
        "model f(x) { x }  # a comment with U+202E in it",
        "model f(x) { x }  # a comment",
    ),
    "E0103": Explanation(
        "not a name",
        "A name begins with an ASCII letter or `_` and goes on with letters, digits and `_`. One\n"
        "prime may follow where the next value of a state is meant.",
        "model f(\u03b2 : [3]) { \u03b2 }",
        "model f(beta : [3]) { beta }",
    ),
    "E0104": Explanation(
        "brackets that do not match",
        "Every `(`, `[` and `{` is closed by its own kind, in the order opposite to the opening.\n"
        "Words that can only begin a line, such as `param` or `model`, are taken as proof that\n"
        "what is open before them should have been closed.",
        "model f(x : [3]) { x |> dense(3 }",
        "model f(x : [3]) { x |> dense(3) }",
    ),
    "E0105": Explanation(
        "a text that is not closed",
        'A text stands between double quotes on one line. It may hold anything but `"`.',
        'data d(x : scalar) = csv("houses.csv)',
        'data d(x : scalar) = csv("houses.csv")',
    ),
    "E0106": Explanation(
        "too large to be a program",
        "A file has at most 4 MB and 60,000 words and signs, a line at most 10,000 characters.\n"
        "These limits keep the time of a compilation bounded; programs written by people stay\n"
        "far below them. Use `repeat` for layers that repeat, and `import` for several files.",
        "model f(x) { x |> tanh |> tanh |> tanh }    # and so on for 4 MB",
        "model f(x) { x |> repeat(100000, tanh) }",
    ),
    "E0107": Explanation(
        "nested too deeply",
        "Brackets may stand 200 deep inside each other, and so may operations: a sum of 300 terms\n"
        "is 299 sums inside each other. Give parts of it names.",
        "model f(x) { ((((((((x)))))))) }    # and so on",
        "model f(x) { half = x + x; half + half }",
    ),
    "E0108": Explanation(
        "not a number",
        "A number is decimal, begins and ends with a digit, and may have `_` between digits:\n"
        "`10_000`, `0.5`, `1e-3`. Sizes are joined by x: `5x5`.",
        "model f(x) { .5 * x }",
        "model f(x) { 0.5 * x }",
    ),
    "E0109": Explanation(
        "an empty file",
        "A program declares at least one thing: a model, a layer, data, a training.",
        "# nothing but comments",
        "model f(x : scalar) -> scalar { x }",
    ),
    "E0110": Explanation(
        "a word or sign that cannot stand there",
        "The message says what was found and what could stand there.",
        "model f(3) { x }",
        "model f(x) { x }",
    ),
    "E0111": Explanation(
        "a word of the language as a name",
        "Words such as `layer`, `data` or `state` begin declarations and statements, and cannot\n"
        "name anything. After a dot they can: `f.data`.",
        "model f(data : [3]) { data }",
        "model f(x : [3]) { x }",
    ),
    "E0112": Explanation(
        "a declared value that does not begin",
        "`param` begins with a draw, `~ glorot_uniform`, or a value, `= 0`; `noise` is drawn,\n"
        "with `~`; `state` begins with a value, with `=`.",
        "layer f(x : [n]) { param b : [n]; x + b }",
        "layer f(x : [n]) { param b : [n] = 0; x + b }",
    ),
    "E0113": Explanation(
        "`=` and `==` confused",
        "`=` gives a name or a first value; `==` compares two values.",
        "model f(x : [n]) { x if n = 3 else -x }",
        "model f(x : [n]) { x if n == 3 else -x }",
    ),
    "E0114": Explanation(
        "a sign of another language",
        "Powers are `^`, conditions `and`, `or` and `not`, the result's type follows `->`. There\n"
        "is no `+=`: a name is given its value once, and a state its next one by `m' = m + 1`.",
        "model f(x) { x ** 2 }",
        "model f(x) { x ^ 2 }",
    ),
    "E0115": Explanation(
        "no `->` before the result's type",
        "A signature is one list of inputs, or settings and inputs, then `->` and the type of\n"
        "the result. The `->` and the type may be left out together.",
        "model f(x : [3]) [3] { x }",
        "model f(x : [3]) -> [3] { x }",
    ),
    "E0116": Explanation(
        "only a name can be given a value",
        "On the left of `=` stands a name, or several with commas. Tensors do not change: there\n"
        "is no assignment to an element or an attribute.",
        "model f(x : [3]) { x[0] = 1; x }",
        "model f(x : [3]) { y = 2 * x; y }",
    ),
    "E0117": Explanation(
        "not the beginning of anything",
        "A file holds declarations: layer, cell, model, function, initializer, regularizer,\n"
        "optimizer, schedule, data, train and import. Statements stand in their braces, and no\n"
        "declaration stands inside another.",
        "def f(x): return x",
        "function f(x) { x }",
    ),
    "E0118": Explanation(
        "comparisons do not chain",
        "`a < b < c` means different things in different languages, so it means nothing here.",
        "model f(x : [n]) { x if 1 < n < 5 else -x }",
        "model f(x : [n]) { x if 1 < n and n < 5 else -x }",
    ),
    "E0119": Explanation(
        "a value is missing",
        "An operator, a comma or a keyword is not followed by what it needs. An expression goes\n"
        "on over several lines inside parentheses, and a chain where a line begins with `|>`.",
        "model f(x) { x + }",
        "model f(x) { x + 1 }",
    ),
    "E0120": Explanation(
        "a value that goes nowhere",
        "The last line of a body is its value. An expression on an earlier line would be computed\n"
        "and lost, which is never what is meant.",
        "model f(x) { x + 1; x + 2 }",
        "model f(x) { y = x + 1; y + 2 }",
    ),
    "E0121": Explanation(
        "two things side by side",
        "Statements are separated by the end of the line or `;`, arguments by commas, and there\n"
        "is always an operator between two values: `2x` is not a product.",
        "model f(x) { y = 2 x; y }",
        "model f(x) { y = 2 * x; y }",
    ),
    "E0122": Explanation(
        "a type is missing",
        "A type follows `:`, and noise always has one: there is nothing else its shape could\n"
        "come from.",
        "model f(x : [2]) { noise u ~ normal(0, 1); x + u }",
        "model f(x : [2]) { noise u : [2] ~ normal(0, 1); x + u }",
    ),
    "E0123": Explanation(
        "no body",
        "What a definition or a training does stands in braces after its signature.",
        "function square(x) = x^2",
        "function square(x) { x^2 }",
    ),
    "E0124": Explanation(
        "not a contraction",
        "`contract(axes : product)` multiplies tensors that each have their indices in brackets,\n"
        "and sums over every index that is not among the axes.",
        "function dot(a : [n], b : [n]) { contract(: a * b) }",
        "function dot(a : [n], b : [n]) { contract(: a[i] * b[i]) }",
    ),
    "E0125": Explanation(
        "a name is missing",
        "A declaration is followed by the name it declares, and `train on` by the name of its\n"
        "data.",
        "model (x : [3]) -> [3] { x }",
        "model f(x : [3]) -> [3] { x }",
    ),
    "E0126": Explanation(
        "a declaration that is cut short",
        "`data` has fields and a source; `descend` names a parameter and its direction.",
        'data houses = csv("houses.csv")',
        'data houses(sqft : scalar, paid : scalar) = csv("houses.csv")',
    ),
    "E0127": Explanation(
        "an import without a file",
        "An import names the file it takes its names from.",
        "import residual",
        'import residual from "blocks.nn"',
    ),
    "E0128": Explanation(
        "`if` without `else`",
        "`a if condition else b` is a value, and so needs both cases.",
        "model f(x : [n]) { x if n > 3 }",
        "model f(x : [n]) { x if n > 3 else -x }",
    ),
    "E0129": Explanation(
        "an operation before `|>` without brackets",
        "`|>` binds more loosely than any operator and than `if ... else`, so all of `x + x` goes\n"
        "into what follows it, where a reader may see only the last x go. Brackets say which is\n"
        "meant: `(x + x) |> f` or `x + (x |> f)`. A sign, as in `-x |> f`, needs none.",
        "layer residual(x : [n]) -> [n] { x + x |> dense(n) }",
        "layer residual(x : [n]) -> [n] { x + (x |> dense(n)) }",
    ),
}
