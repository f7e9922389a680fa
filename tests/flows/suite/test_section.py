"""The report shows the suite of its own CLIP from what the store holds, newest answers first, and classifies nothing."""

from pathlib import Path

import numpy as np
import pytest

from t2c.flows.data.index import index
from t2c.flows.report.write import report
from t2c.flows.scores.score import score
from t2c.flows.suite.suite import suite
from t2c.store.disk.root import Store
from tests.planted.photos import fill
from tests.planted.scored import add_bank
from tests.planted.suite import CLIP, MODELS, CountingEncoder, plant_banks, write_suite


@pytest.fixture
def tested(store: Store, tmp_path: Path) -> Store:
    """photos, aligned and scored, and two models tested at color and shape."""
    index(store, str(fill(tmp_path / "photos", 60)), "photos")
    plant_banks(store)
    data = write_suite(tmp_path / "data")
    suite(store, data, models=MODELS, target=CLIP, tasks=["color", "shape"], align_on="photos", workers=1)
    add_bank(store, ["red", "blue"], space=CLIP.space)
    for one in (*MODELS, CLIP):
        score(store, "photos", source=one.name, bank="everyday", target=CLIP.name)
    return store


def page(store: Store, folder: Path, source: str) -> str:
    made = report(store, "photos", source=source, bank="everyday", output=folder / "r.html")
    return Path(made.path).read_text()


def test_the_section_shows_figures_of_every_model_the_report_s_own_first(tested: Store, tmp_path: Path) -> None:
    CountingEncoder.seen.clear()
    text = page(tested, tmp_path, MODELS[1].name)
    assert CountingEncoder.seen.total() == 0
    assert '<section id="suite"' in text
    assert "Characters and primitives (figure 6)" in text
    assert "Coarse grained concepts (figure 5)" not in text
    assert text.count('class="suite-strip"') == 2
    first, second = (text.index(f"</i><bdi>{one.name}</bdi>") for one in MODELS[::-1])
    assert first < second
    assert text.count("answers/suite/") >= 4


def test_a_store_without_a_suite_of_the_source_has_no_section(tested: Store, tmp_path: Path) -> None:
    assert '<section id="suite"' not in page(tested, tmp_path, CLIP.name)


def test_a_row_done_again_replaces_the_older(tested: Store, tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "shapes" / "Star_0.png").unlink()
    suite(tested, data, models=MODELS, target=CLIP, tasks=["shape"], align_on="photos", workers=1)
    text = page(tested, tmp_path, MODELS[0].name)
    assert text.count('class="suite-strip"') == 2
    assert "14 images" in text
    assert "15 images" not in text


def test_class_vectors_are_unit(tested: Store) -> None:
    from t2c.store.artifacts.concepts import open_concepts

    banks = [name for name in tested.files.folders("concepts") if name.startswith("suite-")]
    assert len(banks) == 3
    for name in banks:
        np.testing.assert_allclose(np.linalg.norm(open_concepts(tested, name).vectors(), axis=1), 1, atol=1e-5)
