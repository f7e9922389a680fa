"""Features handed out: joined on image id as of a snapshot (the feature-store read), or a whole array as npy or Parquet."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import parquet

from t2c.flows.engine.output_files import replacing
from t2c.flows.engine.progress import NoProgress, Progress
from t2c.flows.engine.shown import Shown
from t2c.flows.rows.features_of_rows import features_of
from t2c.flows.rows.id_files import read_ids
from t2c.flows.rows.row_ids import row_index, unknown_ids
from t2c.schemas.errors import InputError, SpecError, expected
from t2c.schemas.names import DatasetRef
from t2c.store.artifacts.features import Features
from t2c.store.artifacts.images import Images, open_images
from t2c.store.disk.root import Store

Missing = Literal["refuse", "null"]
"""What happens to ids that a snapshot does not hold, or that have no vector."""


@dataclass(frozen=True, slots=True)
class ExportReport(Shown):
    """The exported files: their paths, rows and encoder."""

    dataset: str
    """Dataset and snapshot, such as photos@3."""
    encoder: str
    """Encoder whose features were written."""
    rows: int
    """Vectors written: current rows that have one."""
    paths: tuple[str, ...]
    """Files written: the .npy and its ids, or the .parquet."""


def get_features(
    store: Store,
    ref: DatasetRef | str,
    encoders: Sequence[str],
    *,
    ids: Sequence[str] | None = None,
    missing: Missing = "refuse",
) -> pa.Table:
    """Return features joined on image id as of a snapshot: columns image_id, row, and one an encoder.

    Vector columns are fixed-size lists of the stored data type, named by the encoder as it was asked for. `ids` gives
    the rows and their order; None gives the current rows that have a vector of every encoder. With `missing="null"`
    an id that the snapshot does not hold, and a row without a vector, give nulls, and None gives all current rows.
    Raises InputError naming ids that are not there or have no vector, UnknownName for a dataset, snapshot or encoder,
    SpecError for options, CorruptError.
    """
    if missing not in ("refuse", "null"):
        raise SpecError(expected("missing ids", "refuse or null", repr(missing)))
    if not encoders or len(set(encoders)) < len(encoders):
        raise SpecError(expected("encoders", "one or more, each once", repr(list(encoders))))
    images = open_images(store, ref)
    opened = [features_of(images, encoder) for encoder in encoders]
    names, rows = _wanted(images, ids, missing)
    if missing == "refuse":
        names, rows = _with_vectors(names, rows, dict(zip(encoders, opened, strict=True)), images=images, chosen=ids)
    columns = {
        "image_id": pa.array(names, pa.string()),
        "row": pa.array(rows, pa.int64(), mask=rows < 0),
        **{name: _vectors(features, rows) for name, features in zip(encoders, opened, strict=True)},
    }
    return pa.table(columns)


def export_features(
    store: Store,
    ref: DatasetRef | str,
    encoder: str,
    out: str | Path,
    *,
    progress: Progress | None = None,
) -> ExportReport:
    """Write the features of all current rows that have one: `out.npy` with `out.ids.csv` beside it, or `out.parquet`.

    Files appear complete or not at all. Raises SpecError for another suffix, InputError when no row has a feature,
    UnknownName, CorruptError, StoreWriteError.
    """
    place = Path(out)
    if place.suffix.lower() not in (".npy", ".parquet"):
        raise SpecError(expected(f"export {out}", "a name ending in .npy or .parquet", repr(place.suffix)))
    images = open_images(store, ref)
    features = features_of(images, encoder)
    rows, ids = _exported(images, features)
    if not len(rows):
        raise InputError(expected(f"{encoder} features of {ref}", "1 current row or more", "none"))
    progress = progress or NoProgress()
    progress.start(f"export {encoder}", len(rows), "rows")
    write = _write_npy if place.suffix.lower() == ".npy" else _write_parquet
    written = write(place, ids, features, rows, progress)
    progress.done()
    return ExportReport(f"{images.dataset}@{images.snapshot}", features.encoder, len(rows), written)


def read_wanted_ids(path: str | Path, *, column: str = "") -> list[str]:
    """Return the ids in a .txt, .csv, .json or .parquet file, in order; raises InputError, UnknownName."""
    ids: list[str] = read_ids(Path(path), column=column).column(0).to_pylist()
    return ids


def _wanted(images: Images, ids: Sequence[str] | None, missing: Missing) -> tuple[list[str], npt.NDArray[np.int64]]:
    by_id = row_index(images)
    if ids is None:
        return list(by_id), np.fromiter(by_id.values(), dtype=np.int64, count=len(by_id))
    rows = np.array([by_id.get(image_id, -1) for image_id in ids], dtype=np.int64)
    lost = np.flatnonzero(rows < 0)
    if len(lost) and missing == "refuse":
        raise unknown_ids(f"{images.dataset}@{images.snapshot}", ids, lost, todo="Pass --missing null to get nulls.")
    return list(ids), rows


def _with_vectors(
    names: list[str],
    rows: npt.NDArray[np.int64],
    opened: dict[str, Features],
    *,
    images: Images,
    chosen: Sequence[str] | None,
) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Return ids and rows that have a vector of every encoder; raises InputError when a chosen id has none."""
    keep = np.ones(len(rows), dtype=np.bool_)
    for encoder, features in opened.items():
        has = _has_vector(features, rows)
        if chosen is not None and not has.all():
            raise _without_vector(f"{images.dataset}@{images.snapshot}", encoder, names, np.flatnonzero(~has))
        keep &= has
    return [name for name, complete in zip(names, keep.tolist(), strict=True) if complete], rows[keep]


def _without_vector(dataset: str, encoder: str, ids: list[str], lost: npt.NDArray[np.int64]) -> InputError:
    """Return the error that names the first of the ids (by position) that have no vector."""
    listed = ", ".join(repr(ids[at][:80]) for at in lost[:5].tolist()) + (", ..." if len(lost) > 5 else "")
    actual = f"{len(lost)} of {len(ids)} without one: {listed}"
    todo = "Pass --missing null to get nulls."
    return InputError(expected(f"ids for {dataset}", f"image ids with a vector of {encoder}", actual, todo))


def _has_vector(features: Features, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Return whether each row has a vector, shape (rows,); -1 is a row that is not there."""
    has = np.zeros(len(rows), dtype=np.bool_)
    inside = (rows >= 0) & (rows < features.rows)
    has[inside] = features.present(0, features.rows)[rows[inside]]
    return has


def _vectors(features: Features, rows: npt.NDArray[np.int64]) -> pa.Array:
    """Return the vectors of the rows as a fixed-size list array, null where there is none."""
    has = _has_vector(features, rows)
    values = np.zeros((len(rows), features.dimension), dtype=features.dtype)
    values[has] = features.take(rows[has])
    return _list_array(values, mask=~has)


def _list_array(values: npt.NDArray[Any], *, mask: npt.NDArray[np.bool_] | None = None) -> pa.FixedSizeListArray:
    native = np.ascontiguousarray(values.astype(values.dtype.newbyteorder("="), copy=False))
    nulls = pa.array(mask) if mask is not None and mask.any() else None
    return pa.FixedSizeListArray.from_arrays(pa.array(native.ravel()), values.shape[1], mask=nulls)


def _exported(images: Images, features: Features) -> tuple[npt.NDArray[np.int64], list[str]]:
    table = images.table(["row", "image_id"])
    rows = np.asarray(table["row"], dtype=np.int64)
    keep = _has_vector(features, rows)
    return rows[keep], table["image_id"].filter(pa.array(keep)).to_pylist()


def _blocks(
    features: Features, rows: npt.NDArray[np.int64], progress: Progress
) -> Iterator[tuple[int, npt.NDArray[Any]]]:
    """Yield (position of the first, vectors) chunk by chunk; rows ascend, so each chunk is read once."""
    cuts = np.searchsorted(rows, [stop for _, stop in features.blocks()])
    for first, last in zip([0, *cuts[:-1]], cuts, strict=True):
        if last > first:
            yield int(first), features.take(rows[first:last])
            progress.advance(int(last - first))


def _write_npy(
    place: Path, ids: list[str], features: Features, rows: npt.NDArray[np.int64], progress: Progress
) -> tuple[str, ...]:
    beside = place.with_suffix(".ids.csv")
    with replacing(beside) as names:
        with names.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["image_id"])
            writer.writerows([image_id] for image_id in ids)
        with replacing(place) as data:
            shape = (len(rows), features.dimension)
            array = np.lib.format.open_memmap(data, mode="w+", dtype=features.dtype, shape=shape)
            for first, values in _blocks(features, rows, progress):
                array[first : first + len(values)] = values
            array.flush()
            del array
    return str(place), str(beside)


def _write_parquet(
    place: Path, ids: list[str], features: Features, rows: npt.NDArray[np.int64], progress: Progress
) -> tuple[str, ...]:
    kind = pa.list_(pa.from_numpy_dtype(features.dtype), features.dimension)
    schema = pa.schema([("image_id", pa.string()), ("vector", kind)])
    with replacing(place) as data, parquet.ParquetWriter(data, schema, write_page_checksum=True) as writer:
        for first, values in _blocks(features, rows, progress):
            some = pa.array(ids[first : first + len(values)], pa.string())
            writer.write_table(pa.table([some, _list_array(values)], schema=schema))
    return (str(place),)
