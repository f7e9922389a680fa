"""A SQL predicate that chooses images: `--where "label = 'dog' and captured_at >= '2026-11-14'"`."""

from typing import Any

import numpy as np

from schemas.catalog import VIEWS
from schemas.errors import SpecError, expected
from store.images import Images
from store.selection import Mask


def where_mask(images: Images, predicate: str) -> Mask:
    """Return the rows of a dataset for which a SQL predicate holds, (rows,) bool; null is no.

    The predicate is one expression over the columns of the images view: no second statement, no subquery, and no file
    but the image index can be reached. Raises SpecError with DuckDB's own hint for a column that is not there.
    """
    from store.catalog import open_images_view, render_sql
    from store.user_sql import fetch

    check_predicate(predicate)
    connection = open_images_view(images)
    try:
        rows = fetch(connection, render_sql("where", {"predicate": predicate}))["row"]
    except SpecError as error:
        columns = ", ".join(field.name for field in VIEWS["images"][1])
        raise SpecError(f"where {predicate!r}: {error}\nColumns of the images view: {columns}.") from error
    finally:
        connection.close()
    mask = np.zeros(images.rows, dtype=np.bool_)
    mask[np.asarray(rows, dtype=np.int64)] = True
    return mask


def check_predicate(predicate: str) -> None:
    """Raise SpecError unless text is a single SQL expression without a subquery."""
    from store.user_sql import nodes, parse_select

    want = "one SQL condition over the columns of images, such as label = 'dog'"
    if not predicate.strip():
        raise SpecError(expected("where", want, "nothing"))
    try:
        tree = parse_select(f"select 1 where ({predicate}\n)")
    except SpecError as error:
        raise SpecError(f"where {predicate!r}: {error}") from error
    (statement,) = tree["statements"]
    node: dict[str, Any] = statement["node"]
    plain = node["type"] == "SELECT_NODE" and not (
        node["modifiers"] or node["cte_map"]["map"] or node["group_expressions"] or node["having"] or node["qualify"]
    )
    if not plain or node["sample"] or sum("cte_map" in part for part in nodes(tree)) != 1:
        raise SpecError(expected(f"where {predicate!r}", want, "more than a condition"))
