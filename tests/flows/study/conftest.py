"""A dataset of small labelled pictures, words for its classes, and what a page saves."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from t2c.flows.data.index import index
from t2c.flows.study.design import Saying, Study
from t2c.flows.study.key_file import read_key
from t2c.flows.study.make import MakeReport, make
from t2c.flows.study.results import FORMAT, VERSION, checksum
from t2c.schemas.tables.answers.decode import DECODED
from t2c.store.artifacts.answers import write_answer
from t2c.store.disk.manifest import Manifest
from t2c.store.disk.root import Store
from tests.planted.photos import picture

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


def decoded(store: Store, words: dict[str, tuple[str, ...]], **spec: Any) -> Manifest:
    """Store an answer of decoding: each vector's words, best first; keywords replace parts of the question."""
    rows = [
        {
            "vector": vector, "origin": "a head", "images": None, "place": place, "word": word, "score": 0.5, "margin": None,
            "cosine": 0.5, "reached": 0.5, "word_rank": 1, "overlap": None, "auroc": None, "compared": 0, "nearest": 0,
            "trust": "not measured", "below_floor": "", "own_rank": None, "plain_rank": None, "plain_word": None,
            "shown": "birds", "rows_of_vector": [], "rows_of_word": [],
        }
        for vector, said in words.items()
        for place, word in enumerate(said, start=1)
    ]  # fmt: skip
    names = {"dataset": "birds", "what": "head:classifier", "decoder": "vocabulary", "vocabulary": "english"}
    asked = names | {"source": "swin", "target": "clip"} | spec
    return write_answer(store, "decoded", pa.Table.from_pylist(rows, schema=DECODED), spec=asked, parents=[])
