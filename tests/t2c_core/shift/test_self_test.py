"""Splits of one set: their p-values are the two-sample test's, and even."""

import numpy as np
import pytest

from t2c.core.shift.clusters import Clusters, cluster_p
from t2c.core.shift.self_test import cluster_split_p, image_p, random_splits
from t2c.core.shift.shift import ks_test


def test_a_split_is_two_halves() -> None:
    splits = random_splits(41, splits=30, seed=1)
    assert (splits.sum(axis=1) == 20).all()
    assert len(np.unique(splits, axis=0)) == 30
    assert (splits == random_splits(41, splits=30, seed=1)).all()


@pytest.mark.parametrize("ties", [False, True])
def test_image_by_image_it_is_the_two_sample_test(ties: bool) -> None:
    values = np.random.default_rng(0).normal(size=201).astype(np.float32)
    values = np.round(values, 1) if ties else values
    splits = random_splits(201, splits=20, seed=2)
    want = [10 ** ks_test(values[split], values[~split])[2] for split in splits]
    assert image_p(values, splits) == pytest.approx(want, rel=1e-6)


def test_unequal_parts_are_judged_for_large_sets() -> None:
    values, splits = np.random.default_rng(0).normal(size=4000), np.zeros((1, 4000), dtype=bool)
    splits[0, np.argsort(values)[::4]] = True
    splits[0, :300] = True
    want = 10 ** ks_test(values[splits[0]], values[~splits[0]])[2]
    assert image_p(values, splits)[0] == pytest.approx(want, rel=0.05)


def test_by_clusters_it_is_the_test_that_moves_clusters() -> None:
    rng = np.random.default_rng(4)
    cluster = np.repeat(np.arange(30), 4)
    values = (np.repeat(rng.normal(size=30), 4) + 0.3 * rng.normal(size=120)).astype(np.float32)
    splits = random_splits(30, splits=300, seed=3)
    p = cluster_split_p(values, cluster, splits, seed=0)
    assert np.mean(p <= 0.1) == pytest.approx(0.1, abs=0.05)
    first = splits[0][cluster]
    sides = Clusters(*(np.unique(cluster[side], return_inverse=True)[1] for side in (first, ~first)))
    alone = cluster_p(lambda _: (values[first], values[~first]), 1, sides)
    assert p[0] == pytest.approx(alone[0], abs=0.05)
