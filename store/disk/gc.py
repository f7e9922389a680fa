"""Removing what killed runs left: temporary files and data files that no snapshot names; never anything else."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pyarrow as pa

from t2c.schemas.errors import BusyError, CorruptError
from t2c.schemas.tables.tables import column
from t2c.store.disk import paths
from t2c.store.disk.files import is_temporary
from t2c.store.disk.lease import holder, lease
from t2c.store.disk.manifest import newest_number, snapshots

if TYPE_CHECKING:
    from t2c.store.disk.root import Store

REMOVED = pa.schema(
    [
        column("path", pa.string(), "file that was removed (or would be), relative to the store's root"),
        column("bytes", pa.int64(), "its size in bytes"),
    ]
)
"""One row a removed file."""


def gc(store: "Store", *, dry_run: bool, older_than_s: float = 3600) -> pa.Table:
    """Remove leftovers at least `older_than_s` seconds old; returns a table REMOVED.

    Leftovers are files that were still being written, data files (by the form of their names) that no snapshot of
    their artifact names, and ledger entries that a snapshot has taken up. Files of another program are left alone, so
    is every artifact whose lease is held or whose manifests are damaged. `dry_run` only says what would go.
    """
    by_artifact: dict[str | None, list[str]] = defaultdict(list)
    for path in store.files.walk(""):
        by_artifact[paths.artifact_of(path)].append(path)
    removed: list[tuple[str, int]] = []
    for artifact in sorted(by_artifact, key=str):
        removed += _collect(store, artifact, by_artifact[artifact], dry_run=dry_run, older_than_s=older_than_s)
    return pa.table([[path for path, _ in removed], [size for _, size in removed]], schema=REMOVED)


def _collect(
    store: "Store", artifact: str | None, files: list[str], *, dry_run: bool, older_than_s: float
) -> list[tuple[str, int]]:
    if not any(_may_go(path) for path in files) or (artifact and dry_run and holder(store, artifact)):
        return []
    try:
        with lease(store, artifact, purpose="remove leftovers") if artifact and not dry_run else nullcontext():
            leftovers = []
            for path in _leftovers(store, artifact, files):
                if store.files.age(path) >= older_than_s:
                    leftovers.append((path, store.files.size(path)))
                    if not dry_run:
                        store.files.delete(path)
            return leftovers
    except (BusyError, CorruptError):
        return []


def _may_go(path: str) -> bool:
    return is_temporary(path) or paths.is_data_file(path) or _is_ledger(path)


def _is_ledger(path: str) -> bool:
    return PurePosixPath(path).parent.name == "_ledger" and path.endswith(".json")


def _leftovers(store: "Store", artifact: str | None, files: Iterable[str]) -> Iterator[str]:
    """Yield the files that no snapshot needs, by now; raises CorruptError when a manifest cannot say."""
    named, taken_up = _named(store, artifact) if artifact else (set(), {})
    for path in files:
        if is_temporary(path):
            if store.files.exists(path):
                yield path
        elif artifact and paths.is_data_file(path) and path not in named:
            yield path
        elif _is_ledger(path):
            index, _, stop = PurePosixPath(path).stem.partition("-")
            if index.isdigit() and stop.isdigit() and int(stop) <= taken_up.get(int(index), -1):
                yield path


def _named(store: "Store", artifact: str) -> tuple[set[str], dict[int, int]]:
    """Return every file that a snapshot names, and for each chunk the row after the last that one names."""
    named: set[str] = set()
    taken_up: dict[int, int] = {}
    for manifest in snapshots(store, artifact) if newest_number(store, artifact) else ():
        named.update(entry.path for entry in manifest.files)
        for index, entry in enumerate(manifest.with_role("chunk")):
            taken_up[index] = max(taken_up.get(index, 0), int(entry.extra["start"]) + entry.rows)
    return named, taken_up
