"""Image attributes that a user imports: (row, name, value), such as camera, striped or blur."""

from collections.abc import Sequence

import pyarrow as pa

from schemas.tables.tables import ATTRIBUTES
from store.artifacts import dataset_tables
from store.artifacts.dataset_tables import Kind, Written
from store.disk.manifest import Parent
from store.disk.root import Store

_KIND = Kind("attributes", ATTRIBUTES, ("name", "row"))


def write_attributes(store: Store, dataset: str, table: pa.Table, *, parents: Sequence[Parent] = ()) -> Written:
    """Commit attributes (schema ATTRIBUTES); a (name, row) that was there gets its new value. Raises InputError."""
    return dataset_tables.write(store, _KIND, dataset, table, parents=parents)


def read_attributes(store: Store, dataset: str, *, snapshot: int | None = None) -> pa.Table:
    """Return ATTRIBUTES of a dataset, sorted by name and row; empty when none were imported."""
    return dataset_tables.read(store, _KIND, dataset, snapshot=snapshot)
