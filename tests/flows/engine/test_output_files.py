"""Files outside the store appear whole or not at all."""

from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from t2c.flows.engine.output_files import replacing, write_table
from t2c.schemas.errors import SpecError

TABLE = pa.table({"row": [1, 2], "name": ["a", "=cmd()"]})


def test_the_ending_decides_the_format(tmp_path: Path) -> None:
    write_table(TABLE, tmp_path / "a.parquet")
    write_table(TABLE, tmp_path / "a.csv")
    assert parquet.read_table(tmp_path / "a.parquet").equals(TABLE)
    assert csv.read_csv(tmp_path / "a.csv").equals(TABLE)
    with pytest.raises(SpecError, match=r"ends in \.parquet or \.csv, but got 'a\.xlsx'"):
        write_table(TABLE, tmp_path / "a.xlsx")


def test_a_csv_refuses_nested_columns_and_leaves_the_old_file(tmp_path: Path) -> None:
    output = tmp_path / "a.csv"
    output.write_text("old")
    vector = pa.FixedSizeListArray.from_arrays(pa.array([1.0, 2.0, 3.0, 4.0]), 2)
    table = TABLE.append_column("clip", vector).append_column("box", pa.array([{"x": 1}, None]))
    message = r"expected plain columns in a \.csv, but got lists or structs in 'clip', 'box'.*a\.parquet instead"
    with pytest.raises(SpecError, match=message):
        write_table(table, output)
    assert output.read_text() == "old"
    assert list(tmp_path.iterdir()) == [output]
    write_table(table, tmp_path / "a.parquet")
    assert parquet.read_table(tmp_path / "a.parquet").equals(table)


def test_a_failure_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    output = tmp_path / "report.html"
    output.write_text("old")

    def fail() -> None:
        with replacing(output) as temporary:
            temporary.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert output.read_text() == "old"
    assert list(tmp_path.iterdir()) == [output]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="Run: mkdir -p"), replacing(tmp_path / "no" / "a.csv"):
        pass
