"""A reader's pictures become a dataset of the store once; only files that changed are read again."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from t2c.flows.engine.progress import NoProgress
from t2c.flows.suite import classes
from t2c.flows.suite.datasets import Prepared, default_pictures, prepare
from t2c.flows.suite.pictures import Picture, Pictures, packed, png
from t2c.flows.world.world import COLOURS
from t2c.schemas.errors import InputError, SpecError, StoreWriteError
from t2c.store.disk.root import Store
from t2c.store.sources.source import open_bytes
from tests.planted.layouts import (
    picture,
    write_celeba,
    write_cifar10,
    write_dtd,
    write_mnist,
    write_stl10,
    write_svhn,
)


def digits(seed: int, count: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 28, 28), dtype=np.uint8)


def made(store: Store, reader: str, data: Path) -> Prepared:
    return prepare(store, reader, data, pictures=None, progress=NoProgress())


def test_unpacked_pictures_are_the_authors_pixels(store: Store, tmp_path: Path) -> None:
    images = digits(0)
    write_mnist(tmp_path / "mnist", images, [3, 1, 4, 1, 5])
    found = made(store, "mnist", tmp_path).images
    table = found.table()
    assert table["label"].to_pylist() == ["three", "one", "four", "one", "five"]
    shown = [np.asarray(Image.open(io.BytesIO(open_bytes(uri)))) for uri in table["uri"].to_pylist()]
    np.testing.assert_array_equal(np.stack(shown), images)
    assert (found.dataset, set(table["format"].to_pylist())) == ("suite-mnist", {"png"})
    assert [file.parent for file in default_pictures(store).iterdir()] == [tmp_path / "store-suite"]


def test_the_same_files_are_not_read_twice(store: Store, tmp_path: Path) -> None:
    write_mnist(tmp_path / "mnist", digits(0), [3, 1, 4, 1, 5])
    first = made(store, "mnist", tmp_path)
    file = next(default_pictures(store).iterdir())
    before = file.stat().st_mtime_ns
    again = made(store, "mnist", tmp_path)
    assert (first.new, again.new) == (True, False)
    assert again.images.snapshot == first.images.snapshot
    assert file.stat().st_mtime_ns == before


def test_other_files_give_another_snapshot(store: Store, tmp_path: Path) -> None:
    write_mnist(tmp_path / "mnist", digits(0), [3, 1, 4, 1, 5])
    made(store, "mnist", tmp_path)
    write_mnist(tmp_path / "mnist", digits(1), [3, 1, 4, 1, 5])
    found = made(store, "mnist", tmp_path)
    assert (found.new, found.images.snapshot, found.images.table().num_rows) == (True, 2, 5)


def test_a_folder_of_images_is_indexed_again_only_when_touched(store: Store, tmp_path: Path) -> None:
    for name in ("Circle_1.png", "Star_2.png"):
        picture(tmp_path / "shapes" / name, (250, 0, 0))
    assert made(store, "shape", tmp_path).new
    assert not made(store, "shape", tmp_path).new
    picture(tmp_path / "shapes" / "Star_2.png", (0, 0, 250))
    assert made(store, "shape", tmp_path).images.snapshot == 2
    picture(tmp_path / "shapes" / "Square_3.png", (0, 250, 250))
    found = made(store, "shape", tmp_path)
    assert (found.new, found.images.table().num_rows) == (True, 3)
    (tmp_path / "shapes" / "Circle_1.png").unlink()
    found = made(store, "shape", tmp_path)
    assert sorted(found.images.table()["outcome"].to_pylist()) == ["missing", "ok", "ok"]
    assert made(store, "shape", tmp_path).images.snapshot == found.images.snapshot


def test_another_number_of_labels_than_images_is_refused(store: Store, tmp_path: Path) -> None:
    write_mnist(tmp_path / "mnist", digits(0), [3, 1])
    with pytest.raises(InputError, match=r"t10k-labels-idx1-ubyte.gz: expected 5, one an image, but got 2"):
        made(store, "mnist", tmp_path)
    assert list(default_pictures(store).iterdir()) == []


def test_a_label_above_nine_is_refused(store: Store, tmp_path: Path) -> None:
    write_mnist(tmp_path / "mnist", digits(0), [3, 1, 4, 1, 10])
    with pytest.raises(InputError, match=r"t10k-labels-idx1-ubyte.gz: expected 0 to 9, but got 10"):
        made(store, "mnist", tmp_path)


def test_a_store_elsewhere_needs_a_folder_for_pictures(memory_store: Store, tmp_path: Path) -> None:
    want = "pictures folder: expected a local folder for unpacked pictures, but got none. Name one: --pictures FOLDER"
    with pytest.raises(SpecError, match=re.escape(want)):
        made(memory_store, "color", tmp_path)
    found = prepare(memory_store, "color", tmp_path, pictures=tmp_path / "here", progress=NoProgress())
    assert found.images.table().num_rows == 11


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    some = Pictures(("words",), lambda: [Picture("0", "a", np.zeros((2, 2), np.uint8))])
    with pytest.raises(StoreWriteError, match=r"Choose another with --pictures FOLDER"):
        packed(some, name="x", folder=tmp_path / "file" / "below", progress=NoProgress())


def test_png_keeps_every_pixel() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (7, 5, 3), dtype=np.uint8)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(png(pixels)))), pixels)


def colour(count: int, side: int) -> np.ndarray:
    return np.random.default_rng(side).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def write_all(data: Path) -> dict[str, list[str]]:
    """Write small files of every reader that needs some, and return the labels that must come out."""
    write_mnist(data / "fashion-mnist", digits(0, 2), [0, 9], zipped=False)
    write_cifar10(data / "cifar10", colour(2, 32), [0, 9])
    write_stl10(data / "stl10", colour(2, 96), [1, 10])
    write_svhn(data / "svhn", colour(2, 32), [0, 7])
    write_celeba(data / "celeba", {"1.jpg": (2, {"Gray_Hair"}), "2.jpg": (0, {"Gray_Hair"})}, list(classes.HAIR))
    write_dtd(data / "dtd", ["lined/1.jpg", "grid/2.jpg"], listed=["grid/2.jpg"])
    for number, name in enumerate(classes.IN9):
        picture(data / "in9/original/val" / f"{number:02d}_{name}" / "1.JPEG", (9 * number, 5, 5))
    picture(data / "imagenet/val/n02084071/1.JPEG", (1, 2, 3))
    return {
        "fashion-mnist": ["T-shirt/top", "Ankle boot"],
        "cifar10": ["airplane", "truck"],
        "stl10": ["airplane", "truck"],
        "svhn": ["zero", "seven"],
        "celeba": ["gray hair"],
        "dtd": ["grid"],
        "in9": list(classes.IN9),
        "imagenet": ["n02084071"],
        "color": list(COLOURS),
    }


def test_every_reader_ends_in_the_image_index(store: Store, tmp_path: Path) -> None:
    for reader, labels in write_all(tmp_path).items():
        table = made(store, reader, tmp_path).images.table()
        assert table["label"].to_pylist() == labels, reader
        assert set(table["outcome"].to_pylist()) == {"ok"}, reader
        assert not made(store, reader, tmp_path).new, reader


def test_unpacked_colours_are_the_authors_pixels(store: Store, tmp_path: Path) -> None:
    write_all(tmp_path)
    for reader, side in (("cifar10", 32), ("stl10", 96), ("svhn", 32)):
        uris = made(store, reader, tmp_path).images.table()["uri"].to_pylist()
        shown = np.stack([np.asarray(Image.open(io.BytesIO(open_bytes(uri)))) for uri in uris])
        np.testing.assert_array_equal(shown, colour(2, side))
