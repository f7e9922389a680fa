"""Exact two-sample probabilities equal those counted by hand and scipy's, also far below the smallest float."""

import itertools
import math

import numpy as np
import pytest
from scipy.special import gammaln
from scipy.stats import ks_2samp

from t2c.core.statistics import lattice
from t2c.core.statistics.lattice import log_exact


def by_hand(h: int, m: int, n: int) -> float:
    """Return P(D >= h / lcm) by going through every order of m and n values."""
    reached = total = 0
    for places in itertools.combinations(range(m + n), m):
        first = np.isin(np.arange(m + n), places)
        gap = np.abs(np.cumsum(first) * n - np.cumsum(~first) * m).max() // math.gcd(m, n)
        reached, total = reached + (gap >= h), total + 1
    return reached / total


@pytest.mark.parametrize(("m", "n"), [(1, 1), (1, 4), (2, 3), (3, 3), (4, 2), (5, 5), (6, 4), (7, 3)])
def test_every_order_is_counted(m: int, n: int) -> None:
    for h in range(math.lcm(m, n) + 1):
        assert math.exp(log_exact(h, m, n)) == pytest.approx(by_hand(h, m, n), rel=1e-12)
        assert log_exact(h, m, n) == log_exact(h, n, m)


@pytest.mark.parametrize(("m", "n"), [(100, 37), (500, 400), (1000, 999), (2000, 2000), (3000, 1000), (700, 1)])
def test_it_equals_scipy(m: int, n: int) -> None:
    rng = np.random.default_rng(0)
    for moved in (0.0, 0.1, 0.5, 2.0):
        found = ks_2samp(rng.normal(size=m), rng.normal(moved, 1, n), method="exact")
        wanted = float(found.pvalue)
        if wanted > 1e-290:
            h = round(float(found.statistic) * math.lcm(m, n))
            assert math.exp(log_exact(h, m, n)) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize(("m", "n"), [(10_000, 9_999), (10_000, 10_000), (10_000, 1), (9_000, 300)])
def test_complete_separation_is_one_order_of_all(m: int, n: int) -> None:
    wanted = math.log(2) + gammaln(m + 1) + gammaln(n + 1) - gammaln(m + n + 1)
    assert log_exact(math.lcm(m, n), m, n) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize(("m", "n"), [(2, 1), (7, 3), (30, 7), (100, 37), (500, 400), (300, 299)])
def test_machines_without_long_double_agree(m: int, n: int) -> None:
    for h in np.unique(np.geomspace(1, math.lcm(m, n), 12).astype(int)).tolist():
        rows, diagonals = lattice._exits_by_rows(h, m, n), lattice._exits_by_diagonals(h, m, n)
        totals = [lattice._log_total(exits, m, n) for exits in (rows, diagonals)]
        assert totals[0] == pytest.approx(totals[1], rel=1e-10, abs=1e-11)


def test_the_narrow_path_is_taken_where_long_double_is_no_wider(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = log_exact(200, 50, 40)
    monkeypatch.setattr(lattice, "_WIDE", False)
    assert log_exact(200, 50, 40) == pytest.approx(wanted, rel=1e-12)
