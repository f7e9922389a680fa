"""Top images are the largest similarities over the searched set, overall and inside a class."""

import numpy as np
import pytest

from t2c.schemas.errors import SpecError, UnknownName
from t2c.store.artifacts.similarities import Scores
from t2c.store.disk.root import Store
from t2c.store.queries import extremes, top, values_for
from t2c.store.queries.rank import largest
from t2c.store.queries.searched import searched
from tests.planted.scored import add_images, image_table, scored

N = 90
NAMES = ["dog", "in a tree"]
MATRIX = np.random.default_rng(3).uniform(-1, 1, size=(N, 2)).astype(np.float32)
MATRIX[10:20, 1] = MATRIX[4, 1] = 0.99  # ties at the top
LABELS = [None if row % 10 == 0 else "b" if row % 3 else "a" for row in range(N)]


@pytest.fixture
def scores(store: Store) -> Scores:
    return scored(store, MATRIX, NAMES, label=LABELS)


@pytest.mark.parametrize("least", [False, True])
@pytest.mark.parametrize("n", [1, 7, N, 500])
def test_top_is_a_stable_sort(scores: Scores, n: int, least: bool) -> None:
    for key, name in enumerate(NAMES):
        order = np.argsort(MATRIX[:, key] if least else -MATRIX[:, key], kind="stable")[:n]
        found = top(scores, name, n, least=least)
        assert found["row"].to_pylist() == order.tolist()
        np.testing.assert_array_equal(found["similarity"], MATRIX[order, key])
        z = (MATRIX[order, key] - MATRIX[:, key].mean(dtype=float)) / MATRIX[:, key].std(dtype=float)
        np.testing.assert_allclose(found["z"], z, rtol=1e-9)
        assert found["rank"].to_pylist() == list(range(1, len(order) + 1))
        assert found["image_id"].to_pylist() == [f"img-{row:08d}.jpg" for row in order]


def test_top_inside_a_class(scores: Scores) -> None:
    found = top(scores, "dog", 5, label="a")
    rows = [row for row in range(N) if LABELS[row] == "a"]
    assert found["row"].to_pylist() == sorted(rows, key=lambda row: -MATRIX[row, 0])[:5]
    assert set(found["label"].to_pylist()) == {"a"}
    with pytest.raises(UnknownName, match="label in photos: expected one of 'a', 'b', but got 'c'"):
        top(scores, "dog", label="c")


def test_a_number_of_images_is_one_or_more(scores: Scores) -> None:
    with pytest.raises(SpecError, match="number of images: expected 1 or more, but got 0"):
        top(scores, "dog", 0)


def test_extremes_of_all_and_of_each_class(scores: Scores) -> None:
    found = extremes(scores, "dog", 3, by_label=True)
    assert [one.label for one in found] == [None, "a", "b"]
    assert found[0].most.equals(top(scores, "dog", 3))
    assert found[0].least.equals(top(scores, "dog", 3, least=True))
    assert found[1].most.equals(top(scores, "dog", 3, label="a"))
    assert found[2].least.equals(top(scores, "dog", 3, label="b", least=True))


@pytest.mark.parametrize("label", [[None] * N, ["a"] + [None] * (N - 1)])
def test_extremes_of_each_class_where_no_searched_image_has_one(store: Store, label: list[str | None]) -> None:
    scores = scored(store, MATRIX, NAMES, label=label)
    found = extremes(scores, "dog", 3, by_label=True, among=searched(scores, where="row > 0"))
    assert [one.label for one in found] == [None]
    assert (found[0].most.num_rows, found[0].least.num_rows) == (3, 3)


def test_rows_come_from_many_commits(store: Store) -> None:
    scores = scored(store, MATRIX, NAMES)
    for step in range(4):
        add_images(store, image_table(N + step, N + step + 1))
    assert top(scores, "dog", 4)["image_id"].to_pylist() == [
        f"img-{row:08d}.jpg" for row in np.argsort(-MATRIX[:, 0], kind="stable")[:4]
    ]


def test_values_are_those_of_the_searched_set(scores: Scores) -> None:
    np.testing.assert_array_equal(values_for(scores, "dog"), MATRIX[:, 0])
    np.testing.assert_array_equal(values_for(scores, "dog", where="row % 2 = 0"), MATRIX[::2, 0])


def test_largest_leaves_out_what_is_missing() -> None:
    values = np.array([np.nan, 1, 3, np.nan, 3, 2], np.float32)
    assert largest(values, 3).tolist() == [2, 4, 5]
    assert largest(values, 99).tolist() == [2, 4, 5, 1]
    assert largest(values[:1], 1).tolist() == []
