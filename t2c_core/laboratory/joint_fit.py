"""Fit and judge the map of every ordered pair of encoders from one Gram matrix; no row is read again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from t2c.core.laboratory.joint import JointMoments
from t2c.core.maps.quality import Quality, quality
from t2c.core.maps.ridge import RELATIVE_CANDIDATES, Solution, Spectrum, fit, resolution, smallest

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
        held_out_quality = (
            quality(held.pair(source, target), solution.map, train_mean=pair.mean_y) if held.n > 1 else None
        )
        yield PairFit(source, target, solution, held_out_quality)


def ordered_pairs(encoders: int) -> list[Pair]:
    """Return every ordered pair of different encoders, source by source."""
    return list(permutations(range(encoders), 2))


def choose_ridges(
    train: JointMoments, validation: JointMoments, *, pairs: Sequence[Pair] | None = None
) -> dict[Pair, float]:
    """Return the ridge whose map, fitted on `train`, has the smallest error on `validation`, for every ordered pair or
    those asked for.

    Candidates are RELATIVE_CANDIDATES times the mean eigenvalue of X'X over both. One eigendecomposition of a source's
    X'X serves all of its targets. Without rows on either side there is nothing to choose by, and the ridge is 0.
    """
    pairs = ordered_pairs(len(train.centre.dimensions)) if pairs is None else pairs
    if min(train.n, validation.n) < 2:
        return dict.fromkeys(pairs, 0.0)
    ridges: dict[Pair, float] = {}
    for source in dict.fromkeys(start for start, _ in pairs):
        away = validation.mean(source) - train.mean(source)
        xx, validation_xx = train.covariance(source, source), validation.covariance(source, source)
        between = train.n * validation.n / (train.n + validation.n) * float(away @ away)
        candidates = _candidates((float(np.trace(xx) + np.trace(validation_xx)) + between) / len(xx))
        # about the means of train, through which every candidate map passes
        validation_xx += validation.n * np.outer(away, away)
        tolerance = resolution(train.pair(source, source))
        spectrum = Spectrum(xx, validation_xx, candidates=candidates, tolerance=tolerance)
        for target in (end for start, end in pairs if start == source):
            away_y = validation.mean(target) - train.mean(target)
            xy = validation.covariance(source, target) + validation.n * np.outer(away, away_y)
            errors = spectrum.errors(train.covariance(source, target), xy)
            ridges[source, target] = smallest(candidates, errors)
    return ridges


def _candidates(mean_eigenvalue: float) -> Array:
    return (mean_eigenvalue if mean_eigenvalue > 0 else 1.0) * np.array(sorted(RELATIVE_CANDIDATES))
