"""Aligners behind one interface: planted maps are recovered, to the noise floor with noise, and evidence is checked."""

import numpy as np
import pytest

from schemas.errors import InputError, MismatchError
from t2c_core.aligners import (
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
from t2c_core.gradient.options import SgdOptions
from t2c_core.heads import Head, zeroshot_head
from t2c_core.moments import Moments, estimate_centre, merge
from t2c_core.quality import quality

SOURCE, TARGET, N = 8, 5, 1200
LONG = SgdOptions(epochs=60, schedule_epochs=60, weight_decay=0.0, learning_rate=0.1)


def rotation(source: int = SOURCE, target: int = TARGET, *, seed: int = 3) -> np.ndarray:
    """Return a (source, target) matrix with orthonormal rows or columns."""
    size = max(source, target)
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))[0][:source, :target]


def planted(weight: np.ndarray, *, noise: float = 0.0, n: int = N) -> tuple[np.ndarray, np.ndarray]:
    """Return x (n, source) of unequal spread and y = x weight + 1 + noise."""
    rng = np.random.default_rng(0)
    x = rng.normal(1, 1, (n, len(weight))) * np.linspace(1, 2, len(weight))
    return x.astype(np.float32), (x @ weight + 1 + noise * rng.normal(size=(n, weight.shape[1]))).astype(np.float32)


def evidence(x: np.ndarray, y: np.ndarray, **more: object) -> Evidence:
    return Evidence(Moments.of(x, y, centre=estimate_centre(x, y)), Rows(x, y), **more)


def low(rank: int) -> np.ndarray:
    rng = np.random.default_rng(5)
    return rng.normal(size=(SOURCE, rank)) @ rng.normal(size=(rank, TARGET))


FREE = np.random.default_rng(1).normal(size=(SOURCE, TARGET))
CASES = {
    "least-squares": (least_squares(), FREE, 1e-5),
    "procrustes": (procrustes(), 1.7 * rotation(), 1e-5),
    "low-rank": (low_rank(2), low(2), 1e-5),
    "sgd": (sgd(LONG, device="cpu"), FREE, 1e-3),
}


@pytest.mark.parametrize("case", CASES)
def test_a_planted_map_is_recovered_exactly_without_noise(case: str) -> None:
    aligner, weight, tolerance = CASES[case]
    fitted = aligner.fit(evidence(*planted(weight)))
    np.testing.assert_allclose(fitted.map.weight, weight, atol=tolerance)
    np.testing.assert_allclose(fitted.map.bias, 1, atol=10 * tolerance)
    assert fitted.n == N


@pytest.mark.parametrize("case", CASES)
def test_a_planted_map_is_recovered_to_the_noise_floor(case: str) -> None:
    aligner, weight, _ = CASES[case]
    x, y = planted(weight, noise=0.3, n=2 * N)
    fitted = aligner.fit(evidence(x[:N], y[:N])).map
    left = y[N:] - fitted.apply(x[N:])
    parameters = SOURCE + 1
    assert float((left**2).mean()) < 0.3**2 * (1 + 4 * parameters / N + 0.05)
    assert float((left**2).mean()) > 0.3**2 * 0.9


def test_a_rank_that_is_too_small_is_worse_than_the_planted_one_and_a_full_one_is_the_ridge_solution() -> None:
    given = evidence(*planted(low(3), noise=0.1))
    scores = {}
    for rank in (1, 2, 3, TARGET):
        fitted = low_rank(rank, ridge=2.0).fit(given)
        assert np.linalg.matrix_rank(fitted.map.weight, tol=1e-4) <= rank
        scores[rank] = quality(given.moments, fitted.map, train_mean=given.moments.mean_y).r2_variance_weighted
    assert scores[1] < scores[2] < scores[3] - 0.01
    full = least_squares(2.0).fit(given)
    np.testing.assert_allclose(low_rank(TARGET, ridge=2.0).fit(given).map.weight, full.map.weight, atol=1e-5)


def test_a_low_rank_map_is_the_best_of_its_rank() -> None:
    given = evidence(*planted(FREE, noise=0.5))
    best = low_rank(2).fit(given).map
    rng = np.random.default_rng(2)
    left, values, right = np.linalg.svd(best.weight.astype(np.float64), full_matrices=False)
    mean = given.moments.mean_y
    for _ in range(20):
        other = (left[:, :2] + 0.05 * rng.normal(size=(SOURCE, 2))) @ np.diag(values[:2]) @ right[:2]
        bias = mean - given.moments.mean_x @ other
        moved = type(best)(other.astype(np.float32), bias.astype(np.float32))
        kept, lost = (quality(given.moments, one, train_mean=mean).r2_variance_weighted for one in (best, moved))
        assert lost < kept


@pytest.mark.parametrize(("source", "target"), [(6, 6), (4, 9), (9, 4)])
def test_a_rotation_with_scale_is_recovered_whatever_the_shapes(source: int, target: int) -> None:
    weight = 0.6 * rotation(source, target)
    fitted = procrustes().fit(evidence(*planted(weight)))
    np.testing.assert_allclose(fitted.map.weight, weight, atol=1e-5)
    assert fitted.notes[0] == "one scale for all lengths: 0.6"


@pytest.mark.parametrize(("source", "target"), [(6, 6), (4, 9), (9, 4)])
def test_no_rotation_nearby_is_better(source: int, target: int) -> None:
    rng = np.random.default_rng(8)
    given = evidence(*planted(rng.normal(size=(source, target)), noise=0.5))
    found, mean = procrustes().fit(given).map, given.moments.mean_y
    best = quality(given.moments, found, train_mean=mean).r2_variance_weighted
    scale = np.linalg.norm(found.weight) / min(source, target) ** 0.5
    q = found.weight.astype(np.float64) / scale
    for _ in range(20):
        turned = np.linalg.svd(q + 0.03 * rng.normal(size=q.shape), full_matrices=False)
        other = scale * (turned[0] @ turned[2])
        moved = type(found)(other.astype(np.float32), (mean - given.moments.mean_x @ other).astype(np.float32))
        assert quality(given.moments, moved, train_mean=mean).r2_variance_weighted < best + 1e-6


def heads(source_dimension: int = SOURCE, target_dimension: int = TARGET, classes: int = 12) -> tuple[Head, Head]:
    rng = np.random.default_rng(4)
    names = tuple(f"class {index}" for index in range(classes))
    target = Head(
        names,
        rng.normal(size=(classes, target_dimension)).astype(np.float32),
        rng.normal(size=classes).astype(np.float32),
        "classifier",
    )
    weight, bias = rng.normal(size=(source_dimension, target_dimension)), rng.normal(size=target_dimension)
    composed = (target.weight @ weight.T).astype(np.float32)
    return Head(names, composed, (target.weight @ bias + target.bias).astype(np.float32), "classifier"), target


def test_the_map_between_two_heads_is_recovered_from_the_heads_alone() -> None:
    rng = np.random.default_rng(4)
    source, target = heads()
    rng.normal(size=target.weight.shape), rng.normal(size=len(target.classes))
    weight, bias = rng.normal(size=(SOURCE, TARGET)), rng.normal(size=TARGET)
    fitted = data_free().fit(Evidence(source_head=source, target_head=target))
    np.testing.assert_allclose(fitted.map.weight, weight, atol=1e-4)
    np.testing.assert_allclose(fitted.map.bias, bias, atol=1e-4)
    assert (fitted.n, fitted.rank) == (0, TARGET)
    assert fitted.notes == ("the composition reproduces 100.0% of the source head's squared weights",)


def test_what_is_added_to_all_logits_alike_changes_nothing() -> None:
    source, target = heads()
    rng = np.random.default_rng(9)
    before = data_free().fit(Evidence(source_head=source, target_head=target)).map
    for shift in (3.0, 30.0):
        moved = [
            Head(
                head.classes,
                head.weight + (shift * rng.normal(size=head.dimension)).astype(np.float32),
                head.bias + np.float32(shift),
                "classifier",
            )
            for head in (source, target)
        ]
        after = data_free().fit(Evidence(source_head=moved[0], target_head=moved[1])).map
        np.testing.assert_allclose(after.weight, before.weight, atol=2e-4)
        np.testing.assert_allclose(after.bias, before.bias, atol=2e-4)


def test_fewer_classes_than_target_dimensions_leave_the_unseen_ones_at_zero() -> None:
    source, target = heads(classes=3)
    fitted = data_free().fit(Evidence(source_head=source, target_head=target))
    assert fitted.rank == 2
    assert fitted.notes[1] == "two heads of 3 classes decide 2 of 5 target dimensions; the others are 0"
    x = np.random.default_rng(0).normal(size=(50, SOURCE)).astype(np.float32)
    want, got = source.logits(x), target.logits(fitted.map.apply(x))
    np.testing.assert_allclose(got - got.mean(1, keepdims=True), want - want.mean(1, keepdims=True), atol=1e-4)


def labelled(classes: int = 10) -> tuple[Evidence, np.ndarray]:
    """Return rows that lie around class vectors, linearly mapped into a wider source space, and their classes."""
    rng = np.random.default_rng(6)
    names = tuple(f"class {index}" for index in range(classes))
    head = zeroshot_head(names, rng.normal(size=(classes, 32)).astype(np.float32))
    codes = rng.integers(0, classes, 3000)
    y = (3 * head.weight[codes] + 0.4 * rng.normal(size=(3000, 32))).astype(np.float32)
    x = (y @ rng.normal(size=(32, 64)) + 0.1 * rng.normal(size=(3000, 64))).astype(np.float32)
    return Evidence(rows=Rows(x, y, codes), target_head=head), codes


def test_cross_entropy_names_the_classes_through_a_fixed_head() -> None:
    given, codes = labelled()
    some = Rows(given.rows.x, given.rows.y, np.where(np.arange(3000) % 2, codes, -1))
    fitted = cross_entropy(0.05, SgdOptions(), device="cpu").fit(Evidence(rows=some, target_head=given.target_head))
    assert fitted.n == 1500
    assert "only directions of mapped features were trained" in fitted.notes[0]
    lengths = np.linalg.norm(fitted.map.apply(given.rows.x[1::2]), axis=1)
    assert np.sqrt((lengths**2).mean()) == pytest.approx(1, rel=1e-5)
    unseen = given.target_head.predict(fitted.map.apply(given.rows.x[::2]))
    assert (unseen == codes[::2]).mean() > 0.95


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
    x, y = planted(FREE)
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
    x, y = planted(FREE)
    given = Evidence(rows=Rows(x, y), source_head=source, target_head=turned)
    for aligner in (data_free(), self_labels(0.01, SgdOptions(epochs=1))):
        with pytest.raises(MismatchError, match=r"the target head: expected 'class 1' at position 1, as in the source"):
            aligner.fit(given)


def test_one_class_is_refused_or_has_no_answer_to_give() -> None:
    source, target = heads(classes=1)
    with pytest.raises(InputError, match="target head: expected classes that differ, but got weights that are the"):
        data_free().fit(Evidence(source_head=source, target_head=target))
    given, codes = labelled()
    alone = Rows(given.rows.x, given.rows.y, np.zeros_like(codes))
    with pytest.raises(InputError, match="classes among the rows: expected two or more, but got 1"):
        cross_entropy(0.01, SgdOptions(epochs=1)).fit(Evidence(rows=alone, target_head=given.target_head))


@pytest.mark.parametrize("case", ["procrustes", "low-rank", "least-squares"])
@pytest.mark.parametrize("shape", ["collinear", "constant", "few rows", "copies", "one row"])
def test_degenerate_rows_have_a_finite_answer(case: str, shape: str) -> None:
    aligner, weight, _ = CASES[case]
    x, y = planted(weight, n={"few rows": 5, "one row": 1}.get(shape, 200))
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
    x, y = planted(FREE, noise=0.3)
    twice = evidence(np.concatenate([x, x]), np.concatenate([y, y]))
    for aligner in (least_squares(), procrustes(), low_rank(2)):
        once, again = aligner.fit(evidence(x, y)).map, aligner.fit(twice).map
        np.testing.assert_allclose(again.weight, once.weight, atol=1e-4)


def test_merged_and_subtracted_moments_fit_as_their_rows_would() -> None:
    x, y = planted(FREE, noise=0.3)
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
    x, y = planted(FREE, noise=0.5, n=2 * N)
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
