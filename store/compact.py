"""Compaction: the files of many small commits become few large ones with the same logical content, as a new snapshot."""

from store import paths
from store.data_files import FileEntry
from store.lease import lease
from store.manifest import Manifest, commit, read_manifest
from store.score_writer import with_file, write_columns
from store.similarities import STATS_ROLE, Scores

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
        wanted = _key_ranges(now)
        files = now.manifest.with_role("data")
        if [tuple(entry.extra["keys"]) for entry in files] == wanted:
            return now
        fields = {name: getattr(now.manifest, name) for name in Manifest.__dataclass_fields__ if name != "created_at"}
        merged = Manifest(**{**fields, "snapshot": now.manifest.snapshot + 1, "files": ()})
        for n, keys in enumerate(wanted):
            merged = with_file(merged, _merge(now, keys, snapshot=merged.snapshot, n=n))
        merged = with_file(merged, now.manifest.with_role(STATS_ROLE)[0])
        return Scores(store, commit(store, artifact, merged, check=token.check))


def _key_ranges(scores: Scores) -> list[tuple[int, int]]:
    """Return the concepts of each file, [first, last)."""
    a_concept = max(1, scores.manifest.rows // max(1, scores.concepts))
    size = max(1, FILE_VALUES // a_concept)
    return [(first, min(first + size, scores.concepts)) for first in range(0, scores.concepts, size)]


def _merge(scores: Scores, keys: tuple[int, int], *, snapshot: int, n: int) -> FileEntry:
    path = paths.data_file(scores.manifest.artifact, snapshot, n=n)
    columns = ((key, scores.column(key)) for key in range(*keys))
    return write_columns(scores.store, path, columns, keys=keys, rows=(0, scores.rows))
