"""Means over the pair matrix: by groups of sources and targets (fig 3, 10), and by source (fig 11); the band of a curve over its seeds."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa


@dataclass(frozen=True, slots=True, eq=False)
class GroupMeans:
    """Means over all ordered pairs from one group to another."""

    groups: tuple[str, ...]
    """Groups, in the order in which encoders were named."""
    mean: npt.NDArray[np.float64]
    """(groups, groups) by source and target group; NaN where there is no pair or no value."""
    pairs: npt.NDArray[np.int64]
    """(groups, groups) pairs averaged."""


def group_means(table: pa.Table, column: str) -> GroupMeans:
    """Return the means of a column of PAIRS by source and target group."""
    groups = tuple(dict.fromkeys([*table["source_group"].to_pylist(), *table["target_group"].to_pylist()]))
    place = {name: index for index, name in enumerate(groups)}
    total, count = np.zeros((len(groups),) * 2), np.zeros((len(groups),) * 2, dtype=np.int64)
    for row in table.select(["source_group", "target_group", column]).to_pylist():
        if row[column] is not None:
            at = place[row["source_group"]], place[row["target_group"]]
            total[at] += row[column]
            count[at] += 1
    mean = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return GroupMeans(groups, mean, count)


def source_means(table: pa.Table, column: str) -> pa.Table:
    """Return source, group, pairs, mean of a column of PAIRS, best first; sources without a value are left out."""
    values_of: dict[tuple[str, str], list[float]] = {}
    for row in table.select(["source", "source_group", column]).to_pylist():
        if row[column] is not None:
            values_of.setdefault((row["source"], row["source_group"]), []).append(row[column])
    rows = [
        {"source": source, "group": group, "pairs": len(values), "mean": float(np.mean(values))}
        for (source, group), values in values_of.items()
    ]
    rows.sort(key=lambda row: -float(str(row["mean"])))
    schema = pa.schema({"source": pa.string(), "group": pa.string(), "pairs": pa.int64(), "mean": pa.float64()})
    return pa.Table.from_pylist(rows, schema=schema)


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
    mean, sd, low, high = (np.array(statistic) for statistic in zip(*rows, strict=True))
    return Band(mean, sd, low, high)


def _of(values: npt.NDArray[np.float64]) -> tuple[float, float, float, float]:
    finite = values[~np.isnan(values)]
    if not len(finite):
        return (np.nan,) * 4
    low, high = float(finite.min()), float(finite.max())
    sd = np.nan if len(finite) < 2 else float(finite.std(ddof=1)) if high > low else 0.0
    # the mean of equal values may be rounded beyond them
    return min(max(float(finite.mean()), low), high), sd, low, high
