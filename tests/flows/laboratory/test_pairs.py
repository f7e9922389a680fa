"""The pair matrix: planted rotations retain everything, strangers nothing; what does not fit is refused with both names."""

import numpy as np
import pytest

from t2c.core.statistics.proportions import wilson
from t2c.flows.engine import memory as plan
from t2c.flows.laboratory import joint_plan
from t2c.flows.laboratory.joint_plan import HELD, open_sides
from t2c.flows.laboratory.means import group_means, source_means
from t2c.flows.laboratory.pairs import IDENTITY_NOTE, pairs
from t2c.flows.maps.align import align
from t2c.flows.maps.heads import open_head, parse_head
from t2c.flows.maps.plan import AlignOptions, groups_of_rows
from t2c.schemas.errors import InputError, MismatchError, PlanError, SpecError, UnknownName
from t2c.schemas.names import parse_dataset_ref
from t2c.schemas.spaces import Space
from t2c.schemas.tables.answers.laboratory import PAIRS
from t2c.store.artifacts.answers import list_answers
from t2c.store.artifacts.feature_writer import FeatureWriter
from t2c.store.artifacts.images import open_images
from t2c.store.disk.lease import lease
from tests.planted.features import TARGET, Planted
from tests.planted.laboratory import ALIEN, BASE, CLASSES, NAMES, NOISY, TURNED, base_features, plant


@pytest.fixture
def lab(planted: Planted) -> Planted:
    return plant(planted)


def rows_of(report) -> dict[tuple[str, str], dict]:
    return {(row["source"], row["target"]): row for row in report.table.to_pylist()}


def test_every_ordered_pair_is_there_but_no_encoder_with_itself(lab: Planted) -> None:
    report = pairs(lab.store, "photos", NAMES)
    assert report.table.schema.equals(PAIRS)
    found = rows_of(report)
    assert set(found) == {(a, b) for a in NAMES for b in NAMES if a != b}
    assert IDENTITY_NOTE in report.notes
    assert "12 pairs of 4 encoders on photos@1: mean retained accuracy" in report.headline


def test_rotations_of_one_space_are_the_same_space(lab: Planted) -> None:
    found = rows_of(pairs(lab.store, "photos", NAMES))
    for one in (found[BASE.name, TURNED.name], found[TURNED.name, BASE.name]):
        assert one["cka"] == pytest.approx(1, abs=1e-4)
        assert one["procrustes"] == pytest.approx(0, abs=1e-3)
        assert one["r2_variance_weighted"] == pytest.approx(1, abs=1e-3)
        assert one["mean_cosine"] == pytest.approx(1, abs=1e-4)
        assert one["retained"] == pytest.approx(1)
        assert one["aligned"] > 0.9


def test_strangers_are_near_their_null_values(lab: Planted) -> None:
    one = rows_of(pairs(lab.store, "photos", NAMES))[BASE.name, ALIEN.name]
    assert one["cka"] < 0.02
    assert one["procrustes"] > 1.7
    assert abs(one["r2_variance_weighted"]) < 0.1
    assert abs(one["mean_variance_weighted"]) < 0.05


def test_accuracies_are_those_of_the_heads_on_rows_never_fitted(lab: Planted) -> None:
    report = pairs(lab.store, "photos", NAMES, ridge=0.5)
    images = open_images(lab.store, parse_dataset_ref("photos"))
    sides = open_sides(images, NAMES, seed=0, holdout=0.1)
    held = np.flatnonzero(sides.groups() == HELD)
    y = sides.features[2].take(held).astype(np.float32)
    head = open_head(images, parse_head("probe"), features=sides.features[2], groups=sides.groups(), folds=HELD)
    right = int((head.predict(y) == held % len(CLASSES)).sum())
    for source in (BASE, TURNED, ALIEN):
        row = rows_of(report)[source.name, NOISY.name]
        assert (row["held_out"], row["labelled"], row["fitted"]) == (len(held), len(held), 600 - len(held))
        assert row["own"] == pytest.approx(right / len(held))
        assert (row["own_low"], row["own_high"]) == pytest.approx(wilson(right, len(held)))
        assert row["retained"] == pytest.approx(row["aligned"] / row["own"])
        assert row["retained_low"] <= row["retained"] <= row["retained_high"]
    assert rows_of(report)[BASE.name, NOISY.name]["aligned"] > 0.9
    assert rows_of(report)[ALIEN.name, NOISY.name]["aligned"] < 0.6


def test_a_second_time_nothing_is_computed_and_other_questions_are_other_answers(lab: Planted) -> None:
    first = pairs(lab.store, "photos", NAMES[:2])
    again = pairs(lab.store, "photos", NAMES[:2])
    assert (first.new, again.new) == (True, False)
    assert again.table.equals(first.table)
    assert pairs(lab.store, "photos", NAMES[:2], ridge=1.0).new
    assert pairs(lab.store, "photos", NAMES[:2], seed=1).new
    assert len(list_answers(lab.store, "pairs")) == 3


def test_a_limit_uses_the_rows_that_align_uses_with_the_same_seed_and_is_another_answer(lab: Planted) -> None:
    whole = pairs(lab.store, "photos", NAMES[:3])
    limited = pairs(lab.store, "photos", NAMES[:3], seed=3, max_rows=200, ridge=0.0)
    images = open_images(lab.store, parse_dataset_ref("photos"))
    blocks = open_sides(images, NAMES[:3], seed=3, holdout=0.1, max_rows=200).blocks
    assert (blocks >= 0).sum() == 200
    aligned = align(lab.store, "photos", source=NAMES[0], target=NAMES[2], seed=3, max_rows=200, ridge=0.0)
    row = rows_of(limited)[NAMES[0], NAMES[2]]
    assert (row["fitted"], row["held_out"]) == (aligned.certificate.fitted, aligned.certificate.held_out.n)
    assert row["r2_variance_weighted"] == pytest.approx(aligned.certificate.held_out.r2_variance_weighted, abs=1e-6)
    assert limited.digest != whole.digest
    assert not pairs(lab.store, "photos", NAMES[:3], seed=3, max_rows=200, ridge=0.0).new
    assert sorted(one.spec.get("max_rows", 0) for one in list_answers(lab.store, "pairs")) == [0, 200]
    with pytest.raises(SpecError, match=r"--max-rows: expected 2 or more, but got 1"):
        pairs(lab.store, "photos", NAMES[:3], max_rows=1)


def test_a_condition_holds_out_instead_of_a_share_for_pairs_and_align_alike(lab: Planted) -> None:
    where, images = "row % 3 = 0", open_images(lab.store, parse_dataset_ref("photos"))
    held = open_sides(images, NAMES[:3], seed=0, holdout=0.1, held_out_where=where).groups() == HELD
    np.testing.assert_array_equal(np.flatnonzero(held), np.arange(0, 600, 3))
    row = rows_of(pairs(lab.store, "photos", NAMES[:3], held_out_where=where, ridge=0.5))[NAMES[0], NAMES[2]]
    aligned = align(lab.store, "photos", source=NAMES[0], target=NAMES[2], held_out_where=where, ridge=0.5)
    assert (
        (row["fitted"], row["held_out"]) == (400, 200) == (aligned.certificate.fitted, aligned.certificate.held_out.n)
    )
    assert row["r2_variance_weighted"] == pytest.approx(aligned.certificate.held_out.r2_variance_weighted, abs=1e-6)
    assert ("held_out_where", where) in aligned.certificate.settings
    assert not align(lab.store, "photos", source=NAMES[0], target=NAMES[2], held_out_where=where, ridge=0.5).new
    for bad, got in (("row < 0", "none"), ("row >= 0", "all")):
        match = (
            rf"rows of photos@1 where {bad}: expected some of the 600 used, not all, but got {got}. Mend --held-out-w"
        )
        with pytest.raises(InputError, match=match):
            pairs(lab.store, "photos", NAMES[:3], held_out_where=bad)


def test_groups_are_averaged_over_their_ordered_pairs(lab: Planted) -> None:
    report = pairs(lab.store, "photos", NAMES, groups={"kin": NAMES[:2]})
    means = group_means(report.table, "r2_variance_weighted")
    assert means.groups == ("kin", NOISY.name, ALIEN.name)
    assert means.pairs.tolist() == [[2, 2, 2], [2, 0, 1], [2, 1, 0]]
    assert np.isnan(means.mean[1, 1])
    found = rows_of(report)
    want = np.mean([found[name, NOISY.name]["r2_variance_weighted"] for name in NAMES[:2]])
    assert means.mean[0, 1] == pytest.approx(want)
    by_source = source_means(report.table, "retained").to_pylist()
    assert [row["pairs"] for row in by_source] == [3, 3, 3, 3]
    assert by_source == sorted(by_source, key=lambda row: -row["mean"])
    assert by_source[-1]["source"] == ALIEN.name


def test_heads_may_differ_by_target(lab: Planted) -> None:
    report = pairs(lab.store, "photos", NAMES[:3], heads=["none", f"{NOISY.name}=probe"])
    for row in report.table.to_pylist():
        assert row["head"] == ("probe:label" if row["target"] == NOISY.name else None)
        assert (row["aligned"] is None) == (row["target"] != NOISY.name)


def test_without_labels_there_is_quality_but_no_accuracy(planted: Planted) -> None:
    plant(planted, labelled=False)
    report = pairs(planted.store, "photos", NAMES[:2])
    assert report.table["head"].null_count == 2
    assert report.table["r2_global"].null_count == 0
    assert "no accuracy: no labelled rows outside the fitted ones, or no heads" in report.notes
    assert report.headline.endswith("no accuracy: no labels or heads")


def test_a_single_class_and_fewer_rows_than_dimensions_are_defined(planted: Planted) -> None:
    planted.images("few", 7, label=["ant"] * 7)
    rng = np.random.default_rng(0)
    for space in (BASE, NOISY):
        planted.features(
            "few", space, np.where(np.arange(space.dimension) == 2, 1.0, rng.normal(size=(7, space.dimension)))
        )
    report = pairs(planted.store, "few", [BASE.name, NOISY.name], holdout=0.4)
    for row in report.table.to_pylist():
        assert (row["aligned"], row["own"], row["retained"]) == (1.0, 1.0, 1.0)
        assert row["rank"] < 8
    assert any(note.startswith("fewer rows fitted") for note in report.notes)


def test_copies_of_an_image_are_never_on_both_sides(planted: Planted) -> None:
    hashes = [f"{row // 6:064x}" for row in range(600)]
    planted.images("photos", 600, content_hash=hashes)
    for space in (BASE, NOISY):
        planted.features("photos", space, np.random.default_rng(0).normal(size=(600, space.dimension)))
    sides = open_sides(
        open_images(planted.store, parse_dataset_ref("photos")), [BASE.name, NOISY.name], seed=0, holdout=0.2
    )
    groups = sides.groups().reshape(100, 6)
    assert (groups == groups[:, :1]).all()
    assert set(groups[:, 0].tolist()) == {0, 1, 2}


def test_no_held_out_rows_leave_quality_and_accuracy_open(lab: Planted) -> None:
    report = pairs(lab.store, "photos", NAMES[:2], holdout=0.0)
    assert report.table["r2_uniform"].null_count == 2
    assert report.table["held_out"].to_pylist() == [0, 0]
    assert "no rows held out: quality on unseen rows is not known" in report.notes


def test_unknown_encoders_and_groups_are_refused(lab: Planted) -> None:
    with pytest.raises(
        UnknownName, match=r"encoder with features of photos.*but got 'timm:turnd'. Did you mean 'timm:tur"
    ):
        pairs(lab.store, "photos", [BASE.name, "timm:turnd"])
    with pytest.raises(UnknownName, match=r"encoder of group 'kin'.*but got 'timm:alien'.* Name it with --encoder too"):
        pairs(lab.store, "photos", NAMES[:2], groups={"kin": [ALIEN.name]})
    with pytest.raises(UnknownName, match=r"encoder of --head.*but got 'timm:alien'"):
        pairs(lab.store, "photos", NAMES[:2], heads=["timm:alien=probe"])
    with pytest.raises(SpecError, match=r"group of timm:base: expected one group, but got 'a' and 'b'"):
        pairs(lab.store, "photos", NAMES[:2], groups={"a": [BASE.name], "b": [BASE.name]})


def test_labelled_images_of_no_class_of_a_head_are_counted(lab: Planted) -> None:
    report = pairs(lab.store, "photos", NAMES[:2], classes=["ant", "cat", "dog"])
    sides = open_sides(open_images(lab.store, parse_dataset_ref("photos")), NAMES[:2], seed=0, holdout=0.1)
    held = np.flatnonzero(sides.groups() == HELD)
    bees = int((held % 4 == 1).sum())
    assert report.table["labelled"].to_pylist() == [len(held) - bees] * 2
    counted = f"{bees} of {len(held)} labelled images not fitted are no class of the head probe:label of {BASE.name}"
    assert f"{counted}: 'bee' ({bees})" in report.notes
    assert not any("no class of" in note for note in pairs(lab.store, "photos", NAMES[:2]).notes)


def test_labels_that_no_head_knows_are_refused_with_both_sides(lab: Planted) -> None:
    lab.features("photos", TARGET, base_features(600)[:, : TARGET.dimension])
    lab.bank(names=("red", "blue"))
    heads = [f"{TARGET.name}=zeroshot:everyday"]
    with pytest.raises(
        InputError,
        match=r"label of photos for the head zeroshot:everyday of open_clip:planted/test: expected labels among its 2 "
        r"classes \('red', 'blue', ...\), but got 'ant' \(150\), 'bee' \(150\).* Judge by a probe on the labels",
    ):
        pairs(lab.store, "photos", [BASE.name, TARGET.name], heads=heads, classes=["red", "blue"])


def test_two_heads_of_one_encoder_and_options_that_nothing_reads_are_refused(lab: Planted) -> None:
    with pytest.raises(SpecError, match=r"--head of timm:base: expected one head, but got probe and none"):
        pairs(lab.store, "photos", NAMES[:2], heads=[f"{BASE.name}=probe", f"{BASE.name}=none"])
    with pytest.raises(
        SpecError, match=r"--classes: expected a head that tells them apart, but got none. Leave it out"
    ):
        pairs(lab.store, "photos", NAMES[:2], heads=["none"], classes=["ant", "bee"])
    with pytest.raises(SpecError, match=r"--labels nope: expected a head that rests on them, but got none. Leave it"):
        pairs(lab.store, "photos", NAMES[:2], heads=["none"], labels="nope")
    with pytest.raises(SpecError, match=r"--labels nope: expected a head that rests on them, but got probe:label"):
        pairs(lab.store, "photos", NAMES[:2], heads=["probe:label"], labels="nope")


def test_too_few_or_equal_encoders_and_bad_options_are_refused(lab: Planted) -> None:
    with pytest.raises(SpecError, match=r"encoders: expected two or more, but got 1. Name another: --encoder"):
        pairs(lab.store, "photos", [BASE.name])
    with pytest.raises(
        SpecError, match=r"encoders: expected a space each, but got timm:base and timm:base, both timm:"
    ):
        pairs(lab.store, "photos", [BASE.name, BASE.name])
    with pytest.raises(SpecError, match=r"--holdout: expected a share of 0 to 0.97, but got 1.0"):
        pairs(lab.store, "photos", NAMES[:2], holdout=1.0)
    with pytest.raises(SpecError, match=r"--ridge: expected a finite number of 0 or more, but got -1"):
        pairs(lab.store, "photos", NAMES[:2], ridge=-1.0)
    with pytest.raises(SpecError, match=r"--head: expected one for all encoders.*but got probe and classifier"):
        pairs(lab.store, "photos", NAMES[:2], heads=["probe", "classifier"])


def test_encoders_with_no_row_in_common_are_refused_naming_both(planted: Planted) -> None:
    planted.images("photos", 20)
    there = np.arange(20) < 10
    planted.features("photos", BASE, np.ones((20, 8)), present=there)
    planted.features("photos", NOISY, np.ones((20, 5)), present=~there)
    with pytest.raises(
        InputError, match=r"expected rows with features of timm:base, open_clip:noisy/test, but got none"
    ):
        pairs(planted.store, "photos", [BASE.name, NOISY.name])


def test_features_of_other_rows_are_refused_naming_the_first_differing_image(lab: Planted) -> None:
    lab.images("other", 600, image_id=[f"img-{row if row != 7 else 9999:08d}.jpg" for row in range(600)])
    other = open_images(lab.store, parse_dataset_ref("other"))
    space = Space("encoder", "timm:elsewhere", 4, "elsewhere-weights")
    writer = FeatureWriter.open(lab.store, "photos", encoder=space.name, space=space, dtype="float32", chunk_rows=64)
    with lease(lab.store, writer.artifact, purpose="extract photos") as token:
        for task in writer.pending(600):
            writer.write_chunk(
                task, np.ones((task.stop - task.start, 4), np.float32), np.ones(task.stop - task.start, bool)
            )
        writer.commit(600, parents=[other.manifest.as_parent()], token=token)
    with pytest.raises(
        MismatchError,
        match=r"rows of timm:elsewhere features of photos: expected those of photos@1 .*, but got those of other@1 "
        r".*the first that differs is row 0: 'img-00000000.jpg' \(\w{12}\) here, 'img-00000000.jpg' \(\w{12}\) there",
    ):
        pairs(lab.store, "photos", [BASE.name, space.name])


def test_one_run_of_rows_gives_the_same_moments_as_several(lab: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    sides = open_sides(open_images(lab.store, parse_dataset_ref("photos")), NAMES, seed=0, holdout=0.1)
    monkeypatch.setattr(joint_plan, "READ_ROWS", 100)
    several = joint_plan.joint_moments(sides, sides.groups(), count=3)
    monkeypatch.setattr(joint_plan, "LARGE_BYTES", 0)
    once = joint_plan.joint_moments(sides, sides.groups(), count=3)
    for one, other in zip(several, once, strict=True):
        assert one.n == other.n
        np.testing.assert_allclose(one.gram, other.gram, rtol=1e-5, atol=1e-2)


def test_moments_that_do_not_fit_into_memory_are_refused_with_both_numbers(
    lab: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "available_bytes", lambda: 1000)
    with pytest.raises(
        PlanError, match=r"memory for joint moments: expected .* free, but got 1000 bytes. Name fewer enc"
    ):
        pairs(lab.store, "photos", NAMES)


def test_the_rows_held_out_are_those_that_align_holds_out(lab: Planted) -> None:
    images = open_images(lab.store, parse_dataset_ref("photos"))
    sides = open_sides(images, NAMES[:2], seed=3, holdout=0.2)
    options = AlignOptions(seed=3, holdout=0.2)
    aligned = groups_of_rows(images, *sides.features, options=options)
    np.testing.assert_array_equal(sides.groups() == HELD, aligned == options.held)
