"""Each concept's distribution on one side of a comparison, over exactly the rows that were compared."""

from typing import Any

import pyarrow as pa

from flows.rows.sides import Side
from schemas.tables.tables import CONCEPT_STATS
from store.artifacts.similarities import empty_stats
from t2c_core.statistics.stats import concept_stats


def side_stats(side: Side) -> pa.Table:
    """Return CONCEPT_STATS of a side; the stored ones where the side is the whole set that they describe."""
    if side.among.mask is None and not side.left_out.any():
        return side.among.scores.stats()
    rows: list[dict[str, Any]] = []
    for key, concept in enumerate(side.among.names):
        values = side.values(key)
        rows.append({"key": key, "concept": concept, **(concept_stats(values) if len(values) else empty_stats())})
    return pa.Table.from_pylist(rows, schema=CONCEPT_STATS)


def most_telling(stats: pa.Table, shift: pa.Table | None, *, most: int) -> list[int]:
    """Return the keys of the concepts worth looking at: the smallest q first, or the widest when nothing is compared."""
    if shift is not None:
        keys: list[int] = shift.sort_by([("log10_q", "ascending"), ("d", "descending")])["key"].to_pylist()
    else:
        keys = stats.sort_by([("std", "descending"), ("key", "ascending")])["key"].to_pylist()
    return keys[:most]
