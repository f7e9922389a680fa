"""Metadata files of a folder: cells stay what is written, names match as paths, and a file about other images is refused."""

import codecs
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from t2c.schemas.errors import InputError
from t2c.store.sources.items import Fields, Source
from t2c.store.sources.metadata import name_key
from t2c.store.sources.source import open_source


def folder(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


def labels(root: Path, column: str = "kind") -> dict[str, str | None]:
    return {item.image_id: item.label for item in opened(root, column).items}


def opened(root: Path, column: str = "kind") -> Source:
    return open_source(root, fields=Fields(label=column))


CELLS = ["007", "7", "0x1F", "1e3", "true", "None", "nan", "NA", "null", "2024-01-01", " spaced "]


def test_cells_of_a_csv_file_are_text(tmp_path: Path) -> None:
    folder(tmp_path, *(f"{i}.jpg" for i in range(len(CELLS))))
    lines = "".join(f"{i}.jpg,{cell}\n" for i, cell in enumerate(CELLS))
    (tmp_path / "metadata.csv").write_text(f"file_name,kind\n{lines}")
    assert [labels(tmp_path)[f"{i}.jpg"] for i in range(len(CELLS))] == CELLS


def test_an_empty_cell_is_no_label(tmp_path: Path) -> None:
    folder(tmp_path, "a.jpg", "b.jpg")
    (tmp_path / "metadata.csv").write_text('file_name,kind\na.jpg,\nb.jpg,""\n')
    assert labels(tmp_path) == {"a.jpg": None, "b.jpg": None}


@pytest.mark.parametrize(
    ("value", "want"),
    [
        ('"007"', "007"),
        ("7", "7"),
        ("true", "true"),
        ("null", None),
        ("NaN", None),
        ('"nan"', "nan"),
        ('"2024-01-01"', "2024-01-01"),
    ],
)
def test_values_of_json_lines_are_what_is_written(tmp_path: Path, value: str, want: str | None) -> None:
    folder(tmp_path, "a.jpg")
    (tmp_path / "metadata.jsonl").write_text(f'{{"file_name": "a.jpg", "kind": {value}}}\n\n')
    assert labels(tmp_path) == {"a.jpg": want}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_are_told_by_their_mark(tmp_path: Path, encoding: str) -> None:
    folder(tmp_path, "a.jpg")
    (tmp_path / "metadata.csv").write_text("file_name,kind\na.jpg,caf\u00e9\n", encoding=encoding)
    assert labels(tmp_path) == {"a.jpg": "caf\u00e9"}


def test_other_encodings_are_refused_with_the_line(tmp_path: Path) -> None:
    folder(tmp_path, "a.jpg")
    (tmp_path / "metadata.csv").write_text("file_name,kind\na.jpg,caf\u00e9\n", encoding="latin-1")
    with pytest.raises(InputError, match=r"not UTF-8 in line 2 .*; save the file as UTF-8"):
        opened(tmp_path)


@pytest.mark.parametrize("name", ["./a/b.jpg", "a\\b.jpg", "a//b.jpg", "/a/b.jpg", " a/b.jpg", "c/../a/b.jpg"])
def test_names_match_as_paths(tmp_path: Path, name: str) -> None:
    folder(tmp_path, "a/b.jpg")
    (tmp_path / "metadata.csv").write_text(f"file_name,kind\n{name},x\n")
    assert labels(tmp_path) == {"a/b.jpg": "x"}


def test_composed_and_decomposed_letters_are_one_name() -> None:
    assert name_key("cafe\u0301.jpg") == name_key("caf\u00e9.jpg")
    assert name_key("A.jpg") != name_key("a.jpg")


@pytest.mark.parametrize("ending", ["csv", "CSV", "jsonl"])
def test_a_metadata_file_in_a_split_folder_describes_that_folder(tmp_path: Path, ending: str) -> None:
    folder(tmp_path, "train/a.jpg", "test/a.jpg", "test/b.jpg")
    for split, value in (("train", "x"), ("test", "y")):
        row = f'{{"file_name": "a.jpg", "kind": "{value}"}}' if ending == "jsonl" else f"file_name,kind\na.jpg,{value}"
        (tmp_path / split / f"metadata.{ending}").write_text(row)
    assert labels(tmp_path) == {"test/a.jpg": "y", "test/b.jpg": None, "train/a.jpg": "x"}
    assert open_source(tmp_path).skipped == 2


def test_parquet_metadata_is_read(tmp_path: Path) -> None:
    folder(tmp_path, "a.jpg", "b.jpg")
    table = pa.table({"file_name": ["a.jpg", "b.jpg"], "kind": [1, None]})
    parquet.write_table(table, tmp_path / "metadata.parquet")
    assert labels(tmp_path) == {"a.jpg": "1", "b.jpg": None}


@pytest.mark.parametrize("names", [["images/a.jpg", "images/b.jpg"], ["A.JPG", "B.JPG"], ["a", "b"]])
def test_metadata_about_other_names_is_refused(tmp_path: Path, names: list[str]) -> None:
    folder(tmp_path, "a.jpg", "b.jpg", "c.jpg")
    (tmp_path / "metadata.csv").write_text("file_name,kind\n" + "".join(f"{name},x\n" for name in names))
    with pytest.raises(InputError, match=r"expected names of images, but got 2 of 2 that are there under no such name"):
        opened(tmp_path)


def test_a_part_of_the_described_images_is_told_and_fine(tmp_path: Path) -> None:
    folder(tmp_path, "a.jpg", "a.txt", "b.txt", "c.txt")
    (tmp_path / "metadata.csv").write_text("file_name,kind\na.jpg,x\nb.jpg,y\nc.jpg,y\n")
    assert opened(tmp_path).notes[0].startswith("metadata: 2 of 3 rows match no image, first 'b.jpg'.")


def test_two_rows_for_one_image_are_told(tmp_path: Path) -> None:
    folder(tmp_path, "a.jpg")
    (tmp_path / "metadata.csv").write_text("file_name,kind\na.jpg,x\n./a.jpg,y\n")
    source = opened(tmp_path)
    assert source.notes == ("metadata: 1 of 2 rows name an image again, first './a.jpg'. The last row counts.",)
    assert source.items[0].label == "y"


def test_semicolons_are_named(tmp_path: Path) -> None:
    folder(tmp_path, "a.jpg")
    (tmp_path / "metadata.csv").write_bytes(codecs.BOM_UTF8 + b"file_name;kind\na.jpg;x\n")
    with pytest.raises(InputError, match=r"but got file_name;kind. Save it with commas between the columns"):
        opened(tmp_path)
