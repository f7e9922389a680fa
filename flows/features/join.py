"""Joining imported vectors on image ids: which row each belongs to, and new rows for ids that have none."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from t2c.flows.features.vector_files import Vectors
from t2c.flows.rows.row_ids import find_rows, unknown_ids
from t2c.schemas.errors import InputError, SpecError, expected
from t2c.schemas.tables.tables import IMAGES
from t2c.store.artifacts.images import Images, append_images, open_images
from t2c.store.disk import paths
from t2c.store.disk.lease import lease
from t2c.store.disk.manifest import find_manifest
from t2c.store.disk.root import Store
from t2c.store.sources.cells import text_or_none, time_or_none

_TODO = (
    "Ids are paths relative to the indexed folder; --unknown skip leaves these out, --unknown add makes rows for them."
)


@dataclass(frozen=True, slots=True)
class Joined:
    """Where the vectors of an import belong."""

    images: Images
    """The image index, with the rows that were added."""
    rows: npt.NDArray[np.int64]
    """Image row of each vector, shape (vectors,); -1 for those left out."""
    added: int
    """Rows that were made."""
    skipped: int
    """Vectors left out."""


def join_rows(store: Store, dataset: str, given: Vectors, *, unknown: str) -> Joined:
    """Join the ids on the dataset's current rows: by image id, else by URI; a dataset that does not exist is made.

    `unknown` decides about ids that are in no row: refuse (InputError naming some), skip, or add (a new row each).
    """
    if unknown not in ("refuse", "skip", "add"):
        raise SpecError(expected("unknown ids", "refuse, skip or add", repr(unknown)))
    with lease(store, paths.images(dataset), purpose=f"import features of {dataset}") as token:
        exists = find_manifest(store, paths.images(dataset)) is not None
        images = open_images(store, dataset) if exists else None
        rows = find_rows(images, given.ids) if images else np.full(given.rows, -1, dtype=np.int64)
        lost = np.flatnonzero(rows < 0)
        if images is not None:
            _check_once(images, given.ids, rows)
            if len(lost) and (unknown == "refuse" or (unknown == "skip" and len(lost) == given.rows)):
                raise unknown_ids(dataset, given.ids, lost, todo=_TODO)
            if unknown == "skip":
                return Joined(images, rows, 0, len(lost))
        start = images.rows if images else 0
        rows[lost] = np.arange(start, start + len(lost))
        table = _new_rows(dataset, given, [int(row) for row in lost], start)
        spec = images.manifest.spec if images else {"source": "imported features"}
        images = append_images(store, dataset, table, spec=spec, token=token)
        return Joined(images, rows, len(lost), 0)


def _check_once(images: Images, ids: Sequence[str], rows: npt.NDArray[np.int64]) -> None:
    values, counts = np.unique(rows[rows >= 0], return_counts=True)
    if (counts > 1).any():
        row = int(values[np.flatnonzero(counts > 1)[0]])
        actual = " and ".join(repr(ids[at][:200]) for at in np.flatnonzero(rows == row)[:2].tolist())
        raise InputError(expected(f"ids for row {row} of {images.dataset}", "one vector an image", actual))


def _new_rows(dataset: str, vectors: Vectors, lost: list[int], start: int) -> pa.Table:
    """Return rows for ids without an image file: content hash of the id, no size, outcome ok."""
    rows: list[dict[str, Any]] = []
    for number, at in enumerate(lost):
        image_id = vectors.ids[at]
        fields = {name: values[at] for name, values in vectors.columns.items()}
        moment = time_or_none(fields.get("captured_at"), subject=f"captured_at of {image_id[:200]!r}")
        rows.append(
            {
                "row": start + number,
                "image_id": image_id,
                "uri": text_or_none(fields.get("uri"), subject=f"uri of {image_id[:200]!r}") or "",
                "content_hash": hashlib.sha256(f"id:{dataset}/{image_id}".encode()).hexdigest(),
                "label": text_or_none(fields.get("label"), subject=f"label of {image_id[:200]!r}"),
                "split": text_or_none(fields.get("split"), subject=f"split of {image_id[:200]!r}"),
                "captured_at": moment,
                "bytes": 0,
                "outcome": "ok",
            }
        )
    return pa.Table.from_pylist(rows, schema=IMAGES)
