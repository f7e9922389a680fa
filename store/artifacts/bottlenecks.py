"""Concept bottlenecks: weights as safetensors, their concepts and rows as tables, a certificate; an artifact each.

An artifact `bottlenecks/<digest>` holds four files: `weights` (weight, bias, and the mean and std that similarities are
standardised with), `concepts` (CONCEPTS_SEEN), `rows` (ROWS: which content it was fitted on) and `certificate` (JSON).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from t2c.schemas.bottleneck_certificate import BottleneckCertificate, parse_bottleneck
from t2c.schemas.digest import SHORT
from t2c.schemas.errors import UnknownName, expected
from t2c.schemas.tables.tables import column
from t2c.store.disk import paths
from t2c.store.disk.data_files import read_checked
from t2c.store.disk.entries import FileEntry
from t2c.store.disk.lease import lease
from t2c.store.disk.manifest import (
    Manifest,
    Parent,
    commit,
    find_manifest,
    list_artifacts,
    read_manifest,
    read_parquet,
    write_file,
    write_parquet,
)
from t2c.store.disk.root import Store

CONCEPTS_SEEN = pa.schema(
    [
        column("key", pa.int32(), "concept number in the bank"),
        column("concept", pa.string(), "the concept"),
        column("mark", pa.string(), "trust mark when the head was fitted, or not measured"),
    ]
)
"""Concepts of a bottleneck, in the order of its inputs."""

ROWS = pa.schema(
    [
        column("row", pa.int64(), "image row in the dataset it was fitted on"),
        column("content_hash", pa.string(), "content of the image"),
        column("side", pa.string(), "fitted or held out"),
        column("label", pa.string(), "class"),
    ]
)
"""Images of a bottleneck's task, in order of row."""

FITTED, HELD_OUT = "fitted", "held out"
"""Sides of a row."""


@dataclass(frozen=True, slots=True, eq=False)
class BottleneckArrays:
    """The numbers of a bottleneck."""

    weight: NDArray[np.float32]
    """(classes, concepts) what one standard deviation of a concept adds to a logit."""
    bias: NDArray[np.float32]
    """(classes,) logits of an image average in everything."""
    mean: NDArray[np.float64]
    """(concepts,) mean similarity over the rows fitted."""
    std: NDArray[np.float64]
    """(concepts,) population standard deviation over them."""


@dataclass(frozen=True, slots=True)
class StoredBottleneck:
    """A committed bottleneck; opening reads the certificate alone."""

    store: Store
    manifest: Manifest
    certificate: BottleneckCertificate

    @property
    def name(self) -> str:
        """The first 12 hex digits of its digest, by which it is named."""
        return self.manifest.name[:SHORT]

    def arrays(self) -> BottleneckArrays:
        """Read and verify the weights; raises CorruptError."""
        from safetensors.numpy import load

        return BottleneckArrays(**load(read_checked(self.store, self.manifest.with_role("weights")[0])))

    def concepts(self) -> pa.Table:
        """Return CONCEPTS_SEEN."""
        return read_parquet(self.store, self.manifest.with_role("concepts")[0])

    def rows(self) -> pa.Table:
        """Return ROWS."""
        return read_parquet(self.store, self.manifest.with_role("rows")[0])


def find_bottleneck(store: Store, spec: Mapping[str, Any], parents: Sequence[Parent]) -> StoredBottleneck | None:
    """Return the bottleneck that a spec and its parents name, or None when it was never made."""
    name = _named(spec, parents).name
    return _open(store, name) if find_manifest(store, paths.artifact("bottlenecks", name)) else None


def write_bottleneck(
    store: Store,
    arrays: BottleneckArrays,
    certificate: BottleneckCertificate,
    *,
    concepts: pa.Table,
    rows: pa.Table,
    spec: Mapping[str, Any],
    parents: Sequence[Parent],
) -> StoredBottleneck:
    """Commit a bottleneck under the digest of its spec and parents; one that is there already is returned unchanged."""
    manifest = replace(_named(spec, parents), rows=rows.num_rows, summary=_summary(certificate))
    with lease(store, manifest.artifact, purpose="write a bottleneck") as token:
        if find_manifest(store, manifest.artifact) is None:
            files = _write_files(store, manifest.artifact, arrays, certificate, concepts=concepts, rows=rows)
            commit(store, manifest.artifact, replace(manifest, files=files), check=token.check)
    return _open(store, manifest.name)


def open_bottleneck(store: Store, digest: str) -> StoredBottleneck:
    """Open a bottleneck by its digest or a beginning of it; raises UnknownName naming those there are."""
    matches = [name for name in _names(store) if name.startswith(digest)] if digest else []
    if len(matches) != 1:
        actual = f"{digest!r}, which {'starts several' if matches else 'starts none'}"
        listed = ", ".join(name[:SHORT] for name in _names(store)) or "a bottleneck (there is none yet)"
        raise UnknownName(expected("bottleneck", f"a digest of {listed}", actual, "See them: t2c cbm list"))
    return _open(store, matches[0])


def resolve_bottleneck(store: Store, dataset: str, model: str | None = None) -> StoredBottleneck:
    """Return the bottleneck named, else the newest fitted on a dataset, else the newest of all; edited ones by name only.

    Raises UnknownName with the command that fits one.
    """
    if model is not None:
        return open_bottleneck(store, model)
    every = [bottleneck for bottleneck in list_bottlenecks(store) if not bottleneck.certificate.edits]
    own = [bottleneck for bottleneck in every if bottleneck.certificate.dataset == dataset]
    if not every:
        todo = f"Fit one: t2c cbm fit {dataset} --concepts BANK"
        raise UnknownName(expected(f"bottleneck of {dataset}", "one that was fitted", "none", todo))
    return (own or every)[-1]


def list_bottlenecks(store: Store) -> Iterator[StoredBottleneck]:
    """Yield every bottleneck, oldest first."""
    every = [_open(store, name) for name in _names(store)]
    yield from sorted(every, key=lambda bottleneck: (bottleneck.manifest.created_at, bottleneck.manifest.name))


def _named(spec: Mapping[str, Any], parents: Sequence[Parent]) -> Manifest:
    manifest = Manifest("bottlenecks", "", 1, dict(spec), tuple(parents))
    return replace(manifest, name=manifest.digest)


def _names(store: Store) -> list[str]:
    return [folder.rpartition("/")[2] for folder in list_artifacts(store, "bottlenecks")]


def _open(store: Store, name: str) -> StoredBottleneck:
    manifest = read_manifest(store, paths.artifact("bottlenecks", name))
    entry = manifest.with_role("certificate")[0]
    return StoredBottleneck(store, manifest, parse_bottleneck(read_checked(store, entry), subject=entry.path))


def _summary(certificate: BottleneckCertificate) -> dict[str, Any]:
    names = ("dataset", "labels", "bank", "map", "head", "concepts", "fitted", "held_out")
    return {**{name: getattr(certificate, name) for name in names}, "edits": len(certificate.edits)}


def _write_files(
    store: Store,
    artifact: str,
    arrays: BottleneckArrays,
    certificate: BottleneckCertificate,
    *,
    concepts: pa.Table,
    rows: pa.Table,
) -> tuple[FileEntry, ...]:
    from safetensors.numpy import save

    tensors = {field.name: np.ascontiguousarray(getattr(arrays, field.name)) for field in fields(arrays)}
    weights = paths.data_file(artifact, 1, n=0, suffix="safetensors")
    text = certificate.to_json().encode()
    return (
        write_file(store, weights, save(tensors), rows=0, role="weights"),
        write_parquet(store, paths.data_file(artifact, 1, n=1), concepts.cast(CONCEPTS_SEEN), role="concepts"),
        write_parquet(store, paths.data_file(artifact, 1, n=2), rows.cast(ROWS), role="rows"),
        write_file(store, paths.data_file(artifact, 1, n=3, suffix="json"), text, rows=0, role="certificate"),
    )
