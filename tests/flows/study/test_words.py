"""Words of a study come from CSV files or stored decodings; what cannot be read is refused by line or digest."""

from pathlib import Path

import pytest

from t2c.flows.study.design import Check, Saying
from t2c.flows.study.words import read_checks, read_sayings, stored_sayings
from t2c.schemas.errors import InputError, MismatchError, UnknownName
from t2c.store.disk.root import Store
from tests.flows.study.conftest import decoded


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "words.csv"
    path.write_text(text)
    return path


def test_a_file_gives_class_word_and_source(tmp_path: Path) -> None:
    path = write(tmp_path, 'class,word,source\n"owl, grey",bird,swin\nlion, Lion ,swin\n')
    assert read_sayings(path) == [Saying("owl, grey", "bird", "swin"), Saying("lion", "Lion", "swin")]


def test_the_source_may_be_left_out(tmp_path: Path) -> None:
    assert read_sayings(write(tmp_path, "word,class\nbird,owl\n")) == [Saying("owl", "bird")]


def test_checks_have_a_known_answer(tmp_path: Path) -> None:
    assert read_checks(write(tmp_path, "class,word,answer\nowl,teapot,4\n")) == [Check("owl", "teapot", 4)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "columns of .*: expected class, word and maybe source, but got an empty file"),
        ("class,term\nowl,bird\n", "expected class, word and maybe source, but got class, term"),
        ("class,word\nowl\n", "line 2: expected 2 fields, but got more or fewer"),
        ("class,word\nowl,a,b\n", "line 2: expected 2 fields, but got more or fewer"),
        ('class,word\nowl,"open\n', "line 1: expected CSV, but got unexpected end of data"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_sayings(write(tmp_path, text))


def test_a_check_with_another_answer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="line 2: expected an answer of 1 to 4, but got '5'"):
        read_checks(write(tmp_path, "class,word,answer\nowl,teapot,5\n"))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a CSV file in UTF-8, but got FileNotFoundError"):
        read_sayings(tmp_path / "none.csv")


def test_the_best_word_of_each_class_is_taken_from_stored_decodings(store: Store) -> None:
    decoded(store, {"owl": ("bird", "tree"), "lion": ("cat",)})
    decoded(store, {"owl": ("owl",)}, source="resnet")
    decoded(store, {"risen": ("snow",)}, what="shift:other")
    found = stored_sayings(store, "birds", labels={"owl", "lion"})
    assert found.sayings == (
        Saying("owl", "bird", "swin"),
        Saying("lion", "cat", "swin"),
        Saying("owl", "owl", "resnet"),
    )
    assert found.without == 0


def test_names_match_up_to_case_and_spaces_and_others_are_counted(store: Store) -> None:
    decoded(store, {"Grey Owl": ("bird",), "tench": ("fish",), "goldfish": ("fish",)})
    found = stored_sayings(store, "birds", labels={"grey_owl"})
    assert (found.sayings, found.without) == ((Saying("grey_owl", "bird", "swin"),), 2)


def test_decoders_of_one_model_are_told_apart(store: Store) -> None:
    decoded(store, {"owl": ("bird",)})
    decoded(store, {"owl": ("owl",)}, decoder="zerocap")
    found = stored_sayings(store, "birds", labels={"owl"})
    assert {one.source for one in found.sayings} == {"swin (vocabulary)", "swin (zerocap)"}


def test_the_newest_decoding_of_a_model_counts_unless_one_is_named(store: Store) -> None:
    older = decoded(store, {"owl": ("bird",)}, vocabulary="old")
    decoded(store, {"owl": ("owl",)}, vocabulary="new")
    assert [one.word for one in stored_sayings(store, "birds", labels={"owl"}).sayings] == ["owl"]
    assert [one.word for one in stored_sayings(store, "birds", labels={"owl"}, answers=[older.digest[:8]]).sayings] == [
        "bird"
    ]


def test_no_decoding_names_the_command(store: Store) -> None:
    with pytest.raises(UnknownName, match=r"decoded words of birds: .* but got none. Decode first: t2c decode birds"):
        stored_sayings(store, "birds", labels={"owl"})


def test_a_digest_that_none_has_is_refused(store: Store) -> None:
    decoded(store, {"owl": ("bird",)})
    with pytest.raises(UnknownName, match=r"the start of one digest: .*, but got 'zz', which 0 have"):
        stored_sayings(store, "birds", labels={"owl"}, answers=["zz"])


def test_a_decoding_of_other_things_is_refused_when_named(store: Store) -> None:
    other = decoded(store, {"risen": ("snow",)}, what="shift:other")
    with pytest.raises(MismatchError, match=r"expected vectors named as classes \('owl', ...\), but got 'risen'"):
        stored_sayings(store, "birds", labels={"owl"}, answers=[other.digest])
