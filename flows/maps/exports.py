"""Linear maps handed out as files other programs read: the authors' .pth, safetensors, ONNX."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from t2c.core.maps.linear_map import LinearMap
from t2c.core.maps.onnx_map import onnx_bytes
from t2c.flows.engine.output_files import replacing
from t2c.flows.engine.shown import Shown
from t2c.flows.maps.listed import load_map
from t2c.schemas.certificate import Certificate
from t2c.schemas.errors import InputError, SpecError, expected
from t2c.schemas.extras import require
from t2c.store.artifacts.linear_maps import open_map
from t2c.store.disk.root import Store

Precision = Literal["float16", "float32"]
SUFFIXES = (".pth", ".pt", ".safetensors", ".onnx")


@dataclass(frozen=True, slots=True)
class ExportedMap(Shown):
    """The exported file: where it is, and what W in it maps."""

    map: str
    """12 hex digits of the map's digest."""
    path: str
    """The file."""
    dtype: str
    """Data type of the numbers."""
    shape: tuple[int, int]
    """Shape of W in the file: (target, source)."""
    source: str
    """Encoder whose features it takes."""
    target: str
    """Encoder whose space it maps into."""


def export_map(store: Store, digest: str, output: str | Path, *, dtype: Precision = "float32") -> ExportedMap:
    """Write a map as W (target, source) and b (target,): torch for .pth and .pt, safetensors, or ONNX, by the suffix.

    Aligned features are x @ W.T + b in each of them. The file appears complete or not at all. Raises UnknownName for
    the map, SpecError for another suffix or float16 in ONNX, InputError for weights that float16 cannot hold,
    MissingExtra without the onnx package, StoreWriteError.
    """
    place = Path(output).expanduser()
    if place.suffix.lower() not in SUFFIXES:
        raise SpecError(expected(f"output {output}", f"a name ending in {', '.join(SUFFIXES)}", repr(place.suffix)))
    if place.suffix.lower() == ".onnx" and dtype != "float32":
        raise SpecError(expected("--dtype", "float32 for .onnx", dtype))
    stored, linear_map = open_map(store, digest), load_map(store, digest)
    _check_range(linear_map, dtype)
    with replacing(place) as temporary:
        if place.suffix.lower() == ".onnx":
            temporary.write_bytes(onnx_bytes(linear_map, said=said_of(stored.certificate, stored.digest)))
        elif place.suffix.lower() == ".safetensors":
            _write_safetensors(linear_map, temporary, dtype, said_of(stored.certificate, stored.digest))
        else:
            require("extract", subject=f"aligner {place.name}", todo="or name a .safetensors file")
            from t2c.core.maps.gradient.aligner_files import write_aligner

            write_aligner(linear_map, temporary, dtype=dtype)
    shape = (linear_map.target, linear_map.source)
    return ExportedMap(stored.name, str(place), dtype, shape, stored.source.name, stored.target.name)


def said_of(certificate: Certificate | None, digest: str) -> dict[str, str]:
    """Return what a file says of its map, as text: where it comes from, and how good it was found to be."""
    metadata = {"map": digest}
    if certificate is not None:
        metadata |= {
            "source": certificate.source.name,
            "source_space": certificate.source.id,
            "target": certificate.target.name,
            "target_space": certificate.target.id,
            "aligner": certificate.aligner,
            "fitted_rows": str(certificate.fitted),
        }
        if certificate.held_out is not None:
            metadata["r2_variance_weighted"] = f"{certificate.held_out.r2_variance_weighted:.4f}"
            metadata["r2_rows"] = str(certificate.held_out.n)
    return metadata


def _write_safetensors(linear_map: LinearMap, file: Path, dtype: Precision, metadata: dict[str, str]) -> None:
    from safetensors.numpy import save_file

    tensors = {"W": np.ascontiguousarray(linear_map.weight.T.astype(dtype)), "b": linear_map.bias.astype(dtype)}
    save_file(tensors, file, metadata=metadata)


def _check_range(linear_map: LinearMap, dtype: Precision) -> None:
    """Raise InputError when float16 would turn a number into infinity."""
    largest = max(float(np.abs(part).max(initial=0.0)) for part in (linear_map.weight, linear_map.bias))
    if largest > float(np.finfo(dtype).max):
        want = f"weights of at most {np.finfo(dtype).max:,.0f} for {dtype}"
        raise InputError(expected("linear map", want, f"{largest:,.0f}", "Export as --dtype float32"))
