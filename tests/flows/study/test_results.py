"""Files that annotators saved are read whole or refused: each slip of an editor names the file and both sides."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from t2c.flows.study.design import Study
from t2c.flows.study.key_file import read_key, write_key
from t2c.flows.study.make import MakeReport
from t2c.flows.study.results import checksum, read_result, read_results
from t2c.schemas.errors import InputError, MismatchError, UnknownName

Save = Callable[..., Path]


def always(value: int) -> Callable[[Any], int]:
    return lambda _: value


def changed(path: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    body = json.loads(path.read_text())
    change(body)
    path.write_text(json.dumps(body))
    return path


def test_what_a_page_saved_is_read_back(study: Study, saved: Save) -> None:
    result = read_result(saved("annotator-1", always(2)), study)
    assert result.annotator == "annotator-1"
    assert list(result.answers) == list(study.pages["annotator-1"])
    assert set(result.answers.values()) == {2}
    assert set(result.seconds.values()) == {1.5}


def test_files_come_by_annotator(study: Study, saved: Save) -> None:
    paths = [saved("annotator-2", always(1)), saved("annotator-1", always(1))]
    assert [one.annotator for one in read_results(paths, study)] == ["annotator-1", "annotator-2"]


def test_broken_json_is_refused_with_its_place(study: Study, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"format": }')
    with pytest.raises(
        InputError, match=r"a.json: expected JSON as it was saved, but got Expecting value at line 1, column 12"
    ):
        read_result(tmp_path / "a.json", study)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"[" * 100_000])
def test_what_is_no_json_at_all_is_refused(study: Study, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(InputError, match=r"a.json: expected (a JSON file|JSON as it was saved)"):
        read_result(tmp_path / "a.json", study)


def test_a_missing_file_is_refused(study: Study, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a file, but got none of that name"):
        read_result(tmp_path / "a.json", study)


def test_a_file_of_another_kind_is_refused(study: Study, saved: Save, made: MakeReport) -> None:
    with pytest.raises(InputError, match=r"expected format 't2c-study-answers', .* but got 't2c-study'"):
        read_result(Path(made.key), study)
    with pytest.raises(InputError, match="expected version 1, but got 2"):
        read_result(saved("annotator-1", always(1), version=2), study)


def test_answers_to_another_study_are_refused(study: Study, saved: Save) -> None:
    with pytest.raises(
        MismatchError, match=f"expected answers to study {study.digest[:12]}, but got study ffffffffffff"
    ):
        read_result(saved("annotator-1", always(1), study="f" * 64), study)


def test_an_unknown_annotator_is_refused(study: Study, saved: Save) -> None:
    with pytest.raises(UnknownName, match="expected one of 'annotator-1', 'annotator-2', but got 'annotator-9'"):
        read_result(saved("annotator-1", always(1), annotator="annotator-9"), study)


def test_an_unknown_item_is_refused(study: Study, saved: Save) -> None:
    path = changed(saved("annotator-1", always(1)), lambda body: body["answers"].update(q0000000000=1))
    with pytest.raises(
        InputError, match="expected items of annotator-1's page, but got item 'q0000000000', which is not on it"
    ):
        read_result(path, study)


def test_missing_answers_are_refused(study: Study, saved: Save) -> None:
    second = study.pages["annotator-1"][1]
    path = changed(saved("annotator-1", always(1)), lambda body: body["answers"].pop(second))
    with pytest.raises(
        InputError, match="expected 10 answers, but got 9; the first without one is number 2 of the page"
    ):
        read_result(path, study)


@pytest.mark.parametrize("value", [0, 5, "1", 1.0, True, None])
def test_another_answer_is_refused(study: Study, saved: Save, value: Any) -> None:
    first = study.pages["annotator-1"][0]
    path = changed(saved("annotator-1", always(1)), lambda body: body["answers"].update({first: value}))
    with pytest.raises(InputError, match=f"number 1 of the page: expected an answer of 1 to 4, but got {value!r}"):
        read_result(path, study)


def test_an_answer_changed_by_hand_is_refused(study: Study, saved: Save) -> None:
    path = changed(
        saved("annotator-1", always(1)), lambda body: body["answers"].update({study.pages["annotator-1"][0]: 2})
    )
    with pytest.raises(
        MismatchError, match=r"expected checksum [0-9a-f]{16} of its answers, but got checksum [0-9a-f]{16}"
    ):
        read_result(path, study)


def test_answers_that_are_no_object_are_refused(study: Study, saved: Save) -> None:
    with pytest.raises(InputError, match="expected answers by item, but got list"):
        read_result(saved("annotator-1", always(1), answers=[1, 2]), study)


def test_odd_times_count_as_unknown(study: Study, saved: Save) -> None:
    result = read_result(saved("annotator-1", always(1), seconds={study.pages["annotator-1"][0]: "long"}), study)
    assert set(result.seconds.values()) == {0.0}


def test_two_files_of_one_annotator_are_refused(study: Study, saved: Save, tmp_path: Path) -> None:
    path = saved("annotator-1", always(1))
    (tmp_path / "copy.json").write_bytes(path.read_bytes())
    with pytest.raises(
        InputError, match=r"answers of annotator-1: expected one file an annotator, but got .* and .*copy.json"
    ):
        read_results([path, tmp_path / "copy.json"], study)


def test_no_file_is_refused(study: Study) -> None:
    with pytest.raises(InputError, match="expected at least one file, but got none"):
        read_results([], study)


def test_the_checksum_is_fnv_1a() -> None:
    assert checksum("", "", {}) == f"{((0xCBF29CE484222325 ^ 0x0A) * 0x100000001B3) % 2**64:016x}"
    assert checksum("a", "b", {"q1": 1, "q2": 2}) == checksum("a", "b", {"q2": 2, "q1": 1})
    assert checksum("a", "b", {"q1": 1}) != checksum("a", "b", {"q1": 2})


def test_a_study_is_read_as_it_was_written(study: Study, tmp_path: Path) -> None:
    write_key(study, tmp_path / "copy.json")
    assert read_key(tmp_path / "copy.json") == study


def test_a_study_changed_by_hand_is_refused(made: MakeReport) -> None:
    path = changed(Path(made.key), lambda body: body["study"].update(seed=5))
    with pytest.raises(
        MismatchError, match=r"study .*study.json: expected digest [0-9a-f]{12} of its content, but got digest"
    ):
        read_key(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "x"}, "expected format 't2c-study', but got 'x'"),
        ({"version": 9}, "expected version 1, but got 9"),
        ({"study": {"items": [{}]}}, "expected the fields of a study, but got KeyError"),
        ({"study": None}, "expected the fields of a study, but got TypeError"),
    ],
)
def test_a_study_of_another_form_is_refused(made: MakeReport, change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_key(changed(Path(made.key), lambda body: body.update(change)))
