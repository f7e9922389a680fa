"""Answers asked for a second time: found by the digest of the question, not computed again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from t2c.schemas.digest import artifact_digest
from t2c.schemas.errors import StoreWriteError
from t2c.store.artifacts.answers import answer_table, write_answer
from t2c.store.disk import paths
from t2c.store.disk.manifest import Manifest, Parent, find_manifest
from t2c.store.disk.root import Store


def store_path(store: Store, artifact: str) -> str:
    """Return where an artifact is, for people: a local folder or a URL."""
    return store.files.local_path(artifact) or store.files.uri(artifact)


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """An answer's table, and where it is kept."""

    table: pa.Table
    """The table."""
    digest: str
    """Digest of the question; empty when the answer could not be stored."""
    path: str
    """Where it is; empty when it could not be stored."""
    new: bool
    """Whether it was computed now."""


def stored_once(
    store: Store,
    kind: str,
    compute: Callable[[], pa.Table],
    *,
    spec: Mapping[str, Any],
    parents: Sequence[Parent],
) -> Answer:
    """Return the stored answer to a question, or compute and store it.

    Asking needs no right to write: in a store that cannot be written the answer is computed and not kept.
    """
    digest = artifact_digest({"kind": kind, **spec}, [parent.digest for parent in parents])
    manifest = find_manifest(store, paths.answers(kind, digest))
    if manifest is not None:
        return _stored(store, manifest, answer_table(store, manifest), new=False)
    # outside the try: only a failure to store may pass, not one to compute
    table = compute()
    try:
        return _stored(store, write_answer(store, kind, table, spec=spec, parents=parents), table, new=True)
    except StoreWriteError:
        return Answer(table, "", "", new=True)


def _stored(store: Store, manifest: Manifest, table: pa.Table, *, new: bool) -> Answer:
    return Answer(table, manifest.digest, store_path(store, manifest.artifact), new)
