"""The files of a linear map: weights as safetensors, the certificate as JSON, the fitted rows as Parquet."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from t2c.schemas.certificate import Certificate
from t2c.schemas.errors import CorruptError, InputError, MismatchError, expected
from t2c.schemas.tables.tables import FITTED_ROWS
from t2c.store.disk import paths
from t2c.store.disk.entries import FileEntry
from t2c.store.disk.manifest import write_file, write_parquet
from t2c.store.disk.root import Store

Weights = NDArray[np.float32]


class Affine(Protocol):
    """Anything with a weight (source, target) and a bias (target,), such as `t2c.core.maps.linear_map.LinearMap`."""

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


def map_arrays(linear_map: Affine, fold_maps: Sequence[Affine], certificate: Certificate) -> MapArrays:
    """Return the numbers of a map and its fold maps; raises MismatchError for other shapes, InputError for NaN."""
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


def write_files(
    store: Store, artifact: str, arrays: MapArrays, certificate: Certificate, fitted: pa.Table
) -> tuple[FileEntry, ...]:
    """Write the three files of a map's first snapshot."""
    from safetensors.numpy import save

    tensors = {name: getattr(arrays, name) for name in MapArrays.__dataclass_fields__}
    path = paths.data_file(artifact, 1, n=0, suffix="safetensors")
    weights = write_file(store, path, save(tensors), rows=0, role="weights")
    path = paths.data_file(artifact, 1, n=1)
    table = write_parquet(store, path, fitted.select(FITTED_ROWS.names).cast(FITTED_ROWS), role="fitted")
    return (weights, table, write_certificate(store, artifact, certificate, snapshot=1))


def write_certificate(store: Store, artifact: str, certificate: Certificate, *, snapshot: int) -> FileEntry:
    """Write a certificate beside the others."""
    path = paths.data_file(artifact, snapshot, n=2, suffix="json")
    return write_file(store, path, certificate.to_json().encode(), rows=0, role="certificate")


def read_checked(store: Store, entry: FileEntry) -> bytes:
    """Return the bytes of a committed file; raises CorruptError when they are not those that were committed."""
    data = store.files.read(entry.path)
    actual = hashlib.sha256(data).hexdigest()
    if actual != entry.sha256:
        raise CorruptError(expected(entry.path, f"sha256 {entry.sha256[:12]}", actual[:12], "Run: t2c verify"))
    return data
