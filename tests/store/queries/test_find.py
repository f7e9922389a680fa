"""Concept logic in the store is the arithmetic of t2c_core on the searched set, with the funnel and the reasons."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from t2c.core.concepts.logic_eval import evaluate, z_scores
from t2c.schemas.errors import InputError, SpecError, UnknownName
from t2c.schemas.logic import And, Constraint, Expression, Not, Or, conjuncts, constraints, parse
from t2c.store.artifacts.score_writer import write_scores
from t2c.store.artifacts.similarities import Scores
from t2c.store.disk.root import Store, open_store
from t2c.store.queries import find
from tests.planted.scored import add_bank, add_images, image_table, score, scored

NAMES = ["a dog", "beach", 'it\'s "odd" & so', "constant"]
N = 400
MATRIX = np.random.default_rng(0).normal(0.2, 0.1, size=(N, 4)).clip(-1, 1).astype(np.float32)
MATRIX[:, 3] = 0.1
MATRIX[::7, 1] = MATRIX[3, 1]  # ties


@pytest.fixture
def scores(store: Store) -> Scores:
    return scored(store, MATRIX, NAMES, label=["cat" if row % 3 else "dog" for row in range(N)])


@pytest.fixture(scope="module")
def shared_scores(tmp_path_factory: pytest.TempPathFactory) -> Scores:
    return scored(open_store(tmp_path_factory.mktemp("shared") / "store", create=True), MATRIX, NAMES)


def expressions() -> st.SearchStrategy[Expression]:
    number = st.sampled_from([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.25])
    constraint = st.builds(Constraint, st.sampled_from(NAMES), st.sampled_from([1, -1]), number)
    return st.recursive(
        constraint,
        lambda inner: st.one_of(
            st.builds(Not, inner),
            st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple)),
            st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        ),
        max_leaves=5,
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(expression=expressions())
def test_it_equals_the_reference(shared_scores: Scores, expression: Expression) -> None:
    found = find(shared_scores, expression, limit=N)
    wanted = evaluate(expression, {name: MATRIX[:, key] for key, name in enumerate(NAMES)})
    np.testing.assert_array_equal(found.rows, np.flatnonzero(wanted.mask))
    assert found.searched == wanted.searched == N
    assert found.matches == wanted.mask.sum() == found.table.num_rows
    assert [(step["term"], step["alone"], step["remaining"]) for step in found.funnel.to_pylist()] == [
        (step.term, step.alone, step.remaining) for step in wanted.funnel
    ]
    margins = np.array(found.table["margin"])
    assert (margins[1:] <= margins[:-1]).all()
    assert found.table["rank"].to_pylist() == list(range(1, found.matches + 1))


def test_the_funnel_counts_in_the_written_order(scores: Scores) -> None:
    found = find(scores, parse("a dog > 0 & beach > 0 & a dog < 1"))
    terms = [[MATRIX[:, 0] > MATRIX[:, 0].mean()], [MATRIX[:, 1] > MATRIX[:, 1].mean()]]
    first = int(np.sum(terms[0]))
    second = int(np.sum(np.logical_and(terms[0], terms[1])))
    assert found.funnel["term"].to_pylist() == ['"a dog" > 0', "beach > 0", '"a dog" < 1']
    assert found.funnel["remaining"].to_pylist()[:2] == [first, second]
    assert found.funnel["remaining"].to_pylist()[2] == found.matches <= second


def test_every_match_says_why(scores: Scores) -> None:
    expression = parse("a dog > 0.5 & beach < 0")
    found = find(scores, expression, limit=10)
    mean, std = MATRIX.mean(axis=0, dtype=float), MATRIX.std(axis=0, dtype=float)
    for row in found.table.to_pylist():
        at = row["row"]
        assert row["image_id"] == f"img-{at:08d}.jpg"
        assert row["label"] == ("cat" if at % 3 else "dog")
        np.testing.assert_array_equal(row["similarity"], MATRIX[at, :2])
        z = [float(z_scores(MATRIX[[at], key], mean=mean[key], std=std[key])[0]) for key in (0, 1)]
        np.testing.assert_allclose(row["z"], z, rtol=1e-9, atol=1e-12)
        assert row["margin"] == pytest.approx(min(z[0] - 0.5, -z[1]), abs=1e-9)
    assert found.thresholds["concept"].to_pylist() == ["a dog", "beach"]
    assert found.thresholds["threshold"].to_pylist() == pytest.approx([mean[0] + 0.5 * std[0], mean[1]])


def test_the_best_come_first_and_the_limit_only_cuts(scores: Scores) -> None:
    every = find(scores, parse("beach > -9"), limit=N)
    some = find(scores, parse("beach > -9"), limit=25)
    assert some.table.equals(every.table.slice(0, 25))
    assert some.matches == every.matches == N
    rows, margins = every.table["row"].to_pylist(), every.table["margin"].to_pylist()
    assert rows == sorted(range(N), key=lambda row: (-margins[rows.index(row)], row))
    assert find(scores, parse("beach > 9")).table.num_rows == 0


def test_a_complement_stays_inside_the_searched_set(store: Store) -> None:
    fold = np.where(np.arange(N) < 50, -2, -1)
    present = np.arange(N) % 10 != 9
    outcome = ["corrupt" if row == 60 else "ok" for row in range(N)]
    images = add_images(store, image_table(0, N, outcome=outcome))
    scores = score(images, add_bank(store, NAMES), MATRIX, fold=fold, present=present)
    images = add_images(store, image_table(N, N + 1, image_id=["img-00000070.jpg"], supersedes=[70]))
    inside = (fold >= -1) & present
    inside[[60, 70]] = False
    found = find(scores, parse("!a dog > 0"), limit=N)
    threshold = MATRIX[inside, 0].mean(dtype=float)
    assert found.searched == inside.sum()
    np.testing.assert_array_equal(found.rows, np.flatnonzero(inside & ~(MATRIX[:, 0] > threshold)))


def test_images_changed_since_scoring_are_never_served(store: Store) -> None:
    scores = scored(store, MATRIX, NAMES)
    best = find(scores, parse("beach > 0")).table["row"][0].as_py()
    images = add_images(store, image_table(N, N + 1, image_id=[f"img-{best:08d}.jpg"], supersedes=[best]))
    found = find(scores, parse("beach > 0"))
    assert best not in found.rows
    assert found.searched == N - 1
    assert found.thresholds["mean"].to_pylist() == pytest.approx([np.delete(MATRIX[:, 1], best).mean(dtype=float)])
    assert images.snapshot == 2


def test_frozen_thresholds_come_from_concept_stats(store: Store) -> None:
    images = add_images(store, image_table(0, N))
    bank = add_bank(store, NAMES)
    from t2c.core.statistics.stats import concept_stats
    from t2c.store.artifacts.linear_maps import identity_map
    from tests.planted.scored import blocks_of

    scores = write_scores(
        images,
        blocks_of(MATRIX),
        linear_map=identity_map(store, bank.space),
        concepts=bank,
        rows=N,
        parents=(),
        stats=lambda values: {**concept_stats(values), "mean": 0.5, "std": 0.25},
    )
    assert find(scores, parse("beach > 1")).thresholds["threshold"].to_pylist() == [0.75]
    narrowed = find(scores, parse("beach > 1"), where="row >= 0")
    assert narrowed.thresholds["mean"].to_pylist() == pytest.approx([MATRIX[:, 1].mean(dtype=float)])


def test_where_changes_the_searched_set_and_its_thresholds(scores: Scores) -> None:
    found = find(scores, parse("a dog > 1 & !beach > 1"), where="label = 'dog'", limit=N)
    chosen = np.arange(N) % 3 == 0
    wanted = evaluate(parse("a dog > 1 & !beach > 1"), {name: MATRIX[chosen, key] for key, name in enumerate(NAMES)})
    assert found.searched == chosen.sum()
    np.testing.assert_array_equal(found.rows, np.flatnonzero(chosen)[wanted.mask])


def test_duplicates_can_be_counted_once(store: Store) -> None:
    copies = [0 if row in (5, 9) else 20 if row in (21, 22) else None for row in range(30)]
    images = add_images(store, image_table(0, 30, duplicate_of=copies))
    add_images(store, image_table(30, 31, image_id=["img-00000020.jpg"], supersedes=[20]))
    scores = score(images, add_bank(store, NAMES), MATRIX[:30])
    found = find(scores, parse("beach > -9"), exclude_duplicates=True)
    assert sorted(set(range(30)) - set(found.rows.tolist())) == [5, 9, 20, 22]
    assert find(scores, parse("beach > -9")).searched == 29


def test_unknown_concepts_and_empty_sets_are_named(scores: Scores, store: Store) -> None:
    with pytest.raises(UnknownName, match=r"concept in bank everyday: .*'bech'\. Did you mean 'beach'\?"):
        find(scores, parse("bech > 1"))
    with pytest.raises(
        InputError, match=r"searched set of photos: expected at least one current image .*, but got none"
    ):
        find(scores, parse("beach > 1"), where="label = 'mouse'")
    with pytest.raises(SpecError, match="where 'labl = 1'"):
        find(scores, parse("beach > 1"), where="labl = 1")


def test_an_older_image_index_is_searched_as_it_was(store: Store) -> None:
    add_images(store, image_table(0, 30, captured_at=[datetime(2026, 1, 1, tzinfo=UTC)] * 30))
    from t2c.store.artifacts.images import open_images

    old = open_images(store, "photos@1")
    images = add_images(
        store,
        image_table(30, 40, image_id=["img-00000003.jpg", *[f"n{i}" for i in range(9)]], supersedes=[3, *[None] * 9]),
    )
    scores = score(images, add_bank(store, NAMES), MATRIX[:40])
    assert find(scores, parse("beach > -9"), images=old, limit=50).rows.tolist() == list(range(30))
    assert find(scores, parse("beach > -9"), limit=50).searched == 39


def test_terms_and_constraints_agree_with_the_expression() -> None:
    expression = parse("a dog > 1 & (beach > 1 | !a dog < -1)")
    assert len(conjuncts(expression)) == 2
    assert len(constraints(expression)) == 3


def test_a_threshold_beyond_float32_is_never_reached(scores: Scores) -> None:
    assert find(scores, parse("beach > 1e308")).table.num_rows == 0
    assert find(scores, parse("beach > -1e308"), limit=N).table.num_rows == N
