"""Where files must lie: every missing one is named, archives' own folder names are found, and every task has a reader."""

import re
from pathlib import Path

import numpy as np
import pytest

from t2c.flows.suite.class_maps import class_map
from t2c.flows.suite.drawn import WORLD_IMAGES, color, digits, world, world_classes, world_label
from t2c.flows.suite.pictures import Pictures
from t2c.flows.suite.readers import HIERARCHY, READERS, missing, needed, state
from t2c.flows.suite.tasks import PAPER, TASKS, WORLD, tasks_named
from t2c.flows.world.world import COLOURS, VALUES, Attributes
from t2c.schemas.errors import InputError
from tests.planted.layouts import picture, write_cifar10, write_mnist


def the(name: str):
    return tasks_named([name])[0]


def test_every_task_has_a_reader_and_says_where_its_files_come_from() -> None:
    assert {task.reader for task in TASKS.values()} == set(READERS)
    for task in PAPER:
        assert task.name == "color" or all(folder.origin for folder in needed(task))


def test_nothing_there_is_missing_and_drawn_tasks_need_nothing(tmp_path: Path) -> None:
    assert {task.name for task in TASKS.values() if state(task, tmp_path) == "no files needed"} == {
        *("color", "digits", "world-colour", "world-shape", "world-texture", "world-context")
    }
    assert all(state(task, tmp_path) in ("missing", "no files needed") for task in TASKS.values())


def test_each_missing_file_of_an_incomplete_folder_is_named(tmp_path: Path) -> None:
    folder = write_mnist(tmp_path / "mnist", np.zeros((1, 28, 28)), [1])
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    assert state(the("mnist"), tmp_path) == "incomplete"
    assert missing(the("mnist"), tmp_path) == ["mnist/t10k-labels-idx1-ubyte.gz"]
    want = "but got no mnist/t10k-labels-idx1-ubyte.gz. Get: MNIST of LeCun"
    with pytest.raises(InputError, match=re.escape(want)):
        READERS["mnist"].folder.open(tmp_path)


def test_images_without_the_hierarchy_are_incomplete(tmp_path: Path) -> None:
    picture(tmp_path / "imagenet/val/n01440764/one.JPEG", (1, 2, 3))
    names = ["breeds/class_hierarchy.txt", "breeds/node_names.txt", "breeds/dataset_class_info.json"]
    assert missing(the("living17"), tmp_path) == names
    assert state(the("living17"), tmp_path) == "incomplete"
    with pytest.raises(InputError, match=re.escape("no " + ", no ".join(names))):
        class_map(the("living17"), tmp_path)


def test_missing_class_folders_are_named(tmp_path: Path) -> None:
    for name in ("00_dog", "01_bird"):
        (tmp_path / "in9/original/val" / name).mkdir(parents=True)
    gone = missing(the("in9"), tmp_path)
    assert len(gone) == 7
    assert gone[0] == "in9/original/val/02_wheeled vehicle/"


def test_an_archive_s_own_folder_is_found(tmp_path: Path) -> None:
    write_cifar10(tmp_path / "cifar-10-batches-bin", np.zeros((1, 32, 32, 3), np.uint8), [1])
    assert state(the("cifar10"), tmp_path) == "present"
    write_mnist(tmp_path / "mnist", np.zeros((1, 28, 28)), [1], zipped=False)
    assert READERS["mnist"].folder.open(tmp_path)["images"].name == "t10k-images-idx3-ubyte"
    (tmp_path / "BREEDS-Benchmarks/imagenet_class_hierarchy/modified").mkdir(parents=True)
    assert HIERARCHY.home(tmp_path).name == "modified"


def test_color_is_one_flat_picture_a_colour() -> None:
    shown = {one.label: one.pixels for one in color({}).make()}
    assert list(shown) == list(COLOURS)
    assert all((pixels == COLOURS[name]).all() for name, pixels in shown.items())


def test_a_label_of_the_world_tells_all_attributes() -> None:
    (first, *_) = made = [one for one, _ in zip(world({}).make(), range(3), strict=False)]
    shown = Attributes(**dict(zip(VALUES, first.label.split(" | "), strict=True)))
    assert world_label(shown) == first.label
    assert len(made) == 3
    assert world({}).count == WORLD_IMAGES
    for task in WORLD:
        found = class_map(task, Path())
        assert found.mapping[first.label] == getattr(shown, task.attribute)
        assert set(found.mapping.values()) == set(task.classes)
    assert len(world_classes("shape")) == 11 * 5 * 4 * 6


def test_scikit_learn_s_digits_are_words_with_pictures() -> None:
    found = digits({})
    assert isinstance(found, Pictures)
    made = list(found.make())
    assert len(made) == 1797
    assert [one.label for one in made[:4]] == ["zero", "one", "two", "three"]
    assert made[0].pixels.shape == (32, 32)
    assert made[0].pixels.max() == round(15 * 255 / 16)
