"""Table schemas document every column and agree with the constants they are built on."""

import pyarrow as pa
import pytest

from t2c.schemas.tables import tables

SCHEMAS = {name: value for name, value in vars(tables).items() if isinstance(value, pa.Schema)}


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_column_is_documented_and_named_once(name: str) -> None:
    schema = SCHEMAS[name]
    assert len(set(schema.names)) == len(schema)
    for field in schema:
        assert len(tables.doc(field)) > 5, field.name


def test_there_are_tables_to_check() -> None:
    assert {"IMAGES", "CONCEPTS", "SIMILARITIES", "CONCEPT_STATS", "SHIFT", "ZEROSHOT", "LINEAGE"} <= set(SCHEMAS)


def test_a_field_without_documentation_is_empty() -> None:
    assert tables.doc(pa.field("x", pa.int64())) == ""


def test_a_column_refuses_nulls_unless_said() -> None:
    assert not tables.column("x", pa.int64(), "a number").nullable
    assert tables.column("x", pa.int64(), "a number", nullable=True).nullable


def test_histogram_and_quantiles_have_their_columns() -> None:
    names = SCHEMAS["CONCEPT_STATS"].names
    assert [name for name in names if name.startswith("q")] == ["q01", "q05", "q25", "q50", "q75", "q95", "q99"]
    assert tables.HISTOGRAM_BINS * 0.01 == 2


def test_in_sample_rows_sort_below_every_comparable_one() -> None:
    assert tables.FOLD_IN_SAMPLE < tables.FOLD_FULL < 0
