"""Orthogonal Procrustes with scale: recovered whatever the shapes, better than its neighbours, honest about its steps."""

import numpy as np
import pytest

from schemas.errors import InputError
from t2c_core import procrustes as module
from t2c_core.aligners import procrustes
from t2c_core.procrustes import fit_rotation
from t2c_core.quality import quality
from tests.planted_maps import evidence, paired, rotation


@pytest.mark.parametrize(("source", "target"), [(6, 6), (4, 9), (9, 4)])
def test_a_rotation_with_scale_is_recovered_whatever_the_shapes(source: int, target: int) -> None:
    weight = 0.6 * rotation(source, target)
    fitted = procrustes().fit(evidence(*paired(weight)))
    np.testing.assert_allclose(fitted.map.weight, weight, atol=1e-5)
    assert fitted.notes[0] == "one scale for all lengths: 0.6"


@pytest.mark.parametrize(("source", "target"), [(6, 6), (4, 9), (9, 4)])
def test_no_rotation_nearby_is_better(source: int, target: int) -> None:
    rng = np.random.default_rng(8)
    given = evidence(*paired(rng.normal(size=(source, target)), noise=0.5))
    found, mean = procrustes().fit(given).map, given.moments.mean_y
    best = quality(given.moments, found, train_mean=mean).r2_variance_weighted
    scale = np.linalg.norm(found.weight) / min(source, target) ** 0.5
    q = found.weight.astype(np.float64) / scale
    for _ in range(20):
        turned = np.linalg.svd(q + 0.03 * rng.normal(size=q.shape), full_matrices=False)
        other = scale * (turned[0] @ turned[2])
        moved = type(found)(other.astype(np.float32), (mean - given.moments.mean_x @ other).astype(np.float32))
        assert quality(given.moments, moved, train_mean=mean).r2_variance_weighted < best + 1e-6


@pytest.mark.parametrize(("source", "target", "method"), [(4, 9, "svd"), (6, 6, "svd"), (9, 4, "majorisation")])
def test_a_source_no_wider_than_its_target_has_a_closed_form(source: int, target: int, method: str) -> None:
    given = evidence(*paired(np.random.default_rng(8).normal(size=(source, target)), noise=0.5))
    assert procrustes().fit(given).method == method
    assert (fit_rotation(given.moments).steps == 0) == (method == "svd")


def test_steps_that_did_not_suffice_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    given = evidence(*paired(np.random.default_rng(8).normal(size=(9, 4)), noise=0.5))
    assert len(procrustes().fit(given).notes) == 1
    monkeypatch.setattr(module, "MOST_STEPS", 1)
    assert procrustes().fit(given).notes[1] == "the rotation still improved after 1 steps"


def test_no_rows_are_refused() -> None:
    moments = evidence(*paired(rotation())).moments
    with pytest.raises(InputError, match="rows to fit: expected 1 or more, but got 0"):
        fit_rotation(moments - moments)
