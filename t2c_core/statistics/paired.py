"""Two classifiers judged on the same images: the difference of their accuracies, with an interval that uses the pairing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from t2c.core.statistics.stats import Z_95
from t2c.schemas.errors import InputError, MismatchError, expected

if TYPE_CHECKING:
    from jaxtyping import Bool

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """First accuracy minus second, on the same images."""

    n: int
    """Images; in a mean over tasks, the fewest of any task."""
    first: float
    """Accuracy of the first classifier."""
    second: float
    """Accuracy of the second."""
    difference: float
    """first - second."""
    low: float
    """Lower end of its 95 % interval."""
    high: float
    """Upper end."""


def paired_difference(first: Bool[np.ndarray, " images"], second: Bool[np.ndarray, " images"]) -> Difference:
    """Return the difference of two accuracies from what each got right, image by image.

    The interval is that of Agresti and Min (2005): half an image is added to each cell of the table of who was right.
    Raises MismatchError for two lengths, InputError for no images.
    """
    if first.shape != second.shape or first.ndim != 1:
        raise MismatchError(expected("answers of two classifiers", f"shape {first.shape} twice", f"{second.shape}"))
    if not len(first):
        raise InputError(expected("images that both classified", "1 or more", "none"))
    n = len(first)
    won, lost = int((first & ~second).sum()), int((second & ~first).sum())
    a, b, size = won + 0.5, lost + 0.5, n + 2
    middle = (a - b) / size
    half = Z_95 * math.sqrt(max(a + b - (a - b) ** 2 / size, 0.0)) / size
    right = (float(first.mean()), float(second.mean()))
    return Difference(n, *right, right[0] - right[1], max(-1.0, middle - half), min(1.0, middle + half))


def mean_difference(
    parts: Sequence[tuple[Array, Array]],
) -> Difference:
    """Return the mean over all columns (tasks and models) of the difference of accuracies, each column counting once.

    A part is the images of one dataset: what the first and the second classifier got right, both (images, columns) of 1 or
    0, NaN where an image has no label of that task. Columns of one part share images, and the interval allows for it: it rests on the
    variance between images of their summed contributions. Raises InputError for no columns, or one without images.
    """
    columns = sum(first.shape[1] for first, _ in parts)
    if not columns:
        raise InputError(expected("tasks to average", "1 or more", "none"))
    counts = [(~np.isnan(first)).sum(axis=0) for first, _ in parts]
    if any((count == 0).any() for count in counts):
        raise InputError(expected("images of a task", "1 or more", "none"))
    variance, totals = 0.0, np.zeros(2)
    for (first, second), count in zip(parts, counts, strict=True):
        shares = [np.nan_to_num(side) / count / columns for side in (first, second)]
        totals += [side.sum() for side in shares]
        contributions = (shares[0] - shares[1]).sum(axis=1)
        variance += len(contributions) * float(contributions.var(ddof=1)) if len(contributions) > 1 else 0.0
    middle, half = float(totals[0] - totals[1]), Z_95 * math.sqrt(variance)
    fewest = int(min(count.min() for count in counts))
    return Difference(fewest, float(totals[0]), float(totals[1]), middle, middle - half, middle + half)
