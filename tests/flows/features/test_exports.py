"""Features handed out: joined on id as of a snapshot, null where there is none, and what is exported imports again."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from t2c.flows.data.index import index
from t2c.flows.features.exports import export_features, get_features, read_wanted_ids
from t2c.flows.features.imports import import_features
from t2c.schemas.errors import CorruptError, InputError, SpecError, UnknownName
from t2c.store.artifacts.features import open_features
from t2c.store.disk.root import Store
from tests.flows.data.test_index import picture
from tests.flows.features.test_imports import HOSTILE, bring, files, photos, vectors


def matrix(column: pa.ChunkedArray) -> list[list[float] | None]:
    return [None if value is None else [round(number, 4) for number in value] for value in column.to_pylist()]


def test_encoders_join_on_id_in_the_order_asked_for(store: Store, tmp_path: Path) -> None:
    index(store, photos(tmp_path, 4), "photos")
    bring(store, tmp_path, vectors(4), ["0.png", "1.png", "2.png", "3.png"], encoder="a")
    bring(store, tmp_path, vectors(2, seed=1, dimension=3).astype(np.float16), ["3.png", "1.png"], encoder="b")
    table = get_features(store, "photos", ["a", "b"], ids=["3.png", "0.png", "3.png"], missing="null")
    assert table.column_names == ["image_id", "row", "a", "b"]
    assert table.schema.field("a").type == pa.list_(pa.float32(), 5)
    assert table.schema.field("b").type == pa.list_(pa.float16(), 3)
    assert table["row"].to_pylist() == [3, 0, 3]
    np.testing.assert_array_equal(np.stack(table["a"].to_pylist()), vectors(4)[[3, 0, 3]])
    assert [value is None for value in table["b"].to_pylist()] == [False, True, False]
    np.testing.assert_array_equal(
        np.array(table["b"][0].as_py(), np.float16), vectors(2, seed=1, dimension=3).astype(np.float16)[0]
    )
    assert get_features(store, "photos", ["a"])["image_id"].to_pylist() == ["0.png", "1.png", "2.png", "3.png"]


def test_read_is_as_of_the_snapshot(store: Store, tmp_path: Path) -> None:
    root = photos(tmp_path, 2)
    index(store, root, "photos")
    bring(store, tmp_path, vectors(2), ["0.png", "1.png"], encoder="a", space="s")
    (root / "0.png").write_bytes(picture("white"))
    index(store, root, "photos")
    bring(store, tmp_path, vectors(1, seed=5), ["0.png"], encoder="a", space="s")
    old = get_features(store, "photos@1", ["a"], ids=["0.png"])
    new = get_features(store, "photos", ["a"], ids=["0.png"])
    assert (old["row"].to_pylist(), new["row"].to_pylist()) == ([0], [2])
    np.testing.assert_array_equal(old["a"].to_pylist()[0], vectors(2)[0])
    np.testing.assert_array_equal(new["a"].to_pylist()[0], vectors(1, seed=5)[0])


def test_rows_newer_than_the_features_are_left_out_or_null(store: Store, tmp_path: Path) -> None:
    root = photos(tmp_path, 2)
    index(store, root, "photos")
    bring(store, tmp_path, vectors(2), ["0.png", "1.png"], encoder="a")
    (root / "9.png").write_bytes(picture("white"))
    index(store, root, "photos")
    assert get_features(store, "photos", ["a"])["image_id"].to_pylist() == ["0.png", "1.png"]
    table = get_features(store, "photos", ["a"], missing="null")
    assert [value is None for value in table["a"].to_pylist()] == [False, False, True]


def test_ids_without_a_vector_are_refused_by_name_and_the_default_is_what_has_every_vector(
    store: Store, tmp_path: Path
) -> None:
    index(store, photos(tmp_path, 4), "photos")
    bring(store, tmp_path, vectors(3), ["0.png", "1.png", "2.png"], encoder="a")
    bring(store, tmp_path, vectors(2, seed=1), ["3.png", "1.png"], encoder="b")
    message = (
        r"ids for photos@1: expected image ids with a vector of b, but got 2 of 3 without one: '2.png', '0.png'\. "
        r"Pass --missing null"
    )
    with pytest.raises(InputError, match=message):
        get_features(store, "photos", ["a", "b"], ids=["2.png", "1.png", "0.png"])
    assert get_features(store, "photos", ["a", "b"], ids=["1.png"])["b"].null_count == 0
    both = get_features(store, "photos", ["a", "b"])
    assert both["image_id"].to_pylist() == ["1.png"]
    np.testing.assert_array_equal(both["a"].to_pylist()[0], vectors(3)[1])
    np.testing.assert_array_equal(both["b"].to_pylist()[0], vectors(2, seed=1)[1])
    every = get_features(store, "photos", ["a", "b"], missing="null")
    assert [every[name].null_count for name in ("image_id", "a", "b")] == [0, 1, 2]


def test_unknown_ids_are_named_or_null(store: Store, tmp_path: Path) -> None:
    bring(store, tmp_path, vectors(2), ["x", "y"], encoder="a")
    message = (
        r"ids for photos@1: expected image ids of the dataset, but got 1 of 2 that it lacks: 'z'. Pass --missing null"
    )
    with pytest.raises(InputError, match=message):
        get_features(store, "photos", ["a"], ids=["x", "z"])
    table = get_features(store, "photos", ["a"], ids=["x", "z"], missing="null")
    assert (table["row"].to_pylist(), table["a"].to_pylist()[1]) == ([0, None], None)
    assert get_features(store, "photos", ["a"], ids=[]).num_rows == 0


def test_options_are_checked(store: Store, tmp_path: Path) -> None:
    bring(store, tmp_path, vectors(1), ["x"], encoder="a")
    with pytest.raises(UnknownName, match="'b'"):
        get_features(store, "photos", ["b"])
    with pytest.raises(UnknownName, match="snapshot of"):
        get_features(store, "photos@9", ["a"])
    with pytest.raises(SpecError, match="encoders: expected one or more, each once, but got"):
        get_features(store, "photos", ["a", "a"])
    with pytest.raises(SpecError, match="missing ids: expected refuse or null, but got 'guess'"):
        get_features(store, "photos", ["a"], missing="guess")  # type: ignore[arg-type]


@pytest.mark.parametrize("suffix", [".npy", ".parquet"])
def test_what_is_exported_imports_again(store: Store, tmp_path: Path, suffix: str) -> None:
    path, ids = files(tmp_path, vectors(len(HOSTILE)).astype(np.float16), HOSTILE)
    import_features(store, "photos", path, ids=ids, encoder="a")
    report = export_features(store, "photos", "a", tmp_path / f"out{suffix}")
    assert (report.dataset, report.rows) == ("photos@1", len(HOSTILE))
    assert all(Path(one).is_file() for one in report.paths)
    import_features(store, "again", report.paths[0], ids=report.paths[1] if suffix == ".npy" else None, encoder="a")
    features = open_features(store, "again", "a")
    np.testing.assert_array_equal(features.read(0, features.rows), vectors(len(HOSTILE)).astype(np.float16))
    assert get_features(store, "again", ["a"])["image_id"].to_pylist() == HOSTILE


def test_only_current_rows_with_a_feature_are_exported(store: Store, tmp_path: Path) -> None:
    root = photos(tmp_path, 3)
    index(store, root, "photos")
    bring(store, tmp_path, vectors(2), ["0.png", "2.png"], encoder="a")
    (root / "0.png").unlink()
    index(store, root, "photos")
    report = export_features(store, "photos", "a", tmp_path / "out.parquet")
    table = parquet.read_table(tmp_path / "out.parquet")
    assert (report.rows, table["image_id"].to_pylist()) == (1, ["2.png"])
    assert export_features(store, "photos@1", "a", tmp_path / "old.parquet").rows == 2


def test_export_says_what_is_wrong_and_leaves_nothing(store: Store, tmp_path: Path) -> None:
    bring(store, tmp_path, vectors(2), ["x", "y"], encoder="a")
    with pytest.raises(SpecError, match=r"expected a name ending in .npy or .parquet, but got '.csv'"):
        export_features(store, "photos", "a", tmp_path / "out.csv")
    with pytest.raises(SpecError, match=r"output .*out.ids.csv: expected a folder that exists, but got .*nowhere"):
        export_features(store, "photos", "a", tmp_path / "nowhere/out.npy")
    features = open_features(store, "photos", "a")
    chunk = Path(store.files.local_path(features.manifest.files[0].path) or "")
    chunk.write_bytes(chunk.read_bytes()[:-1])
    with pytest.raises(CorruptError):
        export_features(store, "photos", "a", tmp_path / "out.npy")
    assert not list(tmp_path.glob("out*"))
    assert not list(tmp_path.glob(".out*"))


def test_wanted_ids_are_read(tmp_path: Path) -> None:
    (tmp_path / "i.txt").write_text("b\na\n")
    assert read_wanted_ids(tmp_path / "i.txt") == ["b", "a"]
    (tmp_path / "i.csv").write_text("image_id,x\nb,1\n")
    assert read_wanted_ids(tmp_path / "i.csv") == ["b"]
