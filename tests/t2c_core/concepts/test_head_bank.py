"""Groups of a head's classes are means of them, and what a group's similarity does follows from the classes' moments."""

import numpy as np
import pytest

from t2c.core.concepts.head_bank import class_rows, group_rows, weights_on_classes
from t2c.schemas.errors import InputError

MEMBERS = ([0, 1, 2], [3], [2, 7, 8, 9])


@pytest.fixture
def rows() -> np.ndarray:
    return class_rows((np.random.default_rng(0).normal(size=(12, 20)) + 0.4).astype(np.float32))


def test_rows_keep_their_direction_at_length_one() -> None:
    weight = np.array([[3, 4], [0, -2]], np.float32)
    np.testing.assert_allclose(class_rows(weight), [[0.6, 0.8], [0, -1]], atol=1e-7)


@pytest.mark.parametrize("wrong", [0.0, np.nan, np.inf])
def test_a_class_without_a_direction_is_named(wrong: float) -> None:
    weight = np.ones((3, 4), np.float32)
    weight[1] = wrong
    with pytest.raises(InputError, match=r"weights of class 1: expected finite, not all 0, but got length"):
        class_rows(weight)


def test_a_group_is_a_unit_vector_along_the_mean_of_its_centred_classes(rows: np.ndarray) -> None:
    groups = group_rows(rows, MEMBERS)
    np.testing.assert_allclose(np.linalg.norm(groups, axis=1), 1, atol=1e-6)
    centre = rows.mean(axis=0)
    for group, members in zip(groups, MEMBERS, strict=True):
        mean = (rows[members] - centre).mean(axis=0)
        along = (group - centre) @ mean / np.linalg.norm(group - centre) / np.linalg.norm(mean)
        assert along == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(groups[1], rows[3], atol=1e-6, err_msg="a group of one class is that class")


@pytest.mark.parametrize("members", [[], list(range(12))])
def test_a_group_that_points_nowhere_is_refused(rows: np.ndarray, members: list[int]) -> None:
    with pytest.raises(InputError, match=r"group 0: expected classes whose mean is not that of all, but got"):
        group_rows(rows, [members])


def test_moments_of_groups_follow_from_those_of_classes(rows: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    refined = class_rows(rng.normal(size=(1, 20)).astype(np.float32))
    bank = np.concatenate([group_rows(rows, MEMBERS), rows, refined])  # keys of classes are 3 and up
    classes = np.arange(3, 15)
    weights = weights_on_classes(bank, classes, {key: [3 + m for m in MEMBERS[key]] for key in range(3)})
    x = rng.normal(size=(500, 20)) @ rng.normal(size=(20, 20))
    similarity = x @ (bank - rows.mean(axis=0)).T
    np.testing.assert_allclose(similarity[:, :15], similarity[:, classes] @ weights[:15].T, atol=1e-4)
    mean, covariance = similarity[:, classes].mean(axis=0), np.cov(similarity[:, classes].T, ddof=0)
    np.testing.assert_allclose(weights[:3] @ mean, similarity[:, :3].mean(axis=0), atol=1e-5)
    variance = np.einsum("gc,cd,gd->g", weights[:3], covariance, weights[:3])
    np.testing.assert_allclose(variance, similarity[:, :3].var(axis=0), rtol=1e-5)
    assert not weights[15].any(), "what is neither a class nor a group is no sum of classes"
