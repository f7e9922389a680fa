"""What has changed between two planted sets is named, risen and fallen apart; no change is below the floor."""

import pytest

from t2c.flows.decode.decoders import DecoderSpec
from t2c.schemas.errors import InputError, SpecError
from tests.planted.features import Planted
from tests.planted.words import along, ask, best, plant_words, rows_of


@pytest.fixture
def world(planted: Planted) -> Planted:
    """photos: 100 images along each of red, blue and green, labelled; a bank of five words; a map."""
    return plant_words(planted)


def shifted(world: Planted, *, count: int = 300, dataset: str = "later") -> None:
    """Plant a dataset with more red and less blue than photos."""
    labels = ["red"] * (count // 2) + ["green"] * (count // 3) + ["blue"] * (count - count // 2 - count // 3)
    world.images(dataset, count, label=labels)
    world.both(dataset, along(world, labels, seed=9), seed=9)


def test_what_has_changed_is_named_risen_and_fallen_apart(world: Planted) -> None:
    shifted(world)
    report = ask(world, "shift:later", decoder=DecoderSpec(k=2))
    assert best(report) == {"risen": "red", "fallen": "blue"}
    risen, fallen = rows_of(report, "risen")[0], rows_of(report, "fallen")[0]
    assert risen["auroc"] > 0.5 > fallen["auroc"]
    assert risen["below_floor"] == fallen["below_floor"] == ""
    assert (risen["shown"], fallen["shown"]) == ("later", "photos")
    assert max(risen["rows_of_word"]) < 150, "the red images of the later set"
    assert {row % 3 for row in fallen["rows_of_word"]} == {1}, "the blue images of the first"
    assert "later (300 images) less photos (300 images)" in risen["origin"]
    assert ask(world, "shift:photos..later", decoder=DecoderSpec(k=2)).table["word"].equals(report.table["word"])


def test_a_slice_is_compared_with_the_rest(world: Planted) -> None:
    report = ask(world, "shift", where="label = 'green'")
    assert best(report)["risen"] == "green"
    assert "(200 images)" in rows_of(report, "fallen")[0]["origin"]
    both = ask(world, "shift", where="label = 'green'", reference_where="label = 'red'")
    assert best(both) == {"risen": "green", "fallen": "red"}


def test_a_shift_that_is_none_is_below_the_floor(world: Planted) -> None:
    report = ask(world, "shift", where="row % 2 = 0")
    assert report.believed == 0
    first = rows_of(report, "risen")[0]
    assert "not surely risen" in first["below_floor"]


def test_no_image_is_on_both_sides(world: Planted) -> None:
    with pytest.raises(InputError, match="photos where label = 'red': expected at least one image with a feature"):
        ask(world, "shift", where="label = 'red'", reference_where="label in ('red', 'blue')")


def test_a_condition_is_for_shifts_alone(world: Planted) -> None:
    with pytest.raises(SpecError, match="--where: expected a shift to decode, but got classes"):
        ask(world, "classes", where="label = 'red'")
