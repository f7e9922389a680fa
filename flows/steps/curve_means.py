"""Mean and spread of a curve over its seeds, point by point."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """One column of a curve, over seeds."""

    mean: npt.NDArray[np.float64]
    """(points,) mean; NaN where no seed has a value."""
    sd: npt.NDArray[np.float64]
    """(points,) standard deviation (ddof 1); NaN for a single seed."""
    low: npt.NDArray[np.float64]
    """(points,) smallest."""
    high: npt.NDArray[np.float64]
    """(points,) largest."""


def band(table: pa.Table, column: str) -> Band:
    """Return mean and spread over seeds of a column of CURVES, point by point."""
    points = table["point"].to_numpy()
    values = np.array([np.nan if value is None else value for value in table[column].to_pylist()], dtype=np.float64)
    rows = [_of(values[points == point]) for point in range(int(points.max()) + 1)]
    mean, sd, low, high = (np.array(one) for one in zip(*rows, strict=True))
    return Band(mean, sd, low, high)


def _of(values: npt.NDArray[np.float64]) -> tuple[float, float, float, float]:
    known = values[~np.isnan(values)]
    if not len(known):
        return (np.nan,) * 4
    low, high = float(known.min()), float(known.max())
    sd = np.nan if len(known) < 2 else float(known.std(ddof=1)) if high > low else 0.0
    return min(max(float(known.mean()), low), high), sd, low, high
