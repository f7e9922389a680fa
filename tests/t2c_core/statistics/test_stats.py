"""concept_stats equals numpy's float64 answers, ties and constants included."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from t2c.core.statistics.stats import PIECE, concept_stats, mean_and_std
from t2c.schemas.errors import InputError
from t2c.schemas.tables.tables import CONCEPT_STATS, HISTOGRAM_BINS, QUANTILES

VALUES = stn.arrays(
    st.sampled_from([np.float32, np.float64]),
    st.integers(1, 60),
    elements=st.one_of(st.integers(-100, 100).map(lambda i: i / 100), st.floats(-1, 1, width=32)),
)


def assert_equals_numpy(values: np.ndarray) -> None:
    row, exact = concept_stats(values), values.astype(np.float64)
    assert row["count"] == len(values)
    assert row["mean"] == pytest.approx(exact.mean(), abs=1e-14)
    assert row["std"] == pytest.approx(exact.std(), abs=1e-8 if exact.min() == exact.max() else 1e-14)
    assert (row["min"], row["max"]) == (exact.min(), exact.max())
    for level in QUANTILES:
        assert row[f"q{round(level * 100):02d}"] == pytest.approx(np.quantile(exact, level), abs=1e-15)
    assert row["histogram"] == np.histogram(exact, bins=HISTOGRAM_BINS, range=(-1, 1))[0].tolist()


@settings(deadline=None)
@given(VALUES)
def test_it_equals_numpy(values: np.ndarray) -> None:
    assert_equals_numpy(values)


def test_it_equals_numpy_on_many_values() -> None:
    assert_equals_numpy(np.clip(np.random.default_rng(0).normal(0.2, 0.1, 2 * PIECE + 5), -1, 1).astype(np.float32))


def test_bin_edges_fall_as_numpys_do() -> None:
    assert_equals_numpy(np.linspace(-1, 1, HISTOGRAM_BINS + 1))
    assert_equals_numpy(np.linspace(-1, 1, HISTOGRAM_BINS + 1).astype(np.float32))


def test_the_row_has_the_columns_of_the_table() -> None:
    assert ["key", "concept", *concept_stats(np.zeros(3, np.float32))] == CONCEPT_STATS.names


def test_order_does_not_matter_and_values_are_not_touched() -> None:
    values = np.array([0.5, -0.5, 0.25], np.float32)
    assert concept_stats(values) == concept_stats(values[::-1])
    assert values.tolist() == [0.5, -0.5, 0.25]


def test_equal_values_have_no_spread_at_all() -> None:
    value = float(np.float32(0.1))
    assert mean_and_std(np.full(12_345, 0.1, np.float32)) == (value, 0.0)
    assert mean_and_std(np.array([0.1], np.float32)) == (value, 0.0)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros(0), r"similarities: expected a value or more, shape \(images,\), but got shape \(0,\)"),
        (np.zeros((2, 2)), r"similarities: expected a value or more, shape \(images,\), but got shape \(2, 2\)"),
        (np.array([0.1, np.nan]), "similarities: expected finite values, but got nan"),
        (np.array([0.1, np.inf]), "similarities: expected finite values, but got inf"),
        (np.array([0.1, 1.5]), r"similarities: expected values of -1 to 1, but got 0\.1 to 1\.5"),
    ],
)
def test_what_is_no_similarity_is_refused(values: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        concept_stats(values)
