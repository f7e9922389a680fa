"""Merge the many small files that appends leave into few large ones; values and older snapshots stay as they are."""

import pyarrow as pa

from t2c.schemas.errors import UnknownName, expected
from t2c.store.artifacts.compact import compact as merged
from t2c.store.artifacts.images import open_images
from t2c.store.artifacts.similarities import list_similarities
from t2c.store.disk.root import Store

COMPACTED = pa.schema(
    [
        pa.field("artifact", pa.string()),
        pa.field("files_before", pa.int64()),
        pa.field("files_after", pa.int64()),
    ]
)


def compact(store: Store, dataset: str | None = None, *, bank: str | None = None) -> pa.Table:
    """Compact the similarities of one dataset (or all), of one bank (or all); return artifact, files_before, files_after.

    Raises UnknownName for a dataset that is not there or has nothing to compact, BusyError, StoreWriteError.
    """
    if dataset is not None:
        open_images(store, dataset)
    stored = [scores for scores in list_similarities(store, dataset=dataset) if bank in (None, scores.bank)]
    if dataset is not None and not stored:
        todo = f"Score it: t2c score {dataset} --source ENCODER --concepts {bank or 'BANK'}"
        of = f"similarities of {dataset}{f' with {bank}' if bank else ''}"
        raise UnknownName(expected(of, "some", "none", todo))
    rows = []
    for scores in stored:
        after = merged(scores)
        counts = [len(version.manifest.with_role("data")) for version in (scores, after)]
        rows.append({"artifact": scores.manifest.artifact, "files_before": counts[0], "files_after": counts[1]})
    return pa.Table.from_pylist(rows, schema=COMPACTED)
