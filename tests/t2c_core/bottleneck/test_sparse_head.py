"""The sparse head keeps the concepts that matter and little else, and says when it has not converged."""

import numpy as np
import pytest

from t2c.core.bottleneck import sparse_head
from t2c.core.bottleneck.sparse_head import fit_sparse_head
from t2c.schemas.errors import InputError


def planted(classes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return x (600, 12) whose first `classes` columns decide the class, the classes, and the rows set aside."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 12)).astype(np.float32)
    codes = (3 * x[:, :classes] + rng.gumbel(size=(600, classes))).argmax(axis=1)
    return x, codes, np.arange(600) % 5 == 0


@pytest.mark.parametrize("classes", [2, 3])
def test_the_concepts_that_decide_are_kept_and_most_others_are_not(classes: int) -> None:
    x, codes, aside = planted(classes)
    found = fit_sparse_head(x, codes, aside=aside, classes=classes)
    assert found.converged
    weight = found.head.weight
    assert weight.shape == (classes, 12)
    assert (np.diag(weight[:, :classes]) > 0).all()
    assert found.used == np.count_nonzero(np.abs(weight).max(axis=0)) <= classes + 3
    right = (x @ weight.T + found.head.bias).argmax(axis=1) == codes
    assert right.mean() > 0.8


def test_a_strength_that_is_named_is_used() -> None:
    x, codes, aside = planted(2)
    sparse, dense = (fit_sparse_head(x, codes, aside=aside, classes=2, strengths=[c]) for c in (0.003, 10.0))
    assert (sparse.strength, dense.strength) == (0.003, 10.0)
    assert sparse.used < dense.used


def test_too_few_rounds_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sparse_head, "MOST_ROUNDS", 1)
    x, codes, aside = planted(2)
    assert not fit_sparse_head(x, codes, aside=aside, classes=2, strengths=[10.0]).converged


def test_what_cannot_be_chosen_is_refused() -> None:
    x, codes, aside = planted(2)
    with pytest.raises(InputError, match=r"strengths of the sparse head: expected one or more above 0"):
        fit_sparse_head(x, codes, aside=aside, classes=2, strengths=[0.0])
    with pytest.raises(InputError, match=r"rows of the sparse head: expected rows of every class"):
        fit_sparse_head(x, codes, aside=codes == 1, classes=2)
