"""Components of planted spaces: a rotation matches one to one, a stranger does not; what has no components is refused."""

import numpy as np
import pytest

from t2c.flows.laboratory.components import component_pairs, components, diagonals
from t2c.flows.laboratory.curves import curves
from t2c.flows.laboratory.pairs import pairs
from t2c.flows.maps.align import align
from t2c.schemas.errors import InputError, SpecError, UnknownName
from t2c.schemas.tables.answers.laboratory import COMPONENTS
from tests.planted.features import Planted
from tests.planted.laboratory import ALIEN, BASE, NAMES, NOISY, TURNED, plant


@pytest.fixture
def lab(planted: Planted) -> Planted:
    return plant(planted)


def diag_of(table, source: str, target: str) -> float:
    return next(row["diag"] for row in table.to_pylist() if (row["source"], row["target"]) == (source, target))


def test_a_rotation_matches_component_by_component_and_a_stranger_does_not(lab: Planted) -> None:
    report = components(lab.store, "photos", NAMES, k=6, p=0)
    assert report.table.schema.equals(COMPONENTS)
    assert diag_of(report.diagonals, BASE.name, TURNED.name) == pytest.approx(1, abs=1e-3)
    assert diag_of(report.diagonals, TURNED.name, BASE.name) == pytest.approx(1, abs=1e-3)
    assert diag_of(report.diagonals, BASE.name, ALIEN.name) < 0.6
    assert report.diagonals.num_rows == 12
    assert "near the diagonal, 0.1" in report.headline


def test_rows_of_the_table_are_unit_vectors_by_falling_variance(lab: Planted) -> None:
    report = components(lab.store, "photos", NAMES[:2], k=5)
    for one in component_pairs(report.table):
        assert one.rows.shape == (5, 5)
        np.testing.assert_allclose((one.rows**2).sum(axis=1), 1)
        assert (np.diag(one.rows) >= 0).all()
    shares = [row["source_share"] for row in report.table.to_pylist() if row["i"] == 1 and row["source"] == BASE.name]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) <= 1


def test_the_band_is_only_how_the_same_answer_is_read(lab: Planted) -> None:
    first = components(lab.store, "photos", NAMES[:2], k=6, p=0)
    wide = components(lab.store, "photos", NAMES[:2], k=6, p=5)
    assert (first.new, wide.new) == (True, False)
    assert wide.diagonals["diag"].to_pylist() == [pytest.approx(1)] * 2
    assert diagonals(first.table, p=0).equals(first.diagonals)


def test_fewer_components_and_few_images_are_said(lab: Planted) -> None:
    report = components(lab.store, "photos", NAMES[:2], k=100)
    each = f"{BASE.name} has 8, {TURNED.name} has 8"
    assert f"not every space has 100 components that vary: {each}" in report.notes
    assert "600 images are few for 100 components: later ones are noise" in report.notes


def test_each_space_with_fewer_components_is_named(lab: Planted) -> None:
    notes = components(lab.store, "photos", NAMES, k=7).notes
    assert f"not every space has 7 components that vary: {NOISY.name} has 5, {ALIEN.name} has 6" in notes
    assert not any("not every space" in note for note in components(lab.store, "photos", NAMES, k=5).notes)


def test_images_that_one_encoder_lacks_are_counted(planted: Planted) -> None:
    planted.images("some", 100)
    for space, count in ((BASE, 100), (NOISY, 60)):
        values = np.random.default_rng(0).normal(size=(100, space.dimension))
        planted.features("some", space, values, present=np.arange(100) < count)
    listed = f"{BASE.name} 100, {NOISY.name} 60"
    note = f"encoders cover different images ({listed}): only the 60 that all cover are used"
    assert note in components(planted.store, "some", [BASE.name, NOISY.name], k=2).notes
    assert note in pairs(planted.store, "some", [BASE.name, NOISY.name]).notes
    assert note in curves(planted.store, "some", source=BASE.name, target=NOISY.name, seeds=1).notes
    assert note in align(planted.store, "some", source=BASE.name, target=NOISY.name).certificate.notes


def test_a_limit_on_rows_is_another_answer_and_is_said(lab: Planted) -> None:
    whole, limited = (components(lab.store, "photos", NAMES[:2], max_rows=rows) for rows in (None, 100))
    assert whole.digest != limited.digest
    assert any(note.startswith("100 images are few") for note in limited.notes)


def test_bad_questions_are_refused(lab: Planted) -> None:
    with pytest.raises(SpecError, match=r"--components and --band: expected 1 or more and 0 or more, but got 0 and 5"):
        components(lab.store, "photos", NAMES, k=0)
    with pytest.raises(UnknownName, match=r"encoder with features of photos"):
        components(lab.store, "photos", [BASE.name, "timm:nothing"])
    lab.images("flat", 10)
    for space in (BASE, ALIEN):
        lab.features("flat", space, np.ones((10, space.dimension)))
    with pytest.raises(InputError, match=r"features of encoder 1: expected features that vary, but got one point"):
        components(lab.store, "flat", [BASE.name, ALIEN.name])
