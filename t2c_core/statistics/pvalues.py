"""Two-sided p-values of the two-sample Kolmogorov-Smirnov statistic as log10, which never underflows.

Exact when both sets have at most EXACT_LIMIT values, else the one-sample distribution at the effective size
round(m n / (m + n)), evaluated where Simard and L'Ecuyer (2011, J. Stat. Softw. 39:11) say which formula is accurate:
the same choices as scipy.stats.ks_2samp(method="auto"), so the same numbers, from numpy alone.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from t2c.core.statistics import kolmogorov
from t2c.core.statistics.lattice import log_exact
from t2c.schemas.errors import InputError, expected

if TYPE_CHECKING:
    from jaxtyping import Float, Float64

EXACT_LIMIT = 10_000
"""Largest set for which the p-value is exact."""

_TRUSTED = -290 * math.log(10)
"""log p below which scipy's asymptotic value runs out of floating point; see `log10_p_value`."""


def log10_p_value(d: float, m: int, n: int) -> float:
    """Return log10 of the two-sided p-value of statistic d between sets of m and n values, always finite.

    Below 1e-290 the large-set formula, a one-sample one, can fall under the smallest probability that two samples can
    have at all, that of complete separation, 2 / binomial(m + n, n); it is held there, so that d = 1 has its exact p.
    """
    if m < 1 or n < 1 or not 0 <= d <= 1:
        raise InputError(expected("d, m and n", "d of 0 to 1 and sizes of 1 or more", f"{d}, {m} and {n}"))
    if d == 0:
        return 0.0
    if max(m, n) <= EXACT_LIMIT:
        log_p = log_exact(round(d * math.lcm(m, n)), m, n)
    else:
        log_p = kolmogorov.log_sf(round(m * n / (m + n)), d)
        if log_p < _TRUSTED:
            log_p = max(log_p, _log_separated(m, n))
    return min(log_p, 0.0) / math.log(10)


def _log_separated(m: int, n: int) -> float:
    return math.log(2) + math.lgamma(m + 1) + math.lgamma(n + 1) - math.lgamma(m + n + 1)


def benjamini_hochberg(log10_p: Float[np.ndarray, " concepts"]) -> Float64[np.ndarray, " concepts"]:
    """Return log10 q-values of log10 p-values (Benjamini and Hochberg 1995), all in log space."""
    order = np.argsort(log10_p, kind="stable")
    count = len(log10_p)
    scaled = log10_p[order] + np.log10(count / np.arange(1, count + 1))
    rising = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 0.0)
    log10_q = np.empty(count)
    log10_q[order] = rising
    return log10_q
