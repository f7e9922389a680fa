"""Trust: only good transport and good meaning are trusted; random vectors are not, whatever the dataset makes easy."""

import math

import numpy as np
import pytest

from t2c.core.concepts.trust import (
    FEWEST_CONCEPTS,
    Meaning,
    Transport,
    bank_directions,
    judge,
    log10_p_random,
    neighbours,
    q_values,
    sphere_directions,
    threshold,
)
from t2c.core.statistics.auroc import newcombe
from t2c.core.statistics.rank_agreement import Known, measure
from t2c.core.statistics.ranks import spearman_interval


def transport(correlation: float = 0.8, *, n: int = 5000, overlap: float = 0.6) -> Transport:
    return Transport(n, correlation, *spearman_interval(correlation, n), overlap)


def meaning(area: float = 0.9, *, positives: int = 400, reached: float = 0.7, q: float = 0.001) -> Meaning:
    return Meaning(positives, 2000, area, *newcombe(area, positives, 2000), reached, q)


CASES = [
    (transport(), meaning(), "trusted", "AUROC 0.90"),
    (transport(), None, "unverified", "no label or attribute"),
    (None, meaning(), "unverified", "own features are missing"),
    (None, None, "unverified", "no label"),
    (transport(), meaning(positives=4), "unverified", "4 images known to have it"),
    (transport(), meaning(0.55), "untrusted", "below 0.70 that random directions reach"),
    (transport(), meaning(0.55, reached=0.52), "untrusted", "below the floor 0.60"),
    (transport(), meaning(0.71), "weak", "not above 0.70"),
    (transport(), meaning(q=0.2), "weak", "luck"),
    (transport(0.1), meaning(), "untrusted", "Spearman 0.10"),
    (transport(0.1), None, "untrusted", "Spearman 0.10"),
    (transport(math.nan, overlap=math.nan), meaning(), "untrusted", "the same for every image"),
    (transport(0.8, overlap=0.12), meaning(), "untrusted", "12% of the target's top decile"),
    (transport(0.4), meaning(), "weak", "is not above 0.5"),
    (transport(0.8, overlap=0.2), meaning(), "weak", "30% is asked"),
    (transport(0.8, overlap=math.nan), meaning(), "weak", "without a top decile"),
    (transport(0.8, n=15), meaning(), "weak", "is not above"),
    (None, meaning(0.3), "untrusted", "AUROC 0.30"),
]


@pytest.mark.parametrize(("carried", "means", "mark", "why"), CASES)
def test_a_mark_rests_on_both_and_says_why(
    carried: Transport | None, means: Meaning | None, mark: str, why: str
) -> None:
    judged = judge(carried, means)
    assert judged.mark == mark
    assert why in judged.why


def test_random_directions_have_the_banks_mean_and_covariance() -> None:
    rng = np.random.default_rng(0)
    bank = rng.normal(size=(40, 8)) * np.linspace(0.2, 2, 8) + 3
    drawn = bank_directions(bank, 20_000, rng=rng)
    np.testing.assert_allclose(np.linalg.norm(drawn, axis=1), 1, atol=1e-6)
    projected = bank_directions(bank, 20_000, rng=np.random.default_rng(1)) @ bank.mean(axis=0)
    plain = rng.multivariate_normal(bank.mean(axis=0), np.cov(bank.T), 20_000)
    plain = (plain / np.linalg.norm(plain, axis=1, keepdims=True)) @ bank.mean(axis=0)
    assert projected.mean() == pytest.approx(plain.mean(), rel=0.01)
    assert projected.std() == pytest.approx(plain.std(), rel=0.05)


def test_a_small_bank_lends_its_mean_and_total_variance_alone() -> None:
    bank = np.eye(6)[: FEWEST_CONCEPTS // 4]
    drawn = bank_directions(bank, 4000, rng=np.random.default_rng(0))
    assert (drawn[:, 4:].std(axis=0) > 0.2).all()
    alone = bank_directions(bank[:1], 400, rng=np.random.default_rng(0))
    assert alone.std(axis=0).min() > 0.1


def test_the_threshold_is_exceeded_as_seldom_as_promised() -> None:
    rng = np.random.default_rng(0)
    exceeded = np.mean([rng.normal() > threshold(rng.normal(size=200)) for _ in range(8000)])
    assert exceeded == pytest.approx(0.025, abs=0.006)
    assert threshold(rng.normal(size=20)) == 1.0


def test_the_p_value_of_a_random_direction_is_uniform_and_that_of_a_perfect_one_finite() -> None:
    rng = np.random.default_rng(1)
    from scipy.special import ndtr

    p = [
        10 ** log10_p_random(float(ndtr(rng.normal(0, 0.5))), ndtr(rng.normal(0, 0.5, 60)), pairs=10_000)
        for _ in range(2000)
    ]
    for level in (0.01, 0.05, 0.5):
        assert np.mean(np.asarray(p) <= level) == pytest.approx(level, abs=3 * math.sqrt(level / 2000) + 0.002)
    assert -300 <= log10_p_random(1.0, np.full(60, 0.5), pairs=100) < -3
    assert log10_p_random(0.5, np.full(60, 0.5), pairs=100) == 0.0
    assert q_values([math.log10(0.01), math.log10(0.04)]) == pytest.approx([0.02, 0.04])


def test_neighbours_are_named_nearest_first_and_never_oneself() -> None:
    vectors = np.array([[1, 0], [0.9, 0.1], [0, 1], [-1, 0]], dtype=np.float32)
    places, cosines = neighbours(vectors, most=2)
    assert places.tolist() == [[1, 2], [0, 2], [1, 0], [2, 1]]
    assert cosines[0, 0] == pytest.approx(0.9938, abs=1e-3)
    assert neighbours(vectors[:1])[0].shape == (1, 0)


DIMENSIONS, CLASSES = 48, 12


def world(rng: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Unit aligned and own features, class of each row, and the vectors of 12 classes and 28 things nobody labelled.

    A few directions hold most of the variance, as in real encoders, so that a random direction often separates classes.
    """
    scale = 1 / np.sqrt(1 + np.arange(DIMENSIONS))
    words = rng.normal(size=(40, DIMENSIONS)) * scale
    codes = rng.integers(0, CLASSES, rows)
    x = 1.2 * words[codes] + rng.normal(size=(rows, DIMENSIONS)) * scale
    own = x + 0.3 * rng.normal(size=x.shape) * scale
    unit = [(one / np.linalg.norm(one, axis=1, keepdims=True)).astype(np.float32) for one in (x, own, words)]
    return unit[0], unit[1], codes.astype(np.int32), unit[2]


def marks(rng: np.random.Generator, judged: np.ndarray, code: np.ndarray, made: tuple[np.ndarray, ...]) -> list[str]:
    """Judge vectors, each named after a class, as the step does."""
    aligned, own, codes, words = made
    known = [Known(codes, CLASSES)]
    pools = [
        measure(aligned, one, known=known)
        for one in (bank_directions(words, 200, rng=rng), sphere_directions(DIMENSIONS, 200, rng=rng))
    ]
    found = measure(aligned, judged, own=own, known=known)
    positives = np.bincount(codes, minlength=CLASSES)
    pairs = positives * (len(codes) - positives)
    p = [
        max(log10_p_random(found.areas[0][i, c], pool.areas[0][:, c], pairs=int(pairs[c])) for pool in pools)
        for i, c in enumerate(code)
    ]
    named = []
    for i, (c, q) in enumerate(zip(code, q_values(p), strict=True)):
        counts = int(positives[c]), int(len(codes) - positives[c])
        area = float(found.areas[0][i, c])
        reached = max(threshold(pool.areas[0][:, c]) for pool in pools)
        means = Meaning(*counts, area, *newcombe(area, *counts), reached, q)
        named.append(
            judge(transport(float(found.spearman[i]), n=len(codes), overlap=float(found.overlap[i])), means).mark
        )
    return named


def test_random_vectors_are_hardly_ever_trusted_and_real_concepts_nearly_always() -> None:
    draws = trusted = real = separating = 0
    for seed in range(8):
        rng = np.random.default_rng([20_240, seed])
        made = world(rng, 3000)
        random = np.concatenate([bank_directions(made[3], 60, rng=rng), sphere_directions(DIMENSIONS, 60, rng=rng)])
        code = rng.integers(0, CLASSES, len(random))
        found = measure(made[0], random, known=[Known(made[2], CLASSES)])
        separating += sum(found.areas[0][i, c] > 0.6 for i, c in enumerate(code))
        both = marks(rng, np.concatenate([random, made[3][:CLASSES]]), np.concatenate([code, np.arange(CLASSES)]), made)
        draws += len(random)
        trusted += both[: len(random)].count("trusted")
        real += both[len(random) :].count("trusted")
    allowed = 0.05 + 2 * math.sqrt(0.05 * 0.95 / draws)
    assert trusted / draws <= allowed
    assert separating / draws > allowed, "the trap is not set: random directions do not even pass the floor"
    assert real / (8 * CLASSES) >= 0.9
