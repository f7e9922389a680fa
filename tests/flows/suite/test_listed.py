"""Folders of image files: which files are the task's and what each shows, as their authors' lists and folders say."""

import re
from pathlib import Path

import pytest

from t2c.flows.suite import classes, listed
from t2c.schemas.errors import InputError
from tests.planted.layouts import picture, write_celeba, write_dtd

HAIR = ["Bald", "Black_Hair", "Blond_Hair", "Brown_Hair", "Eyeglasses", "Gray_Hair"]


def labelled(source: listed.Source) -> dict[str, str | None]:
    return {item.image_id: item.label for item in source.items}


def celeba(folder: Path) -> dict[str, Path]:
    return {
        "images": folder / "img_align_celeba",
        "attributes": folder / "list_attr_celeba.txt",
        "partition": folder / "list_eval_partition.txt",
    }


def test_celeba_takes_test_images_with_exactly_one_hair_colour(tmp_path: Path) -> None:
    rows = {
        "000001.jpg": (2, {"Brown_Hair", "Eyeglasses"}),
        "000002.jpg": (2, {"Brown_Hair", "Gray_Hair"}),
        "000003.jpg": (2, {"Bald"}),
        "000004.jpg": (0, {"Black_Hair"}),
        "000005.jpg": (2, {"Blond_Hair"}),
        "000006.jpg": (1, {"Gray_Hair"}),
    }
    found = listed.celeba(celeba(write_celeba(tmp_path, rows, HAIR)))
    assert labelled(found) == {"000001.jpg": "brown hair", "000005.jpg": "blonde hair"}


def test_celeba_names_the_listed_images_that_are_not_there(tmp_path: Path) -> None:
    rows = {f"{n:06d}.jpg": (2, {"Gray_Hair"}) for n in range(1, 26)}
    files = celeba(write_celeba(tmp_path, rows, HAIR))
    for n in range(2, 25):
        (files["images"] / f"{n:06d}.jpg").unlink()
    with pytest.raises(
        InputError, match=r"expected 25 listed images, but got no 000002.jpg, 000003.jpg, .* and 3 more"
    ):
        listed.celeba(files)


def test_celeba_lists_of_another_form_are_refused(tmp_path: Path) -> None:
    files = celeba(write_celeba(tmp_path, {"000001.jpg": (2, {"Gray_Hair"})}, HAIR))
    files["partition"].write_text("000001.jpg\n")
    with pytest.raises(InputError, match=r"line 1 of .*list_eval_partition.txt: expected an image and its partition"):
        listed.celeba(files)
    files["partition"].write_text("000001.jpg 2\n")
    files["attributes"].write_text("1\nBald Black_Hair Blond_Hair Brown_Hair Gray_Hair\n000001.jpg -1 -1\n")
    with pytest.raises(
        InputError, match=r"line 3 of .*list_attr_celeba.txt: expected an image and 5 values, but got 2"
    ):
        listed.celeba(files)
    files["attributes"].write_text("1\nBald Black_Hair\n")
    with pytest.raises(InputError, match="but got no Blond_Hair and no Brown_Hair and no Gray_Hair"):
        listed.celeba(files)


def test_dtd_takes_the_images_of_its_first_test_split(tmp_path: Path) -> None:
    names = ["banded/banded_0001.jpg", "banded/banded_0002.jpg", "polka-dotted/polka-dotted_0007.jpg"]
    folder = write_dtd(tmp_path / "dtd", names, listed=names[1:])
    found = listed.dtd({"images": folder / "images", "split": folder / "labels/test1.txt"})
    assert labelled(found) == {names[1]: "banded", names[2]: "polka-dotted"}


def test_dtd_names_the_listed_images_that_are_not_there(tmp_path: Path) -> None:
    folder = write_dtd(tmp_path / "dtd", ["banded/a.jpg"], listed=["banded/a.jpg", "banded/b.jpg", "lined/c.jpg"])
    want = "expected 3 listed images, but got no banded/b.jpg, lined/c.jpg. Unpack it again."
    with pytest.raises(InputError, match=re.escape(want)):
        listed.dtd({"images": folder / "images", "split": folder / "labels/test1.txt"})


def test_in9_folders_are_classes_by_their_number(tmp_path: Path) -> None:
    files = {}
    for number, name in enumerate(classes.IN9):
        folder = tmp_path / "original/val" / f"{number:02d}_{name}"
        picture(folder / "one.JPEG", (10, 10 * number, 10))
        files[f"{number:02d}"] = folder
    picture(tmp_path / "original/val/extra/one.JPEG", (0, 0, 0))
    found = labelled(listed.in9(files))
    assert found["02_wheeled vehicle/one.JPEG"] == "wheeled vehicle"
    assert sorted(filter(None, found.values())) == sorted(classes.IN9)


def test_imagenet_is_labelled_by_wordnet_id(tmp_path: Path) -> None:
    picture(tmp_path / "n02084071/ILSVRC2012_val_00000001.JPEG", (1, 2, 3))
    (tmp_path / "n02084071/readme.txt").write_text("no image")
    found = listed.imagenet({"val": tmp_path})
    assert labelled(found) == {"n02084071/ILSVRC2012_val_00000001.JPEG": "n02084071"}


def test_shapes_by_file_name_or_by_folder_and_only_the_five(tmp_path: Path) -> None:
    picture(tmp_path / "Circle_0a1b.png", (1, 2, 3))
    picture(tmp_path / "Nonagon_0a1b.png", (1, 2, 3))
    picture(tmp_path / "star/0001.png", (1, 2, 3))
    found = listed.shape({"images": tmp_path})
    assert labelled(found) == {"Circle_0a1b.png": "circle", "star/0001.png": "star"}


def test_a_folder_without_images_of_the_task_is_refused(tmp_path: Path) -> None:
    picture(tmp_path / "Nonagon_0a1b.png", (1, 2, 3))
    with pytest.raises(InputError, match="expected images of the task, but got none"):
        listed.shape({"images": tmp_path})
