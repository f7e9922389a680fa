"""An audit file fits bottlenecks and reads datasets: blocks are checked, answered once, and told in one sentence each."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from t2c.flows.audit.run import audit
from t2c.schemas.errors import SpecError
from t2c.schemas.specs.audit import load_audit
from t2c.schemas.tables.tables import PREDICTIONS
from t2c.store.artifacts.dataset_tables import write_predictions
from t2c.store.disk.root import open_store
from tests.planted.attributes import SOURCE, TARGET, plant

AUDIT = """
store: store
datasets: {photos: {}, balanced: {}}
encoders: {source: attributes-source, target: attributes-target}
concepts: {bank: everyday}
bottleneck: %s
reading: %s
report: report.html
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a planted store; a model of the user's fails where there is no snow."""
    world = plant(open_store(tmp_path / "store", create=True), count=400)
    there, labels = world.truth["photos"], world.labels["photos"]
    rng = np.random.default_rng(0)
    wrong = (there[:, 2] == 0) & (rng.random(400) < 0.6)
    rows = [
        {"model": "prod-v7", "row": row, "class": "zebra" if bad else label, "score": None}
        for row, (label, bad) in enumerate(zip(labels, wrong, strict=True))
    ]
    write_predictions(world.store, "photos", pa.Table.from_pylist(rows, schema=PREDICTIONS))
    return tmp_path


def written(folder: Path, bottleneck: str, reading: str = "{slices: [prod-v7], k: 0.5}") -> Path:
    text = AUDIT % (bottleneck, reading)
    names = {"attributes-source": f'"{SOURCE.id[:12]}"', "attributes-target": f'"{TARGET.id[:12]}"'}
    for name, space in names.items():
        text = text.replace(name, space)
    (folder / "audit.yaml").write_text(text)
    return folder / "audit.yaml"


def test_a_bottleneck_is_fitted_edited_and_measured_elsewhere_and_nothing_is_done_twice(folder: Path) -> None:
    spec = load_audit(written(folder, "{switch_off: [in snow], measure: [balanced]}"))
    first = audit(spec)
    fitted, read = first.extras
    assert fitted.headline.startswith("Bottleneck ")
    assert "held-out images, linear probe on the features " in fitted.headline
    assert "without in snow" in fitted.headline
    assert fitted.headline.endswith("on balanced@1")
    assert [one.dataset for one in fitted.edits] == ["photos@1", "balanced@1"]
    assert fitted.errors[0].table["concept"][0].as_py() == "in snow"
    assert "prod-v7 errs on" in read.headline
    assert "'in snow' < -0.5" in read.headline.replace('"', "'")
    assert len(read.tables) == 3
    page = (folder / "report.html").read_text()
    assert '<section id="bottleneck"' in page
    assert '<section id="reading"' in page
    assert [one.new for one in audit(spec).extras] == [False, False]


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ("{dataset: fotos}", "bottleneck.dataset: expected one of the datasets photos, balanced, but got 'fotos'"),
        ("{measure: [fotos]}", "bottleneck.measure: expected one of the datasets photos, balanced, but got 'fotos'"),
        ("{head: forest}", "head"),
        ("{holdout: 1.0}", "holdout"),
        ("{concept: red}", "concept"),
    ],
)
def test_a_block_that_is_wrong_is_named(folder: Path, block: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        load_audit(written(folder, block))


def test_a_reading_may_ask_for_less(folder: Path) -> None:
    spec = load_audit(written(folder, "[]", "{classes: false, hard: false, cooccurrence: false, slices: [prod-v7]}"))
    (read,) = audit(spec).extras
    assert (read.tables, len(read.slices)) == ((), 1)
    assert read.headline.startswith("Read; prod-v7 errs on")
