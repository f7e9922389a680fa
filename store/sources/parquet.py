"""Parquet files that hold image bytes, in Hugging Face's layout (a struct of bytes and path) or as a binary column."""

import json
from collections.abc import Callable
from itertools import islice
from typing import Any, BinaryIO

import pyarrow as pa
from pyarrow import parquet

from t2c.schemas.errors import InputError, SpecError, expected
from t2c.schemas.images.headers import HEAD, TAIL, sniff
from t2c.store.sources.cells import cells, text_or_none, time_or_none
from t2c.store.sources.items import (
    Fields,
    Item,
    check_columns,
    label_of_folder,
    split_of_path,
)
from t2c.store.sources.parquet_cells import image_path
from t2c.store.sources.uris import as_text, file_uri, parquet_uri

_LABEL, _SPLIT = "label", "split"
_LOOKED_AT = 8
"""Rows looked at to tell a column of images from one of other bytes."""
_MANY = 16
"""Columns of decimal numbers from which a table looks like vectors."""


def list_parquet(stream: BinaryIO, name: str, address: str, *, fields: Fields) -> list[Item]:
    """Return the items of one Parquet file in stored order; only the small columns are read.

    An id is `<file's relative name>/<path field>`, `<file's relative name>#<row>` where there is no path, or the value
    of the column named by `fields.ids`. A file that is no Parquet, or holds no images, is one item of its own.
    Raises SpecError when a column asked for by name is not there, InputError when its values do not fit.
    """
    shard = as_text(name)
    try:
        file = parquet.ParquetFile(stream)
        column = fields.image or _find_image(file)
        if column is None:
            return [Item(shard, file_uri(address), outcome="unsupported", error=_no_column(file.schema_arrow))]
        table = _small_columns(file, column, fields, shard)
    except (pa.ArrowException, OSError) as reason:
        error = f"expected a whole Parquet file, but got: {reason}"
        return [Item(shard, file_uri(address), outcome="corrupt", error=error)]
    return _items(table, column, fields, shard, address)


def _find_image(file: parquet.ParquetFile) -> str | None:
    """Return the column that holds images by its first bytes; else the first that could, structs with `bytes` first."""
    schema = file.schema_arrow
    structs: list[str] = [field.name for field in schema if _is_image_struct(field.type)]
    columns = structs + [field.name for field in schema if _is_binary(field.type)]
    if len(columns) < 2:
        return next(iter(columns), None)
    return next((name for name in columns if _starts_as_image(file, name)), str(columns[0]))


def _starts_as_image(file: parquet.ParquetFile, column: str) -> bool:
    """Return whether the first value of a column, among a few rows, is an image of an allowed format."""
    for batch in islice(file.iter_batches(_LOOKED_AT, columns=[image_path(file.schema_arrow, column)]), 1):
        values = batch.column(0)
        values = values.field("bytes") if pa.types.is_struct(values.type) else values
        data = next((value for value in values.drop_null().to_pylist() if value), b"")
        return sniff(data[:HEAD], data[-TAIL:]) is not None
    return False


def _no_column(schema: pa.Schema) -> str:
    """Return why a file without a column of image bytes is none of images, and what to type where that is known."""
    listed = ", ".join(f"{field.name} ({field.type})" for field in schema)[:300]
    error = f"expected a column of image bytes, but got columns {listed}"
    kinds = {
        field.name: field.type for field in schema if pa.types.is_list(field.type) or pa.types.is_large_list(field.type)
    }
    several = next((name for name, kind in kinds.items() if _holds_images(kind.value_type)), None)
    if several is not None:
        return f"{error}. Column {several!r} holds several images a row: write one image a row"
    numbers = sum(pa.types.is_floating(field.type) for field in schema)
    if numbers >= _MANY or any(_is_vector(field.type) for field in schema):
        return f"{error}. Vectors are brought in with: t2c features import"
    return error


def _is_vector(kind: pa.DataType) -> bool:
    lists = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    return bool(lists and pa.types.is_floating(kind.value_type))


def _holds_images(kind: pa.DataType) -> bool:
    return _is_image_struct(kind) or _is_binary(kind)


def _is_image_struct(kind: pa.DataType) -> bool:
    if not pa.types.is_struct(kind):
        return False
    at = kind.get_field_index("bytes")
    return at >= 0 and _is_binary(kind.field(at).type)


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind))


def _small_columns(file: parquet.ParquetFile, column: str, fields: Fields, shard: str) -> dict[str, list[Any]]:
    """Return the values that items are made of, by role: row, path, label, split, captured_at, id."""
    schema = file.schema_arrow
    roles = _roles(schema, fields)
    check_columns([*fields.columns, *filter(None, [roles["id"]]), column], schema.names, where=shard)
    kind = schema.field(column).type
    if not (_is_image_struct(kind) or _is_binary(kind)):
        todo = "Write one image a row." if pa.types.is_list(kind) else "Name another: --image-column COLUMN"
        raise SpecError(
            expected(f"image column {column!r} of {shard}", "bytes, or a struct with bytes", str(kind), todo)
        )
    has_path = _is_image_struct(kind) and kind.get_field_index("path") >= 0
    wanted = {name for name in roles.values() if name} | ({f"{column}.path"} if has_path else set())
    table = file.read(columns=sorted(wanted)) if wanted else pa.table({})
    values: dict[str, list[Any]] = {"row": list(range(file.metadata.num_rows))}
    for role, name in roles.items():
        if name is not None:
            values[role] = _texts(schema, name, table[name])
    if has_path:
        values["path"] = [path for chunk in table[column].chunks for path in chunk.field("path").to_pylist()]
    return values


def _roles(schema: pa.Schema, fields: Fields) -> dict[str, str | None]:
    """Return which column plays which role, None where none does."""
    named = fields.columns
    automatic = {name: name for name in (_LABEL, _SPLIT) if name in schema.names}
    return {
        "label": fields.label if fields.label in named else automatic.get(_LABEL) if fields.label == "auto" else None,
        "split": fields.split if fields.split in named else automatic.get(_SPLIT) if fields.split == "auto" else None,
        "captured_at": fields.captured_at if fields.captured_at in named else None,
        "id": fields.ids if fields.ids not in ("path", "row") else None,
    }


def _texts(schema: pa.Schema, name: str, column: pa.ChunkedArray) -> list[Any]:
    """Return a column's values, class numbers turned into the names that Hugging Face's metadata gives them."""
    values = cells(column)
    names = _class_names(schema, name)
    if names is None:
        return values
    return [names[value] if isinstance(value, int) and 0 <= value < len(names) else None for value in values]


def _class_names(schema: pa.Schema, name: str) -> list[str] | None:
    try:
        features = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
        names = features[name]["names"]
    except (ValueError, KeyError, TypeError):
        return None
    return [str(each) for each in names] if isinstance(names, list) else None


def _items(values: dict[str, list[Any]], column: str, fields: Fields, shard: str, address: str) -> list[Item]:
    nothing: list[Any] = [None] * len(values["row"])
    paths = values.get("path", nothing) if fields.ids == "path" else nothing
    own_ids = values.get("id")
    labels, splits = values.get("label", nothing), values.get("split", nothing)
    times = values.get("captured_at", nothing)
    by_name = fields.split == "folder" or (fields.split == "auto" and "split" not in values)
    shard_split = split_of_path(shard, shard=True) if by_name else None
    folder_label: Callable[[str], str | None] = label_of_folder if _labels_by_folder(fields, values) else lambda _: None
    items = []
    for row in values["row"]:
        path = paths[row]
        image_id = f"{shard}/{path}" if path else f"{shard}#{row:06d}"
        if own_ids is not None:
            image_id = _own_id(own_ids[row], f"id of row {row} of {shard}")
        label = text_or_none(labels[row], subject=f"label of {image_id[:200]!r}") or (
            folder_label(path) if path else None
        )
        moment = time_or_none(times[row], subject=f"captured_at of {image_id[:200]!r}")
        split = text_or_none(splits[row], subject=f"split of {image_id[:200]!r}") or shard_split
        items.append(Item(image_id, parquet_uri(address, row, column), label, split, moment))
    return items


def _own_id(value: object, subject: str) -> str:
    if value is None or value == "":
        raise InputError(expected(subject, "an id", "none", "Fill the column, or pass --ids row."))
    return str(value)


def _labels_by_folder(fields: Fields, values: dict[str, list[Any]]) -> bool:
    return fields.label == "folder" or (fields.label == "auto" and "label" not in values)
