"""Shift explained by a known mix: what a change of cell counts predicts, and what is left when the cells are held fixed.

A cell is one combination of the attributes whose mix is known (colour x context in the demo), numbered from 0.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.floating]
"""Similarities (images, concepts)."""
Cells = npt.NDArray[np.integer]
"""Cell number of each image (images,)."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """Mean shift of each concept: what the mix predicts against what is seen."""

    predicted: Scores
    """Sum over cells of (p_current - p_reference) E_reference[similarity | cell] (concepts,)."""
    observed: Scores
    """Mean of the current similarities minus mean of the reference's (concepts,)."""
    standard_error: Scores
    """Standard error of observed - predicted (concepts,)."""

    @property
    def errors(self) -> Scores:
        """(observed - predicted) / standard error (concepts,)."""
        return (self.observed - self.predicted) / self.standard_error


def cell_moments(scores: Scores, cells: Cells, *, count: int) -> tuple[Scores, Scores, Scores]:
    """Return images (cells,), mean and sample variance (cells, concepts); an empty cell has mean and variance 0."""
    n = np.bincount(cells, minlength=count).astype(float)
    total = np.zeros((count, scores.shape[1]))
    np.add.at(total, cells, scores.astype(float))
    mean = total / np.maximum(n, 1)[:, None]
    squares = np.zeros_like(total)
    np.add.at(squares, cells, (scores - mean[cells]) ** 2)
    return n, mean, squares / np.maximum(n - 1, 1)[:, None]


def predict_shift(
    reference: tuple[Scores, Cells], current: Scores, *, p_reference: Scores, p_current: Scores
) -> Prediction:
    """Return the shift that a known change of mix predicts for every concept.

    Cells are drawn with p_reference and p_current (cells,), which sum to 1; each cell's mean is estimated from the
    reference alone. The standard error adds the current mean's, the reference's counts and the cells' own means:
    var(current) / n_current + var_between(reference) / n_reference + sum over cells of p_current^2 var(cell) / n(cell).
    """
    scores, cells = reference
    n, mean, variance = cell_moments(scores, cells, count=len(p_reference))
    between = p_reference @ (mean - p_reference @ mean) ** 2
    within = (p_current**2 / np.maximum(n, 1)) @ variance
    error = np.sqrt(current.var(0, ddof=1) / len(current) + between / len(scores) + within)
    return Prediction((p_current - p_reference) @ mean, current.mean(0) - scores.mean(0), error)


def weighted_distances(ranked: npt.NDArray[np.intp], last: npt.NDArray[np.bool_], steps: Scores) -> Scores:
    """Return the largest distance of two weighted distributions for each concept (concepts,).

    `ranked` (concepts, images) sorts the pooled similarities, `last` marks the last of equal values, and `steps`
    (images,) is each image's weight, positive in the current set and negative in the reference.
    """
    climb = np.cumsum(steps[ranked], axis=1)
    return np.asarray(np.max(np.abs(climb), axis=1, where=last, initial=0.0))


def permutation_p_values(
    reference: tuple[Scores, Cells], current: tuple[Scores, Cells], *, draws: int, seed: int
) -> Scores:
    """Return p-values (concepts,) of "given its cell, an image of the current set is like one of the reference".

    The statistic is the two-sample distance with the reference re-weighted to the current cell counts; labels are
    permuted within cells, so whatever the mix of cells explains is in every draw. p = (1 + draws at least as far) /
    (1 + draws). Current images in cells without a reference image cannot be compared and are left out.
    """
    scores = np.concatenate([reference[0], current[0]])
    cells = np.concatenate([reference[1], current[1]])
    is_current = np.repeat([False, True], [len(reference[1]), len(current[1])])
    count = int(cells.max()) + 1
    n_reference = np.bincount(reference[1], minlength=count)
    n_current = np.bincount(current[1], minlength=count)
    shared = (n_reference > 0) & (n_current > 0)
    comparable = shared[cells]
    scores, cells, is_current = scores[comparable], cells[comparable], is_current[comparable]
    total = n_current[shared].sum()
    weight = np.where(shared, n_current / np.maximum(n_reference, 1), 0.0)[cells] / total
    ranked = np.ascontiguousarray(np.argsort(scores, axis=0, kind="stable").T)
    values = np.take_along_axis(scores.T, ranked, axis=1)
    last = np.diff(values, axis=1, append=np.inf) > 0
    home, rng = np.argsort(cells, kind="stable"), np.random.default_rng(seed)
    observed = weighted_distances(ranked, last, np.where(is_current, 1 / total, -weight))
    as_far, shuffled = np.zeros(scores.shape[1], int), np.empty_like(is_current)
    for _ in range(draws):
        shuffled[home] = is_current[np.argsort(cells + rng.random(len(cells)))]
        # the slack is for rounding: a tie counts as equally far
        as_far += weighted_distances(ranked, last, np.where(shuffled, 1 / total, -weight)) >= observed - 1e-12
    return np.asarray((1 + as_far) / (1 + draws))
