"""A --where predicate is one SQL condition over the images view, and nothing more can be made of it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from t2c.schemas.errors import SpecError, UnknownName
from t2c.schemas.tables.tables import ATTRIBUTES, OUTCOME_UPDATES, PREDICTIONS
from t2c.store.artifacts.dataset_tables import write_attributes, write_predictions
from t2c.store.artifacts.images import open_images, record_outcomes
from t2c.store.disk.lease import lease
from t2c.store.disk.paths import images as images_path
from t2c.store.disk.root import Store
from t2c.store.queries.where import tables_read, where_mask
from tests.planted.scored import add_images, image_table

START = datetime(2026, 11, 13, tzinfo=UTC)


@pytest.fixture
def images(store: Store):
    add_images(
        store,
        image_table(
            0,
            20,
            label=["it's" if row % 2 else None for row in range(20)],
            captured_at=[START + timedelta(hours=3 * row) for row in range(20)],
            width=[100 * row for row in range(20)],
        ),
    )
    with lease(store, images_path("photos"), purpose="test") as token:
        found = pa.table({"row": [4], "outcome": ["corrupt"], "error": ["cut"]}).cast(OUTCOME_UPDATES)
        record_outcomes(store, "photos", found, token=token)
    add_images(store, image_table(20, 21, image_id=["img-00000007.jpg"], supersedes=[7]))
    return open_images(store, "photos")


@pytest.mark.parametrize(
    ("predicate", "rows"),
    [
        ("row < 3", [0, 1, 2]),
        ("label = 'it''s' and row < 6", [1, 3, 5]),
        ("label is null and row < 3", [0, 2]),
        ("captured_at >= '2026-11-14' and captured_at < '2026-11-15'", list(range(8, 16))),
        ("width > 1700 or image_id like '%00000001.jpg'", [1, 18, 19]),
        ("outcome <> 'ok'", [4]),
        ("not current", [7]),
        ("row in (1, 2) -- and nothing else", [1, 2]),
        ("false", []),
    ],
)
def test_a_predicate_chooses_rows(images, predicate: str, rows: list[int]) -> None:
    assert np.flatnonzero(where_mask(images, predicate)).tolist() == rows


@pytest.mark.parametrize(
    "predicate",
    [
        "",
        "  ",
        "1=1; drop view images",
        "1=1) union all select (1",
        "1=1) limit (1",
        "1=1) order by (1",
        "1=1) group by (1",
        "true) and (select count(*) from images) > (0",
        "row in (select row from images)",
        "exists (select * from read_text('/etc/passwd'))",
        "(select 1) = 1",
        "row <",
        "row = 'x",
    ],
)
def test_anything_more_is_refused(images, predicate: str) -> None:
    with pytest.raises(SpecError, match=r"^where"):
        where_mask(images, predicate)


def test_an_unknown_column_keeps_the_hint(images) -> None:
    with pytest.raises(SpecError, match=r'(?s)where "labl = .*Referenced column "labl" not found.*Candidate.*"label"'):
        where_mask(images, "labl = 'x'")


def test_a_text_that_is_no_condition_is_refused(images) -> None:
    with pytest.raises(SpecError, match="where 'label'"):
        where_mask(images, "label")


def test_an_object_store_answers_the_same(memory_store: Store) -> None:
    images = add_images(memory_store, image_table(0, 5))
    assert np.flatnonzero(where_mask(images, "row > 2")).tolist() == [3, 4]


def test_a_folder_with_odd_characters_is_read(tmp_path: Path) -> None:
    from t2c.store.disk.root import open_store

    store = open_store(tmp_path / "it's [a] *store?", create=True)
    images = add_images(store, image_table(0, 5))
    assert where_mask(images, "row > 2").sum() == 2


HOSTILE = 'it\'s "odd") or true -- {name} $$ é 😀'


def add_imports(store: Store, dataset: str = "photos") -> None:
    """Import attributes of rows 0 to 5 and two models' predictions; colour of row 0 is imported a second time."""
    colours = ["blue", "red", "blue", "red", "blue", "red"]
    values = [(row, "colour", colours[row], None) for row in range(6)]
    values += [(row, "Colour", "other", None) for row in range(6)]
    values += [(row, "blur", f"0.{row}", row / 10) for row in range(6)]
    values += [(2, HOSTILE, HOSTILE, None)]
    names = ATTRIBUTES.names
    write_attributes(store, dataset, pa.Table.from_pylist([dict(zip(names, line, strict=True)) for line in values]))
    again = pa.Table.from_pylist([{"row": 0, "name": "colour", "value": "green", "number": None}], schema=ATTRIBUTES)
    write_attributes(store, dataset, again)
    said = [
        ("prod-v7", 0, "cat", 0.2),
        ("prod-v7", 0, "it's", 0.8),
        ("prod-v7", 1, "zebra", 0.5),
        ("prod-v7", 1, "ant", 0.5),
        ("prod-v7", 3, "it's", None),
        ("prod-v7", 3, "low", 0.1),
        (HOSTILE, 4, HOSTILE, None),
    ]
    lines = [dict(zip(PREDICTIONS.names, line, strict=True)) for line in said]
    write_predictions(store, dataset, pa.Table.from_pylist(lines, schema=PREDICTIONS))


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@pytest.mark.parametrize(
    ("predicate", "rows"),
    [
        ("attribute('colour') = 'red'", [1, 3, 5]),
        ("attribute('colour') = 'green'", [0]),
        ("attribute('colour') is null and row < 9", [6, 7, 8]),
        ("attribute('colour') = 'red' and attribute('Colour') = 'other' and row < 4", [1, 3]),
        ("ATTRIBUTE ( 'colour' /* the colour */ ) in ('red') and images.row > 1", [3, 5]),
        ("'é😀' <> '' and \"attribute\"($$colour$$) = 'red'", [1, 3, 5]),
        ("label is not null and upper(attribute('colour')) || '!' = 'RED!'", [1, 3, 5]),
        ("attribute_number('blur') > 0.35", [4, 5]),
        ("attribute_number('colour') is not null", []),
        ("attribute('blur') = '0.3'", [3]),
        ("prediction('prod-v7') = 'it''s'", [0]),
        ("prediction('prod-v7') <> label", [1, 3]),
        ("prediction('prod-v7') = 'ant'", [1]),
        ("prediction('prod-v7') = 'low'", [3]),
        ("row = 6 -- attribute('colour')", [6]),
        (f"attribute({quoted(HOSTILE)}) = {quoted(HOSTILE)}", [2]),
        (f"prediction({quoted(HOSTILE)}) = {quoted(HOSTILE)}", [4]),
    ],
)
def test_imported_tables_are_asked_through_functions(images, predicate: str, rows: list[int]) -> None:
    add_imports(images.store)
    assert np.flatnonzero(where_mask(images, predicate)).tolist() == rows


@pytest.mark.parametrize(
    "call",
    [
        "attribute()",
        "attribute(label)",
        "attribute('a', 'b')",
        "attribute('a' || 'b')",
        "attribute(attribute('colour'))",
        "attribute(1)",
        "attribute(?)",
        "'colour'.attribute()",
        "main.attribute('colour')",
        "attribute(distinct 'colour')",
        "attribute('colour' order by row)",
        "attribute('colour') filter (where true)",
        "attribute('colour') over ()",
    ],
)
def test_a_call_of_another_form_is_refused_with_an_example(images, call: str) -> None:
    add_imports(images.store)
    want = r"^where .*: expected attribute of one name written as text, such as attribute\('colour'\), but got"
    with pytest.raises(SpecError, match=want):
        where_mask(images, f"{call} = 'red'")


@pytest.mark.parametrize(
    "predicate",
    [
        "attribute((select name from attributes limit 1)) = 'red'",
        "attribute('colour') in (select value from attributes)",
        "attribute('colour') = 'red') union all select (1",
        "attribute('colour') = (from read_text('/etc/passwd'))",
    ],
)
def test_the_tables_behind_the_functions_are_not_reached(images, predicate: str) -> None:
    add_imports(images.store)
    with pytest.raises(SpecError, match=r"^where .*expected one SQL condition over the columns of images"):
        where_mask(images, predicate)


@pytest.mark.parametrize(
    ("predicate", "message"),
    [
        ("attribute('color') = 'x'", r"attribute of photos: .*, but got 'color'\. Did you mean .*'colour'"),
        ("attribute('color') = 'x'", r"Import it: t2c attributes import photos attributes\.parquet$"),
        ("prediction('prod v8') = 'x'", r"model with predictions of photos: .*Did you mean 'prod-v7'"),
        ("prediction('prod v8') = 'x'", r"t2c predictions import photos --model 'prod v8' predictions\.parquet$"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest_and_what_to_type(images, predicate: str, message: str) -> None:
    add_imports(images.store)
    with pytest.raises(UnknownName, match=message):
        where_mask(images, predicate)


def test_without_imports_every_name_is_unknown(images) -> None:
    with pytest.raises(UnknownName, match="there is none yet"):
        where_mask(images, "attribute('colour') = 'red'")


def test_an_unknown_column_lists_the_functions(images) -> None:
    with pytest.raises(SpecError, match=r"attribute\('NAME'\), attribute_number\('NAME'\), prediction\('MODEL'\)"):
        where_mask(images, "colour = 'red'")


def test_each_dataset_has_its_own_imports(memory_store: Store) -> None:
    images = add_images(memory_store, image_table(0, 9))
    add_images(memory_store, image_table(0, 9), dataset="others")
    add_imports(memory_store)
    colour = {"row": 1, "name": "colour", "value": "black", "number": None}
    write_attributes(memory_store, "others", pa.Table.from_pylist([colour], schema=ATTRIBUTES))
    assert not where_mask(images, "attribute('colour') = 'black'").any()
    assert where_mask(images, "attribute('colour') = 'red'").sum() == 3


def test_the_imported_tables_that_a_predicate_asks_are_named_as_parents(images) -> None:
    add_imports(images.store)
    assert tables_read(images, None) == tables_read(images, "label = 'attribute(1)'") == ()
    read = tables_read(images, "attribute('colour') = prediction('prod-v7') or attribute_number('blur') > 1")
    assert [(parent.kind, parent.snapshot) for parent in read] == [("attributes", 2), ("predictions", 1)]
