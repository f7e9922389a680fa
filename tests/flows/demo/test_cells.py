"""Planted mixes: the prediction is exact in expectation, and the permutation test sees only what the cells do not explain."""

import numpy as np
import pytest

from t2c.flows.demo.cells import cell_moments, permutation_p_values, predict_shift

P_REFERENCE = np.array([0.25, 0.25, 0.25, 0.25])
P_CURRENT = np.array([0.55, 0.25, 0.15, 0.05])
MEANS = np.array([[0.3, 0.0], [0.1, 0.1], [-0.2, 0.0], [0.0, -0.1]])


def sample(rng, p, n, *, extra=0.0):
    cells = rng.choice(4, n, p=p)
    return MEANS[cells] + 0.1 * rng.standard_normal((n, 2)) + extra, cells


def test_cell_moments_are_numpys():
    rng = np.random.default_rng(0)
    scores, cells = sample(rng, P_REFERENCE, 200)
    n, mean, variance = cell_moments(scores, cells, count=5)
    for cell in range(4):
        assert n[cell] == (cells == cell).sum()
        assert mean[cell] == pytest.approx(scores[cells == cell].mean(0))
        assert variance[cell] == pytest.approx(scores[cells == cell].var(0, ddof=1))
    assert n[4] == 0
    assert mean[4].tolist() == [0, 0]


def test_the_predicted_shift_is_the_mixs():
    rng = np.random.default_rng(1)
    seen = predict_shift(
        sample(rng, P_REFERENCE, 20_000),
        sample(rng, P_CURRENT, 20_000)[0],
        p_reference=P_REFERENCE,
        p_current=P_CURRENT,
    )
    want = (P_CURRENT - P_REFERENCE) @ MEANS
    assert seen.predicted == pytest.approx(want, abs=0.004)
    assert seen.observed == pytest.approx(want, abs=0.006)


def test_errors_of_the_prediction_have_unit_spread():
    rng = np.random.default_rng(2)
    draws = [
        predict_shift(
            sample(rng, P_REFERENCE, 300),
            sample(rng, P_CURRENT, 150)[0],
            p_reference=P_REFERENCE,
            p_current=P_CURRENT,
        ).errors
        for _ in range(400)
    ]
    assert np.std(draws, axis=0) == pytest.approx([1, 1], abs=0.12)
    assert np.mean(draws, axis=0) == pytest.approx([0, 0], abs=0.15)


def test_a_shift_of_the_mix_alone_is_explained_by_the_cells():
    rng = np.random.default_rng(3)
    reference, current = sample(rng, P_REFERENCE, 600), sample(rng, P_CURRENT, 300)
    assert permutation_p_values(reference, current, draws=199, seed=1).min() > 0.05


def test_a_shift_inside_the_cells_is_seen():
    rng = np.random.default_rng(4)
    reference, current = sample(rng, P_REFERENCE, 600), sample(rng, P_CURRENT, 300, extra=np.array([0.06, 0.0]))
    moved, still = permutation_p_values(reference, current, draws=199, seed=1)
    assert moved == pytest.approx(1 / 200)
    assert still > 0.05


def test_p_values_are_uniform_when_nothing_moved_inside_the_cells():
    rng = np.random.default_rng(5)
    p = [
        permutation_p_values(sample(rng, P_REFERENCE, 120), sample(rng, P_CURRENT, 60), draws=49, seed=i)[0]
        for i in range(200)
    ]
    assert np.mean(np.array(p) <= 0.2) == pytest.approx(0.2, abs=0.08)


def test_ties_count_once_and_cells_without_a_partner_are_left_out():
    reference = (np.zeros((40, 1)), np.repeat([0, 1], 20))
    current = (np.zeros((20, 1)), np.repeat([1, 2], 10))
    assert permutation_p_values(reference, current, draws=9, seed=0).tolist() == [1.0]
