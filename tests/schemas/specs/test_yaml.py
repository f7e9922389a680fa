"""YAML into a spec: every problem in one message, the field's place in it, nothing executed."""

import pytest
from pydantic import Field

from t2c.schemas.errors import SpecError
from t2c.schemas.specs.base import Spec
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
