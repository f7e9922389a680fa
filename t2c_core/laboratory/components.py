"""Principal components of two spaces, and how those of one predict those of the other (paper, appendix B)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from t2c.core.laboratory.joint import JointMoments
from t2c.schemas.errors import InputError, expected

if TYPE_CHECKING:
    from jaxtyping import Float64

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Axes:
    """The first principal components of one space."""

    vectors: Float64[np.ndarray, "source components"]
    """One unit column a component, by falling variance; its sign is a convention."""
    variance: Float64[np.ndarray, " components"]
    """Sum of squares along each, over all rows."""
    share: Float64[np.ndarray, " components"]
    """Its share of the space's whole variance."""


def principal_axes(moments: JointMoments, *, k: int) -> tuple[Axes, ...]:
    """Return the first k components of every encoder's centred features, fewer where a space has fewer that vary.

    Signs: the first encoder's components have their largest loading positive; those of the others are turned to
    correlate with the first encoder's component of the same rank, so that averages over encoders do not cancel.
    Raises InputError for k below 1 and for features that do not vary at all.
    """
    if k < 1:
        raise InputError(expected("components", "1 or more", str(k)))
    by_encoder: list[Axes] = []
    for index in range(len(moments.centre.dimensions)):
        axes = _axes(moments.covariance(index, index), k, precision=moments.centre.value.dtype, encoder=index)
        if not by_encoder:
            at = np.abs(axes.vectors).argmax(axis=0)
            signs = np.sign(axes.vectors[at, np.arange(len(at))])
        else:
            shared = min(len(by_encoder[0].variance), len(axes.variance))
            together = by_encoder[0].vectors[:, :shared].T @ moments.covariance(0, index) @ axes.vectors[:, :shared]
            signs = np.ones(len(axes.variance))
            signs[:shared] = np.where(np.diag(together) < 0, -1.0, 1.0)
        by_encoder.append(Axes(axes.vectors * signs, axes.variance, axes.share))
    return tuple(by_encoder)


def _axes(covariance: Array, k: int, *, precision: np.dtype[Any], encoder: int) -> Axes:
    values, vectors = np.linalg.eigh(covariance)
    values, vectors = values[::-1][:k], vectors[:, ::-1][:, :k]
    total = float(np.trace(covariance))
    varying = values > max(float(values[0]), 0.0) * np.finfo(precision).eps * 8
    if total <= 0 or not varying.any():
        raise InputError(expected(f"features of encoder {encoder + 1}", "features that vary", "one point"))
    return Axes(vectors[:, varying], values[varying], values[varying] / total)


def component_map(
    moments: JointMoments, axes: Sequence[Axes], source: int, target: int
) -> Float64[np.ndarray, "target source"]:
    """Return W', row-normalised: row i says which source components predict target component i.

    Least squares of target components on source components, which are uncorrelated: W = diag(1 / variance) Vs' Sxy Vt.
    Rows are unit vectors (a row of zeros stays zero), turned so that diagonal entries are not negative.
    """
    source_axes, target_axes = axes[source], axes[target]
    weight = (
        source_axes.vectors.T @ moments.covariance(source, target) @ target_axes.vectors / source_axes.variance[:, None]
    )
    rows: Array = weight.T.copy()
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    np.divide(rows, lengths, out=rows, where=lengths > 0)
    shared = min(rows.shape)
    rows[:shared] *= np.where(np.diag(rows)[:shared] < 0, -1.0, 1.0)[:, None]
    return rows


def diagonal_share(rows: Float64[np.ndarray, "target source"], *, p: int) -> Float64[np.ndarray, " target"]:
    """Return diag_i, the sum over |j - i| <= p of squared entries of row i: 0 to 1, 1 where components match in order."""
    if p < 0:
        raise InputError(expected("width of the diagonal", "0 or more", str(p)))
    i, j = np.indices(rows.shape)
    shares: NDArray[np.float64] = np.where(np.abs(i - j) <= p, rows**2, 0.0).sum(axis=1)
    return shares


def random_share(k: int, *, p: int, rows: int | None = None) -> Float64[np.ndarray, " target"]:
    """Return the mean of diag_i over random matrices with unit rows: the share of columns within p, (2p + 1) / k inside."""
    size = k if rows is None else rows
    i, j = np.indices((size, k))
    shares: NDArray[np.float64] = (np.abs(i - j) <= p).mean(axis=1)
    return shares
