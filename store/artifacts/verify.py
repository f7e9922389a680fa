"""Checking every byte a store has committed: manifests, files and chunks of every snapshot, and their parents."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

from t2c.schemas.errors import CorruptError, MismatchError, StoreError
from t2c.schemas.tables.tables import column
from t2c.store.artifacts import chunks
from t2c.store.artifacts.features import Features, chunk_problems
from t2c.store.disk import paths
from t2c.store.disk.data_files import CHUNK, file_problems
from t2c.store.disk.entries import FileEntry
from t2c.store.disk.manifest import Manifest, list_artifacts, newest_number, parse

if TYPE_CHECKING:
    from t2c.store.disk.root import Store

PROBLEMS = pa.schema(
    [
        column("artifact", pa.string(), "folder of the artifact"),
        column("snapshot", pa.int64(), "oldest snapshot that has the problem"),
        column("path", pa.string(), "file that is not as committed, relative to the store's root"),
        column("problem", pa.string(), "what was expected and what is there"),
    ]
)
"""One row a damaged file; no rows when every committed byte is as it was."""


def verify(store: "Store", *, on_artifact: Callable[[str], object] | None = None) -> pa.Table:
    """Check size and sha256 of every file of every snapshot, rows of every chunk, and every parent.

    Returns a table PROBLEMS; `on_artifact` is told each folder before it is checked. Damage never raises here.
    """
    rows: list[tuple[str, int, str, str]] = []
    for kind in paths.KINDS:
        for artifact in list_artifacts(store, kind):
            if on_artifact is not None:
                on_artifact(artifact)
            rows += ((artifact, *problem) for problem in _problems(store, artifact))
    columns: Iterable[tuple[object, ...]] = zip(*rows, strict=True) if rows else ((), (), (), ())
    return pa.table([list(values) for values in columns], schema=PROBLEMS)


def _problems(store: "Store", artifact: str) -> Iterator[tuple[int, str, str]]:
    checked: set[tuple[str, str, int]] = set()
    for snapshot in range(1, newest_number(store, artifact) + 1):
        path = paths.manifest(artifact, snapshot)
        try:
            data = store.files.find(path)
            if data is None:
                yield snapshot, path, "expected the manifest of a committed snapshot, but got no file"
                continue
            manifest = parse(data, path)
        except StoreError as error:
            yield snapshot, path, str(error).removeprefix(f"{path}: ")
            continue
        new = [entry for entry in manifest.files if (entry.path, entry.sha256, entry.rows) not in checked]
        checked.update((entry.path, entry.sha256, entry.rows) for entry in new)
        for where, problem in _of_snapshot(store, manifest, new):
            yield snapshot, where, problem


def _of_snapshot(store: "Store", manifest: Manifest, new: list[FileEntry]) -> Iterator[tuple[str, str]]:
    yield from file_problems(store, [entry for entry in new if entry.role != CHUNK])
    if manifest.kind == "features":
        yield from _array_problems(store, manifest)
        features = Features(store, manifest.name.split("/")[0], manifest)
        yield from chunk_problems(features, [entry for entry in new if entry.role == CHUNK])
    yield from _parent_problems(store, manifest)


def _array_problems(store: "Store", manifest: Manifest) -> Iterator[tuple[str, str]]:
    path = chunks.metadata_path(manifest.artifact)
    try:
        _, rows, attributes = chunks.parse_metadata(store.files.read(path), path)
    except (CorruptError, MismatchError) as error:
        yield path, str(error).removeprefix(f"{path}: ").removeprefix(f"{path}, ")
        return
    if rows < manifest.rows:
        yield path, f"expected {manifest.rows} rows or more, but got {rows}"
    if (stored_space := attributes.get("t2c", {}).get("space")) != manifest.spec["space"]:
        yield path, f"expected space {manifest.spec['space']}, but got {stored_space}"


def _parent_problems(store: "Store", manifest: Manifest) -> Iterator[tuple[str, str]]:
    manifest_path = paths.manifest(manifest.artifact, manifest.snapshot)
    for parent in manifest.parents:
        if parent.kind not in paths.KINDS:
            continue
        path = paths.manifest(paths.artifact(parent.kind, parent.name), parent.snapshot)
        try:
            data = store.files.find(path)
            parent_manifest = None if data is None else parse(data, path)
        except StoreError:
            continue  # reported where the parent itself is checked
        if parent_manifest is None:
            yield manifest_path, f"expected its parent {path}, but got no file"
        elif parent.digest not in (parent_manifest.content_digest, parent_manifest.digest):
            yield (
                manifest_path,
                f"expected parent {path} with digest {parent.digest[:12]}, but got {parent_manifest.content_digest[:12]}",
            )
