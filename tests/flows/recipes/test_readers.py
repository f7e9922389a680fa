"""RIVAL10 and ObjectNet are read as they lie on disk: labels, attributes, mappings; no mask, nothing unpickled."""

import json
from pathlib import Path

import numpy as np
import pytest

from t2c.flows.data.index import index
from t2c.flows.recipes.readers import RIVAL10_ATTRIBUTES, read_objectnet, read_rival10
from t2c.schemas.errors import InputError, SpecError, UnknownName
from t2c.store.artifacts.images import open_images
from t2c.store.disk.root import Store
from tests.flows.recipes.conftest import CAT, FISH, PLANE
from tests.planted.photos import picture


@pytest.fixture
def objectnet(tmp_path: Path) -> Path:
    top = tmp_path / "objectnet-1.0"
    for folder, seed in (("air_freshener", 1), ("alarm_clock", 2)):
        (top / "images" / folder).mkdir(parents=True)
        (top / "images" / folder / f"{seed:04x}.png").write_bytes(picture(seed))
    (top / "images" / "README").write_text("not a class")
    (top / "mappings").mkdir()
    labels = {"air_freshener": "Air freshener", "alarm_clock": "Alarm clock"}
    (top / "mappings" / "folder_to_objectnet_label.json").write_text(json.dumps(labels))
    overlap = {"Alarm clock": "analog clock; digital clock"}
    (top / "mappings" / "objectnet_to_imagenet_1k.json").write_text(json.dumps(overlap))
    return top


def test_rival10_gives_images_classes_splits_and_attributes(rival10: Path, store: Store) -> None:
    listed = read_rival10(rival10)
    assert [(item.image_id, item.label, item.split) for item in listed.source.items] == [
        (f"train/ordinary/{CAT}_1.JPEG", "cat", "train"),
        (f"train/ordinary/{PLANE}_0.JPEG", "plane", "train"),
        (f"test/ordinary/{CAT}_3.JPEG", "cat", "test"),
        (f"test/ordinary/{PLANE}_2.JPEG", "plane", "test"),
    ]
    assert listed.source.skipped == 12
    assert listed.attributes.column_names == ["image_id", *RIVAL10_ATTRIBUTES]
    assert listed.attributes["wings"].to_pylist() == [0, 1, 0, 1]
    assert listed.attributes["hairy"].to_pylist() == [1, 0, 1, 0]
    assert index(store, listed.source, "rival10").outcomes["ok"] == 4
    assert open_images(store, "rival10").table(["label"])["label"].to_pylist() == ["cat", "plane"] * 2


def test_one_part_of_rival10_may_be_asked_for(rival10: Path) -> None:
    assert len(read_rival10(rival10, part="test").source.items) == 2
    with pytest.raises(UnknownName, match="part of RIVAL10: expected one of 'test', 'train', but got 'val'"):
        read_rival10(rival10, part="val")
    for file in (rival10 / "train" / "ordinary").iterdir():
        file.unlink()
    (rival10 / "train" / "ordinary").rmdir()
    with pytest.raises(InputError, match="expected train/ordinary, but got test alone"):
        read_rival10(rival10, part="train")


def test_other_attributes_need_their_names(rival10: Path) -> None:
    names = [*RIVAL10_ATTRIBUTES, "blue"]
    file = next((rival10 / "test" / "ordinary").glob("*_attr_labels.npy"))
    np.save(file, np.ones(19))
    with pytest.raises(InputError, match=r"18 columns.*but got shape \(19,\) of float64.*meta/attributes\.json"):
        read_rival10(rival10, part="test")
    for other in (rival10 / "test" / "ordinary").glob("*_attr_labels.npy"):
        np.save(other, np.ones(19))
    (rival10 / "meta" / "attributes.json").write_text(json.dumps(names))
    assert read_rival10(rival10, part="test").attributes["blue"].to_pylist() == [1, 1]
    (rival10 / "meta" / "attributes.json").write_text('["blue", "blue"]')
    with pytest.raises(InputError, match="expected a list of attribute names, each once"):
        read_rival10(rival10)


def test_attributes_with_pickled_code_are_refused(rival10: Path) -> None:
    file = next((rival10 / "test" / "ordinary").glob("*_attr_labels.npy"))
    np.save(file, np.array([print], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match=r"expected an array of 0 and 1 with 18 columns.*no pickle"):
        read_rival10(rival10)
    file.unlink()
    with pytest.raises(InputError, match=r"attributes .*: expected one file beside each image, but got none"):
        read_rival10(rival10)


def test_a_rival10_image_of_no_class_and_a_folder_of_nothing_are_refused(rival10: Path, tmp_path: Path) -> None:
    (rival10 / "test" / "ordinary" / f"{FISH}_9.JPEG").write_bytes(picture(9))
    with pytest.raises(InputError, match=f"starts with a WordNet id .*, but got '{FISH}'"):
        read_rival10(rival10)
    (rival10 / "meta" / "wnid_to_class.json").write_text("[]")
    with pytest.raises(InputError, match="expected a JSON object, but got a list"):
        read_rival10(rival10)
    (rival10 / "meta" / "wnid_to_class.json").write_text("{")
    with pytest.raises(InputError, match="expected JSON"):
        read_rival10(rival10)
    with pytest.raises(InputError, match="expected train or test/ordinary, but got neither"):
        read_rival10(tmp_path / "nowhere")


def test_objectnet_gives_its_labels_and_what_imagenet_calls_them(objectnet: Path, store: Store) -> None:
    listed = read_objectnet(objectnet)
    assert [(item.image_id, item.label) for item in listed.source.items] == [
        ("air_freshener/0001.png", "Air freshener"),
        ("alarm_clock/0002.png", "Alarm clock"),
    ]
    assert listed.attributes["imagenet"].to_pylist() == ["no", "yes"]
    assert listed.attributes["imagenet_classes"].to_pylist() == [None, "analog clock; digital clock"]
    assert index(store, listed.source, "objectnet").outcomes["ok"] == 2
    assert [item.label for item in read_objectnet(objectnet, part="overlap").source.items] == ["Alarm clock"]


def test_what_objectnet_lacks_is_named(objectnet: Path) -> None:
    with pytest.raises(SpecError, match="part of ObjectNet: expected overlap, or nothing for all, but got 'test'"):
        read_objectnet(objectnet, part="test")
    (objectnet / "images" / "zebra").mkdir()
    with pytest.raises(InputError, match=r"that mappings/folder_to_objectnet_label\.json names, but got 'zebra'"):
        read_objectnet(objectnet)
    (objectnet / "mappings" / "objectnet_to_imagenet_1k.json").unlink()
    with pytest.raises(
        InputError, match=r"objectnet_to_imagenet_1k\.json: expected a file of the dataset, but got none"
    ):
        read_objectnet(objectnet)
