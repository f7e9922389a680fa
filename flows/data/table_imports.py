"""Attributes and predictions that a user brings, joined on image id: for slices, trust and bottlenecks."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from t2c.flows.engine.answers import store_path
from t2c.flows.engine.shown import Shown
from t2c.flows.rows.user_tables import Joined, as_numbers, as_text, choose_column, join_table, read_table
from t2c.schemas.errors import InputError, SpecError, expected
from t2c.schemas.names import DatasetRef
from t2c.schemas.tables.tables import ATTRIBUTES, PREDICTIONS
from t2c.store.artifacts.dataset_tables import Written, write_attributes, write_predictions
from t2c.store.artifacts.images import Images, open_images
from t2c.store.disk.root import Store

_CLASSES = ("class", "predicted", "prediction", "label")
_SCORES = ("score", "confidence", "probability", "prob")


@dataclass(frozen=True, slots=True)
class TableImportReport(Shown):
    """What an import of attributes or predictions did."""

    dataset: str
    """Dataset name."""
    names: tuple[str, ...]
    """Attributes, or the model, that the file had."""
    lines: int
    """Lines read that belong to images of the dataset (values, in a file with a column an attribute)."""
    added: int
    """Lines that were not there before."""
    replaced: int
    """Lines that were there with another value."""
    skipped: int
    """Rows of the file left out because their id is not in the dataset."""
    snapshot: int
    """Snapshot of the table."""
    path: str
    """Where the table is."""


def import_attributes(
    store: Store,
    dataset: DatasetRef | str,
    file: str | Path,
    *,
    id_column: str = "",
    unknown: Literal["refuse", "skip"] = "refuse",
) -> TableImportReport:
    """Import attributes of images: long (image_id, name, value) or wide (image_id, then a column an attribute).

    Empty cells, nulls and NaN are no value. Raises InputError for a file, column or id that does not fit (ids are
    named), or an image that comes twice; UnknownName, SpecError, BusyError, StoreWriteError.
    """
    images = open_images(store, dataset)
    joined = _join(images, file, id_column, unknown)
    what = str(file)
    long = set(joined.table.column_names) >= {"name", "value"}
    table = _long(joined, what) if long else _wide(joined, what)
    if table.num_rows == 0:
        raise InputError(expected(f"attributes in {what}", "1 value or more", "none"))
    written = write_attributes(store, images.dataset, table, parents=[images.manifest.as_parent()])
    names = tuple(sorted(table["name"].unique().to_pylist()))
    return _report(images, names, written, lines=table.num_rows, skipped=joined.skipped)


def import_predictions(
    store: Store,
    dataset: DatasetRef | str,
    file: str | Path,
    *,
    model: str,
    id_column: str = "",
    class_column: str = "",
    score_column: str = "",
    unknown: Literal["refuse", "skip"] = "refuse",
) -> TableImportReport:
    """Import what a model predicted: image_id, a class, and a score where there is one; several classes an image may be.

    Raises InputError for a file, id, class or score that does not fit, naming the row; UnknownName, SpecError,
    BusyError, StoreWriteError.
    """
    if not model.strip():
        raise SpecError(expected("model name", "some text", repr(model)))
    images = open_images(store, dataset)
    joined = _join(images, file, id_column, unknown)
    what = str(file)
    named = choose_column(joined.table, _CLASSES, what=what, wanted=class_column)
    classes = as_text(joined.table[named], what=what, name=named)
    _refuse_null(classes, joined, what=f"class in {what}")
    table = pa.table(
        [pa.array([model] * len(joined.rows)), pa.array(joined.rows), classes, _scores(joined, what, score_column)],
        schema=PREDICTIONS,
    )
    written = write_predictions(store, images.dataset, table, parents=[images.manifest.as_parent()])
    return _report(images, (model,), written, lines=table.num_rows, skipped=joined.skipped)


def _join(images: Images, file: str | Path, id_column: str, unknown: str) -> Joined:
    if unknown not in ("refuse", "skip"):
        raise SpecError(expected("unknown ids", "refuse or skip", repr(unknown)))
    return join_table(images, read_table(file), what=str(file), id_column=id_column, skip_unknown=unknown == "skip")


def _long(joined: Joined, what: str) -> pa.Table:
    name, value = (as_text(joined.table[column], what=what, name=column) for column in ("name", "value"))
    _refuse_null(name, joined, what=f"name in {what}")
    table = pa.table([pa.array(joined.rows), name, value, as_numbers(value)], names=ATTRIBUTES.names)
    return table.filter(pc.is_valid(table["value"])).cast(ATTRIBUTES)


def _wide(joined: Joined, what: str) -> pa.Table:
    values, counts = np.unique(joined.rows, return_counts=True)
    if (counts > 1).any():
        line = int(np.flatnonzero(joined.rows == values[np.argmax(counts)])[0])
        raise InputError(expected(f"image ids of {what}", "each once", f"{joined.ids[line][:200]!r} more than once"))
    parts = [ATTRIBUTES.empty_table()]
    for name in joined.table.column_names:
        value = as_text(joined.table[name], what=what, name=name)
        columns = [pa.array(joined.rows), pa.array([name] * len(value), pa.string()), value, as_numbers(value)]
        part = pa.table(columns, names=ATTRIBUTES.names)
        parts.append(part.filter(pc.is_valid(part["value"])).cast(ATTRIBUTES))
    return pa.concat_tables(parts)


def _scores(joined: Joined, what: str, wanted: str) -> pa.ChunkedArray:
    """Return the scores, null where the file has none; raises InputError for one that is no finite number."""
    names = [name for name in _SCORES if name in joined.table.column_names]
    if not wanted and not names:
        return pa.chunked_array([pa.nulls(len(joined.rows), pa.float64())])
    name = choose_column(joined.table, names, what=what, wanted=wanted)
    text = as_text(joined.table[name], what=what, name=name)
    scores = as_numbers(text)
    wrong = np.flatnonzero(np.asarray(pc.and_(pc.is_valid(text), pc.is_null(scores))))
    if len(wrong):
        at = int(wrong[0])
        raise InputError(
            expected(f"score of {joined.ids[at][:200]!r} in {what}", "a finite number", repr(text[at].as_py()))
        )
    return scores


def _refuse_null(column: pa.ChunkedArray, joined: Joined, *, what: str) -> None:
    wrong = np.flatnonzero(np.asarray(column.is_null()))
    if len(wrong):
        raise InputError(expected(f"{what}, {joined.ids[int(wrong[0])][:200]!r}", "a value", "none"))


def _report(images: Images, names: tuple[str, ...], written: Written, *, lines: int, skipped: int) -> TableImportReport:
    manifest = written.manifest
    return TableImportReport(
        dataset=images.dataset,
        names=names,
        lines=lines,
        added=written.added,
        replaced=written.replaced,
        skipped=skipped,
        snapshot=manifest.snapshot,
        path=store_path(images.store, manifest.artifact),
    )
