"""Answers of annotators become tables 1, 5 and 6, counted by hand here; checks of attention are told apart."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from t2c.flows.study.design import Item
from t2c.flows.study.key_file import read_key
from t2c.flows.study.make import MakeReport, make
from t2c.flows.study.read import read, study_table
from t2c.flows.study.results import Result
from t2c.schemas.errors import InputError, MismatchError, SpecError, UnknownName
from t2c.schemas.tables.answers.study import STUDY, STUDY_ANSWERS
from t2c.store.disk.root import Store, open_store
from t2c.store.queries.catalog import open_catalog

Save = Callable[..., Path]

FIRST = {"owl": 1, "tower": 1, "vending": 3, "bird": 2, "large": 3, "garage": 4}
SECOND = {"owl": 1, "tower": 2, "vending": 4, "bird": 2, "large": 4, "garage": 4}


def says(words: dict[str, int], *, attentive: bool = True) -> Callable[[Item], int]:
    def answer(item: Item) -> int:
        if item.answer is not None:
            return item.answer if attentive else 5 - item.answer
        return words[item.word]

    return answer


@pytest.fixture
def files(saved: Save) -> list[Path]:
    return [saved("annotator-1", says(FIRST)), saved("annotator-2", says(SECOND))]


def figures(table: Any, source: str) -> dict[str, tuple[int, int]]:
    rows = [row for row in table.to_pylist() if row["source"] == source]
    return {f"{row['figure']} {row['grain']}": (row["count"], row["n"]) for row in rows}


def test_rates_and_agreement_are_counted(birds: Store, made: MakeReport, files: list[Path]) -> None:
    table = read(birds, files, key=Path(made.key)).table
    assert table.schema.equals(STUDY)
    assert figures(table, "swin") == {
        "rate relevant": (5, 6),
        "rate similar": (4, 6),
        "rate main": (3, 6),
        "agreement related or not": (2, 3),
        "agreement three": (2, 3),
        "agreement all four": (1, 3),
    }
    assert figures(table, "")["rate relevant"] == (8, 12)
    assert figures(table, "")["agreement related or not"] == (4, 6)


def test_chance_stands_beside_agreement(birds: Store, made: MakeReport, files: list[Path]) -> None:
    rows = [row for row in read(birds, files, key=Path(made.key)).table.to_pylist() if row["source"] == "swin"]
    assert [row["chance"] for row in rows] == [0.75, 0.5, 0.25, 0.625, 0.375, 0.25]
    assert rows[3]["chance_observed"] == pytest.approx((5 / 6) ** 2 + (1 / 6) ** 2)
    assert all(row["low"] < row["rate"] < row["high"] for row in rows)


def test_one_annotator_gives_rates_alone(birds: Store, made: MakeReport, files: list[Path]) -> None:
    report = read(birds, files[:1], key=Path(made.key))
    assert set(report.table["figure"].to_pylist()) == {"rate"}
    assert report.waiting == ("annotator-2",)


def test_failed_checks_are_counted_and_can_leave_an_annotator_out(birds: Store, made: MakeReport, saved: Save) -> None:
    files = [saved("annotator-1", says(FIRST)), saved("annotator-2", says(SECOND, attentive=False))]
    report = read(birds, files, key=Path(made.key))
    assert [(one.checks, one.failed, one.counted) for one in report.attention] == [(4, 0, True), (4, 4, True)]
    strict = read(birds, files, key=Path(made.key), most_failed=1)
    assert [one.counted for one in strict.attention] == [True, False]
    assert figures(strict.table, "swin") == {"rate relevant": (3, 3), "rate similar": (2, 3), "rate main": (2, 3)}
    assert strict.answers.num_rows == 20


def test_nobody_left_is_refused(birds: Store, made: MakeReport, saved: Save) -> None:
    path = saved("annotator-1", says(FIRST, attentive=False))
    with pytest.raises(InputError, match="annotators: expected one who failed at most 0 checks, but got none"):
        read(birds, [path], key=Path(made.key), most_failed=0)
    with pytest.raises(SpecError, match="failed checks allowed: expected 0 or more, but got -1"):
        read(birds, [path], key=Path(made.key), most_failed=-1)


def test_every_answer_is_kept(birds: Store, made: MakeReport, files: list[Path]) -> None:
    table = read(birds, files, key=Path(made.key)).answers
    assert table.schema.equals(STUDY_ANSWERS)
    assert table.num_rows == 20
    owl = next(row for row in table.to_pylist() if row["word"] == "owl")
    assert (owl["annotator"], owl["source"], owl["label"], owl["given"], owl["passed"]) == (
        "annotator-1",
        "swin",
        "grey_owl",
        1,
        None,
    )
    assert [row["passed"] for row in table.to_pylist() if row["known"] is not None] == [True] * 8


def test_sql_sees_both_tables(birds: Store, made: MakeReport, files: list[Path]) -> None:
    read(birds, files, key=Path(made.key))
    catalog = open_catalog(birds)
    assert catalog.sql("select distinct dataset from study").fetchall() == [("birds",)]
    assert catalog.sql("select count(*) from study_answers").fetchall() == [(20,)]


def test_the_same_files_are_not_read_twice(birds: Store, made: MakeReport, files: list[Path]) -> None:
    assert read(birds, files, key=Path(made.key)).new
    assert not read(birds, files[::-1], key=Path(made.key)).new


@pytest.mark.parametrize(("columns", "source"), [("class,word", ""), ("class,word,source", "swin")])
def test_one_model_has_no_line_for_all(birds: Store, tmp_path: Path, columns: str, source: str) -> None:
    (tmp_path / "one.csv").write_text(f"{columns}\ngrey_owl,owl{',' * bool(source)}{source}\n")
    study = read_key(Path(make(birds, "birds", tmp_path / "one", words=tmp_path / "one.csv").key))
    page = study.pages["annotator-1"]
    table = study_table([Result("annotator-1", dict.fromkeys(page, 1), dict.fromkeys(page, 1.0))], study)
    assert table["source"].to_pylist() == [source] * 3


def test_another_store_is_refused(made: MakeReport, files: list[Path], tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="birds"):
        read(open_store(tmp_path / "other", create=True), files, key=Path(made.key))


def test_a_dataset_of_the_same_name_with_other_images_is_refused(
    made: MakeReport, files: list[Path], tmp_path: Path
) -> None:
    from t2c.flows.data.index import index
    from tests.planted.photos import fill

    other = open_store(tmp_path / "other", create=True)
    index(other, str(fill(tmp_path / "others", 3)), "birds")
    with pytest.raises(
        MismatchError, match=r"dataset birds@1 of the study: expected content [0-9a-f]{12}, but got content"
    ):
        read(other, files, key=Path(made.key))
