"""Linear classifiers over a feature space: a model's own head, a probe solved from moments, class vectors (paper, 3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from t2c.core.maps.heads import UNLABELLED, Head
from t2c.core.maps.linear_map import LinearMap
from t2c.core.maps.moments import Centre, Moments, fold_moments
from t2c.core.maps.ridge import fit
from t2c.core.statistics.unit_rows import unit
from t2c.schemas.errors import InputError, MismatchError, expected

if TYPE_CHECKING:
    from jaxtyping import Float, Integer

Array = NDArray[Any]


def compose(head: Head, linear_map: LinearMap) -> Head:
    """Return the head over the map's source space that predicts what `head` predicts of aligned features.

    Logits are those of the aligned features; of a head that normalises they are not divided by the features' length,
    which orders the classes of an image no differently. Raises MismatchError when the map ends in another dimension.
    """
    if linear_map.target != head.dimension:
        want, actual = f"a target of {head.dimension} dimensions, as the head reads", f"{linear_map.target}"
        raise MismatchError(expected("map under a head", want, actual))
    weight = np.ascontiguousarray((linear_map.weight @ head.weight.T).T)
    return Head(head.classes, weight, head.weight @ linear_map.bias + head.bias, head.kind)


def zeroshot_head(classes: Sequence[str], vectors: Float[np.ndarray, "classes target"]) -> Head:
    """Return the head whose logits are cosines to class vectors (paper, section 4.2).

    Raises InputError for a zero, NaN or infinite vector.
    """
    if not np.isfinite(vectors).all() or not np.abs(vectors).sum(axis=-1).all():
        raise InputError(expected("class vectors", "finite vectors with a direction", "a zero, NaN or infinite one"))
    weight = unit(vectors.astype(np.float64)).astype(np.float32)
    return Head(tuple(classes), weight, np.zeros(len(weight), np.float32), "zeroshot", normalise=True)


def probe_from_moments(moments: Moments, classes: Sequence[str], *, ridge: float) -> Head:
    """Return the least-squares probe: the ridge regression of one-hot labels on features, exact from their moments.

    `moments` are of features against one-hot labels (`label_moments`). Raises as `ridge.fit`, and MismatchError when
    the moments hold another number of classes.
    """
    if len(moments.sum_y) != len(classes):
        want, actual = f"{len(classes)} classes, as named", f"{len(moments.sum_y)}"
        raise MismatchError(expected("moments of a probe", want, actual))
    solved = fit(moments, ridge=ridge).map
    return Head(tuple(classes), np.ascontiguousarray(solved.weight.T), solved.bias, "probe")


def label_moments(
    blocks: Iterable[
        tuple[Float[np.ndarray, "_images target"], Integer[np.ndarray, " _images"], Integer[np.ndarray, " _images"]]
    ],
    *,
    centre: Float[np.ndarray, " target"],
    classes: int,
    folds: int,
) -> tuple[Moments, ...]:
    """Return the moments of features against one-hot labels, fold by fold, over (x, class codes, fold) blocks.

    Rows of class UNLABELLED or fold < 0 are left out. Memory is that of `folds` Moments and one block.
    """
    about = Centre(centre, np.zeros(classes, centre.dtype))
    return fold_moments(_one_hot(blocks, classes, about), centre=about, folds=folds)


def _one_hot(blocks: Iterable[tuple[Array, Array, Array]], classes: int, centre: Centre) -> Iterator[Any]:
    for x, codes, fold in blocks:
        if codes.size and not (codes.min() >= UNLABELLED and codes.max() < classes):
            want = f"-1 (unlabelled) to {classes - 1}"
            raise InputError(expected("class codes", want, f"{codes.min()} to {codes.max()}"))
        labelled = codes != UNLABELLED
        y = np.zeros((len(codes), classes), dtype=centre.y.dtype)
        y[np.flatnonzero(labelled), codes[labelled]] = 1
        yield x, y, np.where(labelled, fold, -1)
