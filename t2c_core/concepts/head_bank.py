"""A classifier's head as concept vectors: its classes, groups of them, and what both weigh of the classes' moments.

With m the mean of the classes' unit rows and t = row - m, a group of classes is g = m + b u, where u is the mean of its
classes' t and b > 0 makes g a unit vector. So g - m is b/n times the sum of its classes' t: similarities to any group,
once centred, are linear in those to the classes, and its mean and variance follow from theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from t2c.core.statistics.unit_rows import unit
from t2c.schemas.errors import InputError, expected

if TYPE_CHECKING:
    from jaxtyping import Float, Float32, Float64, Integer

Array = NDArray[Any]


def class_rows(weight: Float[np.ndarray, "classes target"]) -> Float32[np.ndarray, "classes target"]:
    """Return the rows of a head's weight, scaled to length 1; raises InputError for one without a direction."""
    lengths = np.linalg.norm(weight.astype(np.float64), axis=1)
    wrong = np.flatnonzero(~(np.isfinite(lengths) & (lengths > 0)))
    if len(wrong):
        raise InputError(expected(f"weights of class {wrong[0]}", "finite, not all 0", f"length {lengths[wrong[0]]}"))
    rows: NDArray[np.float32] = unit(weight.astype(np.float64)).astype(np.float32)
    return rows


def group_rows(
    classes: Float32[np.ndarray, "classes target"], members: Sequence[Sequence[int]]
) -> Float32[np.ndarray, "concepts target"]:
    """Return a unit vector for each group, given as places among the unit rows of the classes.

    Raises InputError for a group whose classes have their mean at that of all: it points nowhere.
    """
    rows = classes.astype(np.float64)
    centre = rows.mean(axis=0)
    groups = np.empty((len(members), rows.shape[1]), np.float32)
    for place, group in enumerate(members):
        apart = rows[list(group)].mean(axis=0) - centre if len(group) else np.zeros_like(centre)
        energy, along = apart @ apart, centre @ apart
        if energy < np.finfo(np.float32).eps ** 2:
            raise InputError(expected(f"group {place}", "classes whose mean is not that of all", f"{len(group)}"))
        length = (np.sqrt(along**2 + energy * (1 - centre @ centre)) - along) / energy
        groups[place] = centre + length * apart
    return groups


def weights_on_classes(
    vectors: Float32[np.ndarray, "concepts target"],
    classes: Integer[np.ndarray, " classes"],
    groups: Mapping[int, Sequence[int]],
) -> Float64[np.ndarray, "concepts classes"]:
    """Return the weights (concepts, classes) with which each concept's centred similarity is a sum of the classes'.

    `vectors` are a bank's, `classes` the keys of those that are a class, `groups` maps the key of a group to the keys of
    its classes. A concept that is neither, no sum of classes, has zeros: a spread of 0, with which nothing stands out.
    """
    rows = vectors.astype(np.float64)
    centred = rows - rows[classes].mean(axis=0)
    place = {int(key): index for index, key in enumerate(classes)}
    weights = np.zeros((len(vectors), len(classes)))
    weights[classes] = np.eye(len(classes))
    for key, members in groups.items():
        apart = centred[list(members)].mean(axis=0)
        weights[key, [place[member] for member in members]] = (centred[key] @ apart) / (apart @ apart) / len(members)
    return weights
