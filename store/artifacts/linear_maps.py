"""Linear maps: weights as safetensors, a certificate, the fitted rows; found again by the two spaces they join.

An artifact `linear_maps/<digest>` holds three files: `weights` (weight, bias and those of each fold), `certificate`
(JSON) and `fitted` (FITTED_ROWS as Parquet). Two equal spaces need no map: the identity has a name and no files.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from t2c.schemas.certificate import REGRESSIONS, Certificate, Fidelity, HeldOut, parse_certificate
from t2c.schemas.digest import SHORT
from t2c.schemas.errors import UnknownName, expected
from t2c.schemas.spaces import Space
from t2c.schemas.tables.tables import FITTED_ROWS
from t2c.store.artifacts.map_files import Affine, MapArrays, map_arrays, read_checked, write_certificate, write_files
from t2c.store.disk import paths
from t2c.store.disk.lease import lease
from t2c.store.disk.manifest import (
    Manifest,
    Parent,
    commit,
    find_manifest,
    list_artifacts,
    next_snapshot,
    read_manifest,
    read_parquet,
)
from t2c.store.disk.root import Store


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

        return MapArrays(**load(read_checked(self.store, self.manifest.with_role("weights")[0])))

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
    arrays = map_arrays(linear_map, fold_maps, certificate)
    with lease(store, manifest.artifact, purpose="write a linear map") as token:
        if find_manifest(store, manifest.artifact) is None:
            files = write_files(store, manifest.artifact, arrays, certificate, fitted)
            commit(store, manifest.artifact, replace(manifest, files=files), check=token.check)
    return open_map(store, manifest.name)


def open_map(store: Store, digest: str) -> StoredMap:
    """Open a map by its digest or a beginning of it; raises UnknownName, CorruptError."""
    matches = [name for name in _names(store) if name.startswith(digest)] if digest else []
    if len(matches) > 1:
        listed = ", ".join(name[:SHORT] for name in matches)
        actual = f"{digest!r}, which starts {len(matches)}: {listed}"
        raise UnknownName(expected("linear map", "a digest that starts one map", actual, "Write more of its digits."))
    if not matches:
        actual = f"{digest!r}, which starts none"
        listed = ", ".join(name[:SHORT] for name in _names(store)) or "a map (there is none yet)"
        raise UnknownName(expected("linear map", f"a digest of {listed}", actual, "Fit one: t2c align"))
    return _open(store, matches[0])


def identity_map(store: Store, space: Space) -> StoredMap:
    """Return the identity of a space, as used when the encoder is the target model itself."""
    return StoredMap(store, space, space)


def list_maps(store: Store) -> Iterator[StoredMap]:
    """Yield every committed map, oldest first."""
    yield from sorted((_open(store, name) for name in _names(store)), key=_age)


def find_map(store: Store, source: Space, target: Space, *, dataset: str | None = None) -> StoredMap:
    """Return the newest regression from one space to the other (fitted on a dataset, when one is named).

    Where there is none, the newest map of any other aligner. Equal spaces give the identity. A map fitted on one
    dataset serves any other in the same spaces. Raises UnknownName naming both sides and the maps there are.
    """
    if source.id == target.id:
        return identity_map(store, source)
    every = list(list_maps(store))
    fits = [
        linear_map for linear_map in every if (linear_map.source.id, linear_map.target.id) == (source.id, target.id)
    ]
    fits = [
        linear_map
        for linear_map in fits
        if linear_map.certificate is not None and dataset in (None, linear_map.certificate.dataset)
    ]
    if fits:
        return preferred(fits)
    available = (
        "; ".join(
            f"{linear_map.name}: {linear_map.source.describe()} to {linear_map.target.describe()}"
            for linear_map in every
        )
        or "no map"
    )
    where = f" fitted on {dataset}" if dataset else ""
    want = f"a map from {source.describe()} to {target.describe()}{where}"
    todo = f"Fit one: t2c align DATASET --source {source.name} --target {target.name}"
    raise UnknownName(expected("linear map", want, available, todo))


def preferred(maps: Sequence[StoredMap]) -> StoredMap:
    """Return the map to use of several between the same spaces, oldest first: the newest regression, else the newest."""
    return ([linear_map for linear_map in maps if _is_regression(linear_map)] or maps)[-1]


def preferred_maps(store: Store) -> list[StoredMap]:
    """Return, for each pair of spaces that a map joins, the one to use."""
    pairs: dict[tuple[str, str], list[StoredMap]] = {}
    for linear_map in list_maps(store):
        pairs.setdefault((linear_map.source.id, linear_map.target.id), []).append(linear_map)
    return [preferred(maps) for maps in pairs.values()]


def regressions(store: Store) -> frozenset[str]:
    """Return the names (12 hex digits) of the maps that are taken where none is named: those fitted by regression."""
    return frozenset(linear_map.name for linear_map in list_maps(store) if _is_regression(linear_map))


def _is_regression(linear_map: StoredMap) -> bool:
    return linear_map.certificate is not None and linear_map.certificate.aligner in REGRESSIONS


def add_fidelity(store: Store, digest: str, fidelity: Sequence[Fidelity]) -> StoredMap:
    """Let per-concept fidelity join a map's certificate (a new snapshot; the weights stay), replacing its banks' rows."""

    def joined(certificate: Certificate) -> Certificate:
        banks = {row.bank for row in fidelity}
        other_banks = tuple(row for row in certificate.fidelity if row.bank not in banks)
        return replace(certificate, fidelity=other_banks + tuple(fidelity))

    return _amend(store, digest, joined, purpose="add fidelity")


def add_quality(store: Store, digest: str, held_out: HeldOut, *, measured_on: str, notes: Sequence[str]) -> StoredMap:
    """Let a measured quality join a map's certificate (a new snapshot; the weights stay), with other notes."""

    def measured(certificate: Certificate) -> Certificate:
        return replace(certificate, held_out=held_out, measured_on=measured_on, notes=tuple(notes))

    return _amend(store, digest, measured, purpose="add a measured quality")


def _amend(store: Store, digest: str, change: Callable[[Certificate], Certificate], *, purpose: str) -> StoredMap:
    """Commit a changed certificate as a new snapshot; one that stays the same commits nothing."""
    with lease(store, paths.linear_map(open_map(store, digest).digest), purpose=purpose) as token:
        linear_map = open_map(store, digest)
        if (
            linear_map.manifest is None or linear_map.certificate is None
        ):  # pragma: no cover - open_map gives stored maps
            return linear_map
        certificate = change(linear_map.certificate)
        if certificate == linear_map.certificate:
            return linear_map
        artifact = linear_map.manifest.artifact
        number = next_snapshot(store, artifact)
        other_files = tuple(entry for entry in linear_map.manifest.files if entry.role != "certificate")
        entry = write_certificate(store, artifact, certificate, snapshot=number)
        manifest = replace(
            linear_map.manifest, snapshot=number, files=(*other_files, entry), summary=_summary(certificate)
        )
        commit(store, artifact, manifest, check=token.check)
    return _open(store, linear_map.digest)


def _names(store: Store) -> list[str]:
    return [folder.rpartition("/")[2] for folder in list_artifacts(store, "linear_maps")]


def _age(linear_map: StoredMap) -> tuple[str, str]:
    return (linear_map.manifest.created_at, linear_map.digest) if linear_map.manifest else ("", linear_map.digest)


def _open(store: Store, name: str) -> StoredMap:
    manifest = read_manifest(store, paths.linear_map(name))
    entry = manifest.with_role("certificate")[0]
    certificate = parse_certificate(read_checked(store, entry), subject=entry.path)
    return StoredMap(store, certificate.source, certificate.target, manifest, certificate)


def _summary(certificate: Certificate) -> dict[str, Any]:
    quality = certificate.held_out
    return {
        "source": certificate.source.name,
        "target": certificate.target.name,
        "aligner": certificate.aligner,
        "dataset": certificate.dataset,
        "fitted": certificate.fitted,
        "r2": None if quality is None else quality.r2_variance_weighted,
    }
