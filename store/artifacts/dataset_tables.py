"""Tables that a user imports for a dataset, one line a key; a later import adds lines and replaces those of equal key.

Each import is a snapshot, and older ones stay readable. The data files of a snapshot never hold a key twice, so their
union is the table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from t2c.schemas.errors import InputError, expected
from t2c.schemas.tables.tables import ATTRIBUTES, PREDICTIONS
from t2c.store.disk import paths
from t2c.store.disk.lease import lease
from t2c.store.disk.manifest import Manifest, Parent, commit, find_manifest, read_parquet, write_parquet
from t2c.store.disk.root import Store


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of table."""

    name: str
    """Kind of artifact: attributes or predictions."""
    schema: pa.Schema
    """Columns of the table."""
    keys: tuple[str, ...]
    """Columns that together name a line, in the order lines are sorted by."""


@dataclass(frozen=True, slots=True)
class Written:
    """The newest snapshot after a write, and how many lines the write added and replaced."""

    manifest: Manifest
    """The newest snapshot, the same as before when every line was there already."""
    added: int
    """Lines with a key that was not there."""
    replaced: int
    """Lines whose key was there with other values."""


def read(store: Store, kind: Kind, dataset: str, *, snapshot: int | None = None) -> pa.Table:
    """Return the table, sorted by its keys; empty when nothing was imported. Raises CorruptError."""
    manifest = find_manifest(store, paths.artifact(kind.name, dataset), snapshot=snapshot)
    return _read(store, kind, manifest)


def write(store: Store, kind: Kind, dataset: str, table: pa.Table, *, parents: Sequence[Parent] = ()) -> Written:
    """Commit lines as one snapshot; lines that are there as they are change nothing.

    Raises InputError for missing columns or a key that comes twice, BusyError, StoreWriteError.
    """
    new = _checked(kind, dataset, table)
    artifact = paths.artifact(kind.name, dataset)
    with lease(store, artifact, purpose=f"import {kind.name} of {dataset}") as token:
        newest = find_manifest(store, artifact)
        old = _read(store, kind, newest)
        keys = list(kind.keys)
        added = new.join(old.select(keys), keys, join_type="left anti")
        replaced = _changed(kind, new, old)
        if newest is not None and added.num_rows + replaced == 0:
            return Written(newest, 0, 0)
        parts = [old.join(new.select(keys), keys, join_type="left anti"), new] if replaced else [added]
        lines = pa.concat_tables([part.select(kind.schema.names).cast(kind.schema) for part in parts])
        snapshot = newest.snapshot + 1 if newest else 1
        entry = write_parquet(store, paths.data_file(artifact, snapshot), _sorted(kind, lines))
        manifest = Manifest(
            kind.name,
            dataset,
            snapshot,
            spec={"keys": keys},
            parents=tuple(parents),
            files=(*(newest.files if newest and not replaced else ()), entry),
            rows=old.num_rows + added.num_rows,
            summary={"added": added.num_rows, "replaced": replaced},
        )
        return Written(commit(store, artifact, manifest, check=token.check), added.num_rows, replaced)


def _read(store: Store, kind: Kind, manifest: Manifest | None) -> pa.Table:
    entries = manifest.with_role("data") if manifest else ()
    parts = [read_parquet(store, entry).select(kind.schema.names).cast(kind.schema) for entry in entries]
    return _sorted(kind, pa.concat_tables([kind.schema.empty_table(), *parts]))


def _checked(kind: Kind, dataset: str, table: pa.Table) -> pa.Table:
    subject = f"{kind.name} of {dataset}"
    try:
        table = table.select(kind.schema.names).cast(kind.schema)
    except (pa.ArrowException, KeyError, ValueError) as reason:
        raise InputError(expected(subject, f"columns {', '.join(kind.schema.names)}", f"{reason}")) from reason
    counts = table.group_by(list(kind.keys)).aggregate([([], "count_all")])
    twice = counts.filter(pc.greater(counts["count_all"], 1))
    if twice.num_rows:
        line: dict[str, Any] = twice.select(list(kind.keys)).slice(0, 1).to_pylist()[0]
        repeated_key = ", ".join(f"{name} {str(value)[:80]!r}" for name, value in line.items())
        raise InputError(
            expected(subject, f"one line for each {', '.join(kind.keys)}", f"more than one for {repeated_key}")
        )
    return table


def _changed(kind: Kind, new: pa.Table, old: pa.Table) -> int:
    """Return how many lines of new are in old by key with other values."""
    joined = new.join(old, list(kind.keys), join_type="inner", right_suffix=" before")
    differs = pa.array([False] * joined.num_rows, pa.bool_())
    for name in kind.schema.names:
        if name not in kind.keys:
            now, before = joined[name].combine_chunks(), joined[f"{name} before"].combine_chunks()
            # a comparison with null is null: null on one side alone is a change, on both sides none
            one_null = pc.xor(pc.is_null(now), pc.is_null(before))
            differs = pc.or_(differs, pc.or_(one_null, pc.fill_null(pc.not_equal(now, before), fill_value=False)))
    return int(pc.sum(differs).as_py() or 0)


def _sorted(kind: Kind, table: pa.Table) -> pa.Table:
    return table.sort_by([(name, "ascending") for name in kind.keys])


_ATTRIBUTES = Kind("attributes", ATTRIBUTES, ("name", "row"))
_PREDICTIONS = Kind("predictions", PREDICTIONS, ("model", "row", "class"))


def write_attributes(store: Store, dataset: str, table: pa.Table, *, parents: Sequence[Parent] = ()) -> Written:
    """Commit attributes (schema ATTRIBUTES); a (name, row) that was there gets its new value. Raises InputError."""
    return write(store, _ATTRIBUTES, dataset, table, parents=parents)


def read_attributes(store: Store, dataset: str, *, snapshot: int | None = None) -> pa.Table:
    """Return ATTRIBUTES of a dataset, sorted by name and row; empty when none were imported."""
    return read(store, _ATTRIBUTES, dataset, snapshot=snapshot)


def write_predictions(store: Store, dataset: str, table: pa.Table, *, parents: Sequence[Parent] = ()) -> Written:
    """Commit predictions (schema PREDICTIONS); a (model, row, class) that was there gets its new score."""
    return write(store, _PREDICTIONS, dataset, table, parents=parents)


def read_predictions(store: Store, dataset: str, *, snapshot: int | None = None) -> pa.Table:
    """Return PREDICTIONS of a dataset, sorted by model, row and class; empty when none were imported."""
    return read(store, _PREDICTIONS, dataset, snapshot=snapshot)
