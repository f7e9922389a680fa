"""The blocked Cholesky solves what numpy solves, whatever the units, and says when a system is not definite."""

import numpy as np
import pytest

from t2c.core.maps.cholesky import BLOCK, factorise


def system_of(size: int, *, seed: int = 0) -> np.ndarray:
    """A well-posed second-moment matrix."""
    x = np.random.default_rng(seed).standard_normal((2 * size + 5, size))
    return x.T @ x


@pytest.mark.parametrize("size", [1, 2, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 37])
def test_solutions_are_those_of_numpy(size: int) -> None:
    system = system_of(size)
    right = np.random.default_rng(1).standard_normal((size, 7))
    factor = factorise(system)
    assert factor is not None
    np.testing.assert_allclose(factor.solve(right), np.linalg.solve(system, right), rtol=1e-9, atol=1e-12)
    lower = np.tril(factor.lower) * factor.scale[:, None]
    np.testing.assert_allclose(lower @ lower.T, system, rtol=1e-12, atol=1e-12 * np.abs(system).max())


def test_units_of_columns_change_neither_condition_nor_solution() -> None:
    system, right = system_of(200), np.ones((200, 1))
    units = np.logspace(-6, 6, 200)
    plain, scaled = factorise(system), factorise(system * np.outer(units, units))
    assert plain is not None
    assert scaled is not None
    assert scaled.condition == pytest.approx(plain.condition, rel=1e-6)
    np.testing.assert_allclose(scaled.solve(right * units[:, None]) * units[:, None], plain.solve(right), rtol=1e-8)


@pytest.mark.parametrize("size", [3, BLOCK + 10])
def test_a_system_that_is_not_definite_has_no_factor(size: int) -> None:
    system = system_of(size)
    system[-1, -1] = -1.0
    assert factorise(system) is None
    system = system_of(size)
    system[-1] = system[:, -1] = 0.0
    assert factorise(system) is None
    system = system_of(size)
    system[0, -1] = system[-1, 0] = 1e3 * np.sqrt(system[0, 0] * system[-1, -1])
    assert factorise(system) is None


def test_what_is_given_is_not_changed() -> None:
    system, right = system_of(BLOCK + 3), np.ones((BLOCK + 3, 2))
    kept = system.copy(), right.copy()
    factor = factorise(system)
    assert factor is not None
    factor.solve(right)
    assert (system == kept[0]).all()
    assert (right == kept[1]).all()
