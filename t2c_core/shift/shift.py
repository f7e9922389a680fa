"""Distribution shift of a concept between a reference and a current set: Kolmogorov-Smirnov, effect, Wasserstein, q."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from t2c.core.statistics.pvalues import EXACT_LIMIT, benjamini_hochberg, log10_p_value
from t2c.core.statistics.stats import PIECE, check_values, mean_and_std
from t2c.schemas.errors import InputError, expected

if TYPE_CHECKING:
    from jaxtyping import Float

Array = NDArray[Any]
Verdict = Literal["risen", "fallen", "none"]

ALPHA = 0.05
"""Default false discovery rate of a verdict."""
ROUNDING = 1e-6
"""Range below which similarities are one value: a float32 cosine of 1,000 numbers is known to about this."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One concept compared between two sets; fields as the columns of the shift table."""

    n_reference: int
    """Reference similarities compared."""
    n_current: int
    """Current similarities compared."""
    mean_reference: float
    """Mean similarity in the reference."""
    mean_current: float
    """Mean similarity in the current set."""
    effect: float
    """(mean_current - mean_reference) / scale, where scale is the reference std, or that of both sets together when the
    reference is constant but for rounding; 0 when all values are equal but for rounding."""
    d: float
    """Two-sample Kolmogorov-Smirnov statistic, 0 to 1."""
    sign: int
    """+1 when the current set lies at larger values where the distance is largest, -1 at smaller, 0 when d is 0."""
    log10_p: float
    """log10 of the two-sided p-value."""
    wasserstein: float
    """1-Wasserstein distance in units of the same scale as the effect."""


def compare(
    reference: Float[np.ndarray, " _images"], current: Float[np.ndarray, " _images"], *, ordered: bool = False
) -> Comparison:
    """Return the comparison of two sets of similarities, float32 or float64, any order and size.

    `ordered=True` promises that both are sorted already. Defined for single values, constants, ties and
    equal sets; sets that differ by rounding alone are equal.
    Raises InputError for an empty set, NaN or infinity.
    """
    reference, current = _sorted_sets(reference, current, ordered=ordered)
    mean_reference, spread = mean_and_std(reference)
    scale = effect_scale(reference, current, spread=spread)
    # Where all is rounding there is no scale, and a distance of distributions would be one of rounding too.
    d, sign, log10_p = ks_test(reference, current, ordered=True) if scale else (0.0, 0, 0.0)
    mean_current, _ = mean_and_std(current)
    distance = wasserstein(reference, current)
    return Comparison(
        len(reference),
        len(current),
        mean_reference,
        mean_current,
        (mean_current - mean_reference) / scale if scale else 0.0,
        d,
        sign,
        log10_p,
        distance / scale if scale else 0.0,
    )


def effect_scale(
    reference: Float[np.ndarray, " _images"], current: Float[np.ndarray, " _images"], *, spread: float | None = None
) -> float:
    """Return the unit of effects: the reference std, that of both sets where the reference is constant, 0 where both are.

    Constant means: but for rounding. 50 copies of one picture differ in the last bit, and that is no spread. `spread` is
    the reference std where it is known already.
    """
    low, high = (np.array([function(side) for side in (reference, current)]) for function in (np.min, np.max))
    if high[0] - low[0] > ROUNDING:
        return mean_and_std(reference)[1] if spread is None else spread
    both = high.max() - low.min() > ROUNDING
    return mean_and_std(np.concatenate([reference, current]))[1] if both else 0.0


def ks_test(
    reference: Float[np.ndarray, " _images"], current: Float[np.ndarray, " _images"], *, ordered: bool = False
) -> tuple[float, int, float]:
    """Return (d, sign, log10 p) alone: what scipy.stats.ks_2samp gives. Arguments and errors as for `compare`."""
    reference, current = _sorted_sets(reference, current, ordered=ordered)
    d, sign = ks(reference, current)
    return d, sign, log10_p_value(d, len(reference), len(current))


def ks(reference: Float[np.ndarray, " _images"], current: Float[np.ndarray, " _images"]) -> tuple[float, int]:
    """Return (d, sign) of two sorted arrays; d and sign are scipy.stats.ks_2samp(reference, current)'s.

    sign is scipy's `statistic_sign`: +1 where the reference's distribution function is the higher one, which means that
    the current set has shifted to larger values; a tie of both directions is +1; 0 when the sets agree. Only the
    smaller set's points are looked up: the supremum is reached just before or at one of its jumps.
    """
    if len(current) > len(reference):
        above, below = _largest_gaps(current, reference)
        below, above = above, below
    else:
        above, below = _largest_gaps(reference, current)
    d = max(above, below)
    if max(len(reference), len(current)) <= EXACT_LIMIT:
        steps = math.lcm(len(reference), len(current))
        d = round(d * steps) / steps
    return d, (0 if d == 0 else -1 if below > above else 1)


def wasserstein(reference: Float[np.ndarray, " _images"], current: Float[np.ndarray, " _images"]) -> float:
    """Return the 1-Wasserstein distance of two sorted arrays, in their own unit: the area between the quantile functions.

    In steps of 1 / (m n), value i of the longer set (m) covers n steps and value j of the shorter (n) covers m: each i
    is paired with the j where it begins, and the n or fewer that reach into the next j are put right afterwards.
    """
    longer, shorter = (reference, current) if len(reference) >= len(current) else (current, reference)
    m, n = len(longer), len(shorter)
    ends = np.arange(1, n + 1, dtype=np.int64) * m
    first = np.diff(-(-ends // n), prepend=0)
    partner = np.repeat(shorter, first)
    area = 0.0
    for start in range(0, m, PIECE):
        gaps = np.subtract(longer[start : start + PIECE], partner[start : start + PIECE], dtype=np.float64)
        area += float(np.abs(gaps, out=gaps).sum())
    over = np.flatnonzero(ends[:-1] % n)
    crossing = longer[ends[over] // n].astype(np.float64)
    excess = n - ends[over] % n
    moved = np.abs(crossing - shorter[over + 1]) - np.abs(crossing - shorter[over])
    return max(n * area + float((excess * moved).sum()), 0.0) / (m * n)


def judge(comparisons: Sequence[Comparison], *, alpha: float = ALPHA) -> list[tuple[float, Verdict]]:
    """Return (log10 q, verdict) of each comparison of one bank: risen or fallen, by sign, at q <= alpha."""
    if not 0 < alpha < 1:
        raise InputError(expected("alpha", "a rate between 0 and 1", str(alpha)))
    log10_q = benjamini_hochberg(np.array([comparison.log10_p for comparison in comparisons], dtype=np.float64))
    names: dict[int, Verdict] = {1: "risen", -1: "fallen", 0: "none"}
    return [
        (float(q), names[comparison.sign] if q <= np.log10(alpha) else "none")
        for q, comparison in zip(log10_q, comparisons, strict=True)
    ]


def _sorted_sets(reference: Array, current: Array, *, ordered: bool) -> tuple[Array, Array]:
    if ordered:
        return reference, current
    check_values(reference, what="reference similarities")
    check_values(current, what="current similarities")
    return np.sort(reference), np.sort(current)


_STRIDE = 64


def _largest_gaps(longer: Array, shorter: Array) -> tuple[float, float]:
    """Return max(F_longer - F_shorter) and max(F_shorter - F_longer), each 0 or more, over all points.

    Both are reached at a jump of the shorter set. Every 64th jump is looked up first. Between two of them the gap is at
    most what one function reaches at the far end less where the other starts: few stretches need a closer look.
    """
    last = len(shorter) - 1
    marks = np.union1d(np.arange(0, len(shorter), _STRIDE), last)
    steps = np.arange(len(shorter) + 1) / len(shorter)
    before, upto = _distribution(longer, shorter[marks])
    above, below = float(np.max(before - steps[marks])), float(np.max(steps[marks + 1] - upto))
    starts, stops = marks[:-1], marks[1:]
    open_stretches = (before[1:] - steps[starts + 1] > above) | (steps[stops] - upto[:-1] > below)
    inner = (starts[open_stretches, None] + np.arange(1, _STRIDE)).ravel()
    inner = inner[inner < last]
    if len(inner):
        before, upto = _distribution(longer, shorter[inner])
        above = max(above, float(np.max(before - steps[inner])))
        below = max(below, float(np.max(steps[inner + 1] - upto)))
    return max(above, 0.0), max(below, 0.0)


def _distribution(ordered: Array, points: Array) -> tuple[Array, Array]:
    """Return the empirical distribution function of sorted values just before and at each of some sorted points."""
    before = np.searchsorted(ordered, points, side="left")
    upto = before.copy()
    tied = ordered[np.minimum(before, len(ordered) - 1)] == points
    upto[tied] = np.searchsorted(ordered, points[tied], side="right")
    return before / len(ordered), upto / len(ordered)
