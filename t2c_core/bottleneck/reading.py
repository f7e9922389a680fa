"""Reading a dataset: which concepts come together, what context a class usually has, which images lack it (figure 15)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from t2c.schemas.errors import InputError, MismatchError, expected

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Integer

Array = NDArray[Any]

USUAL_MEAN = 0.5
"""Standard deviations by which a class's mean similarity to a context it usually has lies above that of all images."""
USUAL_SHARE = 0.8
"""Share of the class's images that must lie above the mean of all images."""
FEWEST_OF_CLASS = 5
"""Images of a class below which nothing is called usual."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Concepts two by two, each pair once, over images in which each is present or not."""

    first: NDArray[np.int64]
    """(pairs,) position of one concept."""
    second: NDArray[np.int64]
    """(pairs,) position of the other, larger."""
    n_first: NDArray[np.int64]
    """(pairs,) images with the first."""
    n_second: NDArray[np.int64]
    """(pairs,) images with the second."""
    both: NDArray[np.int64]
    """(pairs,) images with both."""
    lift: NDArray[np.float64]
    """(pairs,) both / what independence would give; 1 where that is 0 and so is `both`."""
    phi: NDArray[np.float64]
    """(pairs,) correlation of presence, -1 to 1; 0 for a concept that is everywhere or nowhere."""


def cooccurrence(present: Bool[np.ndarray, "images concepts"]) -> Pairs:
    """Return every pair of concepts; raises InputError for no images or fewer than two concepts."""
    n, concepts = present.shape
    if not n or concepts < 2:
        raise InputError(expected("co-occurrence", "images, and two concepts or more", f"{n} and {concepts}"))
    indicators = present.astype(np.float32)
    counts = present.sum(axis=0).astype(np.float64)
    first, second = np.triu_indices(concepts, 1)
    together = (indicators.T @ indicators).round().astype(np.float64)[first, second]
    a, b = counts[first], counts[second]
    expected_both = a * b / n
    spread = np.sqrt(a * (n - a) * b * (n - b))
    return Pairs(
        first.astype(np.int64),
        second.astype(np.int64),
        a.astype(np.int64),
        b.astype(np.int64),
        together.astype(np.int64),
        np.divide(together, expected_both, out=np.ones_like(together), where=expected_both > 0),
        np.divide(n * together - a * b, spread, out=np.zeros_like(together), where=spread > 0),
    )


@dataclass(frozen=True, slots=True)
class Usual:
    """A context that a class usually has."""

    label: int
    """Class code."""
    concept: int
    """Position of the context."""
    count: int
    """Images of the class."""
    mean: float
    """Mean similarity of the class, in standard deviations above the mean of all images."""
    share: float
    """Share of the class's images above the mean of all images."""


def usual_contexts(
    z: Float[np.ndarray, "images concepts"], codes: Integer[np.ndarray, " images"], *, classes: int
) -> list[Usual]:
    """Return what each class usually has: mean of at least USUAL_MEAN and a share of at least USUAL_SHARE above 0.

    `z` is standardised over all images; code -1 is no class. Ordered by class, strongest context first. Raises
    MismatchError for another number of codes.
    """
    if len(z) != len(codes):
        raise MismatchError(expected("class codes", f"{len(z)}, one an image", f"{len(codes)}"))
    contexts = []
    for label in range(classes):
        rows = z[codes == label]
        if len(rows) < FEWEST_OF_CLASS:
            continue
        means, shares = rows.mean(axis=0, dtype=np.float64), (rows > 0).mean(axis=0)
        usual = np.flatnonzero((means >= USUAL_MEAN) & (shares >= USUAL_SHARE))
        order = usual[np.argsort(-means[usual], kind="stable")]
        contexts += [Usual(label, int(at), len(rows), float(means[at]), float(shares[at])) for at in order]
    return contexts


def farthest_below(values: Float[np.ndarray, " images"], *, most: int) -> tuple[Array, Array]:
    """Return the positions of the `most` smallest values, smallest first, and how far below the mean they lie in std."""
    order = np.argsort(values, kind="stable")[:most]
    mean, std = float(values.mean(dtype=np.float64)), float(values.std(dtype=np.float64))
    away = values[order].astype(np.float64) - mean
    return order, away / std if std > 0 else np.zeros_like(away)
