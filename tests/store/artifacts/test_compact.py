"""Compaction keeps the logical content, in few files, and leaves older snapshots readable."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from t2c.store.artifacts.compact import compact
from t2c.store.artifacts.similarities import Scores, open_similarities
from t2c.store.disk.root import Store
from tests.planted.scored import add_bank, add_images, image_table, score, scored

MATRIX = np.random.default_rng(1).uniform(-1, 1, size=(40, 5)).astype(np.float32)
NAMES = [f"concept {index}" for index in range(5)]


def grown(store: Store) -> Scores:
    """Scores of 40 images that grew by ten commits, and by three concepts in the middle."""
    for step in range(10):
        images = add_images(store, image_table(4 * step, 4 * step + 4))
        scores = score(images, add_bank(store, NAMES[: 2 if step < 5 else 5]), MATRIX[: 4 * step + 4])
    return scores


def content(scores: Scores) -> list[list[np.ndarray]]:
    columns = [scores.column(key) for key in range(scores.concepts)]
    return [[column.rows, column.similarity, column.fold] for column in columns]


def test_the_content_stays(store: Store) -> None:
    before = grown(store)
    after = compact(before)
    np.testing.assert_equal(content(after), content(before))
    assert len(before.manifest.with_role("data")) == 11
    assert len(after.manifest.with_role("data")) == 1
    assert after.manifest.snapshot == before.manifest.snapshot + 1
    assert after.stats().equals(before.stats())
    assert after.manifest.summary == before.manifest.summary
    assert after.manifest.rows == before.manifest.rows
    table = pq.read_table(store.files.uri(after.manifest.with_role("data")[0].path))
    assert table["key"].to_pylist() == sorted(table["key"].to_pylist())
    np.testing.assert_array_equal(np.asarray(table["similarity"]).reshape(5, 40), MATRIX.T)


def test_compacting_again_commits_nothing(store: Store) -> None:
    after = compact(grown(store))
    assert compact(after) == after


def test_an_older_snapshot_is_still_read(store: Store) -> None:
    before = grown(store)
    compact(before)
    old = open_similarities(store, "photos", linear_map=before.map, bank="everyday", snapshot=3)
    np.testing.assert_array_equal(old.column(1).similarity, MATRIX[:12, 1])


def test_compacted_similarities_grow_on(store: Store) -> None:
    compact(scored(store, MATRIX[:30], NAMES))
    scores = score(add_images(store, image_table(30, 40)), add_bank(store, NAMES), MATRIX)
    assert len(scores.manifest.with_role("data")) == 2
    np.testing.assert_array_equal(scores.column(4).similarity, MATRIX[:, 4])


def test_large_similarities_are_split_by_concept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("t2c.store.artifacts.compact.FILE_VALUES", 90)
    before = grown(store)
    after = compact(before)
    assert [entry.extra["keys"] for entry in after.manifest.with_role("data")] == [[0, 2], [2, 4], [4, 5]]
    np.testing.assert_equal(content(after), content(before))
