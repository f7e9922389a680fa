"""Comparable similarities: fitted and fresh rows stand under the same fold maps, so an honest pair is seldom flagged."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from t2c.core.concepts.similarity import score as similarity
from t2c.core.maps.linear_map import LinearMap
from t2c.core.shift.shift import ks_test
from t2c.flows.maps.align import align
from t2c.flows.maps.exports import export_map
from t2c.flows.maps.listed import import_map
from t2c.flows.maps.plan import folds_by_block
from t2c.flows.rows.sides import Side, Slice, open_sides
from t2c.flows.scores.comparable import KIND, comparable
from t2c.flows.scores.score import score
from t2c.flows.shift.shift import shift
from t2c.schemas.names import parse_dataset_ref
from t2c.store.artifacts.concepts import open_concepts
from t2c.store.artifacts.features import open_features
from t2c.store.artifacts.images import content_hashes, open_images
from t2c.store.artifacts.linear_maps import open_map
from t2c.store.disk.lease import lease
from t2c.store.disk.manifest import list_artifacts
from t2c.store.disk.root import Store
from tests.planted.pairs import CONCEPTS, features, fitted_and_fresh, import_images, import_words

LEVEL = 0.05


def sides(
    store: Store, one: str = "fitted", other: str = "fresh", *, where: str | None = None, **options: Any
) -> tuple[Side, Side]:
    return open_sides(store, Slice(parse_dataset_ref(one), where), Slice(parse_dataset_ref(other)), **options)


def rate(pair: tuple[Side, Side]) -> float:
    """Return the share of concepts with p at most LEVEL."""
    p = [ks_test(*(side.values(key) for side in pair), ordered=True)[2] for key in range(CONCEPTS)]
    return float(np.mean(np.array(p) <= np.log10(LEVEL)))


def rates(folder: Path, draws: int, **options: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return each draw's share of p at most LEVEL: as similarities are stored, and as they are compared."""
    pairs = [sides(fitted_and_fresh(folder / f"{draw}", draw, **options)) for draw in range(draws)]
    return np.array([rate(pair) for pair in pairs]), np.array([rate(comparable(*pair)) for pair in pairs])


def nominal(shares: np.ndarray) -> bool:
    """Say whether the mean over draws is at most LEVEL plus its 95 % interval."""
    return bool(shares.mean() <= LEVEL + 1.96 * shares.std(ddof=1) / np.sqrt(len(shares)))


def stored_folds(side: Side) -> np.ndarray:
    return side.among.scores.column(0).fold


def artifacts(store: Store) -> list[str]:
    return [artifact.split("/")[1] for artifact in list_artifacts(store, KIND)]


def test_an_honest_pair_is_flagged_at_the_nominal_rate_and_as_stored_far_above_it(tmp_path: Path) -> None:
    as_stored, compared = rates(tmp_path, 16)
    assert nominal(compared)
    assert not nominal(as_stored)


@pytest.mark.slow
@pytest.mark.parametrize("rows", [100, 200, 400, 800])
def test_over_400_pairs_the_rate_is_nominal(tmp_path: Path, rows: int) -> None:
    as_stored, compared = rates(tmp_path, 400, rows=rows, dimension=rows * 16 // 25)
    assert nominal(compared)
    assert not nominal(as_stored)


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"max_rows": 90}, {"held_out_where": "row % 4 = 0"}, {"ridge": None}])
def test_over_400_pairs_the_rate_is_nominal_however_the_rows_were_chosen(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    assert nominal(rates(tmp_path, 400, rows=120, **options)[1])


def test_fresh_rows_stand_under_the_fold_map_of_their_block_and_fitted_ones_as_stored(tmp_path: Path) -> None:
    store = fitted_and_fresh(tmp_path, 1)
    one, other = sides(store)
    reference, current = comparable(one, other)
    assert reference is one
    assert artifacts(store) == ["fresh"]
    linear_map = open_map(store, current.among.scores.map)
    folds = folds_by_block(linear_map, content_hashes(open_images(store, "fresh")))
    assert set(folds) == {-1, 0, 1, 2, 3, 4}
    assert (stored_folds(current) == folds).all()
    # copies of a fitted image are in its fold, wherever they lie
    ours = folds_by_block(linear_map, content_hashes(open_images(store, "fitted")))
    assert (stored_folds(one) == ours).all()
    arrays, x = linear_map.arrays(), open_features(store, "fresh", "source").read(0, 100)
    vectors = open_concepts(store, "words").vectors()
    for row, fold in enumerate(folds[:20]):
        weight, bias = (arrays.weight, arrays.bias) if fold < 0 else (arrays.fold_weight[fold], arrays.fold_bias[fold])
        want = similarity(x[row : row + 1], LinearMap(weight, bias), vectors=vectors)[0]
        assert [current.among.values(key)[row] for key in range(CONCEPTS)] == pytest.approx(want, abs=1e-6)


def test_rows_left_out_of_the_fit_follow_their_block_on_the_fitted_side_too(tmp_path: Path) -> None:
    for name, options in (("most", {"max_rows": 90}), ("where", {"held_out_where": "row % 4 = 0"})):
        store = fitted_and_fresh(tmp_path / name, 2, rows=120, **options)
        pair = sides(store)
        assert (stored_folds(pair[0]) == -1).mean() > 0.2
        for side in comparable(*pair):
            images = open_images(store, side.among.scores.dataset)
            folds = folds_by_block(open_map(store, side.among.scores.map), content_hashes(images))
            assert (stored_folds(side) == folds).all()
        assert (folds == -1).mean() < 0.2
        assert artifacts(store) == ["fitted", "fresh"]


def test_only_rows_and_words_that_are_new_are_scored(tmp_path: Path) -> None:
    store = fitted_and_fresh(tmp_path, 3)
    first = comparable(*sides(store))[1].among.scores
    assert comparable(*sides(store))[1].among.scores.manifest == first.manifest
    import_images(store, "fresh", features(np.random.default_rng(9), 40), [f"more/{row}" for row in range(40)])
    score(store, "fresh", source="source", bank="words")
    grown = comparable(*sides(store))[1].among.scores
    assert grown.manifest.with_role("data")[: len(first.manifest.with_role("data"))] == first.manifest.with_role("data")
    assert (first.rows, grown.rows, grown.manifest.snapshot) == (100, 140, 2)


def test_what_no_row_was_fitted_for_serves_as_it_is_stored(tmp_path: Path) -> None:
    store = fitted_and_fresh(tmp_path, 4)
    rng = np.random.default_rng(4)
    for dataset in ("here", "there"):
        import_images(store, dataset, features(rng, 60), [f"{row}" for row in range(60)])
        for encoder in ("source", "target"):
            score(store, dataset, source=encoder, bank="words")
    elsewhere = sides(store, "here", "there")
    assert comparable(*elsewhere) == elsewhere
    own = sides(store, "here", "there", source="target")
    assert comparable(*own) == own
    assert artifacts(store) == []
    rows = np.flatnonzero(stored_folds(sides(store)[0]) == -1).tolist()
    only_held_out = sides(store, where=f"row IN ({', '.join(map(str, rows))})")
    assert comparable(*only_held_out) == only_held_out


def test_an_imported_map_was_fitted_on_nothing_that_is_known(tmp_path: Path) -> None:
    store = fitted_and_fresh(tmp_path, 5)
    exported = export_map(store, sides(store)[0].among.scores.map, tmp_path / "map.safetensors")
    imported = import_map(store, exported.path, source="source", target="target").digest
    for dataset in ("fitted", "fresh"):
        score(store, dataset, source="source", bank="words", linear_map=imported)
    pair = sides(store, linear_map=imported)
    assert comparable(*pair) == pair


@pytest.mark.parametrize("hindrance", ["a file in the way", "another run"])
def test_a_store_that_cannot_be_written_answers_all_the_same(tmp_path: Path, hindrance: str) -> None:
    store, twin = (fitted_and_fresh(tmp_path / name, 6) for name in ("store", "twin"))
    want = comparable(*sides(twin))[1]
    if hindrance == "a file in the way":
        store.files.put(KIND, b"a file where the folder would be")
        current = comparable(*sides(store))[1]
    else:
        with lease(store, want.among.scores.manifest.artifact, purpose="score fresh"):
            current = comparable(*sides(store))[1]
    assert (current.values(3) == want.values(3)).all()
    assert artifacts(store) == []


def test_features_that_are_gone_leave_the_stored_similarities_and_a_note(tmp_path: Path) -> None:
    store = fitted_and_fresh(tmp_path, 7)
    features_folder = tmp_path / open_features(store, "fresh", "source").manifest.artifact
    features_folder.rename(tmp_path / "elsewhere")
    report = shift(store, "fitted", "fresh")
    assert any(
        "the features of fresh are gone" in note and "p-values come out too small" in note for note in report.notes
    )


def test_a_slice_of_the_fitted_dataset_is_compared_with_rows_added_since(tmp_path: Path) -> None:
    store = fitted_and_fresh(tmp_path, 8)
    import_images(store, "fitted", features(np.random.default_rng(9), 50), [f"more/{row}" for row in range(50)])
    score(store, "fitted", source="source", bank="words")
    reference, current = comparable(*sides(store, "fitted@1", "fitted"))
    assert (reference.rows().sum(), current.rows().sum()) == (100, 50)
    added = current.among.scores.column(0).fold[100:]
    assert (added >= 0).mean() > 0.7


def test_a_map_fitted_a_second_time_has_folds_of_its_own(tmp_path: Path) -> None:
    store = fitted_and_fresh(tmp_path, 9)
    first = shift(store, "fitted", "fresh").map
    align(store, "fitted", source="source", target="target", ridge=0.0, seed=1)
    import_words(store, "few", 3)
    for dataset in ("fitted", "fresh"):
        score(store, dataset, source="source", bank="few")
    report = shift(store, "fitted", "fresh", bank="few")
    assert report.map != first
    assert set(list_artifacts(store, KIND)) == {f"{KIND}/fresh/{report.map}/few", f"{KIND}/fresh/{first}/words"}
