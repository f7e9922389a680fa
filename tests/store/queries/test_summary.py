"""A summary's classes are ranked by mean similarity and by their share of a concept's top images."""

import numpy as np
import pytest

from t2c.schemas.errors import InputError
from t2c.store.disk.root import Store
from t2c.store.queries import summary
from tests.planted.scored import add_bank, add_images, image_table, score, scored

N = 400
NAMES = ["dog", "constant"]
MATRIX = np.random.default_rng(3).uniform(-0.2, 0.2, size=(N, 2)).astype(np.float32)
LABELS = [None if row % 10 == 0 else f"class {row % 4}" for row in range(N)]
for row in range(N):
    MATRIX[row, 0] += 0.1 * (row % 4)
MATRIX[:, 1] = 0.25


def test_classes_are_ranked(store: Store) -> None:
    found = summary(scored(store, MATRIX, NAMES, label=LABELS))
    assert found.searched == N
    assert found.stats["concept"].to_pylist() == NAMES
    rows = [row for row in found.classes.to_pylist() if row["concept"] == "dog"]
    assert [row["label"] for row in rows] == ["class 3", "class 2", "class 1", "class 0"]
    assert [row["rank"] for row in rows] == [1, 2, 3, 4]
    best = np.argsort(-MATRIX[:, 0], kind="stable")[:4]
    for row in rows:
        inside = np.array([label == row["label"] for label in LABELS])
        assert row["count"] == inside.sum()
        assert row["mean"] == pytest.approx(MATRIX[inside, 0].mean(dtype=float))
        z = (MATRIX[inside, 0].mean(dtype=float) - MATRIX[:, 0].mean(dtype=float)) / MATRIX[:, 0].std(dtype=float)
        assert row["z"] == pytest.approx(z)
        assert row["share"] == pytest.approx(inside.mean())
        assert row["top_share"] == pytest.approx(inside[best].mean())


def test_a_constant_concept_has_no_z(store: Store) -> None:
    found = summary(scored(store, MATRIX, NAMES, label=LABELS))
    rows = [row for row in found.classes.to_pylist() if row["concept"] == "constant"]
    assert [(row["mean"], row["z"]) for row in rows] == [(0.25, 0.0)] * 4


def test_without_labels_there_are_no_classes(store: Store) -> None:
    found = summary(scored(store, MATRIX, NAMES))
    assert found.classes.num_rows == 0
    assert found.stats.num_rows == 2


def test_nothing_comparable_is_an_error(store: Store) -> None:
    scores = score(add_images(store, image_table(0, N)), add_bank(store, NAMES), MATRIX, fold=np.full(N, -2))
    with pytest.raises(InputError, match="searched set of photos: expected at least one current image"):
        summary(scores)
