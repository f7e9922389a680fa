"""The two-sample Kolmogorov-Smirnov comparison of a whole bank against a loop over scipy, with equal answers."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Ratio, Row, at_least, ratio_of, seconds
from t2c.core.shift.shift import compare, ks_test

Array = NDArray[Any]

CONCEPTS, REFERENCE, CURRENT = 100, 1_000_000, 100_000
SCIPY_CONCEPTS = 20
"""scipy is timed on a fifth of the bank and scaled: each of its concepts costs the same."""


def rows() -> list[Row]:
    """Return the rows of this group."""
    from scipy import stats

    rng = np.random.default_rng(0)
    reference = [rng.normal(0.2, 0.03, REFERENCE).astype(np.float32) for _ in range(CONCEPTS)]
    current = [rng.normal(0.2 + 0.0002 * (i % 5), 0.03, CURRENT).astype(np.float32) for i in range(CONCEPTS)]
    ks_test(reference[0], current[0])
    stats.ks_2samp(reference[0][:1000], current[0][:1000])

    def scipys_test() -> None:
        for index in range(SCIPY_CONCEPTS):
            stats.ks_2samp(reference[index], current[index])

    def scipys_everything() -> None:
        for index in range(SCIPY_CONCEPTS):
            stats.ks_2samp(reference[index], current[index])
            stats.wasserstein_distance(reference[index], current[index])
            (np.mean(current[index]) - np.mean(reference[index])) / np.std(reference[index])

    def faster(theirs: Callable[[], None], ours: Callable[[Array, Array], object]) -> Ratio:
        times = []
        for _ in range(3):
            mine = seconds(lambda: [ours(one, two) for one, two in zip(reference, current, strict=True)])
            times.append((CONCEPTS / SCIPY_CONCEPTS * seconds(theirs), mine))
        return ratio_of(times)

    test = faster(scipys_test, ks_test)
    stored = ratio_of([(test.seconds_a, _presorted(reference, current)) for _ in range(3)])
    sizes = f"{CONCEPTS} concepts, {REFERENCE:,} against {CURRENT:,}"
    return [
        at_least(f"{sizes}: D, sign and p, unsorted, against a loop over scipy's ks_2samp", test, 10),
        at_least("the same with both sides stored sorted", stored, 10),
        at_least(
            "with effect and Wasserstein, against ks_2samp, wasserstein_distance, mean and std",
            faster(scipys_everything, compare),
            10,
        ),
        _agreement(reference, current),
    ]


def _presorted(reference: list[np.ndarray], current: list[np.ndarray]) -> float:
    """Return the seconds of comparing sets that are sorted already, as a stored reference is."""
    pairs = [(np.sort(one), np.sort(two)) for one, two in zip(reference, current, strict=True)]
    started = time.perf_counter()
    for one, two in pairs:
        ks_test(one, two, ordered=True)
    return time.perf_counter() - started


def _agreement(reference: list[np.ndarray], current: list[np.ndarray]) -> Row:
    from scipy import stats

    worst, same = 0.0, True
    for one, two in list(zip(reference, current, strict=True))[:10]:
        mine, scipys = compare(one, two), stats.ks_2samp(one, two, method="asymp")
        same &= mine.d == scipys.statistic and mine.sign == scipys.statistic_sign
        if scipys.pvalue > 1e-290:
            worst = max(worst, abs(10**mine.log10_p - scipys.pvalue) / scipys.pvalue)
    found = f"D and sign {'equal' if same else 'differ'}, p within {worst:.1e} (relative)"
    return Row("agreement with scipy, 10 concepts", "D equal, p to 1e-9", found, same and worst <= 1e-9)
