"""The world is drawn from a seed: image i is the same whoever draws it, and looks like what its ground truth says."""

from collections import Counter
from dataclasses import asdict

import numpy as np
import pytest
from PIL import Image

from t2c.flows.world.world import COLOURS, VALUES, Attributes, draw, draw_attributes, shares, write_images
from t2c.schemas.errors import SpecError, UnknownName


def test_there_are_eleven_colours_five_shapes_four_textures_and_six_contexts():
    assert [len(values) for values in VALUES.values()] == [11, 5, 4, 6]


def test_an_image_depends_on_seed_and_index_alone(tmp_path):
    again, shown = draw(3, 7)
    first, also_shown = draw(3, 7)
    assert np.array_equal(first, again)
    assert shown == also_shown
    assert not np.array_equal(first, draw(3, 8)[0])
    assert not np.array_equal(first, draw(4, 7)[0])


@pytest.mark.parametrize("size", [96, 224])
def test_images_are_rgb_bytes_of_the_size_asked_for(size):
    pixels, _ = draw(1, 0, size=size)
    assert pixels.shape == (size, size, 3)
    assert pixels.dtype == np.uint8


def test_the_same_image_at_two_sizes_shows_the_same_thing():
    small, large = draw(5, 2, size=96)[0], draw(5, 2, size=192)[0]
    halved = np.asarray(Image.fromarray(large).resize((96, 96), Image.Resampling.BOX), np.float32)
    assert np.abs(halved - small).mean() < 8


@pytest.mark.parametrize("colour", COLOURS)
def test_the_middle_of_a_plain_object_indoors_has_its_colour(colour):
    shown = Attributes(colour, "circle", "plain", "indoors")
    middles = [draw(2, index, attributes=shown)[0][56:72, 56:72].reshape(-1, 3).mean(0) for index in range(5)]
    distances = {name: np.abs(np.mean(middles, 0) - rgb).sum() for name, rgb in COLOURS.items()}
    assert min(distances, key=distances.__getitem__) == colour


@pytest.mark.parametrize("name", list(VALUES))
def test_every_value_changes_the_picture(name):
    base = Attributes("red", "star", "striped", "in snow")
    pictures = [draw(1, 0, attributes=Attributes(**{**asdict(base), name: value}))[0] for value in VALUES[name]]
    for i, one in enumerate(pictures):
        for other in pictures[:i]:
            assert np.abs(one.astype(int) - other).mean() > 0.3


def test_a_mix_changes_how_often_a_value_is_drawn_and_nothing_else():
    mix = {"context": {"indoors": 4.0, "on grass": 0.0}}
    assert shares("context", mix)[VALUES["context"].index("indoors")] == pytest.approx(0.5)
    drawn = Counter(draw_attributes(1, index, mix=mix).context for index in range(2000))
    assert drawn["on grass"] == 0
    assert abs(drawn["indoors"] - 1000) < 100
    assert [draw_attributes(1, i, mix=mix).colour for i in range(50)] == [
        draw_attributes(1, i).colour for i in range(50)
    ]


def test_write_images_gives_files_and_their_ground_truth(tmp_path):
    truth = write_images(tmp_path / "new", 3, 9, size=64, start=10)
    assert truth.column_names == ["image_id", "colour", "shape", "texture", "context"]
    assert truth["image_id"].to_pylist() == ["000010.jpg", "000011.jpg", "000012.jpg"]
    with Image.open(tmp_path / "new" / "000011.jpg") as picture:
        assert picture.size == (64, 64)
        decoded = np.asarray(picture, np.float32)
    pixels, shown = draw(9, 11, size=64)
    assert np.abs(decoded - pixels).mean() < 4
    assert truth.slice(1, 1).to_pylist()[0] == {"image_id": "000011.jpg", **asdict(shown)}


def test_a_value_that_is_not_in_the_world_is_named_with_its_neighbours():
    with pytest.raises(
        UnknownName, match=r"colour of the world: expected one of .*, but got 'pinc'. Did you mean 'pink'"
    ):
        Attributes("pinc", "star", "plain", "indoors")
    with pytest.raises(UnknownName, match=r"mix of colour: expected one of .*, but got 'mauve'"):
        shares("colour", {"colour": {"mauve": 2.0}})
    with pytest.raises(UnknownName, match=r"mix: expected one of .*, but got 'color'"):
        draw_attributes(1, 0, mix={"color": {}})


@pytest.mark.parametrize("odds", [{"star": -1.0}, {"star": float("nan")}, dict.fromkeys(VALUES["shape"], 0.0)])
def test_odds_are_numbers_of_0_or_more_and_not_all_0(odds):
    with pytest.raises(SpecError, match="mix of shape: expected odds of 0 or more, not all 0, but got"):
        shares("shape", {"shape": odds})


def test_a_size_that_cannot_be_drawn_is_refused():
    with pytest.raises(SpecError, match="size of a drawn image: expected 32 to 1024 pixels, but got 8"):
        draw(1, 0, size=8)
