"""A dataset of small labelled pictures, words for its classes, and what a page saves."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.steps.index import index
from flows.study.design import Saying, Study
from flows.study.key_file import read_key
from flows.study.make import MakeReport, make
from flows.study.results import FORMAT, VERSION, checksum
from store.root import Store
from tests.planted_photos import picture

CLASSES = ("grey_owl", "water_tower", "gas_pump")
SAYINGS = [
    Saying(label, word, model)
    for model, words in (("swin", ("owl", "tower", "vending")), ("resnet", ("bird", "large", "garage")))
    for label, word in zip(CLASSES, words, strict=True)
]


@pytest.fixture
def birds(store: Store, tmp_path: Path) -> Store:
    """A store with 18 pictures in three classes, as the dataset `birds`."""
    for number in range(18):
        folder = tmp_path / "pictures" / CLASSES[number % 3]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:02d}.jpg").write_bytes(picture(number, size=(120, 90)))
    index(store, str(tmp_path / "pictures"), "birds", label_from="folder")
    return store


@pytest.fixture
def words(tmp_path: Path) -> Path:
    """SAYINGS as a CSV file."""
    path = tmp_path / "words.csv"
    path.write_text("class,word,source\n" + "".join(f"{one.label},{one.word},{one.source}\n" for one in SAYINGS))
    return path


@pytest.fixture
def made(birds: Store, words: Path, tmp_path: Path) -> MakeReport:
    """A study of two annotators on disk."""
    return make(birds, "birds", tmp_path / "study", words=words)


@pytest.fixture
def study(made: MakeReport) -> Study:
    """Its design."""
    return read_key(Path(made.key))


@pytest.fixture
def saved(study: Study, tmp_path: Path) -> Callable[..., Path]:
    """Writes the file that a page saves: `answer(item)` for each item; keywords replace fields of the file."""

    def save(annotator: str, answer: Callable[[Any], int], /, **fields: Any) -> Path:
        answers = {name: answer(study.by_id[name]) for name in study.pages[annotator]}
        body = {"format": FORMAT, "version": VERSION, "study": study.digest, "annotator": annotator, "answers": answers}
        body |= {"seconds": dict.fromkeys(answers, 1.5), "checksum": checksum(study.digest, annotator, answers)}
        path = tmp_path / f"{annotator}.json"
        path.write_text(json.dumps(body | fields))
        return path

    return save
