"""KS p-values: those of scipy where scipy has any, finite and ordered where it does not."""

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats
from scipy.special import gammaln
from scipy.stats import kstwo

from t2c.core.statistics.pvalues import EXACT_LIMIT, log10_p_value
from t2c.schemas.errors import InputError


@pytest.mark.parametrize("m", [10_001, 50_000, 1_000_000])
@pytest.mark.parametrize("n", [1, 2, 7, 150, 9_000, 100_000])
def test_large_sets_have_scipys_asymptotic_p(m: int, n: int) -> None:
    effective = round(m * n / (m + n))
    for d in np.unique(np.concatenate([np.geomspace(0.3 / effective, 1, 40), np.linspace(0.01, 0.99, 23)])):
        wanted = kstwo.sf(d, effective) if d < 1 else 0.0
        found = log10_p_value(float(min(d, 1.0)), m, n)
        if wanted > 1e-290:
            assert 10**found == pytest.approx(wanted, rel=1e-9)
        else:
            assert math.isfinite(found)


def test_exact_and_asymptotic_agree_at_the_border() -> None:
    at, over = (log10_p_value(0.02, EXACT_LIMIT + extra, EXACT_LIMIT - 1) for extra in (0, 1))
    assert at == pytest.approx(over, abs=0.02)


@pytest.mark.parametrize(("m", "n"), [(1_000_000, 100_000), (10_001, 3), (10_000, 9_999), (1, 1), (20_000, 1)])
def test_complete_separation_has_its_exact_probability(m: int, n: int) -> None:
    wanted = (math.log(2) + gammaln(m + 1) + gammaln(n + 1) - gammaln(m + n + 1)) / math.log(10)
    assert log10_p_value(1.0, m, n) == pytest.approx(min(wanted, 0.0), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(("m", "n"), [(1_000_000, 100_000), (200_000, 15_000), (800, 500), (4_000, 4_000)])
def test_p_falls_as_d_grows(m: int, n: int) -> None:
    steps = np.unique(np.round(np.linspace(0, math.lcm(m, n), 200)).astype(np.int64)) / math.lcm(m, n)
    found = [log10_p_value(float(d), m, n) for d in steps]
    assert found[0] == 0
    assert (np.diff(found) <= 1e-9).all()
    assert found[-1] < -300


def test_it_is_the_p_value_of_ks_2samp() -> None:
    rng = np.random.default_rng(0)
    for m, n in [(50, 70), (10_000, 50), (10_001, 50)]:
        result = scipy_stats.ks_2samp(rng.normal(size=m), rng.normal(0.2, 1, n))
        assert 10 ** log10_p_value(float(result.statistic), m, n) == pytest.approx(result.pvalue, rel=1e-9)


@pytest.mark.parametrize(("d", "m", "n"), [(-0.1, 5, 5), (1.1, 5, 5), (0.5, 0, 5), (0.5, 5, 0), (math.nan, 5, 5)])
def test_what_is_no_statistic_is_refused(d: float, m: int, n: int) -> None:
    with pytest.raises(InputError, match="d, m and n: expected d of 0 to 1 and sizes of 1 or more, but got"):
        log10_p_value(d, m, n)
