"""Imported tables: lines are added, replaced by key and never doubled, and every snapshot stays readable."""

from typing import Any

import pyarrow as pa
import pytest

from t2c.schemas.errors import InputError
from t2c.schemas.tables.tables import ATTRIBUTES, PREDICTIONS
from t2c.store.artifacts.dataset_tables import read_attributes, read_predictions, write_attributes, write_predictions
from t2c.store.disk.manifest import check_files
from t2c.store.disk.root import Store


def attributes(*lines: tuple[int, str, str, float | None]) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(ATTRIBUTES.names, line, strict=True)) for line in lines], schema=ATTRIBUTES)


def values(store: Store, **options: Any) -> list[tuple[Any, ...]]:
    return [tuple(line.values()) for line in read_attributes(store, "photos", **options).to_pylist()]


def test_nothing_imported_is_an_empty_table(store: Store) -> None:
    assert read_attributes(store, "photos").schema == ATTRIBUTES
    assert read_predictions(store, "photos").schema == PREDICTIONS


def test_lines_are_added_and_replaced_and_older_snapshots_stay(store: Store) -> None:
    first = write_attributes(store, "photos", attributes((1, "blur", "0.5", 0.5), (0, "x'); DROP", "é\0", None)))
    second = write_attributes(store, "photos", attributes((2, "blur", "1", 1.0), (1, "blur", "0.5", 0.5)))
    third = write_attributes(store, "photos", attributes((1, "blur", "none", None), (2, "blur", "1", 1.0)))
    assert [(one.manifest.snapshot, one.added, one.replaced) for one in (first, second, third)] == [
        (1, 2, 0),
        (2, 1, 0),
        (3, 0, 1),
    ]
    assert values(store) == [(1, "blur", "none", None), (2, "blur", "1", 1.0), (0, "x'); DROP", "é\0", None)]
    assert values(store, snapshot=1) == [(1, "blur", "0.5", 0.5), (0, "x'); DROP", "é\0", None)]
    assert third.manifest.rows == len(values(store))
    assert not check_files(store, third.manifest)


def test_the_files_of_a_snapshot_never_hold_a_key_twice(store: Store) -> None:
    write_attributes(store, "photos", attributes((1, "a", "x", None)))
    write_attributes(store, "photos", attributes((2, "a", "x", None)))
    newest = write_attributes(store, "photos", attributes((1, "a", "y", None), (3, "a", "z", None))).manifest
    assert sum(entry.rows for entry in newest.with_role("data")) == 3


def test_same_lines_commit_nothing(store: Store) -> None:
    lines = attributes((1, "a", "x", None), (2, "a", "1", 1.0))
    write_attributes(store, "photos", lines)
    again = write_attributes(store, "photos", lines)
    assert (again.manifest.snapshot, again.added, again.replaced) == (1, 0, 0)


def test_key_twice_is_refused_by_name(store: Store) -> None:
    with pytest.raises(
        InputError, match=r"expected one line for each name, row, but got more than one for name 'a', row '1'"
    ):
        write_attributes(store, "photos", attributes((1, "a", "x", None), (1, "a", "y", None)))


def test_other_columns_are_refused(store: Store) -> None:
    with pytest.raises(InputError, match="attributes of photos: expected columns row, name, value, number"):
        write_attributes(store, "photos", pa.table({"row": [1]}))


def test_predictions_keep_several_classes_and_models(store: Store) -> None:
    lines = [
        {"model": "b", "row": 0, "class": "dog", "score": 0.9},
        {"model": "b", "row": 0, "class": "cat", "score": None},
        {"model": "a", "row": 0, "class": "dog", "score": 0.1},
    ]
    write_predictions(store, "photos", pa.Table.from_pylist(lines, schema=PREDICTIONS))
    assert read_predictions(store, "photos").to_pylist() == [lines[2], lines[1], lines[0]]
