"""Fit and judge the map of every ordered pair of encoders from one Gram matrix; no row is read again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from t2c_core.joint import JointMoments
from t2c_core.quality import Quality, quality
from t2c_core.ridge import RELATIVE_CANDIDATES, Solution, fit, resolution

Array = NDArray[Any]
Pair = tuple[int, int]
"""Positions of a source and a target encoder, which differ: from a space to itself no map is fitted."""


@dataclass(frozen=True, slots=True, eq=False)
class PairFit:
    """The map of one ordered pair."""

    source: int
    """Position of the encoder mapped from."""
    target: int
    """Position of the encoder mapped to."""
    solution: Solution
    """The map, its ridge and how well-posed its fit was."""
    quality: Quality | None
    """On the held-out rows; None with fewer than two."""


def fit_pairs(fitted: JointMoments, held: JointMoments, *, ridges: Mapping[Pair, float]) -> Iterator[PairFit]:
    """Yield the fit of each ordered pair, judged on the held-out rows; pairs in the order of `ridges`."""
    for (source, target), ridge in ridges.items():
        pair = fitted.pair(source, target)
        solution = fit(pair, ridge=ridge)
        judged = quality(held.pair(source, target), solution.map, train_mean=pair.mean_y) if held.n > 1 else None
        yield PairFit(source, target, solution, judged)


def ordered_pairs(encoders: int) -> list[Pair]:
    """Return every ordered pair of different encoders, source by source."""
    return list(permutations(range(encoders), 2))


def choose_ridges(
    train: JointMoments, validation: JointMoments, *, pairs: Sequence[Pair] | None = None
) -> dict[Pair, float]:
    """Return for every ordered pair, or those asked for, the ridge whose map, fitted on `train`, has the smallest error on `validation`.

    Candidates are RELATIVE_CANDIDATES times the mean eigenvalue of X'X over both. One eigendecomposition of a source's
    X'X serves all of its targets. Without rows on either side there is nothing to choose by, and the ridge is 0.
    """
    pairs = ordered_pairs(len(train.centre.dimensions)) if pairs is None else pairs
    if min(train.n, validation.n) < 2:
        return dict.fromkeys(pairs, 0.0)
    found: dict[Pair, float] = {}
    for source in dict.fromkeys(one for one, _ in pairs):
        spectrum = _Spectrum(train, validation, source)
        for target in (two for one, two in pairs if one == source):
            found[source, target] = spectrum.best_ridge(target)
    return found


class _Spectrum:
    """The eigenvectors of one source's X'X over the training rows, and its validation rows seen along them.

    With X'X = V diag(e) V' and C = V' X'Y the weights at a ridge are V diag(r) C, r = 1 / (e + ridge), so the error on
    other rows is Syy - 2 r.g + r' M r with g the row sums of (V' Sxy) * C and M = (V' Sxx V) * (C C').
    """

    def __init__(self, train: JointMoments, validation: JointMoments, source: int) -> None:
        self._train, self._validation, self._source, self._n = train, validation, source, validation.n
        xx = train.covariance(source, source)
        self._values, self._vectors = np.linalg.eigh(xx)
        tolerance = resolution(train.pair(source, source))
        self._away = validation.mean(source) - train.mean(source)
        seen = validation.covariance(source, source)
        between = train.n * self._n / (train.n + self._n) * float(self._away @ self._away)
        self.candidates = _candidates((float(np.trace(xx) + np.trace(seen)) + between) / len(xx))
        seen += self._n * np.outer(self._away, self._away)
        self._seen = self._vectors.T @ seen @ self._vectors
        kept = self._values + self.candidates[:, None] > tolerance * max(float(self._values[-1]), 0.0)
        self._r = np.divide(1.0, self._values + self.candidates[:, None], out=np.zeros(kept.shape), where=kept)

    def best_ridge(self, target: int) -> float:
        """Return the candidate whose map to a target has the smallest error on the validation rows; of equals the largest."""
        rotated = self._vectors.T @ self._train.covariance(self._source, target)
        away = self._validation.mean(target) - self._train.mean(target)
        xy = self._validation.covariance(self._source, target) + self._n * np.outer(self._away, away)
        g = np.einsum("st,st->s", self._vectors.T @ xy, rotated)
        m = self._seen * (rotated @ rotated.T)
        errors = np.einsum("cs,cs->c", self._r @ m, self._r) - 2 * self._r @ g
        return float(self.candidates[len(errors) - 1 - int(np.argmin(errors[::-1]))])


def _candidates(mean_eigenvalue: float) -> Array:
    return (mean_eigenvalue if mean_eigenvalue > 0 else 1.0) * np.array(sorted(RELATIVE_CANDIDATES))
