"""Scoring computes only what is missing, within its memory budget, and commits it with statistics of the current rows."""

import numpy as np
import pytest

from t2c.core.statistics.stats import concept_stats
from t2c.schemas.errors import BusyError, InputError, MismatchError, PlanError
from t2c.store.artifacts.images import Images
from t2c.store.artifacts.linear_maps import identity_map
from t2c.store.artifacts.score_writer import Region, ScoreBlock, plan_scores, write_scores
from t2c.store.artifacts.similarities import Scores, list_similarities
from t2c.store.disk.lease import lease
from t2c.store.disk.root import Store
from tests.planted.scored import SPACE, add_bank, add_images, blocks_of, image_table, score, scored

MATRIX = np.random.default_rng(1).uniform(-1, 1, size=(50, 4)).astype(np.float32)
NAMES = ["a", "b", "c", "d"]


def spy(matrix: np.ndarray, seen: list[Region]):
    inner = blocks_of(matrix)

    def blocks(region: Region):
        seen.append(region)
        return inner(region)

    return blocks


def write(images: Images, bank, blocks, **options) -> Scores:
    options = {"rows": images.rows, "parents": (), "stats": concept_stats, **options}
    return write_scores(images, blocks, linear_map=identity_map(images.store, SPACE), concepts=bank, **options)


def assert_same(scores: Scores, matrix: np.ndarray) -> None:
    for key in range(matrix.shape[1]):
        np.testing.assert_array_equal(scores.column(key).similarity, matrix[:, key])
        np.testing.assert_array_equal(scores.column(key).rows, np.arange(len(matrix)))


def test_new_concepts_and_new_rows_are_computed_alone(store: Store) -> None:
    images, seen = add_images(store, image_table(0, 30)), []
    write(images, add_bank(store, NAMES[:2]), spy(MATRIX, seen))
    images = add_images(store, image_table(30, 50))
    scores = write(images, add_bank(store, NAMES), spy(MATRIX, seen))
    assert seen == [Region(0, 2, 0, 30), Region(2, 4, 0, 30), Region(0, 4, 30, 50)]
    assert_same(scores, MATRIX)
    assert scores.manifest.rows == 200


def test_scoring_again_computes_and_commits_nothing(store: Store) -> None:
    first, seen = scored(store, MATRIX, NAMES), []
    again = write(
        Images(store, "photos", add_images(store, image_table(50, 50)).manifest),
        add_bank(store, NAMES),
        spy(MATRIX, seen),
    )
    assert again == first
    assert seen == []


def test_an_older_snapshot_is_still_read(store: Store) -> None:
    first = scored(store, MATRIX[:30], NAMES)
    images = add_images(store, image_table(30, 50))
    score(images, add_bank(store, NAMES), MATRIX)
    assert_same(first, MATRIX[:30])


def test_files_are_planned_by_the_memory_budget(store: Store) -> None:
    plan = plan_scores(None, concepts=100, rows=1_000_000, budget=100 * 2**20)
    assert all(region.bytes <= 100 * 2**20 for region in plan)
    assert (plan[0].start, plan[-1].stop) == (0, 1_000_000)
    assert [region.start for region in plan[1:]] == [region.stop for region in plan[:-1]]
    assert len(plan) == 4
    want = r"memory for similarities: expected 40,960,000 bytes for 1,024 images of 10000 concepts, but got 1,048,576 bytes"
    with pytest.raises(PlanError, match=want):
        plan_scores(None, concepts=10_000, rows=5000, budget=2**20)


def test_a_small_budget_writes_the_same_content(store: Store) -> None:
    matrix = np.random.default_rng(2).uniform(-1, 1, size=(5000, 2)).astype(np.float32)
    images = add_images(store, image_table(0, 5000))
    scores = score(images, add_bank(store, NAMES[:2]), matrix, budget=2 * 4 * 1500)
    assert len(scores.manifest.with_role("data")) == 4
    assert_same(scores, matrix)


def test_statistics_are_those_of_current_rows_that_may_be_compared(store: Store) -> None:
    fold = np.where(np.arange(50) < 5, -2, np.arange(50) % 2)
    outcome = ["corrupt" if row == 7 else "ok" for row in range(50)]
    images = add_images(store, image_table(0, 50, outcome=outcome))
    bank = add_bank(store, NAMES)
    before = score(images, bank, MATRIX, fold=fold).stats().to_pylist()
    kept = MATRIX[[row for row in range(5, 50) if row != 7]]
    for key, row in enumerate(before):
        assert row == {"key": key, "concept": NAMES[key], **concept_stats(kept[:, key])}


def test_a_superseded_row_leaves_the_statistics_at_the_next_scoring(store: Store) -> None:
    scored(store, MATRIX[:40], NAMES)
    images = add_images(store, image_table(40, 41, image_id=["img-00000003.jpg"], supersedes=[3]))
    seen: list[Region] = []
    scores = write(images, add_bank(store, NAMES), spy(MATRIX, seen), rows=40)
    assert seen == []
    assert scores.stats()["count"].to_pylist() == [39] * 4
    assert scores.images_snapshot == 2
    assert scores.manifest.with_role("data") == list_similarities(store)[0].manifest.with_role("data")


def test_rows_that_were_all_fitted_have_no_statistics(store: Store) -> None:
    scores = score(add_images(store, image_table(0, 50)), add_bank(store, NAMES), MATRIX, fold=np.full(50, -2))
    (row, *_) = scores.stats().to_pylist()
    assert row["count"] == 0
    assert np.isnan(row["mean"])


@pytest.mark.parametrize("names", [[], ["a"]])
def test_nothing_to_score_is_no_error(store: Store, names: list[str]) -> None:
    scores = score(add_images(store, image_table(0, 0)), add_bank(store, names), np.empty((0, len(names)), np.float32))
    assert scores.stats().num_rows == len(names)
    for key in range(len(names)):
        assert len(scores.column(key).rows) == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1.001])
def test_what_is_no_cosine_is_refused_by_row_and_concept(store: Store, bad: float) -> None:
    matrix = MATRIX.copy()
    matrix[20, 2] = bad
    with pytest.raises(InputError, match=r"similarity of row 20 to concept 2: expected a cosine, -1 to 1, but got"):
        scored(store, matrix, NAMES)
    assert list_similarities(store) == []


def test_blocks_are_checked(store: Store) -> None:
    images, bank = add_images(store, image_table(0, 9)), add_bank(store, NAMES)

    def one(rows: list[int], concepts: int = 4):
        block = ScoreBlock(np.array(rows), np.zeros((len(rows), concepts), np.float32), np.full(len(rows), -1, np.int8))
        return lambda region: [block]

    with pytest.raises(InputError, match=r"rows 0 to 8: expected shape \(1, 4\) and a fold a row, but got \(1, 3\)"):
        write(images, bank, one([0], concepts=3))
    for rows in ([1, 1], [2, 1], [9], [-1]):
        with pytest.raises(InputError, match="expected ascending rows from 0 below 9, but got"):
            write(images, bank, one(rows))


def test_every_concept_has_the_same_rows(store: Store) -> None:
    images = add_images(store, image_table(0, 50))
    score(images, add_bank(store, NAMES[:2]), MATRIX)
    present = np.arange(50) > 3
    with pytest.raises(InputError, match="expected the same rows for every concept, but got 46 to 50"):
        score(images, add_bank(store, NAMES), MATRIX, present=present)


def test_sides_are_checked(store: Store) -> None:
    images, bank = add_images(store, image_table(0, 3)), add_bank(store, NAMES)
    with pytest.raises(MismatchError, match="features of photos: expected at most 3 rows, as photos@1 has, but got 4"):
        write(images, bank, blocks_of(MATRIX), rows=4)
    other = add_bank(store, NAMES, bank="other", space=type(SPACE)("imported", "words", 3, "w"))
    with pytest.raises(MismatchError, match=r"concept bank other: expected open_clip:test/none .*, but got words"):
        write(images, other, blocks_of(MATRIX))


def test_one_scoring_at_a_time(store: Store) -> None:
    scores = scored(store, MATRIX, NAMES)
    images = add_images(store, image_table(50, 51))
    with lease(store, scores.manifest.artifact, purpose="other"), pytest.raises(BusyError):
        score(images, add_bank(store, NAMES), MATRIX)
