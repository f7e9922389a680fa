"""Tables that people write: .csv, .tsv, .jsonl and Parquet; every cell of a text table is text, an empty one is null."""

import codecs
import csv
import io
import json
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from t2c.store.sources.cells import cells

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_LONGEST_CELL = 1 << 24


def decode_text(data: bytes) -> str:
    """Return bytes as text: UTF-8, or what a byte order mark says; raises ValueError naming the line that is neither."""
    for mark, name in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(name)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as reason:
        line = data.count(b"\n", 0, reason.start) + 1
        odd = data[reason.start : reason.start + 8]
        raise ValueError(f"bytes that are not UTF-8 in line {line} ({odd!r}); save the file as UTF-8") from None


def read_lines(data: bytes, suffix: str) -> list[list[str]]:
    """Return the cells of .csv or .tsv bytes, lines without any left out; raises ValueError for lines of two lengths."""
    csv.field_size_limit(_LONGEST_CELL)
    text = io.StringIO(decode_text(data), newline="")
    try:
        lines = [line for line in csv.reader(text, delimiter="\t" if suffix == ".tsv" else ",", strict=True) if line]
    except csv.Error as reason:
        raise ValueError(str(reason)) from reason
    width = max((len(line) for line in lines), default=0)
    short = next((number for number, line in enumerate(lines) if len(line) != width), None)
    if short is not None:
        raise ValueError(f"line {short + 1} has {len(lines[short])} of {width} columns")
    return lines


def table_of(names: list[str], lines: list[list[str]]) -> pa.Table:
    """Return lines of cells as a table of texts, empty cells null; raises ValueError for two columns of one name."""
    if len(set(names)) < len(names):
        raise ValueError("two columns of one name")
    columns = zip(*lines, strict=True) if lines else [()] * len(names)
    return pa.table([pa.array([cell or None for cell in column], pa.string()) for column in columns], names=names)


def read_rows(name: str, data: bytes) -> tuple[list[str], list[dict[str, Any]]]:
    """Return the columns and rows of a table file by its ending, its values as they are written.

    Raises ValueError (pyarrow's errors are such) for a file that is no table.
    """
    suffix = PurePosixPath(name).suffix.lower()
    if suffix == ".jsonl":
        return _json_rows(data)
    if suffix == ".parquet":
        table = parquet.read_table(pa.BufferReader(data))
    else:
        lines = read_lines(data, suffix)
        table = table_of([name.strip() for name in lines[0]], lines[1:]) if lines else pa.table({})
    columns = {name: cells(table[name]) for name in table.column_names}
    return table.column_names, [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _json_rows(data: bytes) -> tuple[list[str], list[dict[str, Any]]]:
    rows = []
    for number, line in enumerate(decode_text(data).splitlines(), 1):
        try:
            row = json.loads(line) if line.strip() else {}
        except (ValueError, RecursionError) as reason:
            raise ValueError(f"line {number} is no JSON: {reason}") from reason
        if not isinstance(row, dict):
            raise ValueError(f"line {number} is no object")
        rows += [row] if row else []
    return list(dict.fromkeys(name for row in rows for name in row)), rows
