"""Which concept made a bottleneck err: misclassified images by the concept that tipped the scale (paper, appendix G)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from t2c.core.bottleneck.bottleneck import Bottleneck
from t2c.schemas.errors import MismatchError, expected

if TYPE_CHECKING:
    from jaxtyping import Float32, Integer

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Blame:
    """The errors of a bottleneck, each with the concept that did most to cause it."""

    rows: NDArray[np.int64]
    """(errors,) position of each misclassified image."""
    concept: NDArray[np.int64]
    """(errors,) concept whose part of (predicted logit - true logit) is largest."""
    part: NDArray[np.float64]
    """(errors,) that part, in logits."""
    margin: NDArray[np.float64]
    """(errors,) the whole of it: predicted logit minus true logit."""
    right_without: NDArray[np.bool_]
    """(errors,) whether the image is classified right once that concept alone is taken as average."""


@dataclass(frozen=True, slots=True)
class Group:
    """Errors of one kind that one concept caused."""

    concept: int
    """The concept."""
    true: int
    """Class of the images."""
    predicted: int
    """Class they were given."""
    lean: int
    """+1 when images with more of the concept are pushed to the predicted class, -1 when those with less are."""
    errors: int
    """Images."""
    right_without: int
    """Of these, images classified right when the concept is taken as average."""


def blame(model: Bottleneck, z: Float32[np.ndarray, "images concepts"], truth: Integer[np.ndarray, " images"]) -> Blame:
    """Return every error with the concept that tipped it; truth holds class codes. Raises MismatchError."""
    if len(z) != len(truth):
        raise MismatchError(expected("true classes", f"{len(z)}, one an image", f"{len(truth)}"))
    logits = model.logits(z).astype(np.float64)
    predicted = logits.argmax(axis=1)
    rows = np.flatnonzero(predicted != truth)
    wrong, right = predicted[rows], truth[rows]
    weight = model.weight.astype(np.float64)
    parts = (weight[wrong] - weight[right]) * z[rows]
    concept = parts.argmax(axis=1)
    without = logits[rows] - weight[:, concept].T * z[rows, concept][:, None]
    return Blame(
        rows=rows,
        concept=concept,
        part=parts[np.arange(len(rows)), concept],
        margin=logits[rows, wrong] - logits[rows, right],
        right_without=without.argmax(axis=1) == right,
    )


def group_errors(model: Bottleneck, found: Blame, *, truth: Array, predicted: Array) -> list[Group]:
    """Return the errors by concept, true and predicted class: those most often right without the concept first."""
    keys = np.stack([found.concept, truth[found.rows], predicted[found.rows]], axis=1)
    groups = []
    for concept, true, guess in np.unique(keys, axis=0).tolist() if len(keys) else []:
        in_group = (keys == (concept, true, guess)).all(axis=1)
        lean = 1 if model.weight[guess, concept] >= model.weight[true, concept] else -1
        right = int(np.count_nonzero(found.right_without[in_group]))
        groups.append(Group(concept, true, guess, lean, int(np.count_nonzero(in_group)), right))
    return sorted(
        groups, key=lambda group: (-group.right_without, -group.errors, group.concept, group.true, group.predicted)
    )
