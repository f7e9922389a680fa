"""Snapshots: an artifact's numbered manifests, each naming every file of one committed state.

A commit is one `put_if_absent` of `<artifact>/_snapshots/00000013.json`: it is there or it is not, and of several
writers one wins. Readers start at the number in `_head` (a hint, written after a commit) and probe forward for newer
ones, so nothing is ever located by listing a folder.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from t2c.schemas.digest import artifact_digest, digest
from t2c.schemas.errors import (
    ConflictError,
    CorruptError,
    SpecError,
    StoreError,
    StoreWriteError,
    UnknownName,
    expected,
)
from t2c.store.disk import paths
from t2c.store.disk.data_files import file_problems, read_parquet, write_file, write_parquet
from t2c.store.disk.entries import FileEntry
from t2c.store.disk.sections import check_size

if TYPE_CHECKING:
    from t2c.store.disk.root import Store

__all__ = [
    "Manifest",
    "Parent",
    "check_files",
    "commit",
    "find_manifest",
    "list_artifacts",
    "newest_number",
    "next_snapshot",
    "read_manifest",
    "read_parquet",
    "snapshots",
    "write_file",
    "write_parquet",
]

FORMAT = 1
"""Format of the manifests this code reads and writes."""


def now() -> str:
    """Return the time as UTC ISO text; snapshot numbers, not times, say what came first."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


@dataclass(frozen=True, slots=True)
class Parent:
    """One artifact that another was made from."""

    kind: str
    """Kind of the parent, such as images."""
    name: str
    """Its name, such as photos."""
    snapshot: int
    """The snapshot that was read."""
    digest: str
    """Its content digest, so that other bytes never pass as the same parent."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One committed state of an artifact."""

    kind: str
    """Kind of artifact, a key of `paths.KINDS`."""
    name: str
    """Its name; with the kind it is the folder."""
    snapshot: int
    """Number of this state, 1 and up, without gaps."""
    spec: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """What the artifact was asked to be, as JSON values."""
    parents: tuple[Parent, ...] = ()
    """What it was made from."""
    files: tuple[FileEntry, ...] = ()
    """Every file of this state, those of earlier snapshots that still hold included."""
    rows: int = 0
    """Rows of the artifact as a whole."""
    summary: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """Counts and notes for people, as JSON values; no part of any digest."""
    created_at: str = field(default_factory=now)
    """When it was committed, UTC ISO text; no part of any digest."""
    format: int = FORMAT
    """Format of the manifest."""

    @property
    def artifact(self) -> str:
        """The artifact's folder, relative to the store's root."""
        return paths.artifact(self.kind, self.name)

    @property
    def digest(self) -> str:
        """What made it: sha256 over the spec and the parents' digests; names artifacts and answers caches."""
        return artifact_digest(self.spec, [parent.digest for parent in self.parents])

    @property
    def content_digest(self) -> str:
        """What it holds: sha256 over the spec, the parents' digests and the files' sha256s."""
        return digest({"digest": self.digest, "files": [[entry.role, entry.sha256] for entry in self.files]})

    def as_parent(self) -> Parent:
        """Return this snapshot as a parent of something made from it; carries the content digest."""
        return Parent(self.kind, self.name, self.snapshot, self.content_digest)

    def with_role(self, role: str) -> tuple[FileEntry, ...]:
        """Return the files of one role, in order."""
        return tuple(entry for entry in self.files if entry.role == role)


def find_manifest(store: "Store", artifact: str, *, snapshot: int | None = None) -> Manifest | None:
    """Return an artifact's snapshot, the newest unless a number is given, or None when there is none.

    Raises CorruptError for a manifest that was damaged or deleted, StoreError for a format newer than this code.
    """
    if snapshot is not None:
        return _read(store, artifact, snapshot)
    number = _hint(store, artifact)
    newest = _read(store, artifact, number) if number else None
    if number and newest is None:
        path = paths.manifest(artifact, number)
        raise CorruptError(
            expected(path, f"the manifest that {paths.head(artifact)} names", "no file", "Run: t2c verify")
        )
    while (newer := _read(store, artifact, number + 1)) is not None:
        newest, number = newer, number + 1
    return newest


def read_manifest(store: "Store", artifact: str, *, snapshot: int | None = None) -> Manifest:
    """Return an artifact's snapshot as `find_manifest` does; raises UnknownName when there is none."""
    manifest = find_manifest(store, artifact, snapshot=snapshot)
    if manifest is not None:
        return manifest
    newest = find_manifest(store, artifact) if snapshot is not None else None
    if newest is None:
        raise UnknownName(
            expected(artifact, "a committed artifact", "none", f"See what there is: t2c ls --store {store}")
        )
    raise UnknownName(expected(f"snapshot of {artifact}", f"1 to {newest.snapshot}", str(snapshot)))


def newest_number(store: "Store", artifact: str) -> int:
    """Return the number of the newest snapshot without reading any, 0 when there is none."""
    number = _hint(store, artifact)
    while store.files.exists(paths.manifest(artifact, number + 1)):
        number += 1
    return number


def next_snapshot(store: "Store", artifact: str) -> int:
    """Return the number the next commit must have."""
    newest = find_manifest(store, artifact)
    return newest.snapshot + 1 if newest else 1


def snapshots(store: "Store", artifact: str) -> Iterator[Manifest]:
    """Yield every snapshot of an artifact, oldest first; raises CorruptError when one in between is gone."""
    newest = find_manifest(store, artifact)
    for number in range(1, newest.snapshot + 1 if newest else 1):
        manifest = _read(store, artifact, number)
        if manifest is None:
            path = paths.manifest(artifact, number)
            raise CorruptError(expected(path, "the manifest of a committed snapshot", "no file", "Run: t2c verify"))
        yield manifest


def commit(store: "Store", artifact: str, manifest: Manifest, *, check: Callable[[], object] | None = None) -> Manifest:
    """Make a manifest the newest snapshot of its artifact, and return it.

    Every file must be there with its size (files of the previous snapshot were checked then). `check`, such as a
    lease token's, is called last, right before the commit. Raises ConflictError unless `manifest.snapshot` is the
    newest plus one, CorruptError for a file that is not as named, StoreWriteError; nothing is committed then.
    """
    if artifact != manifest.artifact:
        raise SpecError(expected("artifact of the manifest", manifest.artifact, artifact))
    newest = find_manifest(store, artifact)
    if manifest.snapshot != (newest.snapshot if newest else 0) + 1:
        raise _conflict(artifact, manifest.snapshot, newest.snapshot if newest else 0)
    before = {(entry.path, entry.size) for entry in newest.files} if newest else set()
    for entry in manifest.files:
        if (entry.path, entry.size) not in before:
            check_size(store, entry)
    if check is not None:
        check()
    if not store.files.put_if_absent(paths.manifest(artifact, manifest.snapshot), render(manifest)):
        raise _conflict(artifact, manifest.snapshot, manifest.snapshot)
    with suppress(StoreWriteError):  # it is committed; without the hint readers probe a little further
        store.files.put(paths.head(artifact), b"%d\n" % manifest.snapshot)
    return manifest


def check_files(store: "Store", manifest: Manifest) -> list[str]:
    """Return one sentence for each file that is missing, of another size, or of other bytes than committed."""
    return [f"{path}: {problem}" for path, problem in file_problems(store, manifest.files)]


def list_artifacts(store: "Store", kind: str) -> list[str]:
    """Return the folders of all committed artifacts of a kind, sorted: candidates come from listing, proof from their manifests."""
    root, _, tail = paths.KINDS[kind].partition("{}")
    names = [""]
    for _ in range(paths.NAME_PARTS.get(kind, 1)):
        names = [f"{name}{child}/" for name in names for child in store.files.folders(f"{root}{name}".rstrip("/"))]
    return sorted(folder for name in names if _committed(store, folder := _folder(root, name.rstrip("/"), tail)))


def _folder(root: str, name: str, tail: str) -> str:
    return f"{root}{name}" if tail.startswith(".") else f"{root}{name}{tail}"


def _committed(store: "Store", artifact: str) -> bool:
    return store.files.exists(paths.head(artifact)) or store.files.exists(paths.manifest(artifact, 1))


def render(manifest: Manifest) -> bytes:
    """Return the manifest as JSON with a checksum over the rest of it."""
    value = asdict(manifest)
    return json.dumps({**value, "checksum": digest(value)}, indent=1, ensure_ascii=False, allow_nan=False).encode()


def parse(data: bytes, path: str) -> Manifest:
    """Parse a manifest; keys this code does not know are ignored.

    Raises CorruptError when it is not as written, StoreError when its format is newer.
    """
    try:
        value = json.loads(data)
        if value["format"] > FORMAT:
            todo = "Upgrade t2c: it was written by a newer one"
            raise StoreError(expected(path, f"format {FORMAT} or older", f"format {value['format']}", todo))
        checksum = value.pop("checksum")
        if digest(value) != checksum:
            raise CorruptError(expected(path, f"checksum {checksum[:12]}", digest(value)[:12], "Run: t2c verify"))
        fields = {name: value[name] for name in Manifest.__dataclass_fields__ if name in value}
        parents = tuple(Parent(**_known(Parent, parent)) for parent in value["parents"])
        files = tuple(FileEntry(**_known(FileEntry, entry)) for entry in value["files"])
        return Manifest(**{**fields, "parents": parents, "files": files})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptError(
            expected(path, "a manifest", f"{type(error).__name__}: {error}", "Run: t2c verify")
        ) from error


def _known(kind: Any, value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value[name] for name in kind.__dataclass_fields__ if name in value}


def _read(store: "Store", artifact: str, number: int) -> Manifest | None:
    path = paths.manifest(artifact, number)
    data = store.files.find(path)
    return None if data is None else parse(data, path)


def _hint(store: "Store", artifact: str) -> int:
    text = (store.files.find(paths.head(artifact)) or b"0").strip()
    return int(text) if text.isdigit() else 0


def _conflict(artifact: str, number: int, newest: int) -> ConflictError:
    todo = "Another run committed first; run the same command again, it continues from there."
    return ConflictError(expected(f"commit to {artifact}", f"snapshot {newest + 1}", f"snapshot {number}", todo))
