"""YAML into a spec: every problem in one message, the field's place in it, nothing executed."""

import pytest
from pydantic import Field

from t2c.schemas.errors import SpecError
from t2c.schemas.specs.base import ConceptFile, Spec
from t2c.schemas.specs.yaml import parse_spec


class Inner(Spec):
    size: int = Field(default=1, gt=0)


class Outer(Spec):
    name: str
    parts: tuple[Inner, ...] = ()
    by_name: dict[str, Inner] = Field(default_factory=dict)


def message(text: str) -> str:
    with pytest.raises(SpecError) as caught:
        parse_spec(text, Outer, subject="x.yaml", example="See the manual.")
    return str(caught.value)


def test_a_spec_is_parsed() -> None:
    found = parse_spec("name: a\nparts: [{size: 2}]\nby_name: {b: {size: 3}}", Outer, subject="x.yaml")
    assert found == Outer(name="a", parts=(Inner(size=2),), by_name={"b": Inner(size=3)})


def test_problems_carry_their_place_and_the_example_comes_last() -> None:
    assert message("parts: [{size: 0}, {sise: 1}]").splitlines() == [
        "x.yaml: name: expected a value, but got nothing. Add the field 'name'.",
        "x.yaml: parts.0.size: expected greater than 0, but got 0",
        "x.yaml: parts.1.sise: expected one of the fields size, but got 'sise'. Did you mean 'size'?",
        "See the manual.",
    ]


def test_a_field_of_a_value_in_a_mapping_is_found_too() -> None:
    assert "by_name.b.sise: expected one of the fields size" in message("name: a\nby_name: {b: {sise: 1}}")


def test_tags_that_would_build_objects_are_refused() -> None:
    assert "could not determine a constructor" in message("name: !!python/object/apply:os.system ['true']")


def test_long_values_are_cut() -> None:
    assert len(message(f"name: [{'x' * 500}]")) < 300


def test_a_small_file_that_unfolds_without_end_is_refused_at_once() -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert "x.yaml: name: expected a text, but got [[[[" in message("\n".join([*levels, "name: *a11"]))
    assert message("name: " + "[" * 5000) == "x.yaml: expected YAML, but got values nested too deeply. See the manual."


@pytest.mark.parametrize("value", ["2026-13-45", "9" * 5000])
def test_a_date_or_number_that_is_none_is_said(value: str) -> None:
    assert message(f"name: {value}").startswith("x.yaml: expected YAML, but got a value that cannot be read: ")


def test_types_are_named_as_yaml_knows_them() -> None:
    found = message("name: 1\nparts: 2\nby_name: 3")
    assert "name: expected a text, but got 1" in found
    assert "parts: expected a list, but got 2" in found
    assert "by_name: expected fields with values, but got 3" in found


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("no", "but got False. Put it in quotes: YAML reads no, off, yes, on as false and true."),
        ("010", "but got 8. Put it in quotes: YAML reads it as a number, 010 as 8."),
        ("1.50", "but got 1.5. Put it in quotes: YAML reads it as a number."),
        ("null", "but got None. Put it in quotes"),
        ("2024-05-06", "Put it in quotes: YAML reads it as a date."),
        ("2024-05-06 07:08:09", "Put it in quotes: YAML reads it as a time."),
    ],
)
def test_what_yaml_takes_for_something_else_is_to_be_quoted(value: str, words: str) -> None:
    assert words in message(f"name: {value}")
    assert "quotes" not in message("name: [a]")


@pytest.mark.parametrize("text", ["concepts: [no, red]", "prompts: {on: [a lamp]}", "contexts: {phrases: [1]}"])
def test_concept_files_say_to_quote_too(text: str) -> None:
    with pytest.raises(SpecError, match="Put it in quotes"):
        parse_spec(text, ConceptFile, subject="c.yaml")


def test_concepts_have_one_way_to_write_an_accent() -> None:
    text = "concepts: [cafe\u0301]\nprompts: {cre\u0300me: [a]}"
    spec = parse_spec(text, ConceptFile, subject="c.yaml")
    assert (spec.concepts, list(spec.prompts)) == (("caf\u00e9",), ["cr\u00e8me"])
    with pytest.raises(SpecError, match="expected each concept once, but got two names"):
        parse_spec("prompts: {cre\u0300me: [a], cr\u00e8me: [b]}", ConceptFile, subject="c.yaml")
