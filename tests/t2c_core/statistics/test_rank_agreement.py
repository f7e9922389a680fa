"""Agreement of many directions at once is that of each direction by itself, on the rows that each part may use."""

import numpy as np
import pytest
from scipy import stats

from t2c.core.statistics.auroc import auroc
from t2c.core.statistics.rank_agreement import AT_ONCE, Known, measure


def units(rng: np.random.Generator, rows: int, columns: int = 6) -> np.ndarray:
    values = rng.normal(size=(rows, columns))
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


def test_every_direction_has_the_figures_it_has_alone() -> None:
    rng = np.random.default_rng(0)
    aligned, vectors = units(rng, 300), units(rng, AT_ONCE + 3)
    own = units(rng, 300) + aligned
    both = rng.random(300) < 0.8
    codes = rng.integers(-1, 3, 300).astype(np.int32)
    found = measure(aligned, vectors, own=own[both], both=both, known=[Known(codes, 3), Known(np.abs(codes), 3)])
    for index in (0, AT_ONCE - 1, AT_ONCE, AT_ONCE + 2):
        mine, theirs = aligned @ vectors[index], own @ vectors[index]
        assert found.spearman[index] == pytest.approx(stats.spearmanr(mine[both], theirs[both]).statistic, abs=1e-9)
        known = codes >= 0
        for code in range(3):
            want = auroc(mine[known], codes[known] == code).auroc
            assert found.areas[0][index, code] == pytest.approx(want, abs=1e-9)
            assert found.areas[1][index, code] == pytest.approx(auroc(mine, np.abs(codes) == code).auroc, abs=1e-9)


def test_without_own_features_agreement_is_not_known() -> None:
    rng = np.random.default_rng(1)
    counted: list[int] = []
    found = measure(units(rng, 50), units(rng, 5), advance=counted.append)
    assert np.isnan(found.spearman).all()
    assert np.isnan(found.overlap).all()
    assert (found.areas, counted) == ((), [5])
