"""Similarities are read concept by concept in order of row, and the ones a question means are found or the choices named."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from t2c.schemas.errors import CorruptError, SpecError, UnknownName
from t2c.store.artifacts.similarities import open_similarities, resolve_scores
from t2c.store.disk.root import Store
from tests.planted.scored import SPACE, add_bank, add_images, image_table, score, scored

RNG = np.random.default_rng(0)
MATRIX = RNG.uniform(-1, 1, size=(30, 3)).astype(np.float32)
NAMES = ["dog", "in a tree", "x'); DROP TABLE c;--"]


def test_a_column_is_what_was_written(store: Store) -> None:
    fold = np.arange(30) % 3 - 1
    images = add_images(store, image_table(0, 30))
    present = np.arange(30) % 5 != 0
    scores = score(images, add_bank(store, NAMES), MATRIX, fold=fold, present=present)
    for key in range(3):
        column = scores.column(key)
        np.testing.assert_array_equal(column.rows, np.flatnonzero(present))
        np.testing.assert_array_equal(column.similarity, MATRIX[present, key])
        np.testing.assert_array_equal(column.fold, fold[present])
    assert (scores.dataset, scores.map, scores.bank) == ("photos", f"identity-{SPACE.short}", "everyday")
    assert (scores.identity, scores.concepts, scores.rows, scores.images_snapshot) == (True, 3, 30, 1)
    assert scores.source == scores.target == SPACE
    assert open_similarities(store, "photos", linear_map=scores.map, bank="everyday") == scores


def test_values_leave_out_rows_that_may_not_be_compared(store: Store) -> None:
    fold = np.where(np.arange(30) < 10, -2, -1)
    scores = score(add_images(store, image_table(0, 30)), add_bank(store, NAMES), MATRIX, fold=fold)
    values = scores.values(1)
    assert np.isnan(values[:10]).all()
    np.testing.assert_array_equal(values[10:], MATRIX[10:, 1])


def test_a_row_group_never_spans_two_concepts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("t2c.store.artifacts.score_writer.GROUP_ROWS", 8)
    scores = scored(store, MATRIX, NAMES)
    (entry,) = scores.manifest.with_role("data")
    metadata = pq.read_metadata(store.files.uri(entry.path))
    keys = [metadata.row_group(index).column(0).statistics for index in range(metadata.num_row_groups)]
    assert [(key.min, key.max) for key in keys] == [(key, key) for key in range(3) for _ in range(4)]
    np.testing.assert_array_equal(scores.column(2).similarity, MATRIX[:, 2])


def test_an_unknown_concept_offers_the_nearest(store: Store) -> None:
    scores = scored(store, MATRIX, NAMES)
    assert [scores.key_of(name) for name in NAMES] == [0, 1, 2]
    match = r"concept in bank everyday: .* but got 'dgo'\. Did you mean 'dog'\? Add it: t2c concepts add everyday FILE"
    with pytest.raises(UnknownName, match=match):
        scores.key_of("dgo")


@pytest.mark.parametrize("damage", ["truncate", "delete", "rewrite"])
def test_a_damaged_file_is_named(store: Store, damage: str) -> None:
    scores = scored(store, MATRIX, NAMES)
    path = Path(store.url) / scores.manifest.with_role("data")[0].path
    if damage == "truncate":
        path.write_bytes(path.read_bytes()[:-5])
    elif damage == "delete":
        path.unlink()
    else:
        path.write_bytes(b"\0" * path.stat().st_size)
    with pytest.raises(CorruptError, match=f"{path.name}: expected"):
        scores.column(0)


def test_a_foreign_file_in_the_folder_is_never_read(store: Store) -> None:
    scores = scored(store, MATRIX, NAMES)
    path = Path(store.url) / scores.manifest.with_role("data")[0].path
    (path.parent / "00000009-0-0123456789ab.parquet").write_bytes(path.read_bytes())
    again = resolve_scores(store, "photos")
    assert len(again.column(0).rows) == 30


def test_the_only_choice_is_taken(store: Store) -> None:
    scores = scored(store, MATRIX, NAMES)
    assert resolve_scores(store, "photos") == scores
    assert resolve_scores(store, "photos@1", source=SPACE.name, target=SPACE.id[:8], bank="everyday") == scores


def test_several_choices_are_named(store: Store) -> None:
    first = scored(store, MATRIX, NAMES)
    images = add_images(store, image_table(30, 30))
    other = add_bank(store, NAMES, bank="other", space=replace(SPACE, weights="else", name="open_clip:else/none"))
    second = score(images, other, MATRIX)
    match = (
        r"similarities of photos: expected one choice, but got .*--concepts everyday or .*--concepts other\. Say which"
    )
    with pytest.raises(SpecError, match=match):
        resolve_scores(store, "photos")
    assert resolve_scores(store, "photos", bank="everyday") == first
    assert resolve_scores(store, "photos", source="open_clip:else/none") == second
    with pytest.raises(UnknownName, match=r"but got --concepts evryday\. Did you mean 'everyday'\?"):
        resolve_scores(store, "photos", bank="evryday")


def test_nothing_scored_says_what_to_type(store: Store) -> None:
    with pytest.raises(UnknownName, match="dataset: expected a name that exists"):
        resolve_scores(store, "photos")
    add_images(store, image_table(0, 3))
    with pytest.raises(
        UnknownName, match=r"similarities of photos: expected some, but got none\. Score it: t2c score photos"
    ):
        resolve_scores(store, "photos")


def test_an_object_store_reads_the_same(memory_store: Store) -> None:
    scores = scored(memory_store, MATRIX, NAMES)
    np.testing.assert_array_equal(scores.column(1).similarity, MATRIX[:, 1])
