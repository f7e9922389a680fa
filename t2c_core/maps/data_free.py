"""A map from two classification heads alone: the composition of map and target head is to equal the source head.

Paper, appendix A.2 (c), proposed there and not tried. No image is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from t2c.core.maps.heads import Head, check_same_classes
from t2c.core.maps.linear_map import LinearMap
from t2c.schemas.errors import InputError, expected

if TYPE_CHECKING:
    from jaxtyping import Float, Float64

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class HeadMap:
    """A map fitted to two heads."""

    map: LinearMap
    """The minimiser; without a ridge the one of least norm."""
    rank: int
    """Rank of the target head once its classes' mean is taken out: at most classes - 1."""
    condition: float
    """Largest singular value of that head over the smallest one kept."""
    explained: float
    """Share of the source head (squared weights, about the classes' mean) that the composition reproduces, 0 to 1."""


def fit_heads(source: Head, target: Head, *, ridge: float = 0.0) -> HeadMap:
    """Return W, b for which target.weight (W' x + b) + target.bias is nearest source.weight x + source.bias.

    Softmax does not see what is added to all classes' logits alike, whatever function of x it is: so both sides are
    taken about their mean over classes, which is the best such shift, and the answer does not change when one is added
    to either head. Directions of the target space that its head does not see get no weight. `ridge` times the squared
    weights (and shift) is added to the squared difference: directions that the target head hardly sees, which fit little
    of the source and turn any other text's similarity into noise, then get little. Without it a temperature that
    multiplies the target head divides the map. Raises MismatchError when the classes or their order differ, InputError
    for a head that tells no two classes apart.
    """
    check_same_classes(source.classes, target.classes, sides=("the source head", "the target head"))
    target_weight, source_weight = centred(target.weight), centred(source.weight)
    u, values, vt = np.linalg.svd(target_weight, full_matrices=False)
    # numpy.linalg.matrix_rank's tolerance at float32, in which heads are stored
    significant = values > (values[0] if len(values) else 0.0) * max(target_weight.shape) * np.finfo(np.float32).eps
    if not significant.any():
        todo = "A data-free map needs heads of two classes or more."
        raise InputError(expected("target head", "classes that differ", "weights that are the same for all", todo))
    values, u, vt = values[significant], u[:, significant], vt[significant]
    inverse = (vt.T * (values / (values**2 + ridge))) @ u.T
    weight = (inverse @ source_weight).T
    shift = inverse @ centred((source.bias - target.bias).astype(np.float64)[:, None])[:, 0]
    missed = float(((target_weight @ weight.T - source_weight) ** 2).sum())
    energy = float((source_weight**2).sum())
    return HeadMap(
        LinearMap(weight.astype(np.float32), shift.astype(np.float32)),
        len(values),
        float(values[0] / values[-1]),
        1 - missed / energy if energy > 0 else 1.0,
    )


def centred(weight: Float[np.ndarray, "classes target"]) -> Float64[np.ndarray, "classes target"]:
    """Return rows less their mean over classes, in float64: what softmax sees of them."""
    exact = np.asarray(weight, dtype=np.float64)
    less: Array = exact - exact.mean(axis=0)
    return less
