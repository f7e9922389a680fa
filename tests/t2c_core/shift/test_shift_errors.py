"""How often shift errs: no more false discoveries than promised over A/A splits, hardly a small planted shift missed."""

import math

import numpy as np
import pytest

from t2c.core.shift.shift import ALPHA, compare, judge

CONCEPTS, PLANTED, SIGMA = 60, 5, 0.1
SPLITS_SEED, RECALL_SEED = 20_261_122, 20_261_123
"""Fixed before the first run."""


def similarities(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Similarities of 60 concepts with the covariance of a bank: unit vectors over features of falling variance."""
    scale = 1 / np.sqrt(1 + np.arange(64))
    bank = np.random.default_rng(1).normal(size=(CONCEPTS, 64)) + 1.0
    bank /= np.linalg.norm(bank, axis=1, keepdims=True)
    return ((rng.normal(size=(rows, 64)) * scale) @ bank.T).astype(np.float32)


def false_discovery_rate(splits: int, rows: int) -> float:
    """Return the mean share of false discoveries over A/A splits of one table; without a shift every one is false."""
    rng = np.random.default_rng(SPLITS_SEED)
    table = similarities(rng, 2 * rows)
    rung = 0
    for _ in range(splits):
        order = rng.permutation(2 * rows)
        halves = np.sort(table[order[:rows]], axis=0).T, np.sort(table[order[rows:]], axis=0).T
        found = [compare(one, other, ordered=True) for one, other in zip(*halves, strict=True)]
        rung += any(verdict != "none" for _, verdict in judge(found))
    return rung / splits


def recall(tables: int, rows: int) -> tuple[float, float]:
    """Return the share of planted shifts of 0.1 sigma that are flagged, and of false ones among those flagged."""
    rng = np.random.default_rng(RECALL_SEED)
    hits = flagged = 0
    for _ in range(tables):
        reference, current = similarities(rng, rows), similarities(rng, rows)
        moved = rng.choice(CONCEPTS, PLANTED, replace=False)
        current[:, moved] += SIGMA * reference[:, moved].std(axis=0)
        found = [compare(one, other) for one, other in zip(reference.T, current.T, strict=True)]
        keys = {key for key, (_, verdict) in enumerate(judge(found)) if verdict == "risen"}
        hits += len(keys & set(moved.tolist()))
        flagged += len(keys)
    return hits / (tables * PLANTED), 1 - hits / max(flagged, 1)


def test_the_concepts_hang_together_as_those_of_a_bank_do() -> None:
    correlation = np.corrcoef(similarities(np.random.default_rng(0), 2000).T)
    assert np.abs(correlation[~np.eye(CONCEPTS, dtype=bool)]).mean() > 0.2


def test_a_a_splits_are_seldom_called_a_shift() -> None:
    splits = 120
    assert false_discovery_rate(splits, 300) <= ALPHA + 2 * math.sqrt(ALPHA * (1 - ALPHA) / splits)


def test_a_tenth_of_a_standard_deviation_in_five_of_sixty_concepts_is_found() -> None:
    found, false = recall(3, 10_000)
    assert found >= 0.95
    assert false <= 0.2


@pytest.mark.slow
def test_over_1000_a_a_splits_false_discoveries_keep_their_rate() -> None:
    assert false_discovery_rate(1000, 1000) <= ALPHA + 2 * math.sqrt(ALPHA * (1 - ALPHA) / 1000)


@pytest.mark.slow
def test_over_40_tables_the_recall_is_at_least_95_per_cent() -> None:
    found, false = recall(40, 10_000)
    assert found >= 0.95
    assert false <= ALPHA + 2 * math.sqrt(ALPHA * (1 - ALPHA) / 40)
