"""Concept logic as a step: the definition by hand, thresholds of the searched set, mistakes with their position."""

import numpy as np
import pytest

from t2c.flows.scores.ask import find
from t2c.schemas.errors import LogicError, UnknownName
from t2c.store.disk.root import Store
from tests.planted.scored import scored


def test_images_are_those_of_the_definition_and_the_funnel_counts_them(store: Store) -> None:
    matrix = np.clip(np.random.default_rng(0).normal(0, 0.2, size=(200, 2)), -1, 1).astype(np.float32)
    scored(store, matrix, ["dog", "in a tree"])
    report = find(store, "photos", "dog > 0.5 & 'in a tree' < -0.25")
    z = (matrix.astype(np.float64) - matrix.mean(axis=0, dtype=np.float64)) / matrix.std(axis=0, dtype=np.float64)
    want = np.flatnonzero((z[:, 0] > 0.5) & (z[:, 1] < -0.25))
    assert sorted(report.matches["row"].to_pylist()) == want.tolist()
    assert (report.dataset, report.searched, report.total) == ("photos@1", 200, len(want))
    assert report.funnel["remaining"].to_pylist() == [int((z[:, 0] > 0.5).sum()), len(want)]


def test_where_changes_the_searched_set_and_its_thresholds(store: Store) -> None:
    matrix = np.linspace(-0.5, 0.5, 100, dtype=np.float32)[:, None]
    scored(store, matrix, ["dog"])
    half = find(store, "photos", "dog > 0", where="row >= 50")
    assert half.searched == 50
    assert half.total == 25
    assert half.thresholds["mean"][0].as_py() == pytest.approx(matrix[50:].mean(), abs=1e-6)


def test_limit_bounds_the_matches_not_the_count(store: Store) -> None:
    scored(store, np.linspace(-0.5, 0.5, 100, dtype=np.float32)[:, None], ["dog"])
    report = find(store, "photos", "dog > 0", limit=3)
    assert (report.matches.num_rows, report.total) == (3, 50)


def test_mistakes_are_refused_before_anything_is_read(store: Store) -> None:
    with pytest.raises(LogicError, match="dog >"):
        find(store, "photos", "dog >")
    scored(store, np.zeros((4, 1), np.float32), ["dog"])
    with pytest.raises(UnknownName, match=r"but got 'dig'. Did you mean 'dog'"):
        find(store, "photos", "dig > 1")
