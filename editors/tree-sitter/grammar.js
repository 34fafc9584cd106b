// A grammar for trees in editors: wider than the language, so that a half-written spec has one.
//
// Newlines separate nothing here; what belongs together is seen by the words that begin statements.
// The words are those of the compiler (`words.js`).

const words = require("./words.js");

const KINDS = words.declaration.filter((word) => !["data", "import", "train"].includes(word));
const PREC = { pipe: 1, if: 2, or: 3, and: 4, not: 5, compare: 6, sum: 7, product: 8, minus: 9, power: 10, call: 11 };
const some = (rule) => seq(rule, repeat(seq(",", rule)));
const comma = (rule) => optional(seq(some(rule), optional(",")));
const named = ($) => choice($.name, alias(choice(...words.setting, "step"), $.name)); // a word that is a keyword elsewhere
const binary = ($, level, sign) => prec.left(PREC[level], seq($._value, field("operator", sign), $._value));

module.exports = grammar({
  name: "gradc",
  extras: ($) => [/\s/, ";", $.comment],
  word: ($) => $.name,
  conflicts: ($) => [[$.setting, $._atom], [$.step, $._atom]],
  rules: {
    file: ($) => repeat(choice($.definition, $.derivative, $.import, $.data, $.train, $.let)),
    comment: () => token(seq("#", /[^\n]*/)),

    definition: ($) =>
      seq(choice(...KINDS), field("name", named($)), optional($.parameters), optional($.parameters),
        optional(seq("->", $._type)), $.block),
    derivative: ($) =>
      seq("derivative", field("name", named($)), $.parameters, $.parameters, optional(seq("because", $.text)), $.block),
    import: ($) => seq("import", optional(seq(some(named($)), "from")), $.text),
    data: ($) => seq("data", field("name", $.name), $.parameters, "=", $._expression),
    train: ($) => seq("train", "on", field("name", $.name), $.block),
    let: ($) => seq("let", field("name", named($)), "=", $._value),
    parameters: ($) => seq("(", comma($.parameter), ")"),
    parameter: ($) => seq(field("name", named($)), optional(seq(":", $._type)), optional(seq("=", $._expression))),
    block: ($) => seq("{", repeat($._statement), "}"),

    _statement: ($) =>
      choice($.param, $.noise, $.state, $.minimize, $.over, $.using, $.setting, $.report, $.descend, $.step,
        $.assign, $.update, $.result),
    param: ($) => seq("param", $.dotted, optional(seq(":", $._type)), choice("~", "="), $._expression),
    noise: ($) => seq("noise", $.name, ":", $._type, "~", $._expression),
    state: ($) => prec.right(seq("state", some(seq($.dotted, optional(seq(":", $._type)), "=", $._expression)))),
    minimize: ($) => seq("minimize", $._expression),
    over: ($) => prec.right(seq("over", some($._value))),
    using: ($) => prec.right(seq("using", some(choice($._expression, $.setting)))),
    setting: ($) => prec.dynamic(1, seq(field("name", choice(...words.setting)), $._value)),
    report: ($) => prec.right(seq("report", some(choice($._expression, $.argument, seq($.text, "=", $._expression))))),
    descend: ($) => prec.right(seq("descend", some(seq($._value, "along", $._value)))),
    step: ($) => seq("step", field("name", $.name), $.block),
    assign: ($) => seq(some(named($)), "=", $._expression),
    update: ($) => seq(optional(seq($._value, token.immediate("."))), $.primed, "=", $._expression),
    result: ($) => prec(-1, $._expression),

    _expression: ($) => choice($._value, $.pipe, $.claim),
    pipe: ($) => prec.left(PREC.pipe, seq($._expression, "|>", $._value)),
    claim: ($) => prec.left(PREC.pipe, seq($._expression, ":", $._type)),
    _value: ($) => choice($._atom, $.call, $.contract, $.indexed, $.attribute, $.unary, $.binary, $.conditional),
    conditional: ($) => prec.right(PREC.if, seq($._value, "if", $._value, "else", $._value)),
    unary: ($) => choice(prec(PREC.minus, seq("-", $._value)), prec(PREC.not, seq("not", $._value))),
    binary: ($) =>
      choice(binary($, "or", "or"), binary($, "and", "and"),
        binary($, "compare", choice("<=", ">=", "==", "!=", "<", ">")), binary($, "sum", choice("+", "-")),
        binary($, "product", choice("*", "/", "//", "%", "@")),
        prec.right(PREC.power, seq($._value, field("operator", "^"), $._value))),
    call: ($) =>
      prec.left(PREC.call, seq(field("function", $._value), token.immediate("("),
        comma(choice($.argument, $._expression)), ")")),
    contract: ($) => seq("contract", token.immediate("("), optional(some($._value)), ":", $._expression, ")"),
    argument: ($) => seq(field("name", choice($.name, ...words.setting, "noise", "state", "step", "over")), "=", $._expression),
    indexed: ($) => prec.left(PREC.call, seq($._value, token.immediate("["), comma(choice($._value, $.slice)), "]")),
    slice: ($) => choice(seq($._value, ":", optional($._value)), seq(":", optional($._value))),
    attribute: ($) => prec.left(PREC.call, seq($._value, token.immediate("."), field("name", choice($.name, ...KINDS)))),

    _atom: ($) => choice(named($), $.primed, $.number, $.dims, $.text, $.shape, $.tuple, "scalar"),
    tuple: ($) => seq("(", comma($._expression), ")"),
    shape: ($) => seq("[", comma(choice($._value, $.rest)), "]"),
    rest: ($) => seq("..", $.name),
    dotted: ($) => seq($.name, repeat(seq(token.immediate("."), $.name))),

    _type: ($) => choice($._element, $.tuple_type),
    _element: ($) => choice($.shape_type, "scalar", alias(choice($.name, ...KINDS), $.type_name), $.class_type, $.seq_type),
    shape_type: ($) => seq("[", comma(choice($._value, $.rest)), "]"),
    class_type: ($) => seq("class", "(", $._value, ")"),
    seq_type: ($) => seq("seq", optional(seq("(", $._value, ")")), $._element),
    tuple_type: ($) => seq("(", comma($.field), ")"),
    field: ($) => seq(optional(seq(field("name", $.name), ":")), $._type),

    name: () => /[A-Za-z_][A-Za-z_0-9]*/,
    primed: () => token(/[A-Za-z_][A-Za-z_0-9]*'/),
    number: () => token(/[0-9]+(_[0-9]+)*(\.[0-9]+(_[0-9]+)*)?([eE][+-]?[0-9]+)?/),
    dims: () => token(prec(1, /[0-9]+(x[0-9]+)+/)),
    text: () => /"[^"\n]*"/,
  },
});
