"""Vectors that users bring: every layout reads alike, and what does not fit is refused by row and by name."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from t2c.flows.features.vector_files import open_vectors
from t2c.schemas.errors import InputError, UnknownName

VECTORS = np.arange(12, dtype=np.float32).reshape(4, 3)
IDS = ["a.jpg", 'q"uote, comma', "new\nline", "🐕"]


def save(tmp_path: Path, array: Any = VECTORS, name: str = "v.npy") -> Path:
    np.save(tmp_path / name, array)
    return tmp_path / name


def ids_file(tmp_path: Path, text: str, name: str) -> Path:
    (tmp_path / name).write_bytes(text.encode())
    return tmp_path / name


@pytest.mark.parametrize(
    ("name", "text", "ids"),
    [
        ("i.txt", "a\nb\nc\nd\n", ["a", "b", "c", "d"]),
        ("i.txt", "\ufeffa\r\nb\r\nc\r\nd", ["a", "b", "c", "d"]),
        ("i.csv", "a\nb\nc\nd\n", ["a", "b", "c", "d"]),
        ("i.csv", "whatever\na\nb\nc\nd\n", ["a", "b", "c", "d"]),
        ("i.csv", 'n,image_id\n1,a\n2,"q""uote, comma"\n3,"new\nline"\n4,🐕\n', ["a", *IDS[1:]]),
        ("i.tsv", "image_id\tlabel\na\tx\nb\tx\nc\tx\nd\tx\n", ["a", "b", "c", "d"]),
        ("i.json", json.dumps(["a", "b\0", "../c", "<d>"]), ["a", "b\0", "../c", "<d>"]),
        ("i.json", json.dumps([{"name": "a"}, {"name": "b"}, {"name": "c"}, {"name": "d"}]), ["a", "b", "c", "d"]),
    ],
)
def test_ids_come_from_many_kinds_of_file(tmp_path: Path, name: str, text: str, ids: list[str]) -> None:
    given = open_vectors(save(tmp_path), ids_file(tmp_path, text, name))
    assert list(given.ids) == ids
    assert (given.rows, given.dimension, given.dtype, given.notes) == (4, 3, "float32", ())
    np.testing.assert_array_equal(given.take(np.array([3, 0])), VECTORS[[3, 0]])


def test_parquet_ids_and_extra_columns(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"key": [1, 2, 3, 4], "label": ["x"] * 4, "junk": [0.0] * 4}), tmp_path / "i.parquet")
    given = open_vectors(save(tmp_path), tmp_path / "i.parquet")
    assert given.ids == ("1", "2", "3", "4")
    assert given.columns == {"label": ["x"] * 4}


@pytest.mark.parametrize(
    "kind", [pa.list_(pa.float32()), pa.list_(pa.float32(), 3), pa.large_list(pa.float64()), pa.list_(pa.float16())]
)
def test_parquet_vector_column(tmp_path: Path, kind: pa.DataType) -> None:
    wide = VECTORS.astype(np.float16) if pa.types.is_float16(kind.value_type) else VECTORS
    table = pa.table({"image_id": IDS, "vector": pa.array(list(wide), kind), "other": ["x"] * 4})
    parquet.write_table(table, tmp_path / "v.parquet", row_group_size=3)
    given = open_vectors(tmp_path / "v.parquet")
    assert list(given.ids) == IDS
    assert given.dtype == ("float16" if pa.types.is_float16(kind.value_type) else "float32")
    np.testing.assert_array_equal(given.take(np.arange(4)), VECTORS)


def test_clip_retrieval_folder(tmp_path: Path) -> None:
    (tmp_path / "img_emb").mkdir()
    (tmp_path / "metadata").mkdir()
    for number in range(11):
        save(tmp_path / "img_emb", np.full((2, 3), number, np.float16), f"img_emb_{number}.npy")
        table = pa.table({"image_path": [f"/p/{number}/a#.jpg", f"/p/{number}/b.jpg"], "caption": ["x", "y"]})
        parquet.write_table(table, tmp_path / f"metadata/metadata_{number}.parquet")
    given = open_vectors(tmp_path)
    assert (given.rows, given.dtype) == (22, "float16")
    assert given.ids[20] == "/p/10/a#.jpg"
    assert given.columns["uri"][20:] == ["file:///p/10/a%23.jpg", "/p/10/b.jpg"]
    np.testing.assert_array_equal(given.take(np.array([21, 2, 0]))[:, 0], [10, 1, 0])
    (tmp_path / "metadata/metadata_3.parquet").unlink()
    with pytest.raises(
        InputError, match=r"expected img_emb/img_emb_N.npy and metadata/metadata_N.parquet with the same"
    ):
        open_vectors(tmp_path)


@pytest.mark.parametrize(
    ("dtype", "note"),
    [("float64", "float64 kept as float32"), ("int8", "int8 kept as float32"), (">f4", ">f4 kept as float32")],
)
def test_other_types_are_cast_with_a_note(tmp_path: Path, dtype: str, note: str) -> None:
    given = open_vectors(save(tmp_path, VECTORS.astype(dtype)), ids_file(tmp_path, "a\nb\nc\nd", "i.txt"))
    assert given.notes == (note,)
    np.testing.assert_array_equal(given.take(np.arange(4)), VECTORS)


def test_digest_is_of_the_values_not_of_the_file(tmp_path: Path) -> None:
    ids = ids_file(tmp_path, "a\nb\nc\nd", "i.txt")
    first = open_vectors(save(tmp_path), ids).digest(what="v")
    other_layout = open_vectors(save(tmp_path, np.asfortranarray(VECTORS), "f.npy"), ids).digest(what="v")
    changed = open_vectors(save(tmp_path, VECTORS + 1, "g.npy"), ids).digest(what="v")
    half = open_vectors(save(tmp_path, VECTORS.astype(np.float16), "h.npy"), ids).digest(what="v")
    assert first == other_layout
    assert len({first, changed, half}) == 3


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300])
def test_numbers_that_are_not_finite_name_the_row(tmp_path: Path, bad: float) -> None:
    array = np.tile(VECTORS.astype(np.float64), (2000, 1))
    array[5001, 2] = bad
    ids = ids_file(tmp_path, "\n".join(f"id-{i}" for i in range(8000)), "i.txt")
    given = open_vectors(save(tmp_path, array), ids)
    with pytest.raises(
        InputError, match=r"row 5001 of v.npy \('id-5001'\): expected finite numbers, but got NaN or infinity"
    ):
        given.digest(what="v.npy")


class Gadget:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("owned"),))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (pickle.dumps(Gadget()), "expected a .npy file, but got a pickle, which is never opened"),
        (b"PK\x03\x04zip", "expected a .npy file, but got a zip archive"),
        (
            b"\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (4, 3), }",
            "a whole .npy file of numbers",
        ),
        (b"", "expected a .npy file, but got"),
    ],
)
def test_what_is_no_npy_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "v.npy").write_bytes(data)
    with pytest.raises(InputError, match=message):
        open_vectors(tmp_path / "v.npy", tmp_path / "i.txt")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.array([[Gadget()]], dtype=object), "a whole .npy file of numbers, but got an error: .*objects"),
        (np.zeros(3), r"expected shape \(rows, dimension\), both 1 or more, but got shape \(3,\)"),
        (np.zeros((2, 2, 2)), r"got shape \(2, 2, 2\)"),
        (np.zeros((0, 3)), r"error|shape \(0, 3\)"),
        (np.array([["a"]]), "expected floating point numbers, but got data type <U1"),
        (np.zeros((2, 2), complex), "got data type complex128"),
    ],
)
def test_arrays_that_are_no_vectors_are_refused(tmp_path: Path, array: Any, message: str) -> None:
    path = tmp_path / "v.npy"
    with path.open("wb") as stream:
        np.lib.format.write_array(stream, array, allow_pickle=True)
    with pytest.raises(InputError, match=message):
        open_vectors(path, tmp_path / "i.txt")
    assert not Path("owned").exists()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("i.txt", "a\nb\nc\n", r"ids .*i.txt: expected 4 ids, one a vector, but got 3"),
        ("i.txt", "a\nb\na\nd\n", r"ids of .*v.npy: expected each once, but got 'a' in rows 0 and 2. Remove one"),
        ("i.txt", "a\n\nc\nd\n", r"ids .*i.txt, row 1: expected an id, but got none"),
        (
            "i.csv",
            "p,q\n1,a\n2,b\n3,c\n4,d\n",
            r"expected a column 'image_id', or a header line .* but got 'p', 'q'. Name it: --id-column",
        ),
        ("i.csv", "a,b\nc\n", "line 2 has 1 of 2 columns"),
        ("i.json", '{"a": 1}', "no list of names"),
        ("i.json", "[1, 2", "an error"),
        ("i.json", "[" * 100_000, "values nested too deeply"),
        ("i.parquet", "PAR1", "an error"),
        (None, "", "expected a file that can be read, but got No such file"),
    ],
)
def test_ids_that_do_not_fit_are_refused(tmp_path: Path, name: str | None, text: str, message: str) -> None:
    ids = ids_file(tmp_path, text, name) if name else tmp_path / "nothing.txt"
    with pytest.raises(InputError, match=message):
        open_vectors(save(tmp_path), ids)


def test_ids_must_be_utf8(tmp_path: Path) -> None:
    (tmp_path / "i.txt").write_bytes(b"\xff\n")
    with pytest.raises(InputError, match=r"expected a .txt file in UTF-8, but got an error"):
        open_vectors(save(tmp_path), tmp_path / "i.txt")


def test_named_columns_must_be_there(tmp_path: Path) -> None:
    ids = ids_file(tmp_path, "p,q\n1,a\n2,b\n3,c\n4,d\n", "i.csv")
    assert open_vectors(save(tmp_path), ids, id_column="q").ids == ("a", "b", "c", "d")
    with pytest.raises(UnknownName, match=r"id column of .*: expected one of .*, but got 'r'"):
        open_vectors(save(tmp_path), ids, id_column="r")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[1.0, 2.0], [3.0]], r"column 'v' of .*: expected 2 numbers a row, but got 1 in row 1"),
        ([[1.0], None], r"expected 1 numbers a row, but got 0 in row 1"),
        ([[], [1.0]], r"expected 1 numbers a row, but got 0 in row 0"),
        ([[1.0], [None]], r"expected numbers, but got a null in row 1"),
    ],
)
def test_ragged_columns_are_refused(tmp_path: Path, rows: list[Any], message: str) -> None:
    parquet.write_table(
        pa.table({"id": ["a", "b"], "v": pa.array(rows, pa.list_(pa.float32()))}), tmp_path / "v.parquet"
    )
    with pytest.raises(InputError, match=message):
        open_vectors(tmp_path / "v.parquet")


def test_rows_of_other_lengths_in_a_later_block_are_refused(tmp_path: Path) -> None:
    rows = [[1.0, 2.0]] * 5000 + [[1.0, 2.0, 3.0]] * 5000
    table = pa.table({"id": [str(i) for i in range(10_000)], "v": pa.array(rows, pa.list_(pa.float32()))})
    parquet.write_table(table, tmp_path / "v.parquet", row_group_size=5000)
    with pytest.raises(InputError, match=r"column 'v' of .*: expected 2 numbers a row, but got 3 in row 5000"):
        open_vectors(tmp_path / "v.parquet")


def test_broken_empty_and_odd_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "v.parquet").write_bytes(b"PAR1 broken")
    with pytest.raises(InputError, match=r"expected a whole Parquet file, but got an error"):
        open_vectors(tmp_path / "v.parquet")
    schema = pa.schema([("id", pa.string()), ("v", pa.list_(pa.float32()))])
    parquet.write_table(schema.empty_table(), tmp_path / "v.parquet")
    with pytest.raises(InputError, match=r"expected 1 row or more, but got none"):
        open_vectors(tmp_path / "v.parquet")
    parquet.write_table(pa.table({"id": [{"a": 1}], "v": [[1.0]]}), tmp_path / "v.parquet")
    with pytest.raises(InputError, match=r"expected text in column 'id', but got struct"):
        open_vectors(tmp_path / "v.parquet")


def test_clip_retrieval_files_must_agree(tmp_path: Path) -> None:
    for number, column in enumerate(("image_path", "key")):
        save(tmp_path, VECTORS, f"img_emb_{number}.npy")
        table = pa.table({column: [f"{number}-{i}" for i in range(4)]})
        parquet.write_table(table, tmp_path / f"metadata_{number}.parquet")
    with pytest.raises(InputError, match=r"expected one id column in every file, but got several. Pass --id-column"):
        open_vectors(tmp_path)
    parquet.write_table(pa.table({"image_path": list("abcd")}), tmp_path / "metadata_1.parquet")
    assert open_vectors(tmp_path).rows == 8
    save(tmp_path, VECTORS[:, :2], "img_emb_1.npy")
    with pytest.raises(InputError, match=r"expected one dimension, but got \[2, 3\]"):
        open_vectors(tmp_path)


def test_vector_column_must_be_clear(tmp_path: Path) -> None:
    table = pa.table({"id": ["a"], "v": [[1.0]], "w": [[2.0]], "text": [["x"]]})
    parquet.write_table(table, tmp_path / "v.parquet")
    assert open_vectors(tmp_path / "v.parquet", vector_column="w").take(np.array([0]))[0, 0] == 2
    with pytest.raises(
        InputError, match=r"expected one column of lists of numbers, but got 'v', 'w' among columns id, v, w"
    ):
        open_vectors(tmp_path / "v.parquet")
    with pytest.raises(InputError, match=r"expected vector column 'text', but got 'v', 'w'"):
        open_vectors(tmp_path / "v.parquet", vector_column="text")


def test_missing_files_say_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected a file or folder, but got nothing there. Give a .npy file"):
        open_vectors(tmp_path / "v.npy")
    with pytest.raises(
        InputError, match=r"ids of .*v.npy: expected a .txt, .csv, .json or .parquet file, but got none"
    ):
        open_vectors(save(tmp_path))
