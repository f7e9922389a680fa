"""A space id says whether numbers may meet: every field that changes a feature changes it, and no other."""

from dataclasses import asdict, replace

import pytest

from t2c.schemas.errors import MismatchError
from t2c.schemas.spaces import Space, check_same_space, space_from

ENCODER = Space("encoder", "timm:a", 512, "ff", preprocessing="resize 224", pooling="avg")
CHANGES = {
    "kind": "imported",
    "dimension": 513,
    "weights": "ee",
    "preprocessing": "resize 225",
    "pooling": "token",
    "precision": "bfloat16",
    "version": 2,
}


@pytest.mark.parametrize(("field", "value"), CHANGES.items())
def test_what_changes_features_changes_the_id(field: str, value: object) -> None:
    assert replace(ENCODER, **{field: value}).id != ENCODER.id


def test_every_field_but_the_name_is_covered() -> None:
    assert set(CHANGES) | {"name"} == set(asdict(ENCODER))


def test_an_encoders_name_is_only_a_name_but_an_imports_is_its_identity() -> None:
    assert replace(ENCODER, name="open_clip:b").id == ENCODER.id
    imported = Space("imported", "words", 512, "ff")
    assert replace(imported, name="others").id != imported.id


def test_ids_never_change_between_versions() -> None:
    assert Space("encoder", "any", 4, "aa").id == "e9d810e8173fcfae0d5cbca96797d1172514b395d55ca8b64697863abde05a98"


def test_short_and_described() -> None:
    assert ENCODER.short == ENCODER.id[:12]
    assert ENCODER.describe() == f"timm:a (512 dimensions, space {ENCODER.short})"


def test_a_space_comes_back_from_json() -> None:
    assert space_from(asdict(ENCODER) | {"added_later": 1}) == ENCODER


def test_two_sides_must_be_one_space() -> None:
    check_same_space("--concepts", ENCODER, replace(ENCODER, name="other"), todo="")
    other = replace(ENCODER, weights="ee")
    with pytest.raises(MismatchError) as found:
        check_same_space("bank everyday", ENCODER, other, todo="Encode it again.")
    assert str(found.value) == (
        f"bank everyday: expected {ENCODER.describe()}, but got {other.describe()}. Encode it again."
    )
