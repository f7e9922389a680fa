"""What rows of the image index must be before they are committed; each rule names the row or id that breaks it."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from t2c.schemas.errors import InputError, expected
from t2c.schemas.tables.tables import IMAGES, OUTCOME_UPDATES, OUTCOMES


def as_images(dataset: str, table: pa.Table) -> pa.Table:
    """Return the table in the order and types of IMAGES; InputError when a column is missing or of another type."""
    return _as(IMAGES, f"image rows of {dataset}", table)


def as_updates(dataset: str, table: pa.Table, *, rows: int) -> pa.Table:
    """Return the table in the order and types of OUTCOME_UPDATES; InputError for a row beyond `rows` or an odd outcome."""
    table = _as(OUTCOME_UPDATES, f"outcomes of {dataset}", table)
    numbers = np.asarray(table["row"], dtype=np.int64)
    wrong = numbers[(numbers < 0) | (numbers >= rows)]
    if len(wrong):
        raise InputError(expected(f"outcomes of {dataset}", f"rows 0 to {rows - 1}", _some(wrong)))
    _check_outcomes(f"outcomes of {dataset}", table)
    return table


def check_rows(dataset: str, table: pa.Table, *, start: int) -> None:
    """Raise InputError unless rows are start, start + 1, ... and refer to earlier rows only."""
    rows = np.asarray(table["row"], dtype=np.int64)
    if not np.array_equal(rows, np.arange(start, start + len(rows))):
        raise InputError(expected(f"image rows of {dataset}", f"{start} and up without a gap", _some(rows)))
    for name in ("supersedes", "duplicate_of"):
        values = np.asarray(pc.fill_null(table[name], -1), dtype=np.int64)
        wrong = values[(values >= rows) | (values < -1)]
        if len(wrong):
            raise InputError(expected(f"{name} in {dataset}", "an earlier row", _some(wrong)))
    _check_outcomes(f"outcome in {dataset}", table)


def check_ids(dataset: str, table: pa.Table, *, before: pa.Table | None) -> None:
    """Raise InputError unless image ids are unique among rows that will be current.

    `before` has row and image_id of the rows that are current now.
    """
    superseded = table["supersedes"].drop_null()
    parts = [table.select(["row", "image_id"])] if before is None else [before, table.select(["row", "image_id"])]
    both = pa.concat_tables(parts)
    counts = both.filter(pc.invert(pc.is_in(both["row"], superseded)))["image_id"].value_counts()
    twice = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
    if len(twice):
        todo = "Name the older row in supersedes, or make the ids unique."
        got = f"{twice[0].as_py()!r} twice"
        raise InputError(expected(f"image ids of {dataset}", "each once among current rows", got, todo))


def _as(schema: pa.Schema, subject: str, table: pa.Table) -> pa.Table:
    try:
        return table.select(schema.names).cast(schema)
    except (pa.ArrowException, KeyError, ValueError) as error:
        raise InputError(expected(subject, f"the columns {', '.join(schema.names)}", f"{error}")) from error


def _check_outcomes(subject: str, table: pa.Table) -> None:
    odd = set(table["outcome"].unique().to_pylist()) - set(OUTCOMES)
    if odd:
        raise InputError(expected(subject, f"one of {', '.join(OUTCOMES)}", repr(sorted(odd))))


def _some(values: npt.NDArray[np.int64]) -> str:
    listed = ", ".join(str(value) for value in values[:5])
    return f"{listed}{', ...' if len(values) > 5 else ''}" or "none"
