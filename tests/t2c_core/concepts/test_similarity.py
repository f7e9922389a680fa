"""Scores are cosines of aligned features and concept vectors, the same whatever company a row is in."""

import numpy as np
import pytest

from t2c.core.concepts.similarity import BLOCK_ROWS, score
from t2c.core.maps.linear_map import LinearMap, identity
from t2c.core.statistics.unit_rows import unit
from t2c.schemas.errors import InputError, MismatchError

RNG = np.random.default_rng(0)
MAP = LinearMap(RNG.normal(size=(24, 16)).astype(np.float32), RNG.normal(size=16).astype(np.float32))
CONCEPTS = unit(RNG.normal(size=(5, 16))).astype(np.float32)
X = RNG.normal(size=(300, 24)).astype(np.float16)


def cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = a.astype(np.float64), b.astype(np.float64)
    return (a / np.linalg.norm(a, axis=1, keepdims=True)) @ (b / np.linalg.norm(b, axis=1, keepdims=True)).T


def test_scores_are_cosines_of_aligned_features() -> None:
    got = score(X, MAP, vectors=CONCEPTS)
    assert got.dtype == np.float32
    aligned = X.astype(np.float64) @ MAP.weight + MAP.bias
    np.testing.assert_allclose(got, cosine(aligned, CONCEPTS), atol=1e-6)


def test_the_identity_scores_features_as_they_are() -> None:
    y = RNG.normal(size=(10, 16)).astype(np.float32)
    np.testing.assert_allclose(score(y, identity(16), vectors=CONCEPTS), cosine(y, CONCEPTS), atol=1e-6)


def test_lengths_do_not_matter() -> None:
    y = RNG.normal(size=(10, 16)).astype(np.float32)
    once = score(y, identity(16), vectors=CONCEPTS)
    for factor in (1e-30, 1e30):
        np.testing.assert_allclose(score(y * np.float32(factor), identity(16), vectors=CONCEPTS), once, atol=1e-6)
    np.testing.assert_allclose(score(y, identity(16), vectors=CONCEPTS * 7), once, atol=1e-6)


def test_zero_vectors_score_zero() -> None:
    y = np.zeros((2, 16), np.float32)
    y[1, 0] = 1
    vectors = CONCEPTS.copy()
    vectors[3] = 0
    got = score(y, identity(16), vectors=vectors)
    np.testing.assert_array_equal(got[0], 0)
    assert got[1, 3] == 0
    assert got[1, 0] != 0


def test_scores_stay_within_one() -> None:
    y = RNG.normal(size=(2000, 16)).astype(np.float32)
    got = score(y, identity(16), vectors=np.concatenate([y[:50], -y[:50]]))
    assert got.max() <= 1 <= got.max() + 1e-6
    assert got.min() >= -1


@pytest.mark.parametrize("cut", [1, 17, 255])
def test_a_row_scores_the_same_bits_alone_and_in_company(cut: int) -> None:
    whole = score(X, MAP, vectors=CONCEPTS)
    np.testing.assert_array_equal(score(X[:cut], MAP, vectors=CONCEPTS), whole[:cut])


def test_many_blocks_and_none() -> None:
    many = np.tile(X, (1 + 2 * BLOCK_ROWS // len(X), 1))
    got = score(many, MAP, vectors=CONCEPTS)
    np.testing.assert_allclose(got[-len(X) :], score(X, MAP, vectors=CONCEPTS), atol=1e-6)
    assert score(X[:0], MAP, vectors=CONCEPTS).shape == (0, 5)
    assert score(X, MAP, vectors=CONCEPTS[:0]).shape == (300, 0)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_row_that_is_not_finite_is_named(bad: float) -> None:
    x = X.copy()
    x[7, 3] = bad
    with pytest.raises(
        InputError, match="feature of row 7 of the block: expected finite numbers, but got NaN or infinity"
    ):
        score(x, MAP, vectors=CONCEPTS)


@pytest.mark.usefixtures("unchecked_shapes")
def test_dimensions_must_meet() -> None:
    with pytest.raises(MismatchError, match=r"concept vectors: expected shape \(concepts, 16\), but got \(5, 15\)"):
        score(X, MAP, vectors=CONCEPTS[:, :15])
    with pytest.raises(MismatchError, match=r"features to map: expected shape \(images, 24\)"):
        score(X[:, :3], MAP, vectors=CONCEPTS)
