"""Predictions that a user imports: what a model of theirs said about each image, (model, row, class, score)."""

from collections.abc import Sequence

import pyarrow as pa

from schemas.tables.tables import PREDICTIONS
from store.artifacts import dataset_tables
from store.artifacts.dataset_tables import Kind, Written
from store.disk.manifest import Parent
from store.disk.root import Store

_KIND = Kind("predictions", PREDICTIONS, ("model", "row", "class"))


def write_predictions(store: Store, dataset: str, table: pa.Table, *, parents: Sequence[Parent] = ()) -> Written:
    """Commit predictions (schema PREDICTIONS); a (model, row, class) that was there gets its new score."""
    return dataset_tables.write(store, _KIND, dataset, table, parents=parents)


def read_predictions(store: Store, dataset: str, *, snapshot: int | None = None) -> pa.Table:
    """Return PREDICTIONS of a dataset, sorted by model, row and class; empty when none were imported."""
    return dataset_tables.read(store, _KIND, dataset, snapshot=snapshot)
