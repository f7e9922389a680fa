"""Rows of a question: current and readable ones, each content once; and a few columns of a few rows, cheaply."""

import numpy as np
import pyarrow as pa
import pytest

from t2c.schemas.errors import CorruptError, InputError, UnknownName
from t2c.schemas.tables.tables import OUTCOME_UPDATES
from t2c.store.artifacts.images import Images, open_images, record_outcomes
from t2c.store.artifacts.selection import image_rows, label_code, labels, searchable
from t2c.store.disk.lease import lease
from t2c.store.disk.paths import images as images_path
from t2c.store.disk.root import Store
from tests.planted.scored import add_images, image_table


@pytest.fixture
def images(store: Store) -> Images:
    """Rows 0 to 9, where 2 is corrupt in the header, 3 when decoded, 4 replaced by 10; 6 and 7 are copies of 4, 8 of 0."""
    copies = [4 if row in (6, 7) else 0 if row == 8 else None for row in range(10)]
    outcome = ["corrupt" if row == 2 else "ok" for row in range(10)]
    label = ["b", None, "a", "b", None, "c", "a", "b", "b", "b"]
    add_images(store, image_table(0, 10, duplicate_of=copies, outcome=outcome, label=label))
    with lease(store, images_path("photos"), purpose="test") as token:
        found = pa.table({"row": [3], "outcome": ["corrupt"], "error": ["cut"]}).cast(OUTCOME_UPDATES)
        record_outcomes(store, "photos", found, token=token)
    add_images(store, image_table(10, 11, image_id=["img-00000004.jpg"], supersedes=[4]))
    return open_images(store, "photos")


def test_searchable_rows_are_current_and_ok(images: Images) -> None:
    assert np.flatnonzero(searchable(images)).tolist() == [0, 1, 5, 6, 7, 8, 9, 10]


def test_of_copies_the_first_that_is_left_counts(images: Images) -> None:
    assert np.flatnonzero(searchable(images, exclude_duplicates=True)).tolist() == [0, 1, 5, 6, 9, 10]


def test_labels_are_coded_in_order_of_name(images: Images) -> None:
    codes, names = labels(images)
    assert names == ["a", "b", "c"]
    assert codes.tolist() == [1, -1, 0, 1, -1, 2, 0, 1, 1, 1, -1]
    assert label_code(images, "c")[1] == 2
    with pytest.raises(UnknownName, match=r"label in photos: expected one of 'a', 'b', 'c', but got 'd'"):
        label_code(images, "d")


def test_a_dataset_without_labels_has_none(store: Store) -> None:
    codes, names = labels(add_images(store, image_table(0, 3)))
    assert (codes.tolist(), names) == ([-1, -1, -1], [])


@pytest.mark.parametrize("rows", [[], [0], [10, 0, 5, 5], list(range(11)), [9, 8]])
def test_rows_come_in_the_order_asked_for(images: Images, rows: list[int]) -> None:
    found = image_rows(images, rows, ["row", "image_id", "label"])
    assert found["row"].to_pylist() == rows
    want = images.table(["row", "image_id", "label"], current=False).take(pa.array(rows, pa.int64()))
    assert found.to_pylist() == want.to_pylist()


def test_rows_come_from_the_row_groups_that_hold_them(store: Store) -> None:
    images = add_images(store, image_table(0, 10_000))
    rows = [9999, 4095, 4096, 0, 8192]
    assert image_rows(images, rows, ["image_id"])["image_id"].to_pylist() == [f"img-{row:08d}.jpg" for row in rows]


@pytest.mark.parametrize("row", [-1, 11])
def test_a_row_that_is_not_there_is_named(images: Images, row: int) -> None:
    with pytest.raises(InputError, match=f"rows of photos: expected 0 to 10, but got {row}"):
        image_rows(images, [row], ["image_id"])


def test_a_damaged_index_is_named(images: Images) -> None:
    path = images.store.files.local_path(images.manifest.with_role("data")[0].path)
    with open(path, "r+b") as file:  # noqa: PTH123
        file.truncate(100)
    with pytest.raises(CorruptError, match=r"\.parquet: expected [\d,]+ bytes, but got 100 bytes"):
        image_rows(images, [0], ["image_id"])
