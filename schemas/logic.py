"""The concept-logic expression (paper, section 5): constraints on concepts, joined by &, | and !.

    expression  := conjunction ('|' conjunction)*
    conjunction := factor ('&' factor)*
    factor      := '!' factor | '(' expression ')' | name ('>' | '<') number

`c > k` keeps images with similarity above mean + k std, the paper's (c, k, +1). `c < k` keeps those below mean + k std,
so the paper's (c, k, -1), below mean - k std, is written `c < -k`. `!` is the set complement, never the paper's sign.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from t2c.schemas.errors import LogicError, expected

DEEPEST = 50
"""Parentheses and ! that may be nested."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """One concept and where its similarity must lie."""

    concept: str
    """The concept as the bank names it."""
    sign: Literal[1, -1]
    """+1: similarity > mean + k std; -1: similarity < mean - k std; both strict."""
    k: float
    """Standard deviations from the mean; may be negative."""

    @property
    def bound(self) -> float:
        """The threshold as a z-score: k for sign +1, -k for sign -1."""
        return self.sign * self.k + 0.0

    def threshold(self, mean: float, std: float) -> float:
        """Return the similarity to be above or below."""
        return mean + self.bound * std


@dataclass(frozen=True, slots=True)
class Not:
    """The complement of a set, within the images searched."""

    term: Expression


@dataclass(frozen=True, slots=True)
class And:
    """The intersection of two or more sets."""

    terms: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """The union of two or more sets."""

    terms: tuple[Expression, ...]


Expression = Constraint | Not | And | Or


def parse(text: str) -> Expression:
    """Return the expression that text says; raises LogicError with the position of what is wrong.

    `a & b & c` is one And of three; parentheses keep their own And or Or, so parse(render(e)) == e.
    """
    return _Parser(text).parse()


def render(expression: Expression) -> str:
    """Return the expression as text that parses to it again; names are quoted unless they are one plain word."""
    match expression:
        case Constraint():
            return f"{_name(expression.concept)} {'>' if expression.sign > 0 else '<'} {_number(expression.bound)}"
        case Not(term):
            return f"!{_group(term, And, Or)}"
        case And(terms):
            return " & ".join(_group(term, And, Or) for term in terms)
        case Or(terms):
            return " | ".join(_group(term, Or) for term in terms)


def concepts(expression: Expression) -> tuple[str, ...]:
    """Return the concepts that occur, each once, in order of first occurrence."""
    return tuple(dict.fromkeys(constraint.concept for constraint in constraints(expression)))


def constraints(expression: Expression) -> tuple[Constraint, ...]:
    """Return every constraint, from left to right."""
    match expression:
        case Constraint():
            return (expression,)
        case Not(term):
            return constraints(term)
        case And(terms) | Or(terms):
            return tuple(constraint for term in terms for constraint in constraints(term))


def conjuncts(expression: Expression) -> tuple[Expression, ...]:
    """Return the terms of the outermost intersection: the steps of the funnel."""
    return expression.terms if isinstance(expression, And) else (expression,)


_OTHER_WORDS = {"and": "&", "or": "|", "not": "!"}
_PLAIN = re.compile(r"\w[\w-]*")
_WORDS = re.compile(r"\w[\w-]*(?: +[\w-]+)*")
_SPACE = re.compile(r"\s*")
_NUMBER = re.compile(r"[+\-−]?(?:\d+\.?\d*|\.\d+)(?:[eE][+\-−]?\d+)?")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def _group(term: Expression, *kinds: type) -> str:
    return f"({render(term)})" if isinstance(term, kinds) else render(term)


def _name(concept: str) -> str:
    if _PLAIN.fullmatch(concept) and concept.casefold() not in _OTHER_WORDS:
        return concept
    escaped = concept.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


class _Parser:
    """Recursive descent over the text; `at` is the offset of the next character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0

    def parse(self) -> Expression:
        """Return the whole text's expression."""
        expression = self.expression()
        if self.peek():
            raise self.error("&, | or the end", *self.stray())
        return expression

    def expression(self) -> Expression:
        terms = [self.conjunction()]
        while self.take("|"):
            terms.append(self.conjunction())
        return terms[0] if len(terms) == 1 else Or(tuple(terms))

    def conjunction(self) -> Expression:
        terms = [self.factor()]
        while self.take("&"):
            terms.append(self.factor())
        return terms[0] if len(terms) == 1 else And(tuple(terms))

    def factor(self) -> Expression:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.error(f"at most {DEEPEST} nested parentheses and !", "one more")
        if self.take("!"):
            term: Expression = Not(self.factor())
        elif self.take("("):
            term = self.expression()
            if not self.take(")"):
                raise self.error("&, | or )", *self.stray())
        else:
            term = self.constraint()
        self.depth -= 1
        return term

    def constraint(self) -> Constraint:
        concept = self.name()
        sign: Literal[1, -1] = 1
        if self.take("<"):
            sign = -1
        elif not self.take(">"):
            actual, todo = self.stray()
            hint = "Quote a name that holds parentheses." if actual == "'('" else todo
            raise self.error(f"> or < after the concept {concept!r}", actual, hint)
        if self.peek() == "=":
            raise self.error("> or <", "'='", "Comparisons are strict, as in the paper.")
        # + 0.0 makes -0.0 a plain 0.0: they are equal, but repr and JSON tell them apart
        return Constraint(concept, sign, sign * self.number() + 0.0)

    def number(self) -> float:
        self.peek()
        match = _NUMBER.match(self.text, self.at)
        value = float(match.group().replace("−", "-")) if match else math.nan
        if not match or not math.isfinite(value):
            raise self.error("a number of standard deviations", *self.stray())
        self.at = match.end()
        return value

    def name(self) -> str:
        if self.peek() in ("'", '"'):
            return self.quoted()
        match = _WORDS.match(self.text, self.at)
        if not match:
            raise self.error("a concept, ! or (", *self.stray())
        if (word := match.group().split(" ")[0]).casefold() in _OTHER_WORDS and " " in match.group():
            sign = _OTHER_WORDS[word.casefold()]
            raise self.error(
                "a concept, ! or (", repr(word), f"Write {sign}, or quote the name when the word is part of it."
            )
        self.at = match.end()
        return match.group()

    def quoted(self) -> str:
        quote, start = self.text[self.at], self.at
        match = re.compile(rf"{quote}((?:[^{quote}\\]|\\.)*){quote}", re.DOTALL).match(self.text, self.at)
        if not match:
            raise self.error(
                f"a closing {quote}", "the end", "Inside a quoted name write \\\\ for \\ and \\ before its quote."
            )
        name = _ESCAPE.sub(r"\1", match.group(1))
        if not name.strip():
            self.at = start
            raise self.error("a concept between the quotes", "nothing")
        self.at = match.end()
        return name

    def peek(self) -> str:
        """Skip spaces and return the next character; empty at the end."""
        match = _SPACE.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return self.text[self.at : self.at + 1]

    def take(self, sign: str) -> bool:
        """Step over sign when it is next."""
        if self.peek() != sign:
            return False
        self.at += 1
        if sign in "&|" and self.text[self.at : self.at + 1] == sign:
            raise self.error(f"a concept after {sign}", f"another {sign}", f"Write a single {sign}.")
        return True

    def stray(self) -> tuple[str, str]:
        """Return what stands here, and what to do about it."""
        rest = self.text[self.at :]
        if not rest:
            return "the end", ""
        if rest[0] in "\u2018\u2019\u201c\u201d":
            return repr(rest[0]), "Use straight quotes."
        word = _PLAIN.match(rest)
        if word and word.group().casefold() in _OTHER_WORDS:
            return repr(word.group()), f"Write {_OTHER_WORDS[word.group().casefold()]}."
        if rest[0] in "&|!()<>=+-" or word:
            return repr(word.group() if word else rest[0]), ""
        return repr(rest[0]), "Quote a name that holds more than letters, digits, spaces, _ and -."

    def error(self, want: str, got: str, todo: str = "") -> LogicError:
        """Return the error with the expression and a caret under the position."""
        line = "".join(" " if character.isspace() else character for character in self.text)
        sentence = expected(f"concept logic, character {self.at + 1}", want, got, todo)
        return LogicError(f"{sentence}\n  {line}\n  {' ' * self.at}^", position=self.at)
