"""The image index: dense immutable rows, unique current ids, outcomes that decoding adds, every snapshot readable."""

from collections.abc import Callable, Iterator

import pyarrow as pa
import pytest

from t2c.schemas.errors import ConflictError, InputError, UnknownName
from t2c.schemas.tables.tables import IMAGES, OUTCOME_UPDATES
from t2c.store.artifacts.images import (
    append_images,
    content_hashes,
    list_datasets,
    ok_rows,
    open_images,
    record_outcomes,
)
from t2c.store.disk import paths
from t2c.store.disk.lease import Token, lease
from t2c.store.disk.root import Store

Rows = Callable[..., pa.Table]


@pytest.fixture
def token(store: Store) -> Iterator[Token]:
    with lease(store, paths.images("photos"), purpose="index photos") as token:
        yield token


def updates(*rows: tuple[int, str, str]) -> pa.Table:
    return pa.table([list(values) for values in zip(*rows, strict=True)], schema=OUTCOME_UPDATES)


def test_rows_come_back_as_they_went_in(store: Store, token: Token, image_rows: Rows) -> None:
    table = image_rows(0, 3, label=["dog", None, "cat"], width=[10, None, 30], outcome=["ok", "corrupt", "ok"])
    images = append_images(store, "photos", table, spec={"source": "photos/"}, token=token)
    assert (images.rows, images.snapshot, list_datasets(store)) == (3, 1, ["photos"])
    assert open_images(store, "photos").table(IMAGES.names).equals(table)
    assert images.table(IMAGES.names).schema.equals(IMAGES, check_metadata=True)
    assert images.table(["image_id", "current", "row"]).column_names == ["image_id", "current", "row"]
    assert images.table(["current"], current=False)["current"].to_pylist() == [True] * 3
    assert ok_rows(images).tolist() == [0, 2]


def test_a_superseding_row_makes_the_old_one_not_current(store: Store, token: Token, image_rows: Rows) -> None:
    append_images(store, "photos", image_rows(0, 3), spec={}, token=token)
    new = image_rows(3, 2, image_id=["a/1.png", "b.png"], supersedes=[1, None], outcome=["missing", "ok"])
    images = append_images(store, "photos", new, spec={}, token=token)
    assert images.table(["row"])["row"].to_pylist() == [0, 2, 3, 4]
    assert images.table(["current"], current=False)["current"].to_pylist() == [True, False, True, True, True]
    assert ok_rows(images).tolist() == [0, 2, 4]
    assert len(content_hashes(images)) == 5


def test_a_row_may_supersede_one_of_the_same_append(store: Store, token: Token, image_rows: Rows) -> None:
    append_images(store, "photos", image_rows(0, 1), spec={}, token=token)
    new = image_rows(1, 2, image_id=["a/0.png", "a/0.png"], supersedes=[0, 1])
    images = append_images(store, "photos", new, spec={}, token=token)
    assert images.table(["row"])["row"].to_pylist() == [2]


def test_older_snapshots_stay_readable(store: Store, token: Token, image_rows: Rows) -> None:
    append_images(store, "photos", image_rows(0, 3), spec={}, token=token)
    append_images(store, "photos", image_rows(3, 1, image_id=["a/0.png"], supersedes=[0]), spec={}, token=token)
    record_outcomes(store, "photos", updates((2, "corrupt", "cut off")), token=token)
    assert ok_rows(open_images(store, "photos@1")).tolist() == [0, 1, 2]
    assert ok_rows(open_images(store, "photos@2")).tolist() == [1, 2, 3]
    assert ok_rows(open_images(store, "photos")).tolist() == [1, 3]


def test_outcomes_found_when_decoding_win_and_are_recorded_once(store: Store, token: Token, image_rows: Rows) -> None:
    append_images(store, "photos", image_rows(0, 4), spec={}, token=token)
    first = record_outcomes(store, "photos", updates((1, "corrupt", "cut off"), (3, "unsupported", "GIF")), token=token)
    again = record_outcomes(store, "photos", updates((1, "corrupt", "cut off")), token=token)
    assert first.snapshot == again.snapshot == 2
    later = record_outcomes(store, "photos", updates((1, "corrupt", "cut off"), (3, "corrupt", "bad")), token=token)
    assert later.snapshot == 3
    table = later.table(["outcome", "error"])
    assert table["outcome"].to_pylist() == ["ok", "corrupt", "ok", "corrupt"]
    assert table["error"].to_pylist() == [None, "cut off", None, "bad"]
    assert record_outcomes(store, "photos", OUTCOME_UPDATES.empty_table(), token=token).snapshot == 3


def test_hostile_image_ids_are_data(store: Store, token: Token, image_rows: Rows) -> None:
    ids = [
        "../../etc/passwd",
        "x'); DROP TABLE c;--",
        "nul \0 in it",
        "{0.__class__}",
        "\u202egnp.exe",
        "<img src=x>",
        "e" * 5000,
    ]
    images = append_images(store, "photos", image_rows(0, len(ids), image_id=ids), spec={}, token=token)
    assert images.table(["image_id"])["image_id"].to_pylist() == ids


def test_nothing_new_makes_no_snapshot_and_an_empty_dataset_makes_one(
    store: Store, token: Token, image_rows: Rows
) -> None:
    assert append_images(store, "photos", image_rows(0, 0), spec={}, token=token).rows == 0
    assert append_images(store, "photos", image_rows(0, 0), spec={}, token=token).snapshot == 1
    assert append_images(store, "photos", image_rows(0, 2), spec={}, token=token).snapshot == 2


@pytest.mark.parametrize(
    ("start", "columns", "message"),
    [
        (1, {}, "image rows of photos: expected 2 and up without a gap, but got 1, 2"),
        (2, {"image_id": ["a/0.png", "new"]}, r"each once among current rows, but got 'a/0.png' twice. Name the older"),
        (2, {"image_id": ["new", "new"]}, "'new' twice"),
        (2, {"supersedes": [2, None]}, "supersedes in photos: expected an earlier row, but got 2"),
        (2, {"duplicate_of": [None, 9]}, "duplicate_of in photos: expected an earlier row, but got 9"),
        (2, {"outcome": ["ok", "fine"]}, r"outcome in photos: expected one of ok, .*, but got \['fine'\]"),
    ],
)
def test_rows_that_break_a_rule_are_refused_whole(
    store: Store, token: Token, image_rows: Rows, start: int, columns: dict[str, list[object]], message: str
) -> None:
    append_images(store, "photos", image_rows(0, 2), spec={}, token=token)
    with pytest.raises(InputError, match=message):
        append_images(store, "photos", image_rows(start, 2, **columns), spec={}, token=token)
    assert open_images(store, "photos").snapshot == 1


def test_wrong_columns_rows_and_outcomes_are_named(store: Store, token: Token, image_rows: Rows) -> None:
    with pytest.raises(InputError, match="image rows of photos: expected the columns row, image_id"):
        append_images(store, "photos", pa.table({"row": [0]}), spec={}, token=token)
    append_images(store, "photos", image_rows(0, 2), spec={}, token=token)
    with pytest.raises(InputError, match="outcomes of photos: expected rows 0 to 1, but got 2"):
        record_outcomes(store, "photos", updates((2, "corrupt", "x")), token=token)
    with pytest.raises(InputError, match=r"outcomes of photos: expected one of ok.*, but got \['bad'\]"):
        record_outcomes(store, "photos", updates((1, "bad", "x")), token=token)
    with pytest.raises(InputError, match="outcomes of photos: expected the columns row, outcome, error"):
        record_outcomes(store, "photos", pa.table({"row": [0]}), token=token)
    with pytest.raises(UnknownName, match=r"column of photos: expected one of .*Did you mean 'label'"):
        open_images(store, "photos").table(["lable"])


def test_an_unknown_dataset_offers_the_nearest_and_the_command(store: Store, token: Token, image_rows: Rows) -> None:
    append_images(store, "photos", image_rows(0, 1), spec={}, token=token)
    with pytest.raises(
        UnknownName, match=r"but got 'photo'. Did you mean 'photos'\? Index it: t2c index FOLDER --name photo"
    ):
        open_images(store, "photo")
    with pytest.raises(UnknownName, match="snapshot of datasets/photos/images: expected 1 to 1, but got 12"):
        open_images(store, "photos@12")


def test_another_artifacts_lease_is_refused(store: Store, token: Token, image_rows: Rows) -> None:
    with pytest.raises(ConflictError, match="lease: expected the one on datasets/other/images, but got the one on"):
        append_images(store, "other", image_rows(0, 1), spec={}, token=token)
