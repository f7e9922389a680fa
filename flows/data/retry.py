"""Retrying: rows whose outcome is not ok are read and decoded again; those that now read get a superseding row."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from t2c.flows.data.scan import default_threads, scan
from t2c.flows.engine.progress import NoProgress, Progress
from t2c.flows.engine.shown import Shown
from t2c.schemas.tables.tables import IMAGES
from t2c.store.artifacts.images import Images, append_images, open_images
from t2c.store.disk import paths
from t2c.store.disk.lease import lease
from t2c.store.disk.root import Store
from t2c.store.sources.inspect import MAX_PIXELS, Inspection
from t2c.store.sources.items import Item
from t2c.store.sources.source import open_bytes


@dataclass(frozen=True, slots=True)
class RetryReport(Shown):
    """What a retry found and committed."""

    dataset: str
    """Dataset name."""
    snapshot: int
    """Newest snapshot after the run; the same as before when nothing now reads."""
    path: str
    """Where the index is: path or URL."""
    tried: int
    """Current rows that were read again: outcome not ok, and not refused for where they lie (links out, FIFOs)."""
    recovered: int
    """Rows that now read and were superseded by an ok one."""
    problems: tuple[tuple[str, str, str], ...]
    """(image id, outcome, error) of the first 20 rows that still do not read, as found now."""


def retry(
    store: Store,
    dataset: str,
    *,
    max_pixels: int = MAX_PIXELS,
    threads: int | None = None,
    progress: Progress | None = None,
) -> RetryReport:
    """Read and decode the bad rows of a dataset again; without one that now reads, nothing is committed.

    Raises UnknownName for a dataset that does not exist, BusyError, StoreWriteError.
    """
    progress = progress or NoProgress()
    with lease(store, paths.images(dataset), purpose=f"retry {dataset}") as token:
        images = open_images(store, dataset)
        bad, exif_times = _bad_rows(images), images.manifest.spec.get("fields", {}).get("captured_at") == "exif"
        rows: list[dict[str, Any]] = []
        problems: list[tuple[str, str, str]] = []
        progress.start(f"retry {dataset}", len(bad), "files")
        for old, found in _look(bad, max_pixels=max_pixels, threads=threads or default_threads()):
            if found.outcome == "ok":
                moment = old["captured_at"] or (found.captured_at if exif_times else None)
                rows.append(_superseding(old, found, row=images.rows + len(rows), captured_at=moment))
            elif len(problems) < 20:
                problems.append((old["image_id"], found.outcome, found.error or ""))
            progress.advance(1)
            progress.note(recovered=len(rows))
        progress.done()
        table = _with_duplicates(pa.Table.from_pylist(rows, schema=IMAGES), images)
        images = append_images(store, dataset, table, spec=images.manifest.spec, token=token)
    path = store.files.uri(paths.images(dataset))
    return RetryReport(dataset, images.snapshot, path, len(bad), len(rows), tuple(problems))


def _bad_rows(images: Images) -> list[dict[str, Any]]:
    """Return the current rows that are not ok, but for those whose place alone was refused: links out, FIFOs, devices."""
    table = images.table(list(IMAGES.names))
    bad: list[dict[str, Any]] = table.filter(pc.not_equal(table["outcome"], "ok")).to_pylist()
    return [row for row in bad if row["outcome"] != "unsupported" or row["content_hash"] is not None]


def _look(rows: list[dict[str, Any]], *, max_pixels: int, threads: int) -> Iterator[tuple[dict[str, Any], Inspection]]:
    """Yield each row with what is found now; a header that reads is followed by a decode of the pixels."""
    items = [Item(row["image_id"], row["uri"]) for row in rows]
    for row, (item, found) in zip(rows, scan(items, max_pixels=max_pixels, threads=threads), strict=True):
        reads = found.outcome == "ok"
        yield row, (_as_before(row, found) or _decoded(item, found, max_pixels=max_pixels)) if reads else found


def _as_before(row: dict[str, Any], found: Inspection) -> Inspection | None:
    """Return the old finding on a JPEG whose bytes are the same, where no decoder that could refute it is installed.

    Extraction saw that picture data is lost; Pillow alone would pad it and call the file mended.
    """
    from t2c.core.images.jpeg import sees_warnings

    same = found.format == "jpeg" and row["outcome"] == "corrupt" and row["content_hash"] == found.content_hash
    return Inspection("corrupt", row["error"]) if same and not sees_warnings() else None


def _decoded(item: Item, found: Inspection, *, max_pixels: int) -> Inspection:
    """Return the inspection, or the outcome of decoding where the pixels are not there."""
    from t2c.core.images.decode import read_rgb
    from t2c.core.images.outcomes import UnreadableImage

    try:
        read_rgb(open_bytes(item.uri), max_pixels=max_pixels)
    except UnreadableImage as reason:
        return Inspection(reason.outcome, str(reason))
    except OSError as reason:
        return Inspection("missing", f"expected a file that can be read, but got: {reason.strerror or reason}")
    return found


def _superseding(old: dict[str, Any], found: Inspection, *, row: int, captured_at: datetime | None) -> dict[str, Any]:
    return {
        **old,
        "row": row,
        "content_hash": found.content_hash,
        "captured_at": captured_at,
        "width": found.width,
        "height": found.height,
        "format": found.format,
        "bytes": found.bytes,
        "outcome": "ok",
        "error": None,
        "duplicate_of": None,
        "supersedes": old["row"],
    }


def _with_duplicates(table: pa.Table, images: Images) -> pa.Table:
    """Return the new rows with duplicate_of set where an ok current row, or an earlier new one, has the same bytes."""
    if table.num_rows == 0:
        return table
    old = images.table(["row", "content_hash", "outcome", "duplicate_of"])
    old = old.filter(pc.and_(pc.equal(old["outcome"], "ok"), pc.is_null(old["duplicate_of"])))
    first = dict(zip(old["content_hash"].to_pylist(), old["row"].to_pylist(), strict=True))
    copies = []
    for row, content_hash in zip(table["row"].to_pylist(), table["content_hash"].to_pylist(), strict=True):
        known = first.setdefault(content_hash, row)
        copies.append(None if known == row else known)
    at = IMAGES.get_field_index("duplicate_of")
    return table.set_column(at, IMAGES.field("duplicate_of"), pa.array(copies, pa.int64()))
