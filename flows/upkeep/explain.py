"""Explain an artifact: what it is, what it holds, what it was made from, down to the images."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from t2c.flows.engine.shown import Shown
from t2c.schemas.digest import SHORT
from t2c.schemas.errors import SpecError, expected, unknown
from t2c.store.disk import paths
from t2c.store.disk.manifest import Manifest, Parent, find_manifest, list_artifacts, read_manifest, snapshots
from t2c.store.disk.root import Store

_DIGEST = re.compile(r"[0-9a-f]{6,64}")
"""What may be the start of a digest: six hex digits or more."""


@dataclass(frozen=True, slots=True)
class Explanation(Shown):
    """One artifact snapshot and its ancestry."""

    artifact: str
    """Folder of the artifact, relative to the store."""
    kind: str
    """Kind of artifact, such as similarities."""
    snapshot: int
    """The snapshot explained."""
    created_at: str
    """When it was committed, UTC."""
    digest: str
    """sha256 over its spec and its parents' digests."""
    content_digest: str
    """sha256 over the digest and the sha256 of every file."""
    rows: int
    """Rows it holds."""
    files: int
    """Files it names."""
    bytes: int
    """Their size in bytes."""
    spec: dict[str, Any]
    """What it was asked to be."""
    summary: dict[str, Any]
    """Counts and notes left by the step that made it."""
    history: pa.Table
    """snapshot, created_at, rows, files of every snapshot."""
    ancestry: pa.Table
    """depth, artifact, snapshot, digest, status of every ancestor; status says when its bytes are no longer those read."""


def explain(store: Store, name: str) -> Explanation:
    """Explain the artifact that `name` means: a folder, a dataset, a bank, or the start of a digest; `@N` picks a snapshot.

    Raises UnknownName with the nearest names, SpecError when the name means several artifacts.
    """
    target, at, number = name.partition("@")
    if at and not number.isdigit():
        raise SpecError(
            expected(f"snapshot of {target}", "a number after '@'", repr(number), f"Try: t2c explain {target}")
        )
    manifest = read_manifest(store, _resolve(store, target), snapshot=int(number) if at else None)
    return Explanation(
        artifact=manifest.artifact,
        kind=manifest.kind,
        snapshot=manifest.snapshot,
        created_at=manifest.created_at,
        digest=manifest.digest,
        content_digest=manifest.content_digest,
        rows=manifest.rows,
        files=len(manifest.files),
        bytes=sum(entry.size for entry in manifest.files),
        spec=dict(manifest.spec),
        summary=dict(manifest.summary),
        history=_history(store, manifest.artifact),
        ancestry=_ancestry(store, manifest),
    )


def artifact_names(store: Store) -> dict[str, str]:
    """Return every artifact's folder with its kind."""
    return {folder: kind for kind in paths.KINDS for folder in list_artifacts(store, kind)}


def _resolve(store: Store, target: str) -> str:
    """Return the one folder that wanted means.

    In this order: the exact folder, a dataset or bank, what starts with it (a digest, a folder's last part), and
    last any folder that it is a part of: so that a map is found by its digest although similarities are named by it too.
    """
    folders = artifact_names(store)
    exact = target.strip("/")
    for candidate in (exact, f"datasets/{exact}/images", f"concepts/{exact}"):
        if candidate in folders:
            return candidate
    matches = (_starting(store, folders, exact) or [folder for folder in folders if exact in folder]) if exact else []
    if len(matches) > 1:
        raise SpecError(
            expected("artifact", "a name that means one of them", f"{target!r}, which means {', '.join(matches[:6])}")
        )
    if not matches:
        raise unknown("artifact", target, folders, todo="Name a folder, a dataset, a bank or the start of a digest.")
    return matches[0]


def _starting(store: Store, folders: dict[str, str], prefix: str) -> list[str]:
    """Return the folders whose last part, or whose newest snapshot's digest or content digest, starts with prefix."""
    named = [folder for folder in folders if folder.rpartition("/")[2].startswith(prefix)]
    if not _DIGEST.fullmatch(prefix):
        return named
    newest = {folder: find_manifest(store, folder) for folder in folders if folder not in named}
    return named + [
        folder
        for folder, manifest in newest.items()
        if manifest and (manifest.digest.startswith(prefix) or manifest.content_digest.startswith(prefix))
    ]


def _history(store: Store, artifact: str) -> pa.Table:
    rows = [
        {
            "snapshot": manifest.snapshot,
            "created_at": manifest.created_at,
            "rows": manifest.rows,
            "files": len(manifest.files),
        }
        for manifest in snapshots(store, artifact)
    ]
    return pa.Table.from_pylist(rows)


def _ancestry(store: Store, manifest: Manifest) -> pa.Table:
    schema = pa.schema(
        {
            "depth": pa.int64(),
            "artifact": pa.string(),
            "snapshot": pa.int64(),
            "digest": pa.string(),
            "status": pa.string(),
        }
    )
    return pa.Table.from_pylist(list(_walk(store, manifest.parents, 1, set())), schema=schema)


def _walk(
    store: Store, parents: tuple[Parent, ...], depth: int, seen: set[tuple[str, int]]
) -> Iterator[dict[str, Any]]:
    for parent in parents:
        folder = paths.artifact(parent.kind, parent.name)
        ancestor = find_manifest(store, folder, snapshot=parent.snapshot)
        yield {
            "depth": depth,
            "artifact": folder,
            "snapshot": parent.snapshot,
            "digest": parent.digest[:SHORT],
            "status": _status(ancestor, parent),
        }
        # an ancestor that is met again is listed again, what it was made from is not
        if ancestor is not None and (folder, parent.snapshot) not in seen:
            seen.add((folder, parent.snapshot))
            yield from _walk(store, ancestor.parents, depth + 1, seen)


def _status(ancestor: Manifest | None, parent: Parent) -> str:
    if ancestor is None:
        return "gone"
    return "as read" if ancestor.content_digest == parent.digest else "other bytes than were read"
