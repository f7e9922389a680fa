"""Files that name rows: .txt with one name a line, .csv or .tsv with or without a header, .json lists, .parquet columns."""

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from t2c.schemas.errors import InputError, expected, unknown
from t2c.store.sources.text_tables import decode_text, read_lines, table_of

ID_COLUMNS = ("image_id", "id", "image_path", "path", "file_name", "filename", "key", "url", "name", "concept")
"""Columns that are taken for the id when nobody names one, the first that is there."""

_KEPT = ("label", "split", "captured_at", "uri")


def find_id_column(names: Sequence[str]) -> str | None:
    """Return the column that holds ids: the first known one, or the only one."""
    column = next((name for name in ID_COLUMNS if name in names), None)
    return column or (names[0] if len(names) == 1 else None)


def read_ids(path: Path, *, rows: int | None = None, column: str = "") -> pa.Table:
    """Return the ids as the first column (string, never null or empty), then label, split, captured_at and uri if there.

    `rows` is how many there must be; a .csv with one line more has a header. Raises InputError, UnknownName for a
    column that is not there.
    """
    subject = f"ids {path}"
    try:
        table = _read(path, rows, column)
    except OSError as reason:
        raise InputError(expected(subject, "a file that can be read", f"{reason.strerror or reason}")) from reason
    except (UnicodeDecodeError, ValueError, pa.ArrowException) as reason:
        raise InputError(expected(subject, f"a {path.suffix} file in UTF-8", f"an error: {reason}")) from reason
    table = _chosen(table, column, subject)
    if rows is not None and table.num_rows != rows:
        raise InputError(expected(subject, f"{rows} ids, one a vector", f"{table.num_rows}"))
    empty = [row for row, value in enumerate(table.column(0).to_pylist()) if not value]
    if empty:
        raise InputError(expected(f"{subject}, row {empty[0]}", "an id", "none"))
    return table


def _read(path: Path, rows: int | None, column: str) -> pa.Table:
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        names = parquet.ParquetFile(path).schema_arrow.names
        return parquet.read_table(path, columns=[name for name in names if name in (*ID_COLUMNS, *_KEPT, column)])
    if suffix == ".json":
        return pa.table({"name": _json_names(path)})
    if suffix in (".csv", ".tsv"):
        return _csv(path, rows, column)
    lines = decode_text(path.read_bytes()).split("\n")
    return pa.table(
        {"name": pa.array([line.removesuffix("\r") for line in lines[: len(lines) - (lines[-1] == "")]], pa.string())}
    )


def _json_names(path: Path) -> list[str]:
    try:
        value = json.loads(decode_text(path.read_bytes()))
    except RecursionError:
        raise ValueError("values nested too deeply") from None
    names = [str(entry["name"]) if isinstance(entry, dict) and "name" in entry else entry for entry in value or []]
    if not isinstance(value, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("no list of names")
    return names


def read_csv(path: Path) -> pa.Table:
    """Return a .csv or .tsv file with a header line: every cell as text, empty cells null; raises ValueError, OSError."""
    lines = read_lines(path.read_bytes(), path.suffix.lower())
    names = lines.pop(0) if lines else []
    return table_of(names, lines).cast(pa.schema([(name, pa.string()) for name in names]))


def _csv(path: Path, rows: int | None, column: str) -> pa.Table:
    lines = read_lines(path.read_bytes(), path.suffix.lower())
    has_header = bool(lines) and (
        column in lines[0] if column else len(lines) == rows + 1 if rows is not None else _is_header(lines[0])
    )
    width = len(lines[0]) if lines else 1
    names = lines.pop(0) if has_header else (["name"] if width == 1 else [f"column{i}" for i in range(width)])
    return table_of(names, lines)


def _is_header(line: list[str]) -> bool:
    return any(cell in ID_COLUMNS for cell in line)


def _chosen(table: pa.Table, column: str, subject: str) -> pa.Table:
    if column and column not in table.column_names:
        raise unknown(f"id column of {subject.removeprefix('ids ')}", column, table.column_names)
    name = column or find_id_column(table.column_names)
    if name is None:
        listed = ", ".join(map(repr, table.column_names)) or "no columns"
        want = f"a column {ID_COLUMNS[0]!r}, or a header line that names one"
        raise InputError(expected(subject, want, listed, "Name it: --id-column NAME"))
    extras = [other for other in _KEPT if other in table.column_names and other != name]
    try:
        return table.select([name, *extras]).set_column(0, name, table[name].cast(pa.string()))
    except pa.ArrowException as reason:
        raise InputError(expected(subject, f"text in column {name!r}", f"{table[name].type}")) from reason
