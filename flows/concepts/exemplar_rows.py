"""Which images are exemplars of a concept: files of ids, row numbers, what `t2c find --json` printed, or a query itself."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from t2c.flows.rows.id_files import read_ids
from t2c.flows.rows.row_ids import find_rows, unknown_ids
from t2c.schemas.errors import InputError, SpecError, expected
from t2c.schemas.logic import parse
from t2c.store.artifacts.images import Images
from t2c.store.artifacts.similarities import Scores
from t2c.store.queries import find

STDIN = "-"
"""Name of the standard input."""
_LISTS = ("matches", "images", "rows", "explanations", "members")
"""Keys under which commands print images with --json, the first that is there."""
_TODO = "Name a file of image ids, row numbers such as 3,17, or - for what t2c find --json prints."


def read_rows(images: Images, text: str, *, option: str) -> list[int]:
    """Return the image rows that an option names, in order: row numbers, a file of ids, or JSON on standard input.

    Raises InputError for a file that cannot be read or an image that the dataset lacks, SpecError for nothing.
    """
    numbers = [part.strip() for part in text.split(",") if part.strip()]
    if numbers and all(part.isdigit() for part in numbers):
        return _checked(images, [int(part) for part in numbers], option=option)
    if text == STDIN:
        return _of_json(images, sys.stdin.read(), option=option)
    if not text.strip():
        raise SpecError(expected(option, "images", "nothing", _TODO))
    path = Path(text).expanduser()
    if path.suffix.lower() == ".json" and path.is_file():
        return _of_json(images, path.read_text(encoding="utf-8-sig", errors="replace"), option=option)
    return rows_of_ids(images, read_ids(path).column(0).to_pylist())


def rows_of_ids(images: Images, ids: Sequence[str]) -> list[int]:
    """Return the rows of image ids, in order; raises InputError naming the ids that the dataset lacks."""
    rows = find_rows(images, ids)
    lost = np.flatnonzero(rows < 0)
    if len(lost):
        raise unknown_ids(images.dataset, ids, lost, todo="Ids are paths relative to the indexed folder.")
    return [int(row) for row in rows]


def found_rows(scores: Scores, images: Images, expression: str, *, most: int) -> list[int]:
    """Return the rows that satisfy a concept-logic expression, the surest first, at most `most`.

    Raises LogicError, UnknownName, InputError when no image satisfies it.
    """
    hits = find(scores, parse(expression), images=images, exclude_duplicates=True, limit=most)
    if not hits.matches:
        todo = "Loosen a constraint."
        raise InputError(expected(f"images that satisfy {hits.expression}", "some", "none", todo))
    rows: list[int] = hits.table["row"].to_pylist()
    return rows


def _of_json(images: Images, text: str, *, option: str) -> list[int]:
    """Return the rows of a JSON list (of rows, ids or objects with either), or of the list a command printed."""
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(expected(option, "JSON, as t2c find --json prints it", f"{error}", _TODO)) from error
    if isinstance(value, dict):
        value = next((value[name] for name in _LISTS if isinstance(value.get(name), list)), value)
    if not isinstance(value, list) or not value:
        actual = "no list of images" if not isinstance(value, list) else "an empty list"
        raise InputError(expected(option, "JSON, as t2c find --json prints it", actual, _TODO))
    plain: list[Any] = [
        entry.get("row", entry.get("image_id")) if isinstance(entry, dict) else entry for entry in value
    ]
    if all(isinstance(key, int) and not isinstance(key, bool) for key in plain):
        return _checked(images, plain, option=option)
    if all(isinstance(key, str) for key in plain):
        return rows_of_ids(images, plain)
    raise InputError(expected(option, "a row or an image_id for each image", f"{str(value[0])[:80]}", _TODO))


def _checked(images: Images, rows: list[int], *, option: str) -> list[int]:
    bad = next((row for row in rows if not 0 <= row < images.rows), None)
    if bad is not None:
        raise InputError(expected(option, f"rows 0 to {images.rows - 1} of {images.dataset}", str(bad)))
    return rows
