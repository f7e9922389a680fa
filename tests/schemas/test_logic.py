"""Concept logic parses as documented, renders back, and marks the position of what is wrong."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t2c.schemas.errors import LogicError, SpecError
from t2c.schemas.logic import (
    DEEPEST,
    And,
    Constraint,
    Expression,
    Not,
    Or,
    concepts,
    conjuncts,
    constraints,
    parse,
    render,
)

DOG, BEACH, INDOORS = Constraint("dog", 1, 2.25), Constraint("beach", 1, 2.0), Constraint("indoors", -1, 0.0)


def test_the_papers_first_example() -> None:
    assert parse("dog > 2.25 & beach > 2 & indoors < 0") == And((DOG, BEACH, INDOORS))


@pytest.mark.parametrize(
    ("text", "sign", "k"),
    [
        ("c > 2", 1, 2.0),
        ("c>-2", 1, -2.0),
        ("c < -2", -1, 2.0),
        ("c < 2", -1, -2.0),
        ("c < 0", -1, 0.0),
        ("c < -0", -1, 0.0),
        ("c > +1.5e-1", 1, 0.15),
        ("c < −.5", -1, 0.5),
        ("  c\n>\t1. ", 1, 1.0),
    ],
)
def test_a_constraint_has_the_papers_sign_and_k(text: str, sign: int, k: float) -> None:
    found = parse(text)
    assert found == Constraint("c", sign, k)
    assert str(found.k) == str(k)  # no negative zero


def test_a_threshold_is_mean_plus_bound_times_std() -> None:
    assert Constraint("c", 1, 2.0).threshold(0.1, 0.05) == pytest.approx(0.2)
    assert Constraint("c", -1, 2.0).threshold(0.1, 0.05) == pytest.approx(0.0)
    assert Constraint("c", -1, -2.0).bound == 2.0


def test_not_binds_before_and_before_or() -> None:
    a, b, c = (Constraint(name, 1, 1.0) for name in "abc")
    assert parse("!a > 1 & b > 1 | c > 1") == Or((And((Not(a), b)), c))
    assert parse("a > 1 | b > 1 & c > 1") == Or((a, And((b, c))))
    assert parse("(a > 1 | b > 1) & c > 1") == And((Or((a, b)), c))
    assert parse("!(a > 1 & !b > 1)") == Not(And((a, Not(b))))
    assert parse("!!a > 1") == Not(Not(a))
    assert parse("((a > 1))") == a
    assert parse("(a > 1 & b > 1) & c > 1") == And((And((a, b)), c))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a dog > 1", "a dog"),
        ("t-shirt > 1", "t-shirt"),
        ("snake_case2 > 1", "snake_case2"),
        ("3d print>1", "3d print"),
        ("naïve café > 1", "naïve café"),
        ("black and white > 1", "black and white"),
        ("'in a tree' > 1", "in a tree"),
        ('"it\'s" > 1', "it's"),
        (r"'it\'s' > 1", "it's"),
        (r'"say \"x\" \\ y" > 1', 'say "x" \\ y'),
        ("'a > 2 & !b | (c)' > 1", "a > 2 & !b | (c)"),
        ("'not' > 1", "not"),
        ("' spaced ' > 1", " spaced "),
        ("<b>", ""),
        ("'<script>' > 1", "<script>"),
        ("'; drop table' > 1", "; drop table"),
    ],
)
def test_names(text: str, name: str) -> None:
    if name:
        assert parse(text) == Constraint(name, 1, 1.0)
    else:
        with pytest.raises(LogicError):
            parse(text)


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("", 0, "expected a concept, ! or (, but got the end"),
        ("   ", 3, "expected a concept, ! or (, but got the end"),
        ("dog", 3, "expected > or < after the concept 'dog', but got the end"),
        ("dog &", 4, "expected > or < after the concept 'dog', but got '&'"),
        ("dog > 2 &", 9, "expected a concept, ! or (, but got the end"),
        ("dog > 2 & & cat > 1", 10, "expected a concept, ! or (, but got '&'"),
        ("dog > 2 && cat > 1", 9, "expected a concept after &, but got another &. Write a single &."),
        ("dog > 2 || cat > 1", 9, "expected a concept after |, but got another |. Write a single |."),
        ("dog > 2 and cat > 1", 8, "expected &, | or the end, but got 'and'. Write &."),
        ("dog > 2 OR cat > 1", 8, "expected &, | or the end, but got 'OR'. Write |."),
        ("not dog > 2", 0, "expected a concept, ! or (, but got 'not'. Write !, or quote the name"),
        ("dog >= 2", 5, "expected > or <, but got '='. Comparisons are strict, as in the paper."),
        ("dog = 2", 4, "expected > or < after the concept 'dog', but got '='"),
        ("dog > x", 6, "expected a number of standard deviations, but got 'x'"),
        ("dog > 1e999", 6, "expected a number of standard deviations, but got '1e999'"),
        ("dog > nan", 6, "expected a number of standard deviations, but got 'nan'"),
        ("dog > ", 6, "expected a number of standard deviations, but got the end"),
        ("dog > 2 3", 8, "expected &, | or the end, but got '3'"),
        ("dog > 2)", 7, "expected &, | or the end, but got ')'"),
        ("(dog > 2", 8, "expected &, | or ), but got the end"),
        ("()", 1, "expected a concept, ! or (, but got ')'"),
        ("2 > dog", 4, "expected a number of standard deviations, but got 'dog'"),
        ("it's > 2", 2, "after the concept 'it', but got \"'\". Quote a name that holds more than letters"),
        ("a/b > 2", 1, "after the concept 'a', but got '/'. Quote a name that holds more than letters"),
        ("rug_(carpet) > 2", 4, "after the concept 'rug_', but got '('. Quote a name that holds parentheses."),
        ("“dog” > 2", 0, "expected a concept, ! or (, but got '“'. Use straight quotes."),
        ("'dog > 2", 0, "expected a closing ', but got the end. Inside a quoted name write"),
        ("x > 1 & '' > 2", 8, "expected a concept between the quotes, but got nothing"),
        ("' ' > 2", 0, "expected a concept between the quotes, but got nothing"),
    ],
)
def test_errors_say_where(text: str, position: int, message: str) -> None:
    with pytest.raises(LogicError) as found:
        parse(text)
    sentence, line, caret = str(found.value).split("\n")
    assert found.value.position == position
    assert sentence.startswith(f"concept logic, character {position + 1}: ")
    assert message in sentence
    assert line == f"  {text}"
    assert caret == f"  {' ' * position}^"


def test_line_breaks_do_not_move_the_caret() -> None:
    with pytest.raises(LogicError) as found:
        parse("dog\n>\tx")
    assert str(found.value).split("\n")[1:] == ["  dog > x", "        ^"]


@pytest.mark.parametrize("opening", ["(", "!"])
def test_nesting_has_a_floor(opening: str) -> None:
    closing = ")" if opening == "(" else ""
    assert parse(opening * (DEEPEST - 1) + "a > 1" + closing * (DEEPEST - 1))
    with pytest.raises(LogicError, match=f"expected at most {DEEPEST} nested parentheses and !, but got one more"):
        parse(opening * 100_000 + "a > 1")


def test_long_chains_are_fine() -> None:
    assert len(parse(" & ".join(["a > 1"] * 5_000)).terms) == 5_000


def test_a_logic_error_is_a_spec_error_and_a_value_error() -> None:
    with pytest.raises(SpecError):
        parse("?")
    with pytest.raises(ValueError, match="concept logic, character 1"):
        parse("?")


NAMES = st.one_of(
    st.sampled_from(["dog", "in a tree", "not", "AND", "a 'b' \"c\"", "x\\", "t-shirt", "-x", "a  b", "&|!()<>", "9"]),
    st.text(min_size=1).filter(str.strip),
)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False).map(lambda k: k + 0.0)
CONSTRAINTS = st.builds(Constraint, NAMES, st.sampled_from([1, -1]), NUMBERS)
EXPRESSIONS = st.recursive(
    CONSTRAINTS,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, min_size=2, max_size=4).map(tuple)),
        st.builds(Or, st.lists(inner, min_size=2, max_size=4).map(tuple)),
    ),
    max_leaves=8,
)


@given(EXPRESSIONS)
def test_what_is_rendered_parses_to_the_same(expression: Expression) -> None:
    assert parse(render(expression)) == expression


@given(EXPRESSIONS)
def test_rendering_settles(expression: Expression) -> None:
    assert render(parse(render(expression))) == render(expression)


@given(st.text(max_size=30))
def test_any_text_parses_or_is_refused_with_a_position(text: str) -> None:
    with contextlib.suppress(LogicError):
        assert parse(render(parse(text))) == parse(text)
        return
    with pytest.raises(LogicError) as found:
        parse(text)
    assert 0 <= found.value.position <= len(text)


@pytest.mark.parametrize(
    "text", ["dog > 2.25 & beach > 2", '!("a b" < -1 | c > 0) & d > 1e+20', "!!a > 1", "(a > 1 | b > 1) & c > 1"]
)
def test_rendering_is_plain(text: str) -> None:
    assert render(parse(text)) == text


def test_concepts_and_constraints_in_order() -> None:
    expression = parse("b > 1 & (a > 2 | !b < 3) & c > 0")
    assert concepts(expression) == ("b", "a", "c")
    assert [constraint.bound for constraint in constraints(expression)] == [1, 2, 3, 0]
    assert [render(term) for term in conjuncts(expression)] == ["b > 1", "a > 2 | !b < 3", "c > 0"]
    assert conjuncts(expression.terms[1]) == (expression.terms[1],)
