"""Aligners behind one interface: planted maps are recovered, to the noise floor with noise, and evidence is checked."""

import numpy as np
import pytest

from t2c.core.maps.aligners import (
    Aligner,
    Evidence,
    Rows,
    cross_entropy,
    data_free,
    least_squares,
    low_rank,
    procrustes,
    self_labels,
    sgd,
)
from t2c.core.maps.gradient.options import SgdOptions
from t2c.core.maps.heads import Head
from t2c.core.maps.moments import Moments, estimate_centre, merge
from t2c.core.maps.quality import quality
from t2c.schemas.errors import InputError, MismatchError
from tests.planted.maps import FREE, SOURCE, N, evidence, heads, labelled, low, paired, rotation

LONG = SgdOptions(epochs=60, schedule_epochs=60, weight_decay=0.0, learning_rate=0.1)
CASES = {
    "least-squares": (least_squares(), FREE, 1e-5),
    "procrustes": (procrustes(), 1.7 * rotation(), 1e-5),
    "low-rank": (low_rank(2), low(2), 1e-5),
    "sgd": (sgd(LONG, device="cpu"), FREE, 1e-3),
}


@pytest.mark.parametrize("case", CASES)
def test_a_planted_map_is_recovered_exactly_without_noise(case: str) -> None:
    aligner, weight, tolerance = CASES[case]
    fitted = aligner.fit(evidence(*paired(weight)))
    np.testing.assert_allclose(fitted.map.weight, weight, atol=tolerance)
    np.testing.assert_allclose(fitted.map.bias, 1, atol=10 * tolerance)
    assert fitted.n == N


@pytest.mark.parametrize("case", CASES)
def test_a_planted_map_is_recovered_to_the_noise_floor(case: str) -> None:
    aligner, weight, _ = CASES[case]
    x, y = paired(weight, noise=0.3, n=2 * N)
    fitted = aligner.fit(evidence(x[:N], y[:N])).map
    left = y[N:] - fitted.apply(x[N:])
    parameters = SOURCE + 1
    assert float((left**2).mean()) < 0.3**2 * (1 + 4 * parameters / N + 0.05)
    assert float((left**2).mean()) > 0.3**2 * 0.9


def test_self_labels_follow_the_source_model_right_or_wrong_and_need_no_labels() -> None:
    given, codes = labelled()
    design = np.c_[given.rows.x, np.ones(3000)]
    solved = np.linalg.lstsq(design, np.eye(10)[(codes + 1) % 10], rcond=None)[0].astype(np.float32)
    wrong = Head(given.target_head.classes, np.ascontiguousarray(solved[:-1].T), solved[-1], "probe")
    blind = Evidence(rows=Rows(given.rows.x, given.rows.y), source_head=wrong, target_head=given.target_head)
    fitted = self_labels(0.05, SgdOptions(), device="cpu").fit(blind)
    aligned = given.target_head.predict(fitted.map.apply(given.rows.x))
    assert (aligned == wrong.predict(given.rows.x)).mean() > 0.95
    assert (aligned == codes).mean() < 0.05


ALIGNERS = (
    least_squares(),
    least_squares(1.0),
    procrustes(),
    low_rank(2),
    sgd(SgdOptions(epochs=1)),
    cross_entropy(0.01, SgdOptions(epochs=1)),
    self_labels(0.01, SgdOptions(epochs=1)),
    data_free(),
)


def test_every_aligner_says_what_it_needs_and_optimises() -> None:
    names = [aligner.name for aligner in ALIGNERS]
    assert len(set(names)) == len(names)
    for aligner in ALIGNERS:
        assert len(aligner.objective) > 20
        assert aligner.needed
        assert aligner.needs


@pytest.mark.parametrize("aligner", ALIGNERS, ids=lambda one: one.name)
def test_missing_evidence_is_named(aligner: Aligner) -> None:
    with pytest.raises(InputError, match=f"evidence for {aligner.name}: expected .*, but got none"):
        aligner.fit(Evidence())


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_row_with_nan_is_named(side: str) -> None:
    x, y = paired(FREE)
    (x if side == "source" else y)[7, 2] = np.nan
    with pytest.raises(InputError, match=f"{side} features of row 7: expected finite numbers, but got NaN"):
        sgd(SgdOptions(epochs=1)).fit(Evidence(rows=Rows(x, y)))
    moments = Moments.of(x, y, centre=estimate_centre(x[8:], y[8:]))
    for aligner in (least_squares(), procrustes(), low_rank(2)):
        with pytest.raises(InputError, match="features to align: expected finite numbers, but got NaN or infinity"):
            aligner.fit(Evidence(moments=moments))


def test_heads_with_another_class_order_are_refused_naming_both() -> None:
    source, target = heads(classes=3)
    turned = Head(("class 0", "class 2", "class 1"), target.weight, target.bias, "classifier")
    x, y = paired(FREE)
    given = Evidence(rows=Rows(x, y), source_head=source, target_head=turned)
    for aligner in (data_free(), self_labels(0.01, SgdOptions(epochs=1))):
        with pytest.raises(MismatchError, match=r"the target head: expected 'class 1' at position 1, as in the source"):
            aligner.fit(given)


@pytest.mark.parametrize("case", ["procrustes", "low-rank", "least-squares"])
@pytest.mark.parametrize("shape", ["collinear", "constant", "few rows", "copies", "one row"])
def test_degenerate_rows_have_a_finite_answer(case: str, shape: str) -> None:
    aligner, weight, _ = CASES[case]
    x, y = paired(weight, n={"few rows": 5, "one row": 1}.get(shape, 200))
    if shape == "collinear":
        x[:, 3] = x[:, 4]
    if shape == "constant":
        x[:, 2], y[:, 1] = 3.0, 1.0
    if shape == "copies":
        x[1:], y[1:] = x[0], y[0]
    fitted = aligner.fit(evidence(x, y))
    assert np.isfinite(fitted.map.weight).all()
    np.testing.assert_allclose(fitted.map.apply(x).mean(axis=0), y.mean(axis=0), atol=1e-3)
    if shape in ("copies", "one row"):
        assert np.abs(fitted.map.weight).max() < 1e-3


def test_copies_of_every_row_change_no_closed_form() -> None:
    x, y = paired(FREE, noise=0.3)
    twice = evidence(np.concatenate([x, x]), np.concatenate([y, y]))
    for aligner in (least_squares(), procrustes(), low_rank(2)):
        once, again = aligner.fit(evidence(x, y)).map, aligner.fit(twice).map
        np.testing.assert_allclose(again.weight, once.weight, atol=1e-4)


def test_merged_and_subtracted_moments_fit_as_their_rows_would() -> None:
    x, y = paired(FREE, noise=0.3)
    centre = estimate_centre(x[:64], y[:64])
    label = np.random.default_rng(3).integers(0, 3, N)
    parts = [Moments.of(x[label == one], y[label == one], centre=centre) for one in range(3)]
    rest = label != 1
    for aligner in (least_squares(), least_squares(5.0), procrustes(), low_rank(2)):
        union = aligner.fit(evidence(x, y)).map
        np.testing.assert_allclose(aligner.fit(Evidence(merge(parts))).map.weight, union.weight, atol=1e-4)
        never = aligner.fit(evidence(x[rest], y[rest])).map
        without = aligner.fit(Evidence(merge(parts) - parts[1])).map
        np.testing.assert_allclose(without.weight, never.weight, atol=1e-4)


def test_float16_storage_changes_held_out_r2_by_less_than_a_thousandth() -> None:
    x, y = paired(FREE, noise=0.5, n=2 * N)
    for aligner in (least_squares(), procrustes(), low_rank(3), sgd(SgdOptions(), device="cpu")):
        found = []
        for kind in (np.float32, np.float16):
            a, b = x.astype(kind), y.astype(kind)
            fitted = aligner.fit(
                Evidence(
                    Moments.of(*(part[:N].astype(np.float32) for part in (a, b)), centre=estimate_centre(x, y)),
                    Rows(a[:N], b[:N]),
                )
            ).map
            held = Moments.of(a[N:].astype(np.float32), b[N:].astype(np.float32), centre=estimate_centre(x, y))
            found.append(quality(held, fitted, train_mean=y[:N].mean(axis=0, dtype=np.float64)).r2_variance_weighted)
        assert abs(found[0] - found[1]) < 1e-3


def test_a_low_rank_fit_says_the_rank_of_the_map_beside_that_of_the_features() -> None:
    fitted = low_rank(2).fit(evidence(*paired(FREE, noise=0.1)))
    assert (fitted.rank, np.linalg.matrix_rank(fitted.map.weight)) == (8, 2)
    assert fitted.notes == ("the map passes through 2 dimensions; rank is that of the source features",)


@pytest.mark.parametrize(("decay_bias", "said"), [(True, 1), (False, 0)])
def test_sgd_whose_bias_decays_says_that_no_ridge_is_its_equal(decay_bias: bool, said: int) -> None:
    options = SgdOptions(epochs=1, decay_bias=decay_bias)
    fitted = sgd(options, device="cpu").fit(evidence(*paired(FREE, noise=0.1)))
    assert fitted.ridge > 0
    assert len([note for note in fitted.notes if note.startswith("ridge is what the weights' decay alone")]) == said
