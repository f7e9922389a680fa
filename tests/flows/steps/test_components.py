"""Components of planted spaces: a rotation matches one to one, a stranger does not; what has no components is refused."""

import numpy as np
import pytest

from flows.steps.components import component_pairs, components, diagonals
from schemas.answers.laboratory import COMPONENTS
from schemas.errors import InputError, SpecError, UnknownName
from tests.planted_features import Planted
from tests.planted_laboratory import ALIEN, BASE, NAMES, TURNED, plant


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
    assert "8 components, not 100: no space has more that vary" in report.notes
    assert "600 images are few for 100 components: later ones are noise" in report.notes


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
