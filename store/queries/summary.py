"""What a dataset looks like through a concept bank: each concept's distribution, and the classes it goes with."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from t2c.schemas.tables.tables import column
from t2c.store.artifacts.images import Images
from t2c.store.artifacts.selection import labels
from t2c.store.artifacts.similarities import Scores
from t2c.store.queries.rank import largest
from t2c.store.queries.searched import Searched, searched

TOP_SHARE = 0.01
"""Share of the images that counts as the top of a concept."""

CLASSES = pa.schema(
    [
        column("key", pa.int32(), "concept number in the bank"),
        column("concept", pa.string(), "the concept"),
        column("label", pa.string(), "class"),
        column("count", pa.int64(), "images of the class that were searched"),
        column("mean", pa.float64(), "mean similarity of the class"),
        column("z", pa.float64(), "(mean of the class - mean) / std over the searched set; 0 when constant"),
        column("rank", pa.int64(), "rank of the class by mean similarity to the concept, 1 for the largest"),
        column("top_share", pa.float64(), "share of the concept's top 1 % of images that are of this class"),
        column("share", pa.float64(), "share of all searched images that are of this class"),
    ]
)


@dataclass(frozen=True, slots=True, eq=False)
class Summary:
    """A dataset through a concept bank."""

    searched: int
    """Images searched."""
    stats: pa.Table
    """CONCEPT_STATS, in order of key, as of the last scoring."""
    classes: pa.Table
    """CLASSES, by concept, then rank; empty when no image has a label."""


def summary(scores: Scores, *, images: Images | None = None) -> Summary:
    """Return every concept's distribution, and the classes ranked by mean similarity and by share of the top 1 %.

    Raises InputError when no similarity may be compared.
    """
    among = searched(scores, images=images)
    stats = scores.stats()
    if stats.num_rows and not among.compact_values(0).size:
        raise among.empty()
    codes, names = labels(among.images)
    tables = [CLASSES.empty_table()]
    count = 0
    for key in range(stats.num_rows):
        values = among.values(key)
        count = int(np.count_nonzero(~np.isnan(values)))
        if names:
            tables.append(_classes(among, key, values, codes=codes[: len(values)], names=names))
    return Summary(count, stats, pa.concat_tables(tables))


def _classes(
    among: Searched, key: int, values: NDArray[np.float32], *, codes: NDArray[np.int32], names: list[str]
) -> pa.Table:
    inside = ~np.isnan(values)
    labelled = inside & (codes >= 0)
    counts = np.bincount(codes[labelled], minlength=len(names))
    sums = np.bincount(codes[labelled], weights=values[labelled].astype(np.float64), minlength=len(names))
    present = np.flatnonzero(counts)
    means = sums[present] / counts[present]
    order = np.argsort(-means, kind="stable")
    mean, std = among.moments(key, values)
    best = _top_rows(values)
    in_top = np.bincount(codes[best][codes[best] >= 0], minlength=len(names)) / len(best)
    classes = present[order]
    columns = {
        "key": np.full(len(classes), key, dtype=np.int32),
        "concept": [among.names[key]] * len(classes),
        "label": [names[code] for code in classes],
        "count": counts[classes],
        "mean": means[order],
        "z": (means[order] - mean) / std if std > 0 else np.zeros(len(classes)),
        "rank": np.arange(1, len(classes) + 1),
        "top_share": in_top[classes],
        "share": counts[classes] / np.count_nonzero(inside),
    }
    return pa.table(columns, schema=CLASSES)


def _top_rows(values: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the rows of the top 1 % (at least one) of the values that are not NaN; ties in order of row."""
    return largest(values, max(1, round(TOP_SHARE * np.count_nonzero(~np.isnan(values)))))
