"""Efficiency curves: points grow to the plain fit, seeds differ before it, classes come in buckets, bad questions are refused."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from t2c.core.laboratory.joint import merge_joint
from t2c.core.maps.quality import quality
from t2c.core.maps.ridge import fit
from t2c.flows.laboratory.curve_plan import by_classes, by_samples
from t2c.flows.laboratory.curves import curves
from t2c.flows.laboratory.joint_plan import FITTED, NO_RIDGE_NOTE, VALIDATION, joint_moments, open_sides
from t2c.flows.laboratory.pairs import pairs
from t2c.flows.rows.blocks import LEFT_OUT
from t2c.schemas.errors import InputError, SpecError, UnknownName
from t2c.schemas.names import parse_dataset_ref
from t2c.schemas.tables.answers.laboratory import CURVES
from t2c.schemas.tables.tables import ATTRIBUTES
from t2c.store.artifacts.dataset_tables import write_attributes
from t2c.store.artifacts.images import open_images
from tests.planted.features import Planted
from tests.planted.laboratory import ALIEN, BASE, NOISY, TURNED, plant

BOTH = {"source": BASE.name, "target": NOISY.name}


@pytest.fixture
def lab(planted: Planted) -> Planted:
    return plant(planted)


def sides_of(planted: Planted, dataset: str = "photos"):
    return open_sides(open_images(planted.store, parse_dataset_ref(dataset)), list(BOTH.values()), seed=0, holdout=0.1)


def test_the_curve_grows_to_the_whole_and_ends_in_the_plain_fit(lab: Planted) -> None:
    report = curves(lab.store, "photos", **BOTH, points=6, seeds=3, ridge=0.5)
    assert report.table.schema.equals(CURVES)
    rows = report.table.to_pylist()
    assert len(rows) == 18
    sides = sides_of(lab)
    plan = by_samples(sides)
    *parts, held = joint_moments(sides, plan.groups, count=plan.parts + 1, dtype=np.float32)
    total = merge_joint(parts, centre=held.centre).pair(0, 1)
    exact = merge_joint([held], centre=held.centre).pair(0, 1)
    plain = quality(exact, fit(total, ridge=0.5).map, train_mean=total.mean_y)
    last = [row for row in rows if row["share"] == 1.0]
    assert [row["seed"] for row in last] == [0, 1, 2]
    for row in last:
        assert row["r2_variance_weighted"] == plain.r2_variance_weighted
        assert (row["fitted"], row["held_out"], row["point"]) == (total.n, exact.n, 5)
    for seed in range(3):
        mine = [row for row in rows if row["seed"] == seed]
        assert [row["point"] for row in mine] == list(range(6))
        assert [row["fitted"] for row in mine] == sorted(row["fitted"] for row in mine)
    first = [row["r2_variance_weighted"] for row in rows if row["point"] == 0]
    assert len(set(first)) == 3
    assert max(first) < plain.r2_variance_weighted


def test_a_limit_on_rows_is_where_the_curve_ends(lab: Planted) -> None:
    rows = curves(lab.store, "photos", **BOTH, points=3, seeds=2, max_rows=150).table.to_pylist()
    assert {row["fitted"] + row["held_out"] for row in rows if row["share"] == 1.0} == {150}


@pytest.mark.parametrize("by", ["samples", "classes"])
def test_a_condition_names_what_every_point_is_judged_on(lab: Planted, by: str) -> None:
    rows = curves(lab.store, "photos", **BOTH, by=by, points=3, seeds=2, held_out_where="row % 5 = 0").table.to_pylist()
    assert {row["held_out"] for row in rows} == {120}
    assert {row["fitted"] for row in rows if row["share"] == 1.0} == {480}


def test_the_last_point_agrees_with_the_pair_matrix(lab: Planted) -> None:
    """Its moments are float32 sums merged by block: the same to five digits."""
    last = curves(lab.store, "photos", **BOTH, points=3, ridge=0.5).table.to_pylist()[-1]
    pair = next(
        row
        for row in pairs(lab.store, "photos", [BASE.name, NOISY.name], ridge=0.5).table.to_pylist()
        if row["source"] == BASE.name
    )
    assert last["r2_variance_weighted"] == pytest.approx(pair["r2_variance_weighted"], abs=1e-5)
    names = ("fitted", "held_out", "head", "labelled", "aligned", "own", "retained", "retained_low")
    assert [last[name] for name in names] == [pair[name] for name in names]


def test_a_rotation_is_learned_from_few_samples_and_a_stranger_never(lab: Planted) -> None:
    easy = curves(lab.store, "photos", source=BASE.name, target=TURNED.name, points=4).table.to_pylist()
    hard = curves(lab.store, "photos", source=BASE.name, target=ALIEN.name, points=4).table.to_pylist()
    assert min(row["r2_variance_weighted"] for row in easy if row["point"] > 0) > 0.95
    assert max(row["r2_variance_weighted"] for row in hard) < 0.1


def test_classes_come_in_buckets_and_held_out_rows_are_of_every_class(lab: Planted) -> None:
    report = curves(lab.store, "photos", **BOTH, by="classes", points=12, seeds=2)
    rows = report.table.to_pylist()
    assert [row["classes"] for row in rows] == [1, 2, 3, 4] * 2
    assert "4 points, not 12: there are 4 class buckets" in report.notes
    plan = by_classes(sides_of(lab), [row["label"] for row in labels(lab)], labels="label")
    held = np.flatnonzero(plan.groups == plan.held)
    assert set((held % 4).tolist()) == {0, 1, 2, 3}
    for part in range(4):
        assert len(set((np.flatnonzero(np.isin(plan.groups, (part, part + 4))) % 4).tolist())) == 1
    whole = curves(lab.store, "photos", **BOTH, points=1, ridge=0.5).table.to_pylist()[-1]
    last = curves(lab.store, "photos", **BOTH, by="classes", ridge=0.5).table.to_pylist()[-1]
    assert (last["fitted"], last["held_out"]) == (whole["fitted"], whole["held_out"])
    assert last["r2_variance_weighted"] == pytest.approx(whole["r2_variance_weighted"], abs=1e-5)


def labels(planted: Planted) -> list[dict]:
    return open_images(planted.store, parse_dataset_ref("photos")).table(["label"], current=False).to_pylist()


def test_few_classes_choose_the_ridge_on_rows_of_every_class(lab: Planted) -> None:
    report = curves(lab.store, "photos", **BOTH, by="classes", seeds=1, head="none")
    assert report.table["ridge"][0].as_py() > 0
    assert "one ridge for the whole curve, chosen on one in 5 of the row blocks to fit" in report.notes
    plan = by_classes(sides_of(lab), [row["label"] for row in labels(lab)], labels="label")
    chooses = np.isin(plan.groups, np.flatnonzero(plan.validation()))
    assert (plan.split, plan.held) == (True, 8)
    assert set((np.flatnonzero(chooses) % 4).tolist()) == {0, 1, 2, 3}
    assert 0.1 < chooses.mean() < 0.25


@pytest.mark.parametrize("holdout", [0.97, 0.95])
def test_few_blocks_to_fit_choose_the_ridge_on_the_last(lab: Planted, holdout: float) -> None:
    by_curve = curves(lab.store, "photos", **BOTH, holdout=holdout, seeds=1, head="none")
    parts = by_curve.table.num_rows
    assert parts in (2, 3)
    assert f"one ridge for the whole curve, chosen on one of the {parts} row blocks to fit" in by_curve.notes
    by_pair = pairs(lab.store, "photos", list(BOTH.values()), holdout=holdout, heads=["none"])
    assert f"each pair's ridge was chosen on one of the {parts} row blocks to fit" in by_pair.notes
    (ridge,) = (row["ridge"] for row in by_pair.table.to_pylist() if row["source"] == BASE.name)
    assert by_curve.table["ridge"].to_pylist() == [pytest.approx(ridge, rel=1e-3)] * parts
    assert ridge > 0


def test_one_block_to_fit_chooses_the_ridge_on_half_of_its_contents(lab: Planted) -> None:
    sides = sides_of(lab)
    block = sides.parts()[0]
    alone = replace(sides, blocks=np.where(sides.blocks == block, sides.blocks, np.int8(LEFT_OUT)))
    plan, groups = by_samples(alone), alone.groups()
    assert (plan.parts, plan.held, plan.chosen_on) == (1, 2, "half of the contents of the one block to fit")
    np.testing.assert_array_equal(plan.groups == 1, groups == VALIDATION)
    assert (groups == FITTED).sum() - (groups == VALIDATION).sum() in (0, 1)


def test_no_ridge_is_claimed_to_be_chosen_where_there_is_nothing_to_choose_by(planted: Planted) -> None:
    planted.images("few", 8, content_hash=["0" * 64] * 8)
    for space in (BASE, NOISY):
        planted.features("few", space, np.random.default_rng(0).normal(size=(8, space.dimension)))
    for report in (
        curves(planted.store, "few", **BOTH, holdout=0.0, seeds=1),
        pairs(planted.store, "few", list(BOTH.values()), holdout=0.0),
    ):
        assert set(report.table["ridge"].to_pylist()) == {0.0}
        assert NO_RIDGE_NOTE in report.notes
        assert not any("chosen on" in note for note in report.notes)


def test_many_classes_share_buckets(planted: Planted) -> None:
    count = 400
    planted.images("many", count, label=[f"class {row % 100}" for row in range(count)])
    for space in (BASE, NOISY):
        planted.features("many", space, np.random.default_rng(0).normal(size=(count, space.dimension)))
    sides = sides_of(planted, "many")
    plan = by_classes(sides, [f"class {row % 100}" for row in range(count)], labels="label")
    assert (plan.parts, sum(plan.classes), set(plan.classes)) == (64, 100, {1, 2})
    assert (plan.split, plan.held, plan.chosen_on) == (False, 64, "one in 5 of the class buckets to fit")


def test_one_class_is_one_point(planted: Planted) -> None:
    planted.images("one", 80, label=["ant"] * 80)
    for space in (BASE, NOISY):
        planted.features("one", space, np.random.default_rng(0).normal(size=(80, space.dimension)))
    rows = curves(planted.store, "one", **BOTH, by="classes", seeds=2).table.to_pylist()
    assert [(row["classes"], row["share"]) for row in rows] == [(1, 1.0)] * 2
    assert all(row["retained"] == 1.0 for row in rows)


def test_a_second_time_nothing_is_computed(lab: Planted) -> None:
    first, again = (curves(lab.store, "photos", **BOTH, points=2, seeds=1) for _ in range(2))
    assert (first.new, again.new) == (True, False)
    assert again.table.equals(first.table)
    assert first.headline == f"curve by samples from {BASE.name} to {NOISY.name} on photos@1: points 2, seeds 1"


def test_a_head_may_be_left_out(lab: Planted) -> None:
    report = curves(lab.store, "photos", **BOTH, points=2, seeds=1, head="none")
    assert report.table["aligned"].null_count == 2
    assert "no accuracy: no labelled rows outside the fitted ones, or no head" in report.notes


def test_labels_may_be_those_of_the_buckets_alone(lab: Planted) -> None:
    shapes = [{"row": row, "name": "shape", "value": ("round", "long")[row % 2], "number": None} for row in range(600)]
    write_attributes(lab.store, "photos", pa.Table.from_pylist(shapes, schema=ATTRIBUTES))
    report = curves(lab.store, "photos", **BOTH, by="classes", labels="shape", head="none", seeds=1)
    assert report.table["classes"].to_pylist() == [1, 2]
    with pytest.raises(SpecError, match=r"--labels shape: expected a head that rests on them, but got none"):
        curves(lab.store, "photos", **BOTH, labels="shape", head="none")
    with pytest.raises(SpecError, match=r"--classes: expected a head that tells them apart, but got none"):
        curves(lab.store, "photos", **BOTH, by="classes", classes=["ant"], head="none")


def test_labelled_images_of_no_class_are_counted(lab: Planted) -> None:
    notes = curves(lab.store, "photos", **BOTH, seeds=1, points=2, classes=["ant", "bee", "cat"]).notes
    assert any(f"are no class of the head probe:label of {NOISY.name}: 'dog' (" in note for note in notes)


def test_bad_questions_are_refused(lab: Planted) -> None:
    with pytest.raises(SpecError, match=r"--points and --seeds: expected 1 or more, but got 0 and 3"):
        curves(lab.store, "photos", **BOTH, points=0)
    with pytest.raises(SpecError, match=r"--ridge: expected a finite number of 0 or more, but got nan"):
        curves(lab.store, "photos", **BOTH, ridge=float("nan"))
    with pytest.raises(UnknownName, match=r"attribute of photos: expected one of 'label', but got 'colour'"):
        curves(lab.store, "photos", **BOTH, by="classes", labels="colour")
    with pytest.raises(SpecError, match=r"encoders: expected a space each, but got timm:base and timm:base"):
        curves(lab.store, "photos", source=BASE.name, target=BASE.name)


def test_classes_without_labels_are_refused(planted: Planted) -> None:
    plant(planted, 100, labelled=False)
    with pytest.raises(
        InputError, match=r"label of photos: expected some labelled images, but got none. Classes come from"
    ):
        curves(planted.store, "photos", **BOTH, by="classes")
