"""Sparse codes find the words a vector was mixed from, agree with one lasso over all words, and never use a negative one."""

import numpy as np
import pytest
from sklearn.linear_model import Lasso

import t2c.core.words.sparse_code as module
from t2c.core.words.sparse_code import SparseDecoder
from t2c.core.words.vocabulary import Vocabulary
from t2c.schemas.errors import InputError, MismatchError

TARGET = 24


@pytest.fixture
def known() -> Vocabulary:
    vectors = np.random.default_rng(0).normal(size=(120, TARGET)) + 1
    return Vocabulary.of([f"w{i}" for i in range(120)], vectors.astype(np.float32))


def mixed(known: Vocabulary, shares: dict[int, float]) -> np.ndarray:
    """Return the vector (1, target) that is so much of some words."""
    return (np.array(list(shares.values())) @ known.at(np.array(list(shares))))[None]


def test_the_words_of_a_mixture_are_found_by_falling_share(known: Vocabulary) -> None:
    (answer,) = SparseDecoder(known, k=3, penalty=0.05).decode(mixed(known, {40: 1.0, 7: 2.0, 99: 1.5}) * 50)
    assert [word.text for word in answer.words] == ["w7", "w99", "w40"]
    assert answer.cosine > 0.98
    assert all(word.margin is None or word.margin >= 0 for word in answer.words)


def test_words_that_point_away_are_not_subtracted(known: Vocabulary) -> None:
    (answer,) = SparseDecoder(known, k=8).decode(-mixed(known, {3: 1.0}))
    assert "w3" not in {word.text for word in answer.words}
    assert all(word.score > 0 for word in answer.words)


def test_a_larger_penalty_uses_fewer_words(known: Vocabulary) -> None:
    vector = np.random.default_rng(5).normal(size=(1, TARGET))
    answers = [SparseDecoder(known, k=120, penalty=share).decode(vector)[0] for share in (0.8, 0.3, 0.05)]
    counts = [len(answer.words) for answer in answers]
    assert counts[0] < counts[1] < counts[2]
    assert answers[0].cosine < answers[1].cosine < answers[2].cosine


@pytest.mark.parametrize("candidates", [4, 15, 120])
def test_starting_from_few_words_gives_the_answer_over_all(
    known: Vocabulary, monkeypatch: pytest.MonkeyPatch, candidates: int
) -> None:
    monkeypatch.setattr(module, "CANDIDATES", candidates)
    vectors = np.random.default_rng(6).normal(size=(5, TARGET))
    answers = SparseDecoder(known, k=120, penalty=0.1).decode(vectors)
    words = known.at(np.arange(120)).astype(np.float64)
    for vector, answer in zip(vectors, answers, strict=True):
        direction = vector / np.linalg.norm(vector)
        alpha = 0.1 * (words @ direction).max() / TARGET
        exact = Lasso(alpha=alpha, positive=True, fit_intercept=False, tol=1e-10, max_iter=100_000)
        weights = exact.fit(words.T, direction).coef_
        found = {word.text: word.score for word in answer.words}
        assert all(abs(found.get(f"w{i}", 0.0) - weight) < 0.01 for i, weight in enumerate(weights))


def test_a_vector_that_no_word_points_to_gets_none() -> None:
    both = Vocabulary.of(["up", "down"], np.array([[1, 1, 0], [1, -1, 0]], np.float32))
    (answer,) = SparseDecoder(both).decode(np.array([[0, 0, 1.0]]))
    assert (answer.words, answer.cosine) == ((), 0.0)


@pytest.mark.parametrize("penalty", [0, 1, -0.1, float("nan")])
def test_a_penalty_that_is_no_share_is_refused(known: Vocabulary, penalty: float) -> None:
    with pytest.raises(InputError, match="penalty of the sparse code: expected a share above 0 and below 1, but got"):
        SparseDecoder(known, penalty=penalty)


@pytest.mark.usefixtures("unchecked_shapes")
def test_vectors_of_another_dimension_are_refused(known: Vocabulary) -> None:
    with pytest.raises(MismatchError, match=r"decoder sparse: expected shape \(vectors, 24\), but got \(1, 23\)"):
        SparseDecoder(known).decode(np.ones((1, 23)))
