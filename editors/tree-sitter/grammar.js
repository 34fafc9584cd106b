// A grammar for trees in editors: wider than the language, so that a half-written spec has one.
//
// Newlines separate nothing here; what belongs together is seen by the words that begin statements.
// The words are those of the compiler (`words.js`).

const words = require("./words.js");

const KINDS = words.declaration.filter((word) => !["data", "import", "train"].includes(word));
const PREC = { claim: 1, pipe: 1, if: 2, or: 3, and: 4, not: 5, compare: 6, sum: 7, product: 8, minus: 9, power: 10, call: 11 };
const comma = (rule) => optional(seq(rule, repeat(seq(",", rule)), optional(",")));
const binary = ($, level, sign) =>
  prec.left(PREC[level], seq($._expression, alias(sign, $.operator), $._expression));

module.exports = grammar({
  name: "gradc",
  extras: ($) => [/\s/, ";", $.comment],
  word: ($) => $.name,
  conflicts: ($) => [
    [$.field, $._atom], [$._type, $._atom], [$.parameter, $._atom], [$.shape_type, $.shape], [$.over], [$.report],
    [$.state], [$.using], [$.assign, $._atom], [$.definition], [$.seq_type], [$.descend], [$.tuple, $.tuple_type],
    [$.dotted, $._atom], [$.call, $.result], [$.rest, $._atom], [$._type, $.dotted], [$.dotted],
  ],
  rules: {
    file: ($) => repeat(choice($.definition, $.import, $.data, $.train)),
    comment: () => token(seq("#", /[^\n]*/)),

    definition: ($) =>
      seq(choice(...KINDS), field("name", $.name), optional($.parameters), optional($.parameters),
        optional(seq("->", $._type)), $.block),
    import: ($) => seq("import", optional(seq($.name, repeat(seq(",", $.name)), "from")), $.text),
    data: ($) => seq("data", field("name", $.name), $.parameters, "=", $._expression),
    train: ($) => seq("train", "on", field("name", $.name), $.block),
    parameters: ($) => seq("(", comma($.parameter), ")"),
    parameter: ($) => seq(field("name", $.name), optional(seq(":", $._type)), optional(seq("=", $._expression))),
    block: ($) => seq("{", repeat($._statement), "}"),

    _statement: ($) =>
      choice($.param, $.noise, $.state, $.minimize, $.over, $.using, $.setting, $.report, $.descend, $.step,
        $.assign, $.update, $.result),
    param: ($) => prec.right(seq("param", $.dotted, optional(seq(":", $._type)), choice("~", "="), $._expression)),
    noise: ($) => seq("noise", $.name, ":", $._type, "~", $._expression),
    state: ($) => prec.right(seq("state", $._state, repeat(seq(",", $._state)))),
    _state: ($) => seq($.dotted, optional(seq(":", $._type)), "=", $._expression),
    minimize: ($) => seq("minimize", $._expression),
    over: ($) => prec.right(seq("over", $._expression, repeat(seq(",", $._expression)))),
    using: ($) => prec.right(seq("using", choice($._expression, $.setting), repeat(seq(",", choice($._expression, $.setting))))),
    setting: ($) => prec.right(12, seq(field("name", choice(...words.setting)), $._expression)),
    report: ($) => prec.right(seq("report", $._reported, repeat(seq(",", $._reported)))),
    _reported: ($) => choice($._expression, $.argument, seq($.text, "=", $._expression)),
    descend: ($) => prec.right(seq("descend", $._along, repeat(seq(",", $._along)))),
    _along: ($) => seq($._expression, "along", $._expression),
    step: ($) => seq("step", field("name", $.name), $.block),
    assign: ($) => prec.right(seq($.name, repeat(seq(",", $.name)), "=", $._expression)),
    update: ($) => prec.right(seq(optional(seq($._expression, ".")), $.primed, "=", $._expression)),
    result: ($) => prec.right(-1, $._expression),

    _expression: ($) =>
      choice($._atom, $.call, $.indexed, $.attribute, $.unary, $.binary, $.conditional, $.pipe, $.claim),
    pipe: ($) => prec.left(PREC.pipe, seq($._expression, "|>", $._expression)),
    claim: ($) => prec.left(PREC.claim, seq($._expression, ":", $._type)),
    conditional: ($) =>
      prec.right(PREC.if, seq($._expression, "if", $._expression, "else", $._expression)),
    unary: ($) => choice(prec(PREC.minus, seq("-", $._expression)), prec(PREC.not, seq("not", $._expression))),
    binary: ($) =>
      choice(binary($, "or", "or"), binary($, "and", "and"),
        binary($, "compare", choice("<=", ">=", "==", "!=", "<", ">")), binary($, "sum", choice("+", "-")),
        binary($, "product", choice("*", "/", "//", "%", "@")),
        prec.right(PREC.power, seq($._expression, alias("^", $.operator), $._expression))),
    call: ($) =>
      prec.left(PREC.call, seq(field("function", choice($._expression, "contract")), token.immediate("("),
        comma(choice($.argument, $._expression, $.indices)), ")")),
    indices: ($) => seq(comma($._expression), ":", $._expression),
    argument: ($) => seq(field("name", choice($.name, ...words.setting, "noise", "state", "data")), "=", $._expression),
    indexed: ($) => prec.left(PREC.call, seq($._expression, token.immediate("["), comma(choice($._expression, $.slice)), "]")),
    slice: ($) => choice(seq($._expression, ":", optional($._expression)), seq(":", optional($._expression))),
    attribute: ($) => prec.left(PREC.call, seq($._expression, token.immediate("."), $.name)),

    _atom: ($) =>
      choice($.name, $.primed, $.number, $.dims, $.text, $.shape, $.tuple, "scalar",
        alias(choice(...words.setting), $.name)),
    tuple: ($) => seq("(", comma($._expression), ")"),
    shape: ($) => seq("[", comma(choice($._expression, $.rest)), "]"),
    rest: ($) => seq("..", $.name),
    dotted: ($) => prec.left(seq($.name, repeat(seq(".", $.name)))),

    _type: ($) =>
      choice($.shape_type, "scalar", $.name, ...KINDS.map((kind) => alias(kind, $.name)), $.class_type, $.seq_type, $.tuple_type),
    shape_type: ($) => seq("[", comma(choice($._expression, $.rest)), "]"),
    class_type: ($) => seq("class", "(", $._expression, ")"),
    seq_type: ($) => prec.right(seq("seq", optional(seq("(", $._expression, ")")), $._type)),
    tuple_type: ($) => seq("(", comma($.field), ")"),
    field: ($) => seq(optional(seq($.name, ":")), $._type),

    name: () => /[A-Za-z_][A-Za-z_0-9]*/,
    primed: () => token(/[A-Za-z_][A-Za-z_0-9]*'/),
    number: () => token(/[0-9]+(_[0-9]+)*(\.[0-9]+(_[0-9]+)*)?([eE][+-]?[0-9]+)?/),
    dims: () => token(prec(1, /[0-9]+(x[0-9]+)+/)),
    text: () => /"[^"\n]*"/,
  },
});
