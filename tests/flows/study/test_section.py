"""The report shows the newest study of its dataset: rates and agreement beside chance; without one there is no section."""

from pathlib import Path

import pyarrow as pa
import pytest

from t2c.flows.maps.align import align
from t2c.flows.page.words import percent
from t2c.flows.report.write import report
from t2c.flows.scores.score import score
from t2c.flows.study.design import Item, Study
from t2c.flows.study.read import answers_table, study_table
from t2c.flows.study.results import Result
from t2c.store.artifacts.answers import write_answer
from t2c.store.artifacts.images import open_images
from t2c.store.disk.root import Store, open_store
from tests.planted.audit import write_audit

ITEMS = (
    *(Item(f"q{number}", "red", word, "my-model", (0,)) for number, word in enumerate(("rose", "car", "sea"))),
    Item("q9", "red", "Tuesday", "", (0,), 4),
)


@pytest.fixture
def stored(tmp_path: Path) -> Store:
    """photos scored in a store, so that there is something to report."""
    write_audit(tmp_path)
    store = open_store(tmp_path / "store")
    align(store, "photos", source="my-model", target="my-clip")
    score(store, "photos", source="my-model", bank="everyday")
    return store


def page(store: Store, folder: Path) -> str:
    return Path(report(store, "photos", output=folder / "r.html").path).read_text()


def ask(store: Store, *given: tuple[int, ...], seed: int = 0) -> pa.Table:
    """Store a study whose annotators gave these answers to ITEMS."""
    study = Study("photos@1", "c" * 64, seed, ITEMS, {f"annotator-{n}": tuple(i.id for i in ITEMS) for n in (1, 2)})
    results = [
        Result(
            f"annotator-{n}",
            {item.id: value for item, value in zip(ITEMS, values, strict=True)},
            {i.id: 1.0 for i in ITEMS},
        )
        for n, values in enumerate(given, start=1)
    ]
    parents = [open_images(store, "photos").manifest.as_parent()]
    spec = {"dataset": "photos", "study": study.digest}
    write_answer(store, "study_answers", answers_table(results, study), spec=spec, parents=parents)
    write_answer(store, "study", study_table(results, study), spec=spec, parents=parents)
    return study_table(results, study)


def test_without_a_study_there_is_no_section(stored: Store, tmp_path: Path) -> None:
    assert '<section id="study"' not in page(stored, tmp_path)


def test_the_newest_study_is_shown_with_chance_beside_each_figure(stored: Store, tmp_path: Path) -> None:
    ask(stored, (4, 4, 4, 4), (4, 4, 4, 4))
    ask(stored, (1, 2, 4, 4), (1, 1, 4, 1), seed=1)
    text = page(stored, tmp_path)
    assert '<section id="study"' in text
    assert "Of 2 checks of attention 1 failed." in text
    for rate, chance in ((2 / 3, 0.75), (0.5, 0.25), (1.0, 0.625), (2 / 3, 0.25)):
        assert f"<b>{percent(rate)}</b>" in text
        assert f'<td class="n">{percent(chance)}</td>' in text
    assert "answers/study/" in text


def test_one_annotator_has_no_agreement(stored: Store, tmp_path: Path) -> None:
    ask(stored, (1, 2, 4, 4))
    assert "No word was judged by two annotators" in page(stored, tmp_path)
