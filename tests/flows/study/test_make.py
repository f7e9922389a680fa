"""Pages of a study: the same bytes for the same question, blinded, self-contained, safe whatever a word holds."""

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest

from t2c.flows.data.index import index
from t2c.flows.study.design import Plan, Study
from t2c.flows.study.key_file import read_key
from t2c.flows.study.make import MakeReport, make, rows_by_class
from t2c.flows.study.page import script_json
from t2c.schemas.errors import InputError, SpecError, StoreWriteError, UnknownName
from t2c.store.artifacts.images import open_images
from t2c.store.disk.root import Store
from tests.flows.study.conftest import CLASSES, SAYINGS, decoded


def page(made: MakeReport, number: int = 0) -> str:
    return Path(made.pages[number]).read_text()


def data(text: str) -> dict[str, object]:
    found = re.search(r'<script type="application/json" id="study">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_a_page_an_annotator_and_one_key_are_written(made: MakeReport) -> None:
    assert [Path(path).name for path in (*made.pages, made.key)] == [
        "annotator-1.html",
        "annotator-2.html",
        "study.json",
    ]
    assert (made.items, made.checks, made.classes, made.sources) == (6, 4, 3, ("resnet", "swin"))
    assert made.words_a_page == (10, 10)


def test_the_same_question_writes_the_same_bytes(made: MakeReport, birds: Store, words: Path, tmp_path: Path) -> None:
    again = make(birds, "birds", tmp_path / "again", words=words)
    for first, second in zip((*made.pages, made.key), (*again.pages, again.key), strict=True):
        assert Path(first).read_bytes() == Path(second).read_bytes()


def test_a_page_tells_no_model_class_image_or_known_answer(made: MakeReport, study: Study) -> None:
    text = page(made)
    names = {"swin", "resnet", *CLASSES, "birds", ".jpg"}
    assert [name for name in names if name in text.replace("vending", "")] == []
    items = data(text)["items"]
    assert {tuple(sorted(item)) for item in items} == {("id", "images", "word")}
    assert {item["word"] for item in items} >= {one.word for one in SAYINGS}
    assert [item["id"] for item in items] == list(study.pages["annotator-1"])


def test_a_picture_stands_in_a_page_once(made: MakeReport) -> None:
    found = data(page(made))
    assert len(found["images"]) == len(set(found["images"])) == 18
    assert all(uri.startswith("data:image/webp;base64,") for uri in found["images"])


def test_the_policy_names_the_one_style_and_the_one_script(made: MakeReport) -> None:
    text = page(made)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1].replace("&#39;", "'")
    for element in ("style", "script"):
        content = re.search(rf"<{element}>(.*?)</{element}>", text, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{element}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policy


def test_a_page_names_no_address(made: MakeReport) -> None:
    assert re.findall(r"(?:https?:)?//[a-z]", re.sub(r"data:[^\"]*", "", page(made))) == []


def test_a_hostile_word_is_text(birds: Store, tmp_path: Path) -> None:
    word = '</script><img src=x onerror="alert(1)">'
    (tmp_path / "w.csv").write_text('class,word\ngrey_owl,"' + word.replace('"', '""') + '"\n')
    made = make(birds, "birds", tmp_path / "hostile", words=tmp_path / "w.csv")
    assert "<img src=x" not in page(made)
    assert word in {item["word"] for item in data(page(made))["items"]}


def test_json_in_a_page_cannot_end_its_element() -> None:
    text = script_json({"word": "</script><!--&\N{LINE SEPARATOR}"})
    assert not set("<>&\N{LINE SEPARATOR}") & set(text)
    assert json.loads(text) == {"word": "</script><!--&\N{LINE SEPARATOR}"}


def test_duplicates_and_unreadable_files_are_in_no_collage(birds: Store, tmp_path: Path) -> None:
    owls = tmp_path / "pictures" / "grey_owl"
    (owls / "copy.jpg").write_bytes((owls / "00.jpg").read_bytes())
    (owls / "broken.jpg").write_bytes(b"no picture")
    index(birds, str(tmp_path / "pictures"), "birds", label_from="folder")
    assert [len(rows) for rows in rows_by_class(open_images(birds, "birds"), "label").values()] == [6, 6, 6]


def test_a_picture_that_has_gone_is_left_out_and_none_is_refused(birds: Store, words: Path, tmp_path: Path) -> None:
    owls = sorted((tmp_path / "pictures" / "grey_owl").iterdir())
    owls[0].unlink()
    made = make(birds, "birds", tmp_path / "less", words=words)
    assert len(data(page(made))["images"]) == 17
    for owl in owls[1:]:
        owl.unlink()
    with pytest.raises(
        InputError, match=r"collage of class 'grey_owl': expected pictures that can still be read, 6 of them"
    ):
        make(birds, "birds", tmp_path / "none", words=words)


def test_an_unknown_attribute_or_dataset_is_refused(birds: Store, words: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="labels of birds"):
        make(birds, "birds", tmp_path / "x", words=words, labels="species")
    with pytest.raises(UnknownName, match="birds"):
        make(birds, "bird", tmp_path / "x", words=words)


def test_stored_decodings_are_asked_about_without_a_file(birds: Store, tmp_path: Path) -> None:
    decoded(birds, {"grey owl": ("owl", "bird"), "gas pump": ("garage",), "tench": ("fish",)})
    made = make(birds, "birds", tmp_path / "stored", plan=Plan(attention=0))
    study = read_key(Path(made.key))
    assert {(item.label, item.word, item.source) for item in study.items} == {
        ("grey_owl", "owl", "swin"),
        ("gas_pump", "garage", "swin"),
    }
    assert made.without == 1


def test_a_file_and_answers_together_are_refused(birds: Store, words: Path, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="expected a file or stored answers, but got both"):
        make(birds, "birds", tmp_path / "x", words=words, answers=["abc"])


def test_a_folder_that_cannot_be_made_is_refused(birds: Store, words: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreWriteError, match="expected a folder that can be written"):
        make(birds, "birds", tmp_path / "file" / "study", words=words)


def test_own_checks_and_plan_reach_the_study(birds: Store, words: Path, tmp_path: Path) -> None:
    (tmp_path / "checks.csv").write_text("class,word,answer\ngas_pump,teapot,4\n")
    plan = Plan(annotators=3, per_item=1, images=2, seed=7)
    made = make(birds, "birds", tmp_path / "own", words=words, checks=tmp_path / "checks.csv", plan=plan)
    study = read_key(Path(made.key))
    assert made.checks == 1
    assert made.words_a_page == (3, 3, 3)
    assert {len(item.images) for item in study.items} == {2}
    assert study.seed == 7
