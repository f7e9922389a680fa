"""Linear maps: weights as safetensors, a certificate, the fitted rows; found again by the two spaces they join.

An artifact `linear_maps/<digest>` holds three files: `weights` (weight, bias and those of each fold), `certificate`
(JSON) and `fitted` (FITTED_ROWS as Parquet). Two equal spaces need no map: the identity has a name and no files.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.certificate import Certificate, Fidelity, parse_certificate
from schemas.digest import SHORT
from schemas.errors import CorruptError, InputError, MismatchError, UnknownName, expected
from schemas.spaces import Space
from schemas.tables import FITTED_ROWS
from store import paths
from store.lease import lease
from store.manifest import (
    FileEntry,
    Manifest,
    Parent,
    commit,
    find_manifest,
    list_artifacts,
    next_snapshot,
    read_manifest,
    read_parquet,
    write_file,
    write_parquet,
)
from store.root import Store

Weights = NDArray[np.float32]


class Affine(Protocol):
    """Anything with a weight (source, target) and a bias (target,), such as `t2c_core.linear_map.LinearMap`."""

    @property
    def weight(self) -> Weights:
        """(source, target) float32."""

    @property
    def bias(self) -> Weights:
        """(target,) float32."""


@dataclass(frozen=True, slots=True)
class MapArrays:
    """The numbers of a map: `x @ weight + bias`."""

    weight: Weights
    """(source, target) float32, for rows that were not fitted."""
    bias: Weights
    """(target,) float32."""
    fold_weight: Weights
    """(folds, source, target) float32: fold f was fitted without the rows of fold f."""
    fold_bias: Weights
    """(folds, target) float32."""


@dataclass(frozen=True, slots=True)
class StoredMap:
    """A committed linear map, or the identity of a space; opening reads the certificate alone."""

    store: Store
    source: Space
    """Space of the features it takes."""
    target: Space
    """Space of the vectors its results may be compared with."""
    manifest: Manifest | None = None
    """Its manifest; None for the identity."""
    certificate: Certificate | None = None
    """Its certificate; None for the identity."""

    @property
    def identity(self) -> bool:
        """Whether features pass as they are."""
        return self.manifest is None

    @property
    def digest(self) -> str:
        """Full digest, or `identity-<12 hex of the space id>`."""
        return self.manifest.name if self.manifest else f"identity-{self.source.short}"

    @property
    def name(self) -> str:
        """Folder name under similarities: the first 12 hex digits of the digest, or that of the identity."""
        return self.digest[:SHORT] if self.manifest else self.digest

    def arrays(self) -> MapArrays | None:
        """Read and verify the weights; None for the identity. Raises CorruptError."""
        if self.manifest is None:
            return None
        from safetensors.numpy import load

        return MapArrays(**load(_read_checked(self.store, self.manifest.with_role("weights")[0])))

    def fitted(self) -> pa.Table:
        """Return FITTED_ROWS: rows the map was fitted on and the fold that never saw each; empty for the identity."""
        if self.manifest is None:
            return FITTED_ROWS.empty_table()
        return read_parquet(self.store, self.manifest.with_role("fitted")[0])

    def as_parent(self) -> Parent | None:
        """Return the map as a parent: its first snapshot, so that fidelity joining later changes nobody's digest."""
        if self.manifest is None:
            return None
        return read_manifest(self.store, self.manifest.artifact, snapshot=1).as_parent()


def write_map(
    store: Store,
    linear_map: Affine,
    certificate: Certificate,
    *,
    fitted: pa.Table,
    fold_maps: Sequence[Affine] = (),
    spec: Mapping[str, Any],
    parents: Sequence[Parent],
) -> StoredMap:
    """Commit a map under the digest of its spec and parents; one that is there already is returned unchanged.

    Raises MismatchError when shapes do not fit the certificate's spaces, InputError for numbers that are not finite.
    """
    full = {"source": certificate.source.id, "target": certificate.target.id, **spec}
    manifest = Manifest("linear_maps", "", 1, full, tuple(parents), rows=fitted.num_rows, summary=_summary(certificate))
    manifest = replace(manifest, name=manifest.digest)
    arrays = _arrays(linear_map, fold_maps, certificate)
    with lease(store, manifest.artifact, purpose="write a linear map") as token:
        if find_manifest(store, manifest.artifact) is None:
            files = _write_files(store, manifest.artifact, arrays, certificate, fitted)
            commit(store, manifest.artifact, replace(manifest, files=files), check=token.check)
    return open_map(store, manifest.name)


def open_map(store: Store, digest: str) -> StoredMap:
    """Open a map by its digest or a beginning of it; raises UnknownName, CorruptError."""
    known = [name for name in _names(store) if name.startswith(digest)] if digest else []
    if len(known) != 1:
        got = f"{digest!r}, which {'starts several' if known else 'starts none'}"
        listed = ", ".join(name[:SHORT] for name in _names(store)) or "a map (there is none yet)"
        raise UnknownName(expected("linear map", f"a digest of {listed}", got, "Fit one: t2c align"))
    return _open(store, known[0])


def identity_map(store: Store, space: Space) -> StoredMap:
    """Return the identity of a space, as used when the encoder is the target model itself."""
    return StoredMap(store, space, space)


def list_maps(store: Store) -> Iterator[StoredMap]:
    """Yield every committed map, oldest first."""
    yield from sorted((_open(store, name) for name in _names(store)), key=_age)


def find_map(store: Store, source: Space, target: Space, *, dataset: str | None = None) -> StoredMap:
    """Return the newest map from one space to the other (fitted on a dataset, when one is named).

    Equal spaces give the identity. A map fitted on one dataset serves any other in the same spaces.
    Raises UnknownName naming both sides and the maps there are.
    """
    if source.id == target.id:
        return identity_map(store, source)
    every = list(list_maps(store))
    for found in reversed(every):
        fits = found.source.id == source.id and found.target.id == target.id
        if fits and found.certificate is not None and dataset in (None, found.certificate.dataset):
            return found
    there = "; ".join(f"{one.name}: {one.source.describe()} to {one.target.describe()}" for one in every) or "no map"
    where = f" fitted on {dataset}" if dataset else ""
    want = f"a map from {source.describe()} to {target.describe()}{where}"
    todo = f"Fit one: t2c align DATASET --source {source.name} --target {target.name}"
    raise UnknownName(expected("linear map", want, there, todo))


def add_fidelity(store: Store, digest: str, fidelity: Sequence[Fidelity]) -> StoredMap:
    """Let per-concept fidelity join a map's certificate (a new snapshot; the weights stay), replacing its banks' rows."""
    with lease(store, paths.linear_map(open_map(store, digest).digest), purpose="add fidelity") as token:
        found = open_map(store, digest)
        if found.manifest is None or found.certificate is None:  # pragma: no cover - open_map gives stored maps
            return found
        banks = {row.bank for row in fidelity}
        kept = tuple(row for row in found.certificate.fidelity if row.bank not in banks)
        certificate = replace(found.certificate, fidelity=kept + tuple(fidelity))
        if certificate == found.certificate:
            return found
        artifact = found.manifest.artifact
        number = next_snapshot(store, artifact)
        others = tuple(entry for entry in found.manifest.files if entry.role != "certificate")
        entry = _write_certificate(store, artifact, certificate, snapshot=number)
        manifest = replace(found.manifest, snapshot=number, files=(*others, entry), summary=_summary(certificate))
        commit(store, artifact, manifest, check=token.check)
    return _open(store, found.digest)


def _names(store: Store) -> list[str]:
    return [folder.rpartition("/")[2] for folder in list_artifacts(store, "linear_maps")]


def _age(found: StoredMap) -> tuple[str, str]:
    return (found.manifest.created_at, found.digest) if found.manifest else ("", found.digest)


def _open(store: Store, name: str) -> StoredMap:
    manifest = read_manifest(store, paths.linear_map(name))
    entry = manifest.with_role("certificate")[0]
    certificate = parse_certificate(_read_checked(store, entry), subject=entry.path)
    return StoredMap(store, certificate.source, certificate.target, manifest, certificate)


def _read_checked(store: Store, entry: FileEntry) -> bytes:
    data = store.files.read(entry.path)
    got = hashlib.sha256(data).hexdigest()
    if got != entry.sha256:
        raise CorruptError(expected(entry.path, f"sha256 {entry.sha256[:12]}", got[:12], "Run: t2c verify"))
    return data


def _summary(certificate: Certificate) -> dict[str, Any]:
    quality = certificate.held_out
    return {
        "source": certificate.source.name,
        "target": certificate.target.name,
        "dataset": certificate.dataset,
        "fitted": certificate.fitted,
        "r2": None if quality is None else quality.r2_variance_weighted,
    }


def _arrays(linear_map: Affine, fold_maps: Sequence[Affine], certificate: Certificate) -> MapArrays:
    source, target = certificate.source.dimension, certificate.target.dimension
    for part in (linear_map, *fold_maps):
        if part.weight.shape != (source, target) or part.bias.shape != (target,):
            want = f"weight ({source}, {target}) and bias ({target},), from {certificate.source.describe()} to {certificate.target.describe()}"
            raise MismatchError(expected("linear map", want, f"{part.weight.shape} and {part.bias.shape}"))
        if not (np.isfinite(part.weight).all() and np.isfinite(part.bias).all()):
            raise InputError(expected("linear map", "finite weights", "NaN or infinity", "Raise --ridge."))
    folds = len(fold_maps)
    return MapArrays(
        weight=np.ascontiguousarray(linear_map.weight, dtype=np.float32),
        bias=np.ascontiguousarray(linear_map.bias, dtype=np.float32),
        fold_weight=np.array([part.weight for part in fold_maps], dtype=np.float32).reshape(folds, source, target),
        fold_bias=np.array([part.bias for part in fold_maps], dtype=np.float32).reshape(folds, target),
    )


def _write_files(
    store: Store, artifact: str, arrays: MapArrays, certificate: Certificate, fitted: pa.Table
) -> tuple[FileEntry, ...]:
    from safetensors.numpy import save

    tensors = {name: getattr(arrays, name) for name in MapArrays.__dataclass_fields__}
    path = paths.data_file(artifact, 1, n=0, suffix="safetensors")
    weights = write_file(store, path, save(tensors), rows=0, role="weights")
    path = paths.data_file(artifact, 1, n=1)
    table = write_parquet(store, path, fitted.select(FITTED_ROWS.names).cast(FITTED_ROWS), role="fitted")
    return (weights, table, _write_certificate(store, artifact, certificate, snapshot=1))


def _write_certificate(store: Store, artifact: str, certificate: Certificate, *, snapshot: int) -> FileEntry:
    path = paths.data_file(artifact, snapshot, n=2, suffix="json")
    return write_file(store, path, certificate.to_json().encode(), rows=0, role="certificate")
