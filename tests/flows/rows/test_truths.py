"""Labels and attributes bear out concepts by name or mapping; what could mean two things, or nothing, is refused."""

from collections.abc import Sequence

import pyarrow as pa
import pytest

from t2c.flows.rows.truths import Match, Truth, check_matches, fold_name, match, merged, truths_of
from t2c.schemas.errors import InputError, SpecError, UnknownName
from t2c.schemas.tables.tables import ATTRIBUTES
from t2c.store.artifacts.dataset_tables import write_attributes
from t2c.store.artifacts.images import open_images
from t2c.store.disk.root import Store
from tests.planted.scored import add_images, image_table


@pytest.fixture
def photos(store: Store) -> Store:
    """Six images: labels for four, a colour for three, a yes-no attribute for five."""
    add_images(store, image_table(0, 6, label=["Dog", "cat", None, "cat", None, "dog"]))
    rows = [(0, "colour", "red", None), (1, "colour", "blue", None), (4, "colour", "red", None)]
    rows += [(row, "striped", str(row % 2 == 0).lower(), float(row % 2 == 0)) for row in range(5)]
    columns = [list(column) for column in zip(*rows, strict=True)]
    write_attributes(store, "photos", pa.table(columns, schema=ATTRIBUTES))
    return store


def names(truths: Sequence[Truth]) -> list[str]:
    return [one.name for one in truths]


def test_everything_known_is_asked_unless_named(photos: Store) -> None:
    images = open_images(photos, "photos")
    assert names(truths_of(images, [])) == ["label", "colour", "striped"]
    assert names(truths_of(images, ["striped", "label"])) == ["striped", "label"]
    with pytest.raises(
        UnknownName, match=r"labels of photos: expected one of .*'colour'.*t2c attributes import photos"
    ):
        truths_of(images, ["color"])


def test_rows_without_a_value_are_not_known_and_yes_no_attributes_speak_of_themselves(photos: Store) -> None:
    label, colour, striped = truths_of(open_images(photos, "photos"), [])
    for truth, want in (
        (label, ["Dog", "cat", "-", "cat", "-", "dog"]),
        (colour, ["red", "blue", "-", "-", "red", "-"]),
    ):
        assert [truth.values[code] if code >= 0 else "-" for code in truth.codes] == want
    assert striped.values == ("striped", "")
    assert striped.codes.tolist() == [0, 1, 0, 1, 0, -1]


def test_names_match_up_to_case_spaces_and_hyphens_and_equal_ones_count_as_one(photos: Store) -> None:
    truths = truths_of(open_images(photos, "photos"), [])
    found = match(truths, ["dog", "in a tree", "RED", "striped"], bank="everyday")
    assert set(found) == {0, 2, 3}
    assert [truths[0].values[code] for code in found[0].codes] == ["Dog", "dog"]
    assert (found[2].truth, found[3]) == (1, Match(2, (0,)))
    codes = merged(truths[0], [found[0].codes])
    assert codes.tolist() == [0, 1, -1, 1, -1, 0]
    assert fold_name(" Blond-Hair  x_Y") == "blond hair x y"


def test_a_mapping_says_what_a_value_stands_for(photos: Store) -> None:
    truths = truths_of(open_images(photos, "photos"), ["label", "striped"])
    found = match(
        truths,
        ["an animal", "a pattern"],
        bank="b",
        mapping={"cat": "an animal", "Dog": "an animal", "striped": "a pattern"},
    )
    assert sorted(truths[0].values[code] for code in found[0].codes) == ["Dog", "cat"]
    assert found[1] == Match(1, (0,))
    with pytest.raises(UnknownName, match=r"value to map: expected one of .*'cat'.*but got 'bird'"):
        match(truths, ["an animal"], bank="b", mapping={"bird": "an animal"})
    with pytest.raises(UnknownName, match="concept in bank b: expected one of 'an animal', but got 'animal'"):
        match(truths, ["an animal"], bank="b", mapping={"cat": "animal"})


def test_two_concepts_of_one_name_are_refused_only_where_it_matters(photos: Store) -> None:
    truths = truths_of(open_images(photos, "photos"), ["colour"])
    with pytest.raises(
        SpecError, match=r"one concept by the name of 'red', but got 'Red' and ' red'.*--mapping red=Red"
    ):
        match(truths, ["Red", " red", "blue"], bank="b")
    assert match(truths, ["Red", " red"], bank="b", mapping={"red": " red"})[1] == Match(0, (0,))
    assert match(truths, ["blue", "tree", "TREE"], bank="b") == {0: Match(0, (1,))}


def test_of_several_truths_the_first_that_fits_is_taken(photos: Store) -> None:
    images = open_images(photos, "photos")
    concepts = ["striped"]
    both = [
        *truths_of(images, ["striped"]),
        Truth("label", truths_of(images, ["label"])[0].codes, ("striped", "x", "y")),
    ]
    assert match(both, concepts, bank="b") == {0: Match(0, (0,))}


def test_labels_named_that_bear_out_nothing_are_refused_saying_what_to_type(photos: Store) -> None:
    truths = truths_of(open_images(photos, "photos"), [])
    found = match(truths, ["red"], bank="b")
    check_matches(found, truths, ["red"], names=["colour"], dataset="photos")
    check_matches(found, truths, ["red"], names=[], dataset="photos")
    with pytest.raises(
        InputError,
        match=r"label of photos: expected values among the concepts 'red', but got 'Dog', .*--mapping VALUE=CONCEPT",
    ):
        check_matches(found, truths, ["red"], names=["colour", "label"], dataset="photos")
