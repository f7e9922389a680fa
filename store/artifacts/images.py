"""The image index: one immutable row an input file, appended in snapshots, with the outcomes that decoding found.

An image id is data: it is never a path, a SQL literal or a format string here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from t2c.schemas.errors import ConflictError, expected, unknown
from t2c.schemas.names import DatasetRef, parse_dataset_ref
from t2c.schemas.tables.tables import IMAGES, OUTCOME_UPDATES
from t2c.store.disk import paths
from t2c.store.disk.entries import FileEntry
from t2c.store.disk.manifest import (
    Manifest,
    commit,
    find_manifest,
    list_artifacts,
    read_manifest,
    read_parquet,
    write_parquet,
)
from t2c.store.sources.image_rules import as_images, as_updates, check_ids, check_rows

if TYPE_CHECKING:
    from t2c.store.disk.lease import Token
    from t2c.store.disk.root import Store

OUTCOME_ROLE = "outcomes"
"""Role of a file of OUTCOME_UPDATES; later files win over earlier ones and over the rows themselves."""

WRITING: dict[str, Any] = {"group_rows": 4096, "use_dictionary": ["label", "split", "format", "outcome", "error"]}
"""Parquet options: small row groups, because the image ids of an answer are read from the few groups that hold them, and
no dictionary for columns whose values are all different."""


@dataclass(frozen=True, slots=True)
class Images:
    """The image index of a dataset as of one snapshot; a lazy handle."""

    store: "Store"
    """The store it is in."""
    dataset: str
    """Dataset name."""
    manifest: Manifest
    """The snapshot that is read."""

    @property
    def snapshot(self) -> int:
        """Snapshot number."""
        return self.manifest.snapshot

    @property
    def rows(self) -> int:
        """Number of rows, superseded ones too; the next row's number."""
        return self.manifest.rows

    def table(self, columns: list[str] | None = None, *, current: bool = True) -> pa.Table:
        """Return the rows in order, with the effective outcome and error and a bool column `current`.

        `columns` are names of IMAGES or `current`, in the order wanted (None: all); `current=True` keeps only rows
        that no later row supersedes. Raises UnknownName for another column, CorruptError for a damaged file.
        """
        requested = [*IMAGES.names, "current"] if columns is None else columns
        for name in requested:
            if name not in (*IMAGES.names, "current"):
                raise unknown(f"column of {self.dataset}", name, [*IMAGES.names, "current"])
        needed = {"row", *requested} - {"current"}
        if current or "current" in requested:
            needed.add("supersedes")
        if needed & {"outcome", "error"}:
            needed |= {"outcome", "error"}
        table = self._rows([name for name in IMAGES.names if name in needed])
        if "outcome" in needed:
            table = _with_outcomes(table, self._updates())
        if "supersedes" in needed:
            mask = _current(table["supersedes"], table.num_rows)
            table = table.append_column(pa.field("current", pa.bool_(), nullable=False), pa.array(mask))
            table = table.filter(pa.array(mask)) if current else table
        return table.select(requested)

    def outcomes(self) -> pa.Table:
        """Return OUTCOME_UPDATES: for each row that decoding found something else about, the last word."""
        updates = self._updates()
        last = {row: index for index, row in enumerate(updates["row"].to_pylist())}
        return updates.take(pa.array(sorted(last.values()), pa.int64()))

    def _rows(self, columns: list[str]) -> pa.Table:
        schema = pa.schema([IMAGES.field(name) for name in columns])
        parts = [read_parquet(self.store, entry, columns=columns) for entry in self.manifest.with_role("data")]
        return pa.concat_tables([schema.empty_table(), *(part.select(columns).cast(schema) for part in parts)])

    def _updates(self) -> pa.Table:
        parts = [read_parquet(self.store, entry) for entry in self.manifest.with_role(OUTCOME_ROLE)]
        return pa.concat_tables([OUTCOME_UPDATES.empty_table(), *(part.cast(OUTCOME_UPDATES) for part in parts)])


def open_images(store: "Store", ref: DatasetRef | str) -> Images:
    """Open a dataset's image index, `photos` or `photos@12`.

    Raises UnknownName with the nearest dataset names, SpecError for a name that cannot be one.
    """
    dataset = parse_dataset_ref(ref) if isinstance(ref, str) else ref
    artifact = paths.images(dataset.name)
    if find_manifest(store, artifact) is None:
        todo = f"Index it: t2c index FOLDER --name {dataset.name}"
        raise unknown("dataset", dataset.name, list_datasets(store), todo=todo)
    return Images(store, dataset.name, read_manifest(store, artifact, snapshot=dataset.snapshot))


def list_datasets(store: "Store") -> list[str]:
    """Return the names of all datasets with a committed image index, sorted."""
    return [artifact.split("/")[1] for artifact in list_artifacts(store, "images")]


def append_images(
    store: "Store",
    dataset: str,
    table: pa.Table,
    *,
    spec: Mapping[str, Any],
    token: "Token",
    summary: Mapping[str, Any] | None = None,
) -> Images:
    """Commit new rows (schema IMAGES) as a new snapshot; without rows, return the newest snapshot as it is.

    Rows continue the numbering without a gap; an image id that is already current must be superseded by its new row.
    The first snapshot is made even without rows. Raises InputError, ConflictError, StoreWriteError.
    """
    artifact = paths.images(dataset)
    newest = find_manifest(store, artifact)
    table = as_images(dataset, table)
    if newest is not None and table.num_rows == 0:
        return Images(store, dataset, newest)
    before = Images(store, dataset, newest).table(["row", "image_id"]) if newest else None
    check_rows(dataset, table, start=newest.rows if newest else 0)
    check_ids(dataset, table, before=before)
    snapshot = newest.snapshot + 1 if newest else 1
    entry = write_parquet(store, paths.data_file(artifact, snapshot), table, **WRITING)
    manifest = Manifest(
        "images",
        dataset,
        snapshot,
        spec=spec,
        files=((*newest.files, entry) if newest else (entry,)),
        rows=(newest.rows if newest else 0) + table.num_rows,
        summary=summary or {},
    )
    return Images(store, dataset, commit(store, artifact, manifest, check=_same_lease(token, artifact)))


def record_outcomes(store: "Store", dataset: str, table: pa.Table, *, token: "Token") -> Images:
    """Commit outcomes found when decoding (schema OUTCOME_UPDATES) as a new snapshot.

    Nothing is committed when every row already has this outcome. Raises InputError for a row that does not exist or
    an outcome that is not one, UnknownName for a dataset that does not exist.
    """
    artifact = paths.images(dataset)
    images = open_images(store, dataset)
    table = _only_new(images, as_updates(dataset, table, rows=images.rows))
    if table.num_rows == 0:
        return images
    snapshot = images.snapshot + 1
    entry = write_parquet(store, paths.data_file(artifact, snapshot), table, role=OUTCOME_ROLE)
    manifest = _next(images.manifest, entry)
    return Images(store, dataset, commit(store, artifact, manifest, check=_same_lease(token, artifact)))


def ok_rows(images: Images) -> npt.NDArray[np.int64]:
    """Return the current rows whose outcome is ok, ascending; shape (images,)."""
    table = images.table(["row", "outcome"])
    return np.asarray(table["row"].filter(pc.equal(table["outcome"], "ok")), dtype=np.int64)


def content_hashes(images: Images) -> pa.ChunkedArray:
    """Return the content hash of every row, superseded ones too, by row; null where the file was missing."""
    return images.table(["content_hash"], current=False)["content_hash"]


def _with_outcomes(table: pa.Table, updates: pa.Table) -> pa.Table:
    """Return the table with outcome and error replaced where decoding found something else; the last word wins."""
    if updates.num_rows == 0:
        return table
    last = {row: index for index, row in enumerate(updates["row"].to_pylist())}
    rows = np.fromiter(last, dtype=np.int64, count=len(last))
    take = np.full(table.num_rows, -1, dtype=np.int64)
    take[rows] = np.fromiter(last.values(), dtype=np.int64, count=len(last))
    indices = pa.array(take, mask=take < 0)
    for name in ("outcome", "error"):
        updated = updates[name].combine_chunks().take(indices)
        merged = pc.if_else(pa.array(take >= 0), updated, table[name].combine_chunks())
        table = table.set_column(table.schema.get_field_index(name), table.schema.field(name), merged)
    return table


def _current(supersedes: pa.ChunkedArray, rows: int) -> npt.NDArray[np.bool_]:
    mask = np.ones(rows, dtype=np.bool_)
    mask[np.asarray(supersedes.drop_null(), dtype=np.int64)] = False
    return mask


def _only_new(images: Images, table: pa.Table) -> pa.Table:
    if table.num_rows == 0:
        return table
    now = images.table(["outcome", "error"], current=False).take(table["row"])
    same = pc.and_(
        pc.equal(now["outcome"], table["outcome"]),
        pc.fill_null(pc.equal(now["error"], table["error"]), fill_value=False),
    )
    return table.filter(pc.invert(same))


def _next(manifest: Manifest, entry: FileEntry) -> Manifest:
    files = (*manifest.files, entry)
    return Manifest(
        manifest.kind,
        manifest.name,
        manifest.snapshot + 1,
        spec=manifest.spec,
        parents=manifest.parents,
        files=files,
        rows=manifest.rows,
        summary=manifest.summary,
    )


def _same_lease(token: "Token", artifact: str) -> Callable[[], None]:
    if token.artifact != artifact:
        raise ConflictError(expected("lease", f"the one on {artifact}", f"the one on {token.artifact}"))
    return token.check
