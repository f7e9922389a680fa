"""A map from two heads alone: recovered where one joins them, blind to what softmax does not see, defined where few see."""

import numpy as np
import pytest

from t2c.core.maps.aligners import Evidence, data_free
from t2c.core.maps.data_free import fit_heads
from t2c.core.maps.heads import Head
from t2c.schemas.errors import InputError
from tests.planted.maps import SOURCE, TARGET, head_map, heads


def test_the_map_between_two_heads_is_recovered_from_the_heads_alone() -> None:
    source, target = heads()
    weight, bias = head_map()
    fitted = data_free().fit(Evidence(source_head=source, target_head=target))
    np.testing.assert_allclose(fitted.map.weight, weight, atol=1e-4)
    np.testing.assert_allclose(fitted.map.bias, bias, atol=1e-4)
    assert (fitted.n, fitted.rank) == (0, TARGET)
    assert fitted.notes == ("the composition reproduces 100.0% of the source head's squared weights",)


def test_what_is_added_to_all_logits_alike_changes_nothing() -> None:
    source, target = heads()
    rng = np.random.default_rng(9)
    before = data_free().fit(Evidence(source_head=source, target_head=target)).map
    for shift in (3.0, 30.0):
        moved = [
            Head(
                head.classes,
                head.weight + (shift * rng.normal(size=head.dimension)).astype(np.float32),
                head.bias + np.float32(shift),
                "classifier",
            )
            for head in (source, target)
        ]
        after = data_free().fit(Evidence(source_head=moved[0], target_head=moved[1])).map
        np.testing.assert_allclose(after.weight, before.weight, atol=2e-4)
        np.testing.assert_allclose(after.bias, before.bias, atol=2e-4)


def test_fewer_classes_than_target_dimensions_leave_the_unseen_ones_at_zero() -> None:
    source, target = heads(classes=3)
    fitted = data_free().fit(Evidence(source_head=source, target_head=target))
    assert fitted.rank == 2
    assert fitted.notes[1] == "two heads of 3 classes decide 2 of 5 target dimensions; the others are 0"
    x = np.random.default_rng(0).normal(size=(50, SOURCE)).astype(np.float32)
    want, got = source.logits(x), target.logits(fitted.map.apply(x))
    np.testing.assert_allclose(got - got.mean(1, keepdims=True), want - want.mean(1, keepdims=True), atol=1e-4)


def test_one_class_tells_nothing_apart_and_is_refused() -> None:
    with pytest.raises(InputError, match="target head: expected classes that differ, but got weights that are the"):
        fit_heads(*heads(classes=1))


def test_a_ridge_solves_its_own_normal_equations_and_spares_weak_directions() -> None:
    source, target = heads()
    weak = target.weight.copy()
    weak[:, -1] *= 1e-3  # a direction that the target head hardly sees
    target = Head(target.classes, weak, target.bias, "classifier")
    plain, held = fit_heads(source, target), fit_heads(source, target, ridge=0.1)
    t, s = (head.weight.astype(np.float64) - head.weight.astype(np.float64).mean(axis=0) for head in (target, source))
    np.testing.assert_allclose((t.T @ t + 0.1 * np.eye(TARGET)) @ held.map.weight.T, t.T @ s, atol=1e-4)
    assert np.linalg.norm(plain.map.weight[:, -1]) > 100 * np.linalg.norm(held.map.weight[:, -1])
    assert 0.9 < held.explained < plain.explained
    fitted = data_free(0.1).fit(Evidence(source_head=source, target_head=target))
    assert (fitted.ridge, "plus ridge" in data_free(0.1).objective) == (0.1, True)
