"""Logic and prompt return equally many images; with a truth, what is right is counted as it is planted."""

import json
from pathlib import Path

import numpy as np
import pytest

from t2c.flows.cli.app import run
from t2c.flows.concepts.prompt import prompt
from t2c.schemas.errors import InputError, SpecError, UnknownName
from t2c.store.disk.root import Store
from tests.planted.scored import scored

NAMES = ["dog", "beach", "a dog on the beach"]
ROWS = 200


@pytest.fixture
def matrix(store: Store) -> np.ndarray:
    """Every eighth image is a dog on the beach; the prompt knows beaches alone, and dogs a little."""
    rng = np.random.default_rng(0)
    dog, beach = np.arange(ROWS) % 2 == 0, np.arange(ROWS) % 4 == 0
    wanted = np.arange(ROWS) % 8 == 0
    columns = [dog & (wanted | ~beach), beach & (wanted | ~dog) | wanted, wanted]
    found = np.stack([c + 0.05 * rng.normal(size=ROWS) for c in columns], axis=1).astype(np.float32) / 3
    found[:, 2] = (0.1 * wanted + rng.normal(size=ROWS) * 0.1).astype(np.float32)
    scored(store, found, NAMES, label=["yes" if one else "no" for one in wanted])
    return found


def test_both_ways_return_equally_many_and_are_judged_by_the_truth(store: Store, matrix: np.ndarray) -> None:
    report = prompt(store, "photos", "dog > 0.5 & beach > 0.5", "a dog on the beach", truth="label = 'yes'")
    relevant = np.arange(ROWS) % 8 == 0
    assert report.relevant == relevant.sum() == 25
    assert report.base_rate == pytest.approx(25 / ROWS)
    assert report.logic.found == report.prompt.found == len(report.rows[0]) == len(report.rows[1])
    assert set(report.rows[1].tolist()) == set(np.argsort(-matrix[:, 2])[: report.prompt.found].tolist())
    for one, rows in zip((report.logic, report.prompt), report.rows, strict=True):
        assert one.right == relevant[rows].sum()
        assert one.precision == pytest.approx(relevant[rows].mean())
        assert one.recall == pytest.approx(relevant[rows].sum() / 25)
        assert one.low < one.precision <= one.high
    assert report.logic.precision == 1.0
    assert report.prompt.precision < 0.8
    assert report.both == len(set(report.rows[0].tolist()) & set(report.rows[1].tolist()))


@pytest.mark.usefixtures("matrix")
def test_without_a_truth_only_the_overlap_is_told(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    report = prompt(store, "photos", "dog > 0.5", "a dog on the beach", where="label = 'yes'")
    assert (report.relevant, report.base_rate, report.logic.right, report.prompt.precision) == (None, None, None, None)
    assert report.searched == 25
    words = ["prompt", "photos", "dog > 0.5 & beach > 0.5", "a dog on the beach", "--store", store.url]
    assert run([*words, "--truth", "label = 'yes'"]) == 0
    text = capsys.readouterr().out
    assert "base rate" in text
    assert "precision" in text
    assert run([*words, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [row["way"] for row in said["ways"]] == ["logic", "prompt"]
    assert said["report"]["searched"] == ROWS


@pytest.mark.usefixtures("matrix")
@pytest.mark.parametrize(
    ("expression", "concept", "truth", "error", "message"),
    [
        ("dog > 90", "dog", None, InputError, "expected one that finds images, but got none. Ask for less"),
        ("dog > 0", "a dog on the bench", None, UnknownName, "Did you mean 'a dog on the beach'"),
        ("dog > 0", "dog", "label = 'maybe'", InputError, "expected one that holds for a searched image, but got none"),
        ("dog > 0", "dog", "labl = 'yes'", SpecError, "labl"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    store: Store, expression: str, concept: str, truth: str | None, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        prompt(store, "photos", expression, concept, truth=truth)


def test_no_store_is_no_answer(tmp_path: Path) -> None:
    assert run(["prompt", "photos", "dog > 0", "dog", "--store", str(tmp_path / "none")]) == 1
