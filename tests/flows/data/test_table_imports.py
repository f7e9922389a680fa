"""Attributes and predictions: long or wide, joined on image id, text kept as text and numbers found."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from t2c.flows.data.index import index
from t2c.flows.features.imports import import_attributes, import_predictions
from t2c.schemas.errors import InputError, SpecError, T2CError, UnknownName
from t2c.store.artifacts.dataset_tables import read_attributes, read_predictions
from t2c.store.disk.root import Store
from t2c.store.queries.catalog import open_catalog
from tests.flows.features.test_imports import HOSTILE, bring, photos, vectors


@pytest.fixture
def indexed(store: Store, tmp_path: Path) -> Store:
    index(store, photos(tmp_path, 3), "photos")
    return store


def csv(tmp_path: Path, text: str, name: str = "t.csv") -> Path:
    (tmp_path / name).write_text(text)
    return tmp_path / name


def lines(table: pa.Table) -> list[tuple[Any, ...]]:
    return [tuple(line.values()) for line in table.to_pylist()]


def test_wide_csv_becomes_long(indexed: Store, tmp_path: Path) -> None:
    file = csv(tmp_path, "image_id,blur,camera,zip\n2.png,0.5,Nikon,01\n0.png,,true,1_0\n")
    report = import_attributes(indexed, "photos", file)
    assert (report.names, report.lines, report.added, report.skipped, report.snapshot) == (
        ("blur", "camera", "zip"),
        5,
        5,
        0,
        1,
    )
    assert lines(read_attributes(indexed, "photos")) == [
        (2, "blur", "0.5", 0.5),
        (0, "camera", "true", 1.0),
        (2, "camera", "Nikon", None),
        (0, "zip", "1_0", None),
        (2, "zip", "01", 1.0),
    ]
    assert report.path == indexed.files.local_path("datasets/photos/attributes")


def test_long_csv(indexed: Store, tmp_path: Path) -> None:
    import_attributes(indexed, "photos", csv(tmp_path, "image_id,name,value\n0.png,a,1\n0.png,b,x\n1.png,a,\n"))
    assert lines(read_attributes(indexed, "photos")) == [(0, "a", "1", 1.0), (0, "b", "x", None)]


def test_parquet_types(indexed: Store, tmp_path: Path) -> None:
    table = pa.table(
        {
            "image_id": ["0.png", "1.png"],
            "flag": [True, None],
            "count": pa.array([3, 4], pa.int16()),
            "half": [0.5, float("nan")],
            "kind": pa.array(["x", "y"]).dictionary_encode(),
            "when": [datetime(2026, 1, 2, tzinfo=UTC), None],
        }
    )
    parquet.write_table(table, tmp_path / "t.parquet")
    import_attributes(indexed, "photos", tmp_path / "t.parquet")
    found = {(name, row): (value, number) for row, name, value, number in lines(read_attributes(indexed, "photos"))}
    assert found[("flag", 0)] == ("true", 1.0)
    assert found[("count", 1)] == ("4", 4.0)
    assert found[("half", 0)] == ("0.5", 0.5)
    assert found[("kind", 1)] == ("y", None)
    assert found[("when", 0)][0].startswith("2026-01-02 00:00:00")
    assert len(found) == 7


def test_hostile_ids_names_and_values_are_data(store: Store, tmp_path: Path) -> None:
    bring(store, tmp_path, vectors(len(HOSTILE)), HOSTILE)
    table = pa.table({"image_id": HOSTILE, "name": HOSTILE, "value": HOSTILE})
    parquet.write_table(table, tmp_path / "t.parquet")
    import_attributes(store, "photos", tmp_path / "t.parquet")
    assert {(name, value) for _, name, value, _ in lines(read_attributes(store, "photos"))} == {
        (one, one) for one in HOSTILE
    }


def test_views_show_what_was_imported(indexed: Store, tmp_path: Path) -> None:
    import_attributes(indexed, "photos", csv(tmp_path, "image_id,a\n0.png,1\n"))
    import_attributes(indexed, "photos", csv(tmp_path, "image_id,a\n0.png,2\n1.png,3\n"))
    import_predictions(indexed, "photos", csv(tmp_path, "image_id,class\n0.png,dog\n"), model="m")
    with open_catalog(indexed) as catalog:
        assert catalog.sql("select row, number from attributes order by row").fetchall() == [(0, 2.0), (1, 3.0)]
        assert catalog.sql("select model, class from predictions").fetchall() == [("m", "dog")]


def test_predictions_with_and_without_scores(indexed: Store, tmp_path: Path) -> None:
    file = csv(tmp_path, "image_id,prediction,confidence\n1.png,dog,0.9\n1.png,cat,\n")
    report = import_predictions(indexed, "photos", file, model="prod-v7")
    assert (report.names, report.lines, report.added) == (("prod-v7",), 2, 2)
    assert lines(read_predictions(indexed, "photos")) == [("prod-v7", 1, "cat", None), ("prod-v7", 1, "dog", 0.9)]
    file = csv(tmp_path, "image_id,k\n1.png,7\n")
    import_predictions(indexed, "photos", file, model="other", class_column="k")
    assert lines(read_predictions(indexed, "photos"))[0] == ("other", 1, "7", None)


def test_unknown_ids_are_named_or_skipped(indexed: Store, tmp_path: Path) -> None:
    file = csv(tmp_path, "image_id,a\n0.png,1\nnope,2\n")
    with pytest.raises(
        InputError, match=r"ids for photos: expected image ids of the dataset, but got 1 of 2 .* 'nope'"
    ):
        import_attributes(indexed, "photos", file)
    assert import_attributes(indexed, "photos", file, unknown="skip").skipped == 1
    with pytest.raises(SpecError, match="unknown ids: expected refuse or skip, but got 'add'"):
        import_attributes(indexed, "photos", file, unknown="add")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="1 of 1 that it lacks"):
        import_attributes(indexed, "photos", csv(tmp_path, "image_id,a\nnope,2\n"), unknown="skip")


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (
            "image_id,a\n0.png,1\n0.png,2\n",
            InputError,
            r"image ids of .*: expected each once, but got '0.png' more than once",
        ),
        ("image_id,a\n,1\n", InputError, r"t.csv, row 0: expected an image id in column 'image_id', but got none"),
        ("image_id,a\n", InputError, r"table .*: expected 1 row or more, but got none"),
        ("image_id,a\n0.png,\n", InputError, r"attributes in .*: expected 1 value or more, but got none"),
        ("image_id,a,a\n0.png,1,2\n", InputError, r"two columns of one name"),
        ("file,b\n0.png,1\n", UnknownName, r"id column of .*: expected one of 'b', 'file', but got 'image_id'"),
        ("image_id,name,value\n0.png,,1\n", InputError, r"name in .*, '0.png': expected a value, but got none"),
        ('image_id,a\n0.png,"1\n', InputError, r"expected a whole .csv file, but got an error"),
    ],
)
def test_attribute_files_that_do_not_fit(
    indexed: Store, tmp_path: Path, text: str, error: type[T2CError], message: str
) -> None:
    with pytest.raises(error, match=message):
        import_attributes(indexed, "photos", csv(tmp_path, text))
    assert read_attributes(indexed, "photos").num_rows == 0


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (
            "image_id,x\n0.png,1\n",
            SpecError,
            r"columns of .*: expected one called 'class' or 'predicted' or .*, but got 'x'",
        ),
        ("image_id,class\n0.png,\n", InputError, r"class in .*, '0.png': expected a value, but got none"),
        (
            "image_id,class,score\n0.png,dog,inf\n",
            InputError,
            r"score of '0.png' in .*: expected a finite number, but got 'inf'",
        ),
        ("image_id,class,score\n0.png,dog,high\n", InputError, r"but got 'high'"),
        (
            "image_id,class\n0.png,dog\n0.png,dog\n",
            InputError,
            r"expected one line for each model, row, class, but got more",
        ),
    ],
)
def test_prediction_files_that_do_not_fit(
    indexed: Store, tmp_path: Path, text: str, error: type[T2CError], message: str
) -> None:
    with pytest.raises(error, match=message):
        import_predictions(indexed, "photos", csv(tmp_path, text), model="m")


def test_other_mistakes_say_what_to_give(indexed: Store, tmp_path: Path) -> None:
    file = csv(tmp_path, "image_id,class\n0.png,dog\n")
    with pytest.raises(SpecError, match="model name: expected some text, but got ' '"):
        import_predictions(indexed, "photos", file, model=" ")
    with pytest.raises(UnknownName, match=r"column of .*: expected one of 'class', but got 'kind'"):
        import_predictions(indexed, "photos", file, model="m", class_column="kind")
    with pytest.raises(UnknownName, match=r"dataset: expected"):
        import_attributes(indexed, "photo", file)
    with pytest.raises(InputError, match=r"expected a .parquet, .csv or .tsv file, but got '.xlsx'"):
        import_attributes(indexed, "photos", tmp_path / "t.xlsx")
    with pytest.raises(InputError, match=r"expected a file that can be read, but got No such file"):
        import_attributes(indexed, "photos", tmp_path / "gone.csv")
    parquet.write_table(pa.table({"image_id": ["0.png"], "v": [[1]]}), tmp_path / "t.parquet")
    with pytest.raises(InputError, match=r"column 'v' of .*: expected text, numbers, booleans or times, but got list"):
        import_attributes(indexed, "photos", tmp_path / "t.parquet")


@pytest.mark.parametrize("image_id", ["./1.png", ".\\1.png", "/1.png"])
def test_ids_match_as_paths(indexed: Store, tmp_path: Path, image_id: str) -> None:
    import_attributes(indexed, "photos", csv(tmp_path, f"image_id,a\n{image_id},x\n"))
    assert lines(read_attributes(indexed, "photos")) == [(1, "a", "x", None)]


@pytest.mark.parametrize("name", ["t.CSV", "t.Tsv", "t.PARQUET"])
def test_file_endings_are_read_in_any_case(indexed: Store, tmp_path: Path, name: str) -> None:
    if name.endswith("PARQUET"):
        parquet.write_table(pa.table({"image_id": ["1.png"], "a": ["x"]}), tmp_path / name)
    else:
        csv(tmp_path, "image_id,a\n1.png,x\n".replace(",", "\t" if "Tsv" in name else ","), name)
    import_attributes(indexed, "photos", tmp_path / name)
    assert lines(read_attributes(indexed, "photos")) == [(1, "a", "x", None)]


def test_a_table_in_another_encoding_is_refused_with_its_line(indexed: Store, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("image_id,a\n1.png,caf\u00e9\n".encode("latin-1"))
    with pytest.raises(InputError, match=r"not UTF-8 in line 2 .*; save the file as UTF-8"):
        import_attributes(indexed, "photos", tmp_path / "t.csv")
    (tmp_path / "t.csv").write_bytes("image_id,a\n1.png,caf\u00e9\n".encode("utf-16"))
    import_attributes(indexed, "photos", tmp_path / "t.csv")
    assert lines(read_attributes(indexed, "photos")) == [(1, "a", "caf\u00e9", None)]


def test_null_nan_and_the_empty_cell_are_no_value_but_their_names_are(indexed: Store, tmp_path: Path) -> None:
    import_attributes(indexed, "photos", csv(tmp_path, "image_id,a,b,c\n1.png,None,nan,\n"))
    assert lines(read_attributes(indexed, "photos")) == [(1, "a", "None", None), (1, "b", "nan", None)]
