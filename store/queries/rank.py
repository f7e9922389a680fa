"""The images most and least similar to a concept, overall and inside a class."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from t2c.schemas.errors import SpecError, expected
from t2c.schemas.tables.tables import column
from t2c.store.artifacts.images import Images
from t2c.store.artifacts.selection import image_rows, label_code, labels
from t2c.store.artifacts.similarities import Scores
from t2c.store.queries.searched import Searched, searched

TOP = pa.schema(
    [
        column("rank", pa.int64(), "1 for the most (or least) similar"),
        column("row", pa.int64(), "image row"),
        column("image_id", pa.string(), "image id"),
        column("uri", pa.string(), "where the image is"),
        column("label", pa.string(), "label; null when unknown", nullable=True),
        column("similarity", pa.float32(), "similarity to the concept"),
        column("z", pa.float64(), "(similarity - mean) / std over the searched set; 0 when constant"),
    ]
)


@dataclass(frozen=True, slots=True, eq=False)
class Extremes:
    """The images at both ends of a concept."""

    concept: str
    """The concept."""
    label: str | None
    """Class they are taken from; None: all images."""
    most: pa.Table
    """TOP, most similar first."""
    least: pa.Table
    """TOP, least similar first."""


def top(
    scores: Scores,
    concept: str,
    n: int = 20,
    *,
    label: str | None = None,
    least: bool = False,
    images: Images | None = None,
    where: str | None = None,
    exclude_duplicates: bool = False,
) -> pa.Table:
    """Return TOP: the n images most (or least) similar to a concept, of one class when a label is given.

    z is over the whole searched set, whatever the label. Ties are in order of row. Raises UnknownName for a concept
    or label, SpecError for n below 1 or a bad predicate.
    """
    if n < 1:
        raise SpecError(expected("number of images", "1 or more", str(n)))
    key = scores.key_of(concept)
    among = searched(scores, images=images, where=where, exclude_duplicates=exclude_duplicates)
    values = among.values(key)
    inside = _inside_label(among, values, label)
    rows = largest(-inside if least else inside, n)
    return _described(among.images, rows, values, among.moments(key, values))


def extremes(
    scores: Scores, concept: str, n: int = 8, *, by_label: bool = False, among: Searched | None = None
) -> list[Extremes]:
    """Return both ends of a concept over all images, and with `by_label` inside every class too (in order of name)."""
    among = among or searched(scores)
    key = scores.key_of(concept)
    values = among.values(key)
    moments = among.moments(key, values)
    picks: list[tuple[str | None, NDArray[np.int64], NDArray[np.int64]]] = [
        (None, largest(values, n), largest(-values, n))
    ]
    if by_label:
        codes, names = labels(among.images)
        most, least = (_largest_by_code(ends, codes[: len(values)], n) for ends in (values, -values))
        picks += [(names[code], most[code], least[code]) for code in sorted(most)]
    rows = np.concatenate([rows for _, *ends in picks for rows in ends])
    table = _described(among.images, rows, values, moments)
    ends_by_label, start = [], 0
    for label, *ends in picks:
        parts = []
        for rows in ends:
            parts.append(_ranks(table.slice(start, len(rows))))
            start += len(rows)
        ends_by_label.append(Extremes(concept, label, *parts))
    return ends_by_label


def _largest_by_code(values: NDArray[np.float32], codes: NDArray[np.int32], n: int) -> dict[int, NDArray[np.int64]]:
    """Return the places of each code's n largest values that are not NaN, ties in order of place; code -1 is no class."""
    places = np.flatnonzero(~np.isnan(values) & (codes >= 0))
    # two stable sorts, the minor key first: by code, in it by falling value, ties by place
    places = places[np.argsort(-values[places], kind="stable")]
    places = places[np.argsort(codes[places], kind="stable")]
    present, starts = np.unique(codes[places], return_index=True)
    ends = np.append(starts, len(places))[1:]  # none at all when no image has a class
    return {
        int(code): places[start : min(start + n, end)] for code, start, end in zip(present, starts, ends, strict=True)
    }


def _inside_label(among: Searched, values: NDArray[np.float32], label: str | None) -> NDArray[np.float32]:
    """Return the values with those of other classes NaN."""
    if label is None:
        return values
    codes, code = label_code(among.images, label)
    return np.where(codes[: len(values)] == code, values, np.float32(np.nan))


def _described(
    images: Images, rows: NDArray[np.int64], values: NDArray[np.float32], moments: tuple[float, float]
) -> pa.Table:
    """Return TOP of some rows in the order given, ranked from 1 on."""
    mean, std = moments
    away = values[rows].astype(np.float64) - mean
    about = image_rows(images, rows, ["image_id", "uri", "label"])
    columns = [
        np.arange(1, len(rows) + 1),
        rows,
        *(about[name].combine_chunks() for name in about.column_names),
        values[rows],
        away / std if std > 0 else np.zeros_like(away),
    ]
    return pa.table(columns, schema=TOP)


def _ranks(table: pa.Table) -> pa.Table:
    """Return a part of a TOP table ranked from 1 on again."""
    return table.set_column(0, TOP.field("rank"), pa.array(np.arange(1, table.num_rows + 1)))


def largest(values: NDArray[np.float32], n: int) -> NDArray[np.int64]:
    """Return the places of the n largest values that are not NaN, largest first, ties in order of place."""
    lowest = np.where(np.isnan(values), np.float32(-np.inf), values)
    places = np.arange(len(values))
    if n < len(values):
        smallest = np.partition(lowest, len(values) - n)[len(values) - n]
        places = np.flatnonzero(lowest >= smallest)
    order = places[np.argsort(-lowest[places], kind="stable")][:n]
    return order[~np.isnan(values[order])]
