"""One cell of a user's table as text or as a time: what is written stays what it is, and nothing is made up."""

import math
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from t2c.schemas.errors import InputError, expected

_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?")
_EXIF_TIME = re.compile(r"(\d{4}):(\d\d):(\d\d) ")
_UNITS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))
"""Epochs from this size on are nanoseconds, microseconds, milliseconds; smaller ones seconds (until the year 5138)."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def text_or_none(value: object, *, subject: str) -> str | None:
    """Return a cell as text; None for null, NaN and the empty text, while the texts `None`, `nan` and `NA` are values.

    Raises InputError naming the subject for what has no one text: lists, structs, bytes that are not UTF-8.
    """
    if value is None or (isinstance(value, str) and value == "") or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float, Decimal, date, datetime, timedelta)):
        return str(value)
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8") or None
        except UnicodeDecodeError:
            todo = "Save the column as UTF-8 text, or name another column."
            raise InputError(expected(subject, "text in UTF-8", f"the bytes {value[:40]!r}", todo)) from None
    todo = "Name another column, or pass none."
    raise InputError(expected(subject, "a text, number or boolean", f"a {type(value).__name__}", todo))


def time_or_none(value: object, *, subject: str) -> datetime | None:
    """Return a cell as UTC time: a time, a date, ISO 8601 text, EXIF's form, or an epoch in seconds to nanoseconds.

    What has no offset is UTC. Raises InputError naming the subject for anything else.
    """
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return None
    moment = _moment(value)
    if moment is None:
        want = "a time such as 2026-11-14T09:30:00+01:00, or an epoch"
        raise InputError(expected(subject, want, repr(value), "Mend the column or pass --captured-at none."))
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _moment(value: object) -> datetime | None:
    if isinstance(value, str):
        value = value.strip()
        if not _NUMBER.fullmatch(value) or len(value) == len("20261114"):
            return _parsed(value)
        value = float(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _since_epoch(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return value if isinstance(value, datetime) else None


def _parsed(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(_EXIF_TIME.sub(r"\1-\2-\3 ", text))
    except ValueError:
        return None


def _since_epoch(number: float) -> datetime | None:
    unit = next((unit for least, unit in _UNITS if abs(number) >= least), 1.0)
    try:
        return _EPOCH + timedelta(microseconds=round(number * 1_000_000 / unit))
    except (OverflowError, ValueError):
        return None


def cells(column: pa.ChunkedArray) -> list[Any]:
    """Return an Arrow column as Python values; times in UTC to the microsecond, which needs neither pandas nor a zone file."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_timestamp(kind):
        column = column.cast(pa.timestamp("us", kind.tz and "UTC"), safe=False)
    elif pa.types.is_time64(kind) or pa.types.is_duration(kind):
        column = pc.cast(column, pa.time64("us") if pa.types.is_time64(kind) else pa.duration("us"), safe=False)
    values: list[Any] = column.to_pylist()
    return values
