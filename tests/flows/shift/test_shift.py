"""Shift: planted shifts are found with their sign, none where there is none; sides never share an image or a fitted row."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from t2c.core.maps.linear_map import LinearMap
from t2c.flows.maps.align import align
from t2c.flows.scores.score import score
from t2c.flows.shift.shift import Slice, shift
from t2c.schemas.certificate import Certificate
from t2c.schemas.errors import InputError, MismatchError, SpecError
from t2c.schemas.names import parse_dataset_ref
from t2c.schemas.tables.tables import ATTRIBUTES, FITTED_ROWS, SHIFT
from t2c.store.artifacts.dataset_tables import write_attributes
from t2c.store.artifacts.images import content_hashes, open_images
from t2c.store.artifacts.linear_maps import write_map
from t2c.store.artifacts.similarities import Scores, open_similarities
from t2c.store.disk.manifest import read_manifest
from tests.planted.features import SOURCE, TARGET, Planted, content


@pytest.fixture
def scored(planted: Planted) -> Planted:
    """photos (400, fitted), moved (200, along the vector of `red`) and same (200), all scored."""
    planted.dataset("photos", 400, captured_at=[datetime(2026, 11, 1 + row % 20, tzinfo=UTC) for row in range(400)])
    planted.dataset("same", 200, seed=1)
    planted.images("moved", 200)
    direction = np.linalg.pinv(planted.weight.T) @ planted.vector("red")
    planted.both("moved", planted.x(200, seed=2) + 4 * direction)
    planted.bank()
    align(planted.store, "photos", source=SOURCE.name, target=TARGET.name)
    for dataset in ("photos", "same", "moved"):
        score(planted.store, dataset, source=SOURCE.name, bank="everyday")
    return planted


def test_a_planted_shift_is_found_with_its_sign_and_none_where_there_is_none(scored: Planted) -> None:
    moved = shift(scored.store, "photos", "moved")
    assert moved.table.schema.equals(SHIFT)
    verdicts = dict(zip(moved.table["concept"].to_pylist(), moved.table["verdict"].to_pylist(), strict=True))
    assert verdicts["red"] == "risen"
    assert moved.drift
    assert (moved.n_reference, moved.n_current) == (400, 200)
    same = shift(scored.store, "photos", "same")
    assert (same.flagged, same.drift) == (0, False)
    q = moved.table["log10_q"].to_pylist()
    assert q == sorted(q)


def test_numbers_are_scipys(scored: Planted) -> None:
    report = shift(scored.store, "photos", "moved")
    # the map was fitted on photos, so moved stands under the fold maps too
    moved = read_manifest(scored.store, f"comparable/moved/{report.map}/everyday")
    photos = open_similarities(scored.store, "photos", linear_map=report.map, bank="everyday")
    sides = (photos, Scores(scored.store, moved))
    for row in report.table.to_pylist():
        a, b = (side.values(row["key"]).astype(np.float64) for side in sides)
        want = stats.ks_2samp(a, b)
        assert row["d"] == pytest.approx(want.statistic, abs=1e-12)
        assert row["log10_p"] == pytest.approx(np.log10(want.pvalue), rel=1e-6)
        assert row["wasserstein"] == pytest.approx(stats.wasserstein_distance(a, b) / a.std(), rel=1e-5)
        assert row["effect"] == pytest.approx((b.mean() - a.mean()) / a.std(), rel=1e-5)


def test_a_slice_is_compared_with_the_rest_or_with_another_slice(scored: Planted) -> None:
    late = "captured_at >= '2026-11-15'"
    report = shift(scored.store, "photos", where=late)
    assert (report.n_reference, report.n_current) == (280, 120)
    assert (report.reference, report.current) == ("the rest of photos", f"photos where {late}")
    report = shift(scored.store, "photos", where=late, reference_where="captured_at < '2026-11-03'")
    assert (report.n_reference, report.n_current) == (40, 120)
    report = shift(scored.store, Slice(parse_dataset_ref("photos"), late), "moved")
    assert (report.n_reference, report.n_current) == (120, 200)


def test_overlapping_slices_keep_an_image_on_the_reference_side_only(scored: Planted) -> None:
    report = shift(scored.store, "photos", where="row < 100", reference_where="row < 60")
    assert (report.n_reference, report.n_current) == (60, 40)


def test_a_frozen_reference_is_compared_with_the_rows_added_since(scored: Planted) -> None:
    scored.images("photos", 50)
    scored.both("photos", np.concatenate([scored.x(400), scored.x(50, seed=9)]))
    before = shift(scored.store, "photos@1", "same")
    waiting = shift(scored.store, "photos", "same")
    assert "50 images of photos are not scored yet: t2c score adds them" in waiting.notes
    score(scored.store, "photos", source=SOURCE.name, bank="everyday")
    report = shift(scored.store, "photos@1", "photos")
    assert (report.n_reference, report.n_current) == (400, 50)
    assert shift(scored.store, "photos@1", "same").table.equals(before.table)


def test_copies_are_left_out_and_told_unless_they_are_to_count(scored: Planted) -> None:
    copies = content(f"same/{row % 20}" for row in range(40))
    of = [None] * 20 + list(range(20))
    scored.images("copies", 40, content_hash=copies, duplicate_of=of)
    scored.both("copies", scored.x(40, seed=4))
    score(scored.store, "copies", source=SOURCE.name, bank="everyday")
    every = shift(scored.store, "photos", "copies", duplicates=True)
    assert (every.n_current, [note for note in every.notes if "exact" in note]) == (40, [])
    once = shift(scored.store, "photos", "copies")
    assert once.n_current == 20
    assert "20 exact copies are left out of copies (--duplicates counts them)" in once.notes
    assert once.digest != every.digest
    assert (
        shift(scored.store, "photos", "moved").digest == shift(scored.store, "photos", "moved", duplicates=True).digest
    )
    assert "copies has only 20 images: only large shifts can be seen" in once.notes


def test_the_first_of_several_copies_on_a_side_counts_wherever_the_very_first_lies(scored: Planted) -> None:
    copies = content(f"half/{row // 4}" for row in range(80))
    scored.images(
        "halves", 80, content_hash=copies, duplicate_of=[None if row % 4 == 0 else row // 4 * 4 for row in range(80)]
    )
    scored.both("halves", scored.x(80, seed=5))
    score(scored.store, "halves", source=SOURCE.name, bank="everyday")
    report = shift(scored.store, "halves", where="row % 4 >= 2")
    assert (report.n_reference, report.n_current) == (20, 20)


def test_the_same_question_is_answered_from_the_store(scored: Planted) -> None:
    first = shift(scored.store, "photos", "moved")
    again = shift(scored.store, "photos", "moved")
    assert (first.new, again.new) == (True, False)
    assert again.table.equals(first.table)
    assert again.path == first.path != ""
    other = shift(scored.store, "photos", "moved", alpha=0.01)
    assert other.new
    assert other.digest != first.digest


def test_a_store_that_cannot_be_written_still_answers(scored: Planted) -> None:
    scored.store.files.put("answers", b"a file where the folder would be")
    report = shift(scored.store, "photos", "moved")
    assert report.drift
    assert (report.path, report.digest) == ("", "")
    assert "the answer was not stored: the store cannot be written" in report.notes


def test_in_sample_rows_are_refused_saying_what_to_type(planted: Planted) -> None:
    planted.dataset("photos", 50)
    planted.dataset("fresh", 50, seed=1)
    planted.bank()
    images = open_images(planted.store, "photos")
    rows = np.arange(50)
    fitted = pa.table([content_hashes(images), rows, np.full(50, -2)], names=FITTED_ROWS.names)
    certificate = Certificate(SOURCE, TARGET, "photos", 1, 0.0, 6, None, "cholesky", 50, 0, 0)
    weights = LinearMap(planted.weight.astype(np.float32), np.ones(TARGET.dimension, np.float32))
    write_map(planted.store, weights, certificate, fitted=fitted, spec={"by": "hand"}, parents=[])
    assert score(planted.store, "photos", source=SOURCE.name, bank="everyday").in_sample == 50
    score(planted.store, "fresh", source=SOURCE.name, bank="everyday")
    message = r"photos: expected held-out or out-of-fold similarities, but got 50 in-sample ones.* t2c align photos"
    with pytest.raises(MismatchError, match=message):
        shift(planted.store, "photos", "fresh")
    with pytest.raises(MismatchError, match=message):
        shift(planted.store, "fresh", "photos")


def test_datasets_scored_under_different_maps_are_refused_naming_both(scored: Planted) -> None:
    scored.dataset("late", 60, seed=8)
    newer = align(scored.store, "photos", source=SOURCE.name, target=TARGET.name, seed=5).digest
    score(scored.store, "late", source=SOURCE.name, bank="everyday")
    with pytest.raises(
        MismatchError, match=rf"similarities of late: expected the map .* but got {newer[:12]} with every"
    ):
        shift(scored.store, "photos", "late")
    score(scored.store, "photos", source=SOURCE.name, bank="everyday")
    assert shift(scored.store, "photos", "late").map == newer[:12]
    assert shift(scored.store, "photos", "same").map != newer[:12]


def test_an_empty_side_and_a_missing_side_are_refused(scored: Planted) -> None:
    with pytest.raises(InputError, match=r"photos where row < 0: expected at least one held-out .* but got none"):
        shift(scored.store, "photos", where="row < 0")
    with pytest.raises(InputError, match=r"photos: expected at least one held-out or out-of-fold image, but got none"):
        shift(scored.store, "photos@1", "photos")
    with pytest.raises(SpecError, match=r"shift: expected two sides to compare, but got only photos"):
        shift(scored.store, "photos")
    with pytest.raises(SpecError, match=r"shift: expected two sides that differ, but got photos twice"):
        shift(scored.store, "photos", "photos")
    with pytest.raises(SpecError, match=r"--alpha: expected a rate between 0 and 1, but got 5"):
        shift(scored.store, "photos", "moved", alpha=5)
    with pytest.raises(SpecError, match=r"expected one condition, but got a second one"):
        shift(scored.store, Slice(parse_dataset_ref("photos"), "row < 3"), "moved", reference_where="row > 1")


def test_one_image_a_side_is_defined(scored: Planted) -> None:
    report = shift(scored.store, "photos", where="row = 0", reference_where="row = 1")
    assert (report.n_reference, report.n_current, report.flagged) == (1, 1, 0)
    for name in ("d", "log10_p", "log10_q", "effect", "wasserstein"):
        assert np.isfinite(report.table[name].to_numpy()).all()


def test_a_slice_by_an_attribute_is_compared_again_once_the_attribute_was_imported_again(scored: Planted) -> None:
    def dusk(rows: range) -> None:
        lines = [
            {"row": row, "name": "light", "value": "dusk" if row in rows else "day", "number": None}
            for row in range(400)
        ]
        write_attributes(scored.store, "photos", pa.Table.from_pylist(lines, schema=ATTRIBUTES))

    dusk(range(100))
    first, again = (shift(scored.store, "photos", where="attribute('light') = 'dusk'") for _ in range(2))
    assert (first.n_current, first.new, again.new) == (100, True, False)
    dusk(range(150))
    changed = shift(scored.store, "photos", where="attribute('light') = 'dusk'")
    assert (changed.n_current, changed.new) == (150, True)
