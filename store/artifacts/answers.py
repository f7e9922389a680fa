"""Answers kept as tables: shift, zero-shot and the like, each named by the digest of what was asked and of its parents."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from t2c.schemas.errors import SpecError, expected
from t2c.schemas.names import check_name
from t2c.schemas.tables.answers import ANSWERS
from t2c.store.disk import paths
from t2c.store.disk.lease import lease
from t2c.store.disk.manifest import (
    Manifest,
    Parent,
    commit,
    find_manifest,
    list_artifacts,
    read_manifest,
    read_parquet,
    write_parquet,
)
from t2c.store.disk.root import Store


def write_answer(
    store: Store, kind: str, table: pa.Table, *, spec: Mapping[str, Any], parents: Sequence[Parent]
) -> Manifest:
    """Commit a table as the answer to a spec asked of its parents; the same question again returns the same answer.

    `kind` is a plain name such as shift; the spec of one in `t2c.schemas.tables.answers.ANSWERS` must hold the texts it says.
    Raises SpecError.
    """
    check_name(kind, what="kind of answer")
    says = ANSWERS[kind].says if kind in ANSWERS else ()
    if missing := [key for key in says if not isinstance(spec.get(key), str)]:
        raise SpecError(expected(f"spec of a {kind} answer", f"text for {', '.join(missing)}", "none"))
    digest = Manifest("answers", f"{kind}/0", 1, {"kind": kind, **spec}, tuple(parents)).digest
    artifact = paths.answers(kind, digest)
    with lease(store, artifact, purpose=f"write a {kind} answer") as token:
        existing = find_manifest(store, artifact)
        if existing is not None:
            return existing
        writing = ANSWERS[kind].writing if kind in ANSWERS else {}
        entry = write_parquet(store, paths.data_file(artifact, 1), table, **writing)
        name = artifact.partition("/")[2]
        manifest = Manifest("answers", name, 1, {"kind": kind, **spec}, tuple(parents), (entry,), table.num_rows)
        return commit(store, artifact, manifest, check=token.check)


def answer_table(store: Store, manifest: Manifest, *, columns: list[str] | None = None) -> pa.Table:
    """Return the table of an answer, or some of its columns; raises CorruptError."""
    return read_parquet(store, manifest.with_role("data")[0], columns=columns)


def list_answers(store: Store, kind: str) -> list[Manifest]:
    """Return the manifests of all answers of a kind, oldest first."""
    artifacts = [artifact for artifact in list_artifacts(store, "answers") if artifact.startswith(f"answers/{kind}/")]
    return sorted(
        (read_manifest(store, artifact) for artifact in artifacts),
        key=lambda manifest: (manifest.created_at, manifest.name),
    )
