"""Which rows a question is asked of: current and readable ones, each content once, those a SQL predicate chooses."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from t2c.schemas.errors import InputError, expected, unknown
from t2c.schemas.tables.tables import IMAGES
from t2c.store.artifacts.images import Images
from t2c.store.disk.data_files import parquet_footer, read_row_groups
from t2c.store.disk.entries import FileEntry

Mask = NDArray[np.bool_]


def searchable(images: Images, *, exclude_duplicates: bool = False) -> Mask:
    """Say for every row whether it is current and ok, (rows,) bool.

    With `exclude_duplicates`, of rows with the same content only the first that is current and ok counts.
    """
    columns = ["outcome", "current", *(["duplicate_of"] if exclude_duplicates else [])]
    table = images.table(columns, current=False)
    mask = np.array(table["current"], dtype=np.bool_)
    mask &= np.asarray(pc.equal(table["outcome"], "ok"), dtype=np.bool_)
    if exclude_duplicates:
        mask &= _first_of_content(np.asarray(pc.fill_null(table["duplicate_of"], -1), dtype=np.int64), mask)
    return mask


def _first_of_content(duplicate_of: NDArray[np.int64], among: Mask) -> Mask:
    """Say which rows are the first of their content among the rows given; `duplicate_of` is -1 for an original."""
    mask = np.ones(len(among), dtype=np.bool_)
    copies = np.flatnonzero((duplicate_of >= 0) & among)
    mask[copies] = False
    orphans = copies[~among[duplicate_of[copies]]]  # copies whose original is gone: the first of them stands for it
    mask[orphans[np.unique(duplicate_of[orphans], return_index=True)[1]]] = True
    return mask


def labels(images: Images) -> tuple[NDArray[np.int32], list[str]]:
    """Return a label code for every row (-1: unknown), (rows,) int32, and the labels by code, in order of name."""
    coded = images.table(["label"], current=False)["label"].combine_chunks().dictionary_encode()
    names: list[str] = coded.dictionary.to_pylist()
    order = sorted(range(len(names)), key=names.__getitem__)
    rank = np.empty(len(names) + 1, dtype=np.int32)
    rank[-1] = -1
    rank[order] = np.arange(len(names), dtype=np.int32)
    codes = np.asarray(pc.fill_null(coded.indices, -1), dtype=np.int64)
    return rank[codes], [names[index] for index in order]


def label_code(images: Images, label: str) -> tuple[NDArray[np.int32], int]:
    """Return every row's label code and the code of one label; raises UnknownName with the nearest labels."""
    codes, names = labels(images)
    if label not in names:
        raise unknown(f"label in {images.dataset}", label, names, todo=f"See them: t2c summary {images.dataset}")
    return codes, names.index(label)


def image_rows(images: Images, rows: Sequence[int] | NDArray[np.int64], columns: Sequence[str]) -> pa.Table:
    """Return some columns of some rows, in the order asked for: reads only the row groups that hold one of them.

    `columns` are of IMAGES and immutable ones only (not outcome or error, which decoding may have changed).
    """
    row_numbers = np.asarray(rows, dtype=np.int64)
    schema = pa.schema([IMAGES.field(name) for name in columns])
    if row_numbers.size and not (row_numbers.min() >= 0 and row_numbers.max() < images.rows):
        raise InputError(
            expected(
                f"rows of {images.dataset}", f"0 to {images.rows - 1}", f"{row_numbers.min()}, {row_numbers.max()}"
            )
        )
    parts, rows_read, start = [schema.empty_table()], [np.empty(0, np.int64)], 0
    for entry in images.manifest.with_role("data"):
        in_file = row_numbers[(row_numbers >= start) & (row_numbers < start + entry.rows)]
        if in_file.size:
            table, at = _groups(images, entry, np.unique(in_file) - start, schema)
            parts.append(table)
            rows_read.append(at + start)
        start += entry.rows
    at = np.concatenate(rows_read)
    order = np.argsort(at, kind="stable")
    return pa.concat_tables(parts).take(pa.array(order[np.searchsorted(at[order], row_numbers)]))


def _groups(
    images: Images, entry: FileEntry, offsets: NDArray[np.int64], schema: pa.Schema
) -> tuple[pa.Table, NDArray[np.int64]]:
    """Return the rows of one file at the sorted offsets, and those offsets."""
    metadata = parquet_footer(images.store, entry)
    sizes = [metadata.row_group(index).num_rows for index in range(metadata.num_row_groups)]
    ends: Any = np.cumsum(sizes)
    needed = np.unique(np.searchsorted(ends, offsets, side="right"))
    table = read_row_groups(images.store, entry, needed.tolist(), columns=schema.names)
    table = table.select(schema.names).cast(schema)
    base = np.concatenate([np.arange(ends[group] - sizes[group], ends[group]) for group in needed])
    return table.take(pa.array(np.searchsorted(base, offsets))), offsets
