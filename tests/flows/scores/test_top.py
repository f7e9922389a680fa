"""The most and least similar images as a step: order, class, snapshot."""

import numpy as np
import pytest

from t2c.flows.scores.ask import top
from t2c.schemas.errors import SpecError, UnknownName
from t2c.store.disk.root import Store
from tests.planted.scored import scored


def test_most_and_least_similar_overall_and_inside_a_class(store: Store) -> None:
    matrix = np.array([[0.1], [0.4], [0.3], [-0.2]], np.float32)
    scored(store, matrix, ["in a tree"], label=["cat", "dog", "cat", "dog"])
    assert top(store, "photos", "in a tree", k=2)["row"].to_pylist() == [1, 2]
    assert top(store, "photos", "in a tree", k=2, least=True)["row"].to_pylist() == [3, 0]
    assert top(store, "photos", "in a tree", label="cat")["row"].to_pylist() == [2, 0]
    assert top(store, "photos", "in a tree", where="row < 2")["row"].to_pylist() == [1, 0]


def test_what_is_not_there_is_named(store: Store) -> None:
    scored(store, np.zeros((2, 1), np.float32), ["dog"], label=["a", "b"])
    with pytest.raises(UnknownName, match=r"concept in bank everyday: expected one of 'dog', but got 'dogs'"):
        top(store, "photos", "dogs")
    with pytest.raises(UnknownName, match="label in photos"):
        top(store, "photos", "dog", label="c")
    with pytest.raises(SpecError, match="number of images: expected 1 or more, but got 0"):
        top(store, "photos", "dog", k=0)
