"""Vectors that a user brings: .npy files with ids, a Parquet column, or clip-retrieval's img_emb and metadata folders.

Nothing is unpickled. Arrays are memory-mapped (a Parquet column is first copied to a temporary file), so memory does
not grow with the number of vectors.
"""

import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from t2c.flows.rows.id_files import find_id_column, read_ids
from t2c.schemas.digest import canonical_json, digest_bytes
from t2c.schemas.errors import InputError, expected
from t2c.store.sources.inspect import describe
from t2c.store.sources.uris import file_uri

BLOCK = 4096
"""Rows handled at once."""

_NUMPY = b"\x93NUMPY"
_KEPT = ("label", "split", "captured_at", "uri")


@dataclass(frozen=True, slots=True)
class Vectors:
    """Vectors on disk with what is known of each row."""

    parts: tuple[npt.NDArray[Any], ...]
    """Memory-mapped arrays of shape (rows of the part, dimension), in order."""
    ids: tuple[str, ...]
    """One id a row over all parts, unique; free text."""
    columns: dict[str, list[Any]] = field(default_factory=dict)
    """label, split, captured_at and uri of each row, where the id file has them."""
    notes: tuple[str, ...] = ()
    """What was done to the numbers, for the report."""

    @property
    def rows(self) -> int:
        """Number of vectors."""
        return sum(len(part) for part in self.parts)

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self.parts[0].shape[1])

    @property
    def dtype(self) -> str:
        """Data type they are kept in: float16 when they are float16, else float32."""
        return "float16" if all(part.dtype == np.float16 for part in self.parts) else "float32"

    def take(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.floating[Any]]:
        """Return these rows, shape (len(rows), dimension), in the data type they are kept in."""
        out = np.empty((len(rows), self.dimension), dtype=self.dtype)
        start = 0
        for part in self.parts:
            inside = np.flatnonzero((rows >= start) & (rows < start + len(part)))
            with np.errstate(over="ignore"):
                out[inside] = part[rows[inside] - start]
            start += len(part)
        return out

    def blocks(self) -> Iterator[tuple[int, npt.NDArray[np.floating[Any]]]]:
        """Yield (first row, block) over all rows in order, in the data type they are kept in."""
        for start in range(0, self.rows, BLOCK):
            yield start, self.take(np.arange(start, min(start + BLOCK, self.rows)))

    def digest(self, *, what: str) -> str:
        """Return the sha256 of data type, shape and little-endian values; raises InputError naming a row with NaN."""
        head = canonical_json({"dtype": self.dtype, "shape": [self.rows, self.dimension]})
        return digest_bytes(head, *self._checked_bytes(what))

    def _checked_bytes(self, what: str) -> Iterator[bytes]:
        for start, block in self.blocks():
            bad = np.flatnonzero(~np.isfinite(block).all(axis=1))
            if len(bad):
                row = start + int(bad[0])
                subject = f"row {row} of {what} ({self.ids[row][:200]!r})"
                raise InputError(expected(subject, "finite numbers", "NaN or infinity", "Remove the row or mend it."))
            yield block.astype(block.dtype.newbyteorder("<"), copy=False).tobytes()


def open_vectors(
    path: str | Path, ids: str | Path | None = None, *, id_column: str = "", vector_column: str = ""
) -> Vectors:
    """Open a .npy file with an id file, a .parquet with a vector column, or a clip-retrieval folder.

    Raises InputError for anything else, for arrays that are not two-dimensional numbers, for ids that do not match
    the rows one to one, and for an id that comes twice.
    """
    place = Path(path)
    if place.is_dir():
        return _checked(*_clip_retrieval(place, id_column), what=str(place))
    if not place.is_file():
        todo = "Give a .npy file and its ids, a .parquet, or clip-retrieval's output folder."
        raise InputError(expected(f"vectors {place}", "a file or folder", "nothing there", todo))
    if place.suffix.lower() == ".parquet":
        return _checked(*_parquet(place, id_column, vector_column), what=str(place))
    part = open_npy(place)
    if ids is None:
        todo = "Add the file of image ids, one a line in the order of the rows: feats.npy ids.txt"
        raise InputError(expected(f"ids of {place}", "a .txt, .csv, .json or .parquet file", "none", todo))
    return _checked([part], read_ids(Path(ids), rows=len(part), column=id_column), what=str(place))


def open_npy(path: Path) -> npt.NDArray[Any]:
    """Return a two-dimensional numeric .npy file memory-mapped; raises InputError, and never unpickles."""
    subject = f"vectors {path}"
    try:
        with path.open("rb") as stream:
            head = stream.read(64)
        if not head.startswith(_NUMPY):
            actual = "a pickle, which is never opened" if head.startswith(b"\x80") else describe(head)
            raise InputError(expected(subject, "a .npy file", actual, "Save it with numpy.save(path, array)."))
        array = np.lib.format.open_memmap(path, mode="r")
    except OSError as reason:
        raise InputError(expected(subject, "a file that can be read", f"{reason.strerror or reason}")) from reason
    except InputError:
        raise
    except ValueError as reason:
        raise InputError(expected(subject, "a whole .npy file of numbers", f"an error: {reason}")) from reason
    if array.ndim != 2 or 0 in array.shape:
        raise InputError(expected(subject, "shape (rows, dimension), both 1 or more", f"shape {array.shape}"))
    if array.dtype.kind not in "fiu":
        raise InputError(expected(subject, "floating point numbers", f"data type {array.dtype}"))
    return array


def _clip_retrieval(folder: Path, id_column: str) -> tuple[list[npt.NDArray[Any]], pa.Table]:
    """Return the parts and the metadata rows of clip-retrieval's img_emb/img_emb_*.npy and metadata/metadata_*.parquet."""
    arrays, tables = (_numbered(folder, stem, suffix) for stem, suffix in (("img_emb", "npy"), ("metadata", "parquet")))
    if not arrays or arrays.keys() != tables.keys():
        want = "img_emb/img_emb_N.npy and metadata/metadata_N.parquet with the same numbers N"
        actual = f"numbers {sorted(arrays)[:8]} and {sorted(tables)[:8]}"
        raise InputError(
            expected(f"vectors {folder}", want, actual, "Give the folder that clip-retrieval inference wrote.")
        )
    parts = [open_npy(arrays[number]) for number in sorted(arrays)]
    ids = [
        read_ids(tables[number], rows=len(part), column=id_column)
        for number, part in zip(sorted(arrays), parts, strict=True)
    ]
    if len({table.column_names[0] for table in ids}) > 1:
        raise InputError(
            expected(f"metadata of {folder}", "one id column in every file", "several", "Pass --id-column.")
        )
    return parts, pa.concat_tables(ids, promote_options="permissive")


def _numbered(folder: Path, stem: str, suffix: str) -> dict[int, Path]:
    name = re.compile(rf"{stem}_(\d+)\.{suffix}")
    places = [*folder.glob(f"{stem}_*.{suffix}"), *folder.glob(f"{stem}/{stem}_*.{suffix}")]
    return {int(match[1]): place for place in places if (match := name.fullmatch(place.name))}


def _parquet(path: Path, id_column: str, vector_column: str) -> tuple[list[npt.NDArray[Any]], pa.Table]:
    try:
        file = parquet.ParquetFile(path)
        column = _vector_column(file.schema_arrow, vector_column, path)
        return [_spool(file, column, path)], read_ids(path, rows=file.metadata.num_rows, column=id_column)
    except pa.ArrowException as reason:
        raise InputError(expected(f"vectors {path}", "a whole Parquet file", f"an error: {reason}")) from reason


def _vector_column(schema: pa.Schema, requested: str, path: Path) -> str:
    lists: list[str] = [column.name for column in schema if _is_vector(column.type)]
    if requested in lists:
        return requested
    if requested or len(lists) != 1:
        want = f"vector column {requested!r}" if requested else "one column of lists of numbers"
        actual = f"{', '.join(map(repr, lists)) or 'none'} among columns {', '.join(schema.names)[:300]}"
        raise InputError(expected(f"vectors {path}", want, actual, "Name it: --vector-column NAME"))
    return lists[0]


def _is_vector(kind: pa.DataType) -> bool:
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    return bool(is_list and (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)))


def _spool(file: parquet.ParquetFile, column: str, path: Path) -> npt.NDArray[Any]:
    """Copy a vector column to a temporary file and return it memory-mapped; the file goes with the array."""
    rows, at = file.metadata.num_rows, 0
    out: npt.NDArray[Any] | None = None
    for batch in file.iter_batches(BLOCK, columns=[column]):
        values = _matrix(batch.column(0), subject=f"column {column!r} of {path}", first=at)
        if out is None:
            kind = np.float16 if values.dtype == np.float16 else np.float32
            with tempfile.TemporaryFile() as spool:
                out = np.memmap(spool, dtype=kind, mode="w+", shape=(rows, values.shape[1]))
        if values.shape[1] != out.shape[1]:
            actual = f"{values.shape[1]} in row {at}"
            raise InputError(expected(f"column {column!r} of {path}", f"{out.shape[1]} numbers a row", actual))
        out[at : at + len(values)] = values
        at += len(values)
    if out is None:
        raise InputError(expected(f"vectors {path}", "1 row or more", "none"))
    return out


def _matrix(column: pa.Array, *, subject: str, first: int) -> npt.NDArray[Any]:
    """Return a batch of lists as an array of shape (rows, dimension)."""
    lengths = np.asarray(pc.fill_null(pc.list_value_length(column), -1))
    wrong = np.flatnonzero(lengths != lengths[0]) if lengths[0] > 0 else np.array([0])
    if len(wrong):
        actual = f"{max(int(lengths[wrong[0]]), 0)} in row {first + int(wrong[0])}"
        raise InputError(expected(subject, f"{max(int(lengths[0]), 1)} numbers a row", actual))
    values = column.flatten()
    if values.null_count:
        row = first + int(np.flatnonzero(np.asarray(values.is_null()))[0]) // int(lengths[0])
        raise InputError(expected(subject, "numbers", f"a null in row {row}"))
    return np.asarray(values).reshape(len(column), int(lengths[0]))


def _checked(parts: Sequence[npt.NDArray[Any]], table: pa.Table, *, what: str) -> Vectors:
    """Return the vectors once parts and ids are known to fit."""
    ids = table[table.column_names[0]].to_pylist()
    dimensions = {part.shape[1] for part in parts}
    if len(dimensions) > 1:
        raise InputError(expected(f"vectors {what}", "one dimension", f"{sorted(dimensions)}"))
    first_rows: dict[str, int] = {}
    for row, image_id in enumerate(ids):
        if (first := first_rows.setdefault(image_id, row)) != row:
            actual = f"{image_id[:200]!r} in rows {first} and {row}"
            raise InputError(expected(f"ids of {what}", "each once", actual, "Remove one of the rows."))
    other_dtypes = sorted({str(part.dtype) for part in parts} - {"float16", "float32"})
    notes = (f"{', '.join(other_dtypes)} kept as float32",) if other_dtypes else ()
    columns = {name: table[name].to_pylist() for name in _KEPT if name in table.column_names[1:]}
    if find_id_column(table.column_names[:1]) in ("image_path", "path") and "uri" not in columns:
        columns["uri"] = [file_uri(image_id) if image_id.startswith("/") else None for image_id in ids]
    return Vectors(tuple(parts), tuple(ids), columns, notes)
