"""Syntax errors as a table: the words around the error, what to say, and an example of each.

A row is tried on one line of text: `top` or the innermost open bracket, the statement so far, `»`,
the token that does not fit and two more.  Names stand there as NAME, numbers as NUMBER, comparisons
as COMPARE, declaration words as KIND; all else as written, the end of a line as NL.  The first
row that matches speaks.  `{found}`, `{last}` and `{first}` are the tokens' texts.  In an example,
`§` stands where the caret must be; the tests run every one.
"""

from __future__ import annotations

from gradc_compiler.records.fast_dataclass import dataclass

VALUE = r"(?:NAME|NUMBER|TEXT|DIMS|scalar|contract)"
STOP = r"(?:NL|END|\}|\)|\])"
OPERATOR = r"(?:\+|-|\*|/|//|%|@|\^|COMPARE|and|or|not|if|else|=|~|:|,|\(|\[|\|>|->|\.)"
BINARY = r"(?:\*|/|//|%|@|\^|COMPARE|and|or|if|else|\|>|=|~|,)"
CLAUSE = r"(?:minimize|over|using|report|descend|along|param|noise|state|step|SETTING)"
TYPE = r"(?:\[|scalar|seq|class)"


@dataclass(frozen=True)
class MessageRow:
    """When `pattern` is found, say this."""

    code: str
    pattern: str
    message: str
    hint: str
    example: str
    label: str = ""


def body(example: str) -> str:
    """A statement inside a layer."""
    return f"layer f(x : [n]) {{\n    {example}\n}}\n"


def train(example: str) -> str:
    """A clause inside `train`."""
    return f"train on d {{\n    {example}\n}}\n"


UNEXPECTED = (
    # Habits of other languages.
    MessageRow(
        "E0117",
        r"^top » (//|/ \*|%|- -|TEXT)|^top TEXT » TEXT",
        "this is no comment",
        "a comment begins with `#` and ends with the line",
        body("§// the hidden layer"),
    ),
    MessageRow(
        "E0117",
        r"// NAME » (NAME|NUMBER|KIND|:|,)",
        "this is no comment",
        "a comment begins with `#` and ends with the line",
        body("a = 3 // three §times"),
    ),
    MessageRow(
        "E0117",
        r"^top » class NAME",
        "a network is no class",
        "write `model net(x : [4]) -> [3] {{ ... }}`, or `layer` for a part of one",
        "§class Net(x : [4]) {\n    x\n}\n",
    ),
    MessageRow(
        "E0122",
        r"^top (KIND NAME \{.*\} )?» ->",
        "inputs stand in round brackets",
        "write `(x : [4])` before `->`, and the body in braces after it",
        "model f {x : [3]} §-> [3] { x }\n",
    ),
    MessageRow(
        "E0123",
        r"^top KIND NAME \(.*\)( -> .*)? » : NL",
        "a body stands in braces, not after `:`",
        "write `{{ ... }}` around it",
        "model f(x : [3]) -> [3]§:\n    x\n",
    ),
    MessageRow(
        "E0122",
        r"^\( (KIND|data) NAME \((.* ,)? NAME : NAME » (\[|COMPARE)",
        "a type is a shape, and names no kind of number",
        "write `[4]`; numbers are float32, or float64 with --dtype",
        "model f(x : float32§[4]) -> [4] {\n    x\n}\n",
    ),
    MessageRow(
        "E0122",
        r": \( » NUMBER",
        "a shape stands in square brackets",
        "write `[4]`, or `[28, 28, 1]`",
        "model f(x : (§4,)) -> [4] {\n    x\n}\n",
    ),
    MessageRow(
        "E0122",
        r"^\( (KIND|data) NAME \((.* ,)? NAME : \[.*\] » class",
        "labels come one by one, or in a sequence",
        "write `seq(5) class(10)` for five labels, or `class(10)` for one",
        "model f(x : [5] §class(10)) -> [4] {\n    x\n}\n",
    ),
    MessageRow(
        "E0121",
        r"^top train on NAME » ,",
        "a training has one set of data",
        "put what belongs together into one set, or train on the other with `--weights RUN`",
        "train on a§, b { minimize x }\n",
    ),
    MessageRow(
        "E0121",
        r"NAME \[ (.* )?: » :|NAME \[ » : :|^\[ » : :|^\[ :? ?» :",
        "a part of a tensor has no steps",
        "`x[1:3]` takes numbers that follow one another; `reverse(x)` turns them round",
        body("y = x[:§:-1]"),
    ),
    MessageRow(
        "E0121",
        r"^\[ .*\[ (.* )?» \.\. \.",
        "there is no `...` among indices",
        "write `:` for each axis that stays whole, as in `x[:, 0]`",
        body("y = x[§..., 0]"),
    ),
    # Declarations.
    MessageRow(
        "E0103",
        r"^top KIND NAME » - NAME",
        "a name holds letters, digits and `_`, but no `-`",
        "write `{last}_{next}`",
        "layer my§-block(x) { x }\n",
    ),
    MessageRow(
        "E0110",
        r"^\( (KIND|data) NAME \((.* ,)? » (NUMBER|DIMS|\[)",
        "expected the name of an input, found `{found}`",
        "write a name and its type, such as `x : [3]`",
        "model f(§3) { x }\n",
    ),
    MessageRow(
        "E0122",
        rf"^\( (KIND|data) NAME .*[(,] NAME » {TYPE}",
        "`:` is missing between the name and its type",
        "write `{last} : {found_type}`",
        "model f(x §[3]) { x }\n",
    ),
    MessageRow(
        "E0116",
        r"^top (.* )?using (.* )?(NAME|SETTING) » =",
        "a setting of the training is written without `=`",
        "write `{last} {next}`",
        train("using sgd, batch §= 32"),
    ),
    MessageRow(
        "E0121",
        r"^top (.* )?using (.* )?NAME » NUMBER",
        "`{last}` is not a setting of the training",
        "there are batch, epochs, held_out, seed, patience, limit, in_memory, block, memory and "
        "exact; an optimizer has its own in brackets, as in `adam(lr = 1e-3)`",
        train("minimize e using sgd, warm_starts §32"),
    ),
    MessageRow(
        "E0123",
        r"^top KIND NAME (\(.*\) )?» =",
        "a body stands in braces, not after `=`",
        "write `{{ ... }}` around it",
        "function f(x) §= x^2\n",
    ),
    MessageRow(
        "E0115",
        r"^top KIND NAME \(.*\) » (:|\[|scalar|seq|class|NAME)",
        "`->` is missing between the inputs and the result's type",
        "write `-> {found_type}`",
        "model f(x : [3]) §[2] {\n    x\n}\n",
    ),
    MessageRow(
        "E0115",
        r"^top KIND NAME \(.*\) \(.*\) » \(",
        "a signature has at most two lists: settings, then inputs",
        "before the result's type write `->`",
        "layer f(a)(b)§(c) { c }\n",
    ),
    MessageRow(
        "E0123",
        r"^top KIND NAME.*-> » (\{|NL|END)",
        "the result's type is missing after `->`",
        "write a type, such as `-> [10]`, or leave out `->`",
        "model f(x) -> §{ x }\n",
    ),
    MessageRow(
        "E0123",
        r"^top (KIND NAME|train on NAME|step NAME)[^{]*» (NL|END|KIND|data|train|import)",
        "the body is missing",
        "write it in braces: `{{ ... }}`",
        "model f(x : [3])§\n",
    ),
    MessageRow(
        "E0125",
        r"^top KIND » [({]",
        "`{last}` needs a name",
        "write `{last} name(...)`",
        "model §(x) { x }\n",
    ),
    MessageRow(
        "E0115",
        r"^top derivative NAME (\(.*\) )?» \{",
        "a derivative has two lists: the inputs, and how each of them moves",
        "write `derivative f(x)(dx) {{ ... }}`",
        "derivative f(x) §{ x }\n",
    ),
    MessageRow(
        "E0115",
        r"^top derivative NAME \(.*\) \(.*\) » (->|:)",
        "a derivative has the type of what its function gives",
        "leave it out: `derivative f(x)(dx) {{ ... }}`",
        "derivative f(x)(dx) §-> t { x }\n",
    ),
    MessageRow(
        "E0123",
        r"^top derivative NAME \(.*\) \(.*\) » NAME",
        "why a derivative differs is a text in quotes after `because`",
        'write `because "straight through" {{ ... }}`',
        "derivative f(x)(dx) §because straight { dx }\n",
    ),
    MessageRow(
        "E0112",
        r"^top let NAME » (?!=)",
        "a constant needs its value",
        "write `let {last} = 64`",
        "let hidden §64\n",
    ),
    MessageRow(
        "E0125",
        r"^top train » NAME",
        "`on` is missing after `train`",
        "write `train on {found}`",
        "train §digits { minimize x }\n",
    ),
    MessageRow(
        "E0125",
        r"^top train( on)? » ",
        "`train` needs the name of its data",
        "write `train on digits {{ ... }}`",
        "train §{ minimize x }\n",
    ),
    MessageRow(
        "E0125",
        r"^top (data|noise|state|param) » [^a-z]",
        "`{last}` needs a name",
        "write the name after `{last}`",
        body("param §= 3"),
    ),
    MessageRow(
        "E0126",
        r"^top data NAME \(.*\) » ",
        "the source of this data is missing",
        'say where it comes from: `= csv("file.csv")`',
        "data d(x : scalar)§\n",
    ),
    MessageRow(
        "E0126",
        r"^top data NAME » ",
        "the fields of this data are missing",
        "say what one example holds: `data d(x : [3]) = ...`",
        "data d §= mnist()\n",
    ),
    MessageRow(
        "E0127",
        r"^top import( NAME( [,.] NAME)*)?( ,)? » ",
        "an import ends with a file's name",
        'write `import name from "file.nn"`; layers and losses are there without it',
        "import residual§\n",
    ),
    MessageRow(
        "E0127",
        r"^top import TEXT » ",
        "nothing may follow the file's name here",
        'write `import name from "file.nn"` to take some names only',
        'import "a.nn" §as a\n',
    ),
    MessageRow(
        "E0117",
        r"^top » (param|noise|state|minimize|over|using|report|descend|SETTING)",
        "`{found}` belongs inside the braces of a declaration",
        "is a `}}` above it one too many?",
        "§param w = 3\n",
    ),
    MessageRow(
        "E0117",
        r"^top » (KIND|data|import|train) (NAME|on|TEXT)",
        "`{found}` cannot stand inside a body",
        "declare it at the top of the file",
        body("§model g(x) { x }"),
    ),
    MessageRow(
        "E0117",
        r"^top NAME » \{",
        "`{last}` opens no block",
        "inside a body only `step name {{ ... }}` has braces",
        train("step §{ minimize x }"),
    ),
    # Statements that begin with a keyword.
    MessageRow(
        "E0122",
        rf"^top (param|noise|state) NAME( \. NAME)* » {TYPE}",
        "`:` is missing between the name and its type",
        "write `{last} : {found_type}`",
        body("param W §[3] ~ normal"),
    ),
    MessageRow(
        "E0122",
        r"^top noise NAME » ",
        "noise needs a type",
        "write `noise {last} : [2] ~ normal(0, 1)`",
        body("noise u §~ normal(0, 1)"),
    ),
    MessageRow(
        "E0112",
        r"^top noise NAME : [^~]*» =",
        "noise is drawn, not set",
        "write `~` for `=`",
        body("noise u : [2] §= normal(0, 1)"),
    ),
    MessageRow(
        "E0112",
        rf"^top noise NAME : [^~]*» ({STOP}|NAME|{CLAUSE})",
        "noise needs a distribution",
        "write `~ normal(0, 1)` after the type",
        body("noise u : [2]§"),
    ),
    MessageRow(
        "E0112",
        rf"^top param NAME [^~=]*» ({STOP}|{VALUE}|{CLAUSE})",
        "a param needs its first value",
        "write `~ glorot_uniform` to draw it, or `= 0` to set it",
        body("param W : [3]§"),
    ),
    MessageRow(
        "E0112",
        rf"^top param NAME » ({STOP}|{VALUE}|{CLAUSE})",
        "a param needs its first value",
        "write `~ glorot_uniform` to draw it, or `= 0` to set it",
        body("param W§"),
    ),
    MessageRow(
        "E0112",
        r"^top state .*» ~",
        "a state is set, not drawn",
        "write `=` for `~`",
        body("state m §~ normal"),
    ),
    MessageRow(
        "E0112",
        rf"^top state (.*, )?NAME( : [^=]*)? » ({STOP}|,|{VALUE})",
        "a state needs its first value",
        "write `= 0` after it",
        body("state m§"),
    ),
    MessageRow(
        "E0119",
        rf"^top (minimize|report|using|over|descend) » ({STOP}|{CLAUSE})",
        "`{last}` says nothing",
        "write what to {last}, on the same line",
        train("minimize §over f"),
    ),
    MessageRow(
        "E0126",
        r"^top descend [^,]*» ",
        "`descend` needs a direction for its parameter",
        "write `descend f.W along dW`",
        train("descend f.W§"),
    ),
    MessageRow(
        "E0113",
        r"^top (param|state) .*» COMPARE",
        "`{found}` compares; a first value is set",
        "write `=`",
        body("param b : [3] §== 0"),
    ),
    # Types and contractions.
    MessageRow(
        "E0122",
        r"\bseq( \(.*\))? » ",
        "`seq` needs the type of its elements",
        "write `seq [n]`",
        "model f(x : seq§) { x }\n",
    ),
    MessageRow(
        "E0122",
        r"\bclass » ",
        "`class` needs the number of its labels",
        "write `class(10)`",
        "model f(x : class§) { x }\n",
    ),
    MessageRow(
        "E0122",
        r"^\( (KIND|data) NAME .*: » ",
        "a type is missing after `:`",
        "write `[3]`, `scalar`, `class(10)`, `seq [n]` or a name",
        "model f(x : §3) { x }\n",
    ),
    MessageRow(
        "E0124",
        r"^\( .*contract \( [^:]*» \)",
        "`contract` needs `:` before its product",
        "write `contract(i : x[i] * y[i])`; with no axes, `contract(: x[i] * y[i])`",
        body("contract(x[i] * y[i]§)"),
    ),
    # Signs in the wrong place.
    MessageRow(
        "E0113",
        r"\b(if|and|or|not|COMPARE) .*» =",
        "`=` gives a name; two values are compared by `==`",
        "write `==`",
        body("1 if n §= 3 else 2"),
    ),
    MessageRow(
        "E0116",
        r"^\( (.*, )?(TEXT|NUMBER|.*[\])]|.*NAME) » =",
        "only a single word can stand before `=` in a call",
        "write `name = value`, or `==` to compare",
        body("f(x.y §= 3)"),
    ),
    MessageRow(
        "E0116",
        r"^top (?!param|noise|state)[^=]*» =",
        "only a name can be given a value",
        "write `name = ...`, or `==` to compare",
        body("f(x) §= 3"),
    ),
    MessageRow(
        "E0116",
        r"^top .*= \S.* » =",
        "one name at a time can be given a value",
        "write two statements, or `==` to compare",
        body("a = b §= 3"),
    ),
    MessageRow(
        "E0118",
        r"COMPARE ((?!\b(and|or|not|if|else)\b)[^»])*» COMPARE",
        "comparisons do not chain",
        "write `a < b and b < c`",
        body("a < b §< c"),
    ),
    MessageRow(
        "E0119",
        r"^(\(|\[|top) » if",
        "`if` stands between two values",
        "write `a if x > 0 else b`",
        body("§if b > 0"),
    ),
    MessageRow(
        "E0119",
        rf"^(top|\(|\[)( .*\b{OPERATOR}|.* {OPERATOR}|) » \+",
        "there is no plus sign before a single value",
        "delete the `+`",
        body("a = §+ 3"),
    ),
    MessageRow(
        "E0119",
        r"\|> » ",
        "a layer is missing after `|>`",
        "a chain goes on over several lines with `|>` at the start of the next",
        body("x |>§\n    f"),
    ),
    MessageRow(
        "E0119",
        rf" {OPERATOR} » NL",
        "a value is missing after `{last}`",
        "an expression goes on over several lines only inside parentheses",
        body("a = 3 +§\n    4"),
    ),
    MessageRow(
        "E0119",
        rf" {OPERATOR} » ({STOP}|{BINARY}|{CLAUSE})",
        "a value is missing after `{last}`",
        "write it before {found_quoted}",
        body("a = (3 + §)"),
    ),
    MessageRow(
        "E0119",
        rf"^(\(|\[|top) » ({BINARY}|:)",
        "a value is missing before `{found}`",
        "write it, or delete `{found}`",
        body("§* 3"),
    ),
    MessageRow(
        "E0128",
        r" if (?!.*\belse\b).*» ",
        "this `if` has no `else`",
        "write `a if condition else b`",
        body("y = 1 if n > 3§"),
    ),
    MessageRow(
        "E0121",
        r"^[(\[] .*» NL",
        "`;` separates statements, and this is inside brackets",
        "write `,`",
        body("f(x§; y)"),
    ),
    MessageRow(
        "E0121",
        r"^top .*» ,",
        "a comma cannot separate statements",
        "write `;` or a new line",
        body("m' = 1§, v' = 2"),
    ),
    MessageRow(
        "E0121",
        rf"^[(\[] .*({VALUE}|\)|\]) » (NAME|NUMBER|TEXT|DIMS|NAME'|scalar)",
        "a comma or an operator is missing before `{found}`",
        "write `,` to begin another item",
        body("f(x §y)"),
    ),
    MessageRow(
        "E0121",
        r"^top .*NUMBER » NAME(?! [=,])",
        "a sign is missing between `{last}` and `{found}`",
        "a product is written `{last} * {found}`",
        body("a = 2 §b + 3"),
    ),
    MessageRow(
        "E0121",
        r"^top .*\|> .*(NAME|\)) » NAME(?! [=,])",
        "`|>` or the end of the line is missing before `{found}`",
        "write `|> {found}` to go on with the chain",
        body("x |> f(1) §g |> h"),
    ),
    MessageRow(
        "E0121",
        rf"^top .*({VALUE}|NAME'|\)|\]) » ({VALUE}|NAME')",
        "an operator or the end of the line is missing before `{found}`",
        "begin a new line, or write `;` between two statements",
        body("a = 2 §b = 3"),
    ),
    MessageRow(
        "E0121",
        r"^\[.*» :",
        "the size of a shape cannot be a range",
        "write one number or name",
        body("y = [1 §: 2]"),
    ),
)

OF_CONSTANTS = frozenset({"let", "var", "const"})
BORROWED = {
    "def": "write `layer`, `model` or `function`",
    "fn": "write `layer`, `model` or `function`",
    "func": "write `layer`, `model` or `function`",
    "let": "inside a body write `name = value`",
    "var": "write `name = value`",
    "const": "write `name = value`",
    "return": "the last line of a body is its value; write it alone",
    "for": "there are no loops: write `repeat(n, layer)` or `scan(cell)`, or work on whole tensors",
    "while": "there are no loops: write `repeat(n, layer)` or `scan(cell)`",
    "lambda": "declare a `function` with a name",
    "print": "write `report name = value` in `train`",
    "include": 'write `import "file.nn"`',
    "from": "there are no packages to import, so delete the line: layers and losses are there",
    "with": "nothing is switched on for a part of a body: `stop_gradient(x)` cuts derivatives",
    "assert": "a claim is checked before anything runs: `x |> dense(3) : [3]`",
    "pass": "a body ends with its value; without one leave the line out",
    "elif": "write `a if c else b if d else e`",
}
