"""Errors are laid at the concept that tipped them, and the planted spurious one comes first."""

import numpy as np
import pytest

from t2c.core.bottleneck.bottleneck import Bottleneck, Scale
from t2c.core.bottleneck.contribution import blame, group_errors
from t2c.schemas.errors import MismatchError

MODEL = Bottleneck(
    ("ship", "truck"),
    ("wheels", "blue"),
    np.array([[-1, 2], [1, -2]], dtype=np.float32),
    np.zeros(2, dtype=np.float32),
    Scale(np.zeros(2), np.ones(2)),
)


def test_a_blue_truck_taken_for_a_ship_is_the_fault_of_blue() -> None:
    z = np.array([[2, 1.5], [2, -1], [-2, -1.5], [-1, 0.5]], dtype=np.float32)
    truth = np.array([1, 1, 0, 0])  # a blue truck, a truck, a ship that is not blue, a ship
    found = blame(MODEL, z, truth)
    assert found.rows.tolist() == [0, 2]
    assert found.concept.tolist() == [1, 1]
    assert found.part.tolist() == pytest.approx([6, 6])
    assert found.margin.tolist() == pytest.approx([2, 2])
    assert found.right_without.tolist() == [True, True]
    groups = group_errors(MODEL, found, truth=truth, predicted=MODEL.predict(z))
    assert [(one.concept, one.true, one.predicted, one.lean) for one in groups] == [(1, 0, 1, -1), (1, 1, 0, 1)]
    assert [(one.errors, one.right_without) for one in groups] == [(1, 1), (1, 1)]


def test_an_error_of_many_small_parts_is_not_right_without_one_of_them() -> None:
    model = Bottleneck(
        ("a", "b"),
        tuple("xyz"),
        np.array([[1, 1, 1], [-1, -1, -1]], dtype=np.float32),
        np.zeros(2, dtype=np.float32),
        Scale(np.zeros(3), np.ones(3)),
    )
    found = blame(model, np.ones((1, 3), dtype=np.float32), np.array([1]))
    assert found.right_without.tolist() == [False]


def test_without_errors_there_is_no_group() -> None:
    z = np.array([[2, -1]], dtype=np.float32)
    truth = np.array([1])
    assert group_errors(MODEL, blame(MODEL, z, truth), truth=truth, predicted=MODEL.predict(z)) == []


def test_one_truth_an_image(unchecked_shapes: None) -> None:
    with pytest.raises(MismatchError, match=r"true classes: expected 1, one an image, but got 2"):
        blame(MODEL, np.zeros((1, 2), dtype=np.float32), np.array([0, 1]))
