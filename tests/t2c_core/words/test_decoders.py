"""Vectors that no decoder can read are refused before any work, with both sides named."""

import numpy as np
import pytest

from t2c.core.words.decoders import DECODERS, LANGUAGE_DECODERS, VOCABULARY_DECODERS, check_vectors
from t2c.schemas.errors import InputError, MismatchError

GOOD = np.eye(3, 4, dtype=np.float32)


def test_the_names_are_those_of_both_families() -> None:
    assert set(DECODERS) == {*VOCABULARY_DECODERS, *LANGUAGE_DECODERS} == {"vocabulary", "sparse", "zerocap", "rescore"}


def test_vectors_with_a_direction_pass() -> None:
    check_vectors(GOOD, target=4, decoder="vocabulary")


def test_another_dimension_is_refused_with_both_numbers() -> None:
    with pytest.raises(MismatchError, match=r"decoder sparse: expected shape \(vectors, 5\), but got \(3, 4\)"):
        check_vectors(GOOD, target=5, decoder="sparse")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_none_name_the_vector(value: float) -> None:
    bad = GOOD.copy()
    bad[2, 1] = value
    with pytest.raises(
        InputError, match="vector 2 for decoder zerocap: expected finite numbers, but got NaN or infinity"
    ):
        check_vectors(bad, target=4, decoder="zerocap")


def test_a_zero_vector_has_no_direction() -> None:
    bad = GOOD.copy()
    bad[1] = 0
    with pytest.raises(InputError, match=r"vector 1 .* expected a vector with a direction, but got a zero vector"):
        check_vectors(bad, target=4, decoder="vocabulary")
