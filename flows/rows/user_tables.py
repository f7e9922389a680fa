"""Tables that a user brings, keyed by image id: read from Parquet or CSV, joined on a dataset's current rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from t2c.flows.rows.id_files import find_id_column, read_csv
from t2c.flows.rows.row_ids import find_rows, unknown_ids
from t2c.schemas.errors import InputError, SpecError, expected, unknown
from t2c.store.artifacts.images import Images

_TODO = "Ids are paths relative to the indexed folder; --unknown skip leaves these out."


@dataclass(frozen=True, slots=True)
class Joined:
    """A user's table joined on a dataset."""

    rows: npt.NDArray[np.int64]
    """Image row of each line of `table`, shape (lines,)."""
    ids: tuple[str, ...]
    """Image id of each line."""
    table: pa.Table
    """The other columns."""
    skipped: int
    """Lines left out because their id is not in the dataset."""


def read_table(path: str | Path) -> pa.Table:
    """Read a .parquet, .csv or .tsv file (with a header; all its cells are text, empty ones null); raises InputError."""
    place = Path(path)
    subject = f"table {place}"
    suffix = place.suffix.lower()
    if suffix not in (".parquet", ".csv", ".tsv"):
        raise InputError(expected(subject, "a .parquet, .csv or .tsv file", repr(place.suffix or place.name)))
    try:
        table = parquet.read_table(place) if suffix == ".parquet" else read_csv(place)
    except OSError as reason:
        raise InputError(expected(subject, "a file that can be read", f"{reason.strerror or reason}")) from reason
    except (UnicodeDecodeError, ValueError, pa.ArrowException) as reason:
        raise InputError(expected(subject, f"a whole {place.suffix} file", f"an error: {reason}")) from reason
    if table.num_rows == 0:
        raise InputError(expected(subject, "1 row or more", "none"))
    return table


def join_table(
    images: Images, table: pa.Table, *, what: str, id_column: str = "", skip_unknown: bool = False
) -> Joined:
    """Join a table on image id; raises InputError naming ids that the dataset lacks, UnknownName for a column."""
    name = id_column or find_id_column(table.column_names)
    if name is None or name not in table.column_names:
        raise unknown(f"id column of {what}", name or "image_id", table.column_names, todo="Name it: --id-column NAME")
    ids: list[str | None] = as_text(table[name], what=what, name=name).to_pylist()
    empty = next((line for line, value in enumerate(ids) if not value), None)
    if empty is not None:
        raise InputError(expected(f"{what}, row {empty}", f"an image id in column {name!r}", "none"))
    texts = [str(value) for value in ids]
    rows = find_rows(images, texts)
    lost = np.flatnonzero(rows < 0)
    if len(lost) and (not skip_unknown or len(lost) == len(rows)):
        raise unknown_ids(images.dataset, texts, lost, todo=_TODO)
    lines = np.flatnonzero(rows >= 0)
    rest = table.drop_columns([name]).take(pa.array(lines))
    return Joined(rows[lines], tuple(texts[line] for line in lines.tolist()), rest, len(lost))


def as_text(column: pa.ChunkedArray, *, what: str, name: str) -> pa.ChunkedArray:
    """Return a column as text: true and false, shortest numbers, ISO times; NaN is null. Raises InputError for lists."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    try:
        text = column.cast(pa.string())
    except pa.ArrowException as reason:
        want = "text, numbers, booleans or times"
        raise InputError(expected(f"column {name!r} of {what}", want, str(column.type))) from reason
    if pa.types.is_floating(column.type):
        text = pc.if_else(pc.is_nan(pc.fill_null(column, 0.0)), pa.scalar(None, pa.string()), text)
    return text


def as_numbers(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return text as float64: true is 1, false is 0, null where it is no finite number."""
    encoded = text.combine_chunks().dictionary_encode()
    values = pa.array([_number(value) for value in encoded.dictionary.to_pylist()], pa.float64())
    return pa.chunked_array([values.take(encoded.indices)])


def _number(text: str | None) -> float | None:
    if text is None:
        return None
    boolean = {"true": 1.0, "false": 0.0}.get(text.strip().lower())
    if boolean is not None:
        return boolean
    try:
        value = float(text) if "_" not in text else float("nan")
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def choose_column(table: pa.Table, names: Sequence[str], *, what: str, wanted: str = "") -> str:
    """Return the column asked for, else the first of the usual names that is there; raises UnknownName, SpecError."""
    if wanted:
        if wanted not in table.column_names:
            raise unknown(f"column of {what}", wanted, table.column_names)
        return wanted
    column = next((name for name in names if name in table.column_names), None)
    if column is None:
        listed = ", ".join(map(repr, table.column_names)) or "none"
        raise SpecError(expected(f"columns of {what}", f"one called {' or '.join(map(repr, names))}", listed))
    return column
