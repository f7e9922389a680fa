"""Probes: linear classifiers fitted on labelled rows of a dataset, by least squares from moments or by SGD."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from t2c.core.concepts.heads import label_moments, probe_from_moments
from t2c.core.maps.heads import Head
from t2c.core.maps.moments import Moments, merge
from t2c.core.maps.ridge import choose_ridge
from t2c.flows.engine.memory import check_memory
from t2c.flows.rows.blocks import LEFT_OUT, READ_ROWS
from t2c.flows.rows.features_of_rows import ranges
from t2c.schemas.errors import InputError, expected
from t2c.store.artifacts.features import Features


def least_squares_probe(
    features: Features,
    classes: tuple[str, ...],
    *,
    codes: npt.NDArray[np.int64],
    groups: npt.NDArray[np.int8],
    folds: int,
) -> Head:
    """Return the ridge regression of one-hot labels, solved from moments; rows are read once and never held together.

    `codes` (rows,) are class indices, `groups` (rows,) folds; rows outside the folds, unlabelled or without a feature
    take no part. Raises InputError when none is left.
    """
    fold = _fold_of_rows(features, codes, groups, folds)
    used = np.flatnonzero(fold >= 0)
    centre = features.take(used[: min(len(used), READ_ROWS)]).mean(axis=0, dtype=np.float64).astype(np.float32)
    parts = label_moments(_labelled(features, codes, fold), centre=centre, classes=len(classes), folds=folds)
    return probe_of(parts, classes)


def probe_of(parts: Sequence[Moments], classes: Sequence[str]) -> Head:
    """Return the probe fitted on all folds' label moments, its ridge chosen over them; exact when one fold has rows."""
    several = sum(part.n > 0 for part in parts) > 1
    return probe_from_moments(merge(parts), classes, ridge=choose_ridge(parts).ridge if several else 0.0)


def _labelled(
    features: Features, codes: npt.NDArray[np.int64], fold: npt.NDArray[np.int8]
) -> Iterator[tuple[npt.NDArray[np.float32], npt.NDArray[np.int64], npt.NDArray[np.int8]]]:
    """Yield (features, class codes, fold) of the rows in a fold, range by range."""
    for start, stop in ranges(len(fold), READ_ROWS):
        used = np.flatnonzero(fold[start:stop] >= 0)
        if len(used):
            x = features.read(start, stop)[used].astype(np.float32)
            yield x, codes[start:stop][used], fold[start:stop][used]


def sgd_probe(
    features: Features,
    classes: tuple[str, ...],
    *,
    codes: npt.NDArray[np.int64],
    groups: npt.NDArray[np.int8],
    folds: int,
) -> Head:
    """Return the probe trained by SGD on softmax cross-entropy, 40 epochs on standardised features held in memory.

    Arguments and InputError as `least_squares_probe`; raises PlanError when the rows do not fit into memory.
    """
    from t2c.core.maps.gradient.linear_head import fit_linear_head

    used = np.flatnonzero(_fold_of_rows(features, codes, groups, folds) >= 0)
    check_memory(
        "an SGD probe", 3 * 4 * len(used) * (features.dimension + 1), todo="Use the least-squares probe: --head probe"
    )
    x = features.take(used).astype(np.float32)
    mean, spread = x.mean(axis=0, dtype=np.float64), x.std(axis=0, dtype=np.float64)
    scale = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)
    x -= mean.astype(np.float32)
    x *= scale.astype(np.float32)
    head = fit_linear_head(x, codes[used], classes=len(classes))
    weight = head.weight * scale
    bias = head.bias - weight @ mean
    return Head(classes, weight.astype(np.float32), bias.astype(np.float32), "probe")


def _fold_of_rows(
    features: Features, codes: npt.NDArray[np.int64], groups: npt.NDArray[np.int8], folds: int
) -> npt.NDArray[np.int8]:
    rows = min(len(codes), features.rows, len(groups))
    fold = np.where((codes[:rows] >= 0) & features.present(0, rows), groups[:rows], LEFT_OUT).astype(np.int8)
    fold[fold >= folds] = LEFT_OUT
    if not (fold >= 0).any():
        actual = "none among the rows to fit"
        todo = "Hold out less (--holdout), or fit on other labels: --labels ATTRIBUTE"
        raise InputError(
            expected(f"probe on {features.encoder} of {features.dataset}", "labelled images", actual, todo)
        )
    return fold
