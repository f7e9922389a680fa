"""A SQL predicate that chooses images: `--where "label = 'dog' and captured_at >= '2026-11-14'"`."""

from typing import Any

import numpy as np

from t2c.schemas.errors import SpecError, expected
from t2c.schemas.tables.catalog import VIEWS
from t2c.store.artifacts.images import Images
from t2c.store.artifacts.selection import Mask
from t2c.store.disk.manifest import Parent, find_manifest
from t2c.store.queries import row_functions
from t2c.store.queries.row_functions import Call

_BEFORE, _AFTER = "select 1 where (", "\n)"
_EXAMPLE = "one SQL condition over the columns of images, such as label = 'dog'"


def where_mask(images: Images, predicate: str) -> Mask:
    """Return the rows of a dataset for which a SQL predicate holds, (rows,) bool; null is no.

    The predicate is one expression over the columns of the images view and what was imported about each row:
    `attribute('colour') = 'red'`, `attribute_number('blur') > 0.5`, `prediction('prod-v7') <> label` (see
    store/queries/row_functions.py; null where a row has none). No second statement, no subquery, and no file but the
    dataset's own index and imports can be reached. Raises SpecError with DuckDB's own hint for a column that is not
    there, UnknownName for an attribute or model that was never imported.
    """
    from t2c.store.queries.catalog import open_images_view, render_sql
    from t2c.store.queries.user_sql import fetch

    calls = check_predicate(predicate)
    sql = predicate
    if calls:
        sql = row_functions.rewrite(f"{_BEFORE}{predicate}{_AFTER}", calls)[len(_BEFORE) : -len(_AFTER)]
        check_predicate(sql)
    connection = open_images_view(images, imported=row_functions.views(calls))
    try:
        row_functions.check_names(connection, calls, dataset=images.dataset)
        rows = fetch(connection, render_sql("where", {"joins": row_functions.joins(calls), "predicate": sql}))["row"]
    except SpecError as error:
        columns = ", ".join(field.name for field in VIEWS["images"][1])
        listed = f"Columns of the images view: {columns}.\nOf imported tables: {row_functions.USAGE}."
        raise SpecError(f"where {predicate!r}: {error}\n{listed}") from error
    finally:
        connection.close()
    mask = np.zeros(images.rows, dtype=np.bool_)
    mask[np.asarray(rows, dtype=np.int64)] = True
    return mask


def tables_read(images: Images, predicate: str | None) -> tuple[Parent, ...]:
    """Return the imported tables, as of now, that a predicate asks: parents of every answer kept about its rows."""
    from t2c.store.queries.catalog import DATASET_TABLES

    read = sorted(row_functions.views(check_predicate(predicate))) if predicate is not None else []
    manifests = (find_manifest(images.store, DATASET_TABLES[name](images.dataset)) for name in read)
    return tuple(manifest.as_parent() for manifest in manifests if manifest is not None)


def check_predicate(predicate: str) -> list[Call]:
    """Return the calls of row functions in a predicate; raises SpecError unless it is one SQL expression, no subquery."""
    from t2c.store.queries.user_sql import nodes, parse_select

    subject = f"where {predicate!r}"
    if not predicate.strip():
        raise SpecError(expected("where", _EXAMPLE, "nothing"))
    try:
        tree = parse_select(f"{_BEFORE}{predicate}{_AFTER}")
    except SpecError as error:
        raise SpecError(f"{subject}: {error}") from error
    (statement,) = tree["statements"]
    node: dict[str, Any] = statement["node"]
    plain = node["type"] == "SELECT_NODE" and not (
        node["modifiers"] or node["cte_map"]["map"] or node["group_expressions"] or node["having"] or node["qualify"]
    )
    if not plain or node["sample"] or sum("cte_map" in part for part in nodes(tree)) != 1:
        raise SpecError(expected(subject, _EXAMPLE, "more than a condition"))
    return row_functions.calls(nodes(tree), subject=subject)
