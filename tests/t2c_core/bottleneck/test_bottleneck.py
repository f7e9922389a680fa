"""A bottleneck's shares add up, its explanations say what was planted, and an edit changes what it says and no more."""

import numpy as np
import pytest

from t2c.core.bottleneck.bottleneck import Bottleneck, Scale, explain
from t2c.schemas.errors import InputError, MismatchError

UNIT = Scale(np.zeros(3), np.ones(3))
MODEL = Bottleneck(
    ("dog", "ship", "truck"),
    ("furry", "blue", "wheels"),
    np.array([[3, 0, -1], [-1, 2, 0], [-1, 0, 2]], dtype=np.float32),
    np.array([0, 0.5, 0], dtype=np.float32),
    UNIT,
)


def test_standardised_is_mean_0_and_spread_1_and_a_constant_gives_nothing() -> None:
    similarities = np.array([[0.1, 0.2], [0.3, 0.2], [0.2, 0.2]], dtype=np.float32)
    scale = Scale.of(similarities)
    z = scale.apply(similarities)
    assert scale.std[1] == 0
    assert z.mean(axis=0) == pytest.approx([0, 0], abs=1e-6)
    assert z.std(axis=0) == pytest.approx([1, 0], abs=1e-6)


def test_constant_similarities_are_refused() -> None:
    with pytest.raises(
        InputError, match=r"similarities to standardise: expected some that differ.* one value for each"
    ):
        Scale.of(np.full((5, 2), 0.25, dtype=np.float32))
    with pytest.raises(InputError, match=r"similarities to standardise: expected 1 row or more, but got none"):
        Scale.of(np.empty((0, 2), dtype=np.float32))


def test_shares_are_the_papers_and_their_sizes_add_to_one() -> None:
    z = np.array([1, -2, 0.5], dtype=np.float32)
    shares = MODEL.shares(z)
    assert shares[0].tolist() == pytest.approx([3 / 3.5, 0, -0.5 / 3.5])
    assert np.abs(shares).sum(axis=1) == pytest.approx([1, 1, 1])
    assert (MODEL.shares(np.zeros(3, dtype=np.float32)) == 0).all()


def test_raw_shares_are_those_of_a_layer_on_the_similarities_themselves() -> None:
    scale = Scale(np.array([0.2, 0.1, 0.3]), np.array([0.1, 0.05, 0.0]))
    model = Bottleneck(MODEL.classes, MODEL.concepts, MODEL.weight, MODEL.bias, scale)
    shares = model.shares(scale.apply(np.array([[0.3, 0.05, 0.3]]))[0], raw=True)
    # dog: 3 / 0.1 * 0.3 = 9 and 0; ship: -1 / 0.1 * 0.3 = -3 and 2 / 0.05 * 0.05 = 2; a constant gives nothing
    assert shares[0].tolist() == pytest.approx([1, 0, 0], abs=1e-6)
    assert shares[1].tolist() == pytest.approx([-3 / 5, 2 / 5, 0], abs=1e-6)


def test_raw_shares_order_an_explanation_of_the_same_class() -> None:
    scale = Scale(np.array([0.2, 0.2, 0.2]), np.array([0.1, 0.01, 0.1]))
    model = Bottleneck(
        ("dog", "ship"), MODEL.concepts, np.array([[1, 1, 1], [0, 0, 0]], np.float32), np.ones(2, np.float32), scale
    )
    z = np.array([2, 0.5, 1], dtype=np.float32)  # similarities 0.4, 0.205, 0.3; raw parts 4, 20.5, 3
    plain, raw = explain(model, z), explain(model, z, raw=True)
    assert (plain.predicted, plain.margin) == (raw.predicted, raw.margin) == (0, pytest.approx(3.5))
    assert [one.concept for one in plain.shares] == [0, 2, 1]
    assert [one.concept for one in raw.shares] == [1, 0, 2]
    assert raw.shares[0].predicted == pytest.approx(20.5 / 27.5)


def test_an_explanation_names_the_class_its_shares_and_what_tells_it_from_the_runner_up() -> None:
    z = np.array([0, 2, 1.5], dtype=np.float32)  # blue, with wheels: ship 4.5, truck 3, dog -1.5
    found = explain(MODEL, z, shown=2)
    assert (found.predicted, found.runner_up, found.margin) == (1, 2, pytest.approx(1.5))
    assert found.shares[0].concept == 1
    assert found.shares[0].predicted == pytest.approx(1)
    assert [one.concept for one in found.differences] == [1, 0]
    assert found.differences[0].difference == pytest.approx(1 - 0)
    assert found.shares[0].z == 2


def test_a_concept_switched_off_no_longer_speaks() -> None:
    z = np.array([[0, 2, 1.5]], dtype=np.float32)
    edited = MODEL.edited({1: 0.0})
    assert MODEL.predict(z).tolist() == [1]
    assert edited.predict(z).tolist() == [2]
    assert (edited.weight[:, [0, 2]] == MODEL.weight[:, [0, 2]]).all()
    assert MODEL.edited({0: 2.0}).weight[0, 0] == 6


def test_an_edit_that_makes_no_sense_is_refused() -> None:
    for factors in ({0: float("nan")}, {3: 1.0}):
        with pytest.raises(InputError, match=r"edit of the bottleneck: expected a finite factor for one of 3 concepts"):
            MODEL.edited(factors)


def test_shapes_must_fit(unchecked_shapes: None) -> None:
    with pytest.raises(MismatchError, match=r"bottleneck: expected weight \(1, 3\), bias"):
        Bottleneck(("dog",), ("a", "b", "c"), MODEL.weight, MODEL.bias, UNIT)
    with pytest.raises(MismatchError, match=r"similarities of the bottleneck: expected shape \(images, 3\)"):
        UNIT.apply(np.zeros((2, 4)))
