"""Compaction: the files of many small commits become few large ones with the same logical content, as a new snapshot."""

from dataclasses import replace

from t2c.store.artifacts.score_writer import write_columns
from t2c.store.artifacts.similarities import Scores
from t2c.store.disk import paths
from t2c.store.disk.entries import FileEntry
from t2c.store.disk.lease import lease
from t2c.store.disk.manifest import commit, read_manifest
from t2c.store.disk.manifest import now as timestamp

FILE_VALUES = 2**27
"""Most similarities of a file, unless one concept alone has more; half a gigabyte and a bit."""


def compact(scores: Scores) -> Scores:
    """Merge the newest snapshot's files so that each concept lies in one file, in order of row.

    Memory: one concept's column. Similarities that are compact already are returned as they are. Older snapshots stay
    readable. Raises BusyError, ConflictError, CorruptError, StoreWriteError.
    """
    store, artifact = scores.store, scores.manifest.artifact
    with lease(store, artifact, purpose="compact similarities") as token:
        now = Scores(store, read_manifest(store, artifact))
        key_ranges = _key_ranges(now)
        files = now.manifest.with_role("data")
        if [tuple(entry.extra["keys"]) for entry in files] == key_ranges:
            return now
        snapshot = now.manifest.snapshot + 1
        merged = [_merge(now, keys, snapshot=snapshot, n=n) for n, keys in enumerate(key_ranges)]
        other_files = [entry for entry in now.manifest.files if entry.role != "data"]
        manifest = replace(now.manifest, snapshot=snapshot, files=(*merged, *other_files), created_at=timestamp())
        return Scores(store, commit(store, artifact, manifest, check=token.check))


def _key_ranges(scores: Scores) -> list[tuple[int, int]]:
    """Return the concepts of each file, [first, last)."""
    a_concept = max(1, scores.manifest.rows // max(1, scores.concepts))
    size = max(1, FILE_VALUES // a_concept)
    return [(first, min(first + size, scores.concepts)) for first in range(0, scores.concepts, size)]


def _merge(scores: Scores, keys: tuple[int, int], *, snapshot: int, n: int) -> FileEntry:
    path = paths.data_file(scores.manifest.artifact, snapshot, n=n)
    columns = ((key, scores.column(key)) for key in range(*keys))
    return write_columns(scores.store, path, columns, keys=keys, rows=(0, scores.rows))
