"""From raw tokens to the tokens of the grammar: which newlines separate, which words are keywords.

Newlines inside ( ) and [ ], before `|>`, `->`, `{` and `}`, and after a comma mean nothing and are
dropped; `;` becomes a newline.  Words such as `step` or `batch` are keywords only where what they
begin could begin.  `brackets` matches brackets and drops the newlines inside them.
"""

from __future__ import annotations

from gradc_compiler.diagnostics.source import Diagnostic
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.syntax.grammar.build_tree import Lexeme
from gradc_compiler.syntax.lex.brackets import DECLARATION, VALUE_ENDS, Brackets
from gradc_compiler.syntax.lex.recover import is_size, misspelt, oversized
from gradc_compiler.syntax.lex.suppress_cascades import FoundError, Rank

SETTINGS = frozenset(
    {"batch", "epochs", "held_out", "seed", "patience", "in_memory", "block", "memory"}
    | {"exact", "precision", "validate", "limit"}
)


Laid = tuple[list[Lexeme], list[Lexeme], list[FoundError], list[tuple[int, int]]]


def lay_out(raw: list[Lexeme]) -> Laid:
    """All words, the tokens for the parser, what is wrong so far, and the stretches where brackets
    are.
    """
    words, problems = _mend(raw)
    _choose_keywords(words)
    words = _without_on(words)
    brackets = Brackets(words)
    for at in range(len(words)):
        brackets.take(at)
    found = [FoundError(Rank.MISSPELT, problem) for problem in problems]
    found += [FoundError.of_brackets(problem) for problem in brackets.problems]
    return words, brackets.out, found, brackets.doubtful


def _without_on(words: list[Lexeme]) -> list[Lexeme]:
    """The words but for the `on` of `validate on v`, which says nothing to the parser."""
    pairs = zip([None, *words], words, strict=False)
    return [
        word
        for before, word in pairs
        if not (word.text == "on" and before is not None and _is_validate(before))
    ]


def _is_validate(word: Lexeme) -> bool:
    return word.type == "SETTING" and word.text == "validate"


def _mend(raw: list[Lexeme]) -> tuple[list[Lexeme], list[Diagnostic]]:
    """Without comments, and with what was meant in place of what was misspelt."""
    words: list[Lexeme] = []
    problems: list[Diagnostic] = []
    for token in raw:
        meant: Lexeme | None = token
        problem = None
        if is_size(token, words[-1].text if words else ""):
            meant = Lexeme("NUMBER", token.text, token.span)
        elif token.type.startswith("WRONG"):
            meant, problem = misspelt(token)
        elif token.type in ("NUMBER", "DIMS"):
            problem = oversized(token)
            meant = Lexeme("NUMBER", "1", token.span) if problem else token
        if problem is not None:
            problems.append(problem)
        if meant is not None and token.type != "COMMENT":
            words.append(meant)
    return words, problems


def _choose_keywords(words: list[Lexeme]) -> None:
    """Give the words that are keywords only in their place their terminals."""
    line_start, where = 0, Surroundings()
    for at, token in enumerate(words):
        where.pass_by(token)
        if token.type in ("NL", "SEMICOLON", "LBRACE", "RBRACE"):
            if not at or words[at - 1].type not in ("COMMA", "LPAR"):
                line_start = at + 1
        elif token.type == "KIND" and at and words[at - 1].text == ".":
            token.type = "NAME"
        elif token.type == "NAME":
            role = _role(words, at, line_start)
            item = at == line_start or words[at - 1].type in ("USING", "COMMA")
            below = item and where.has_settings() and _is_negative(words[at : at + 3])
            token.type = "SETTING" if below else role
            if where.has_declarations() and (word := _declared(words, at, line_start)):
                token.type = word
                where.pass_by(token)
        elif token.type.isupper() and token.text.isalpha() and _only_names(words, at, line_start):
            token.type = "NAME"


@dataclass
class Surroundings:
    """Where the words stand that are passed by: in a train block or not, in brackets or not."""

    training: bool = False
    depth: int = 0
    braces: int = 0

    def pass_by(self, token: Lexeme) -> None:
        """Go on to a word."""
        if token.type in DECLARATION:
            self.training, self.depth = token.type == "TRAIN", 0
        self.depth += (token.type in ("LPAR", "LSQB")) - (token.type in ("RPAR", "RSQB"))
        self.braces += (token.type == "LBRACE") - (token.type == "RBRACE")

    def has_settings(self) -> bool:
        """Whether a setting may stand here."""
        return self.training and self.depth == 0

    def has_declarations(self) -> bool:
        """Whether a declaration may stand here."""
        return self.depth == 0 and self.braces <= 0


def _is_negative(words: list[Lexeme]) -> bool:
    """Whether this is `epochs -1`, a setting below 0, rather than a subtraction `epochs - 1`: each
    setting is refused by itself, and told what it may be.
    """
    if len(words) < 3 or words[0].text not in SETTINGS or words[2].type != "NUMBER":
        return False
    name, sign, number = words
    apart, together = name.span.end < sign.span.start, sign.span.end == number.span.start
    return sign.text == "-" and apart and together


def _declared(words: list[Lexeme], at: int, line_start: int) -> str | None:
    """The terminal of `let hidden` and `derivative f`, with which declarations begin, and of
    `because "..."` before the body of one.
    """
    text, after = words[at].text, words[at + 1].type if at + 1 < len(words) else ""
    if text == "because":
        return "BECAUSE" if after == "TEXT" else None
    known = {"let": "LET", "derivative": "DERIVATIVE"}
    return known.get(text) if at == line_start and after == "NAME" else None


def _only_names(words: list[Lexeme], at: int, line_start: int) -> bool:
    """After a dot, and as a setting of a data source (`sine(noise = 0)`), any word is a name."""
    before = at - 1
    while before > line_start and words[before].type == "NL":
        before -= 1
    setting = words[before].text in ("(", ",") and words[at + 1].text == "="
    return words[at - 1].text == "." or (setting and words[line_start].type == "DATA")


def _role(words: list[Lexeme], at: int, line_start: int) -> str:
    text = words[at].text
    before, after = words[at - 1] if at else None, words[at + 1 : at + 3]
    ends_value = before is not None and before.type in VALUE_ENDS
    named = bool(after) and after[0].type == "NAME"
    if before is not None and before.text == ".":
        return "NAME"
    if words[line_start].type == "DESCEND" and not ends_value:  # `descend batch along g`
        return "NAME"
    match text:
        case "from" if words[line_start].type == "IMPORT" and after and after[0].type == "TEXT":
            return "FROM"
        case _ if words[line_start].type == "IMPORT":
            return "NAME"
        case "on" if before is not None and before.type == "TRAIN":
            return "ON"
        case "step" if named and len(after) > 1 and after[1].text == "{":
            return "STEP"
        case "over" if named:
            return "OVER"
        case "along" if ends_value:
            return "ALONG"
        case _ if text in SETTINGS and (named or (after and after[0].type == "NUMBER")):
            return "SETTING"
    return "NAME"
