"""Fidelity's correlation is numpy's, and not a number's worth of nonsense where a side is constant."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from t2c.flows.scores.fidelity import correlation


@given(st.integers(3, 200), st.integers(0, 1000))
def test_it_is_numpys(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a = rng.normal(size=n).astype(np.float32)
    b = (a + rng.normal(size=n)).astype(np.float32)
    assert correlation(a, b) == pytest.approx(np.corrcoef(a.astype(float), b.astype(float))[0, 1], abs=1e-9)


def test_a_constant_side_has_none() -> None:
    assert correlation(np.ones(5, np.float32), np.arange(5, dtype=np.float32)) is None
