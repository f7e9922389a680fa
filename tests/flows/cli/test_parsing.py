"""Texts of options are taken apart the same way in every command; what is none is refused with its form."""

import pytest

from t2c.flows.cli.parsing import CONCEPT_OF_VALUE, listed, named_numbers, pairs
from t2c.schemas.errors import SpecError


def test_pairs_keep_what_follows_the_first_equals_sign() -> None:
    assert pairs(["red = in a tree", "b=c=d"], option="--mapping") == {"red": "in a tree", "b": "c=d"}


@pytest.mark.parametrize("text", ["red", "=tree", "red=", " = "])
def test_half_a_pair_is_refused_with_its_form(text: str) -> None:
    with pytest.raises(SpecError, match="--mapping: expected VALUE=CONCEPT, such as 'tree=in a tree', but got"):
        pairs([text], option="--mapping", form=CONCEPT_OF_VALUE)


def test_a_name_given_twice_is_refused() -> None:
    with pytest.raises(SpecError, match="--scale: expected each name once, but got 'red' twice"):
        pairs(["red=1", "red=2"], option="--scale")


def test_numbers_are_numbers() -> None:
    assert named_numbers(["red=0.5", "in a tree=-2"], option="--scale") == {"red": 0.5, "in a tree": -2.0}
    with pytest.raises(SpecError, match="--scale red: expected a number, but got 'half'"):
        named_numbers(["red=half"], option="--scale")


@pytest.mark.parametrize(
    ("text", "names"), [(None, []), ("", []), ("cat", ["cat"]), (" cat, red dog ,,", ["cat", "red dog"])]
)
def test_names_stand_between_commas(text: str | None, names: list[str]) -> None:
    assert listed(text) == names
