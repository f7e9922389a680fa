"""Reading: co-occurrence counted by hand, usual contexts of planted classes, images far below their own class."""

import numpy as np
import pytest

from t2c.core.bottleneck.reading import cooccurrence, farthest_below, usual_contexts
from t2c.schemas.errors import InputError, MismatchError


def test_counts_lift_and_phi_are_those_of_the_two_by_two_table() -> None:
    rng = np.random.default_rng(0)
    present = rng.random((200, 3)) < [0.3, 0.5, 0.2]
    present[:, 2] |= present[:, 0]
    found = cooccurrence(present)
    assert list(zip(found.first, found.second, strict=True)) == [(0, 1), (0, 2), (1, 2)]
    for at, (a, b) in enumerate(zip(found.first, found.second, strict=True)):
        one, two = present[:, a], present[:, b]
        assert (found.n_first[at], found.n_second[at], found.both[at]) == (one.sum(), two.sum(), (one & two).sum())
        assert found.phi[at] == pytest.approx(np.corrcoef(one, two)[0, 1])
        assert found.lift[at] == pytest.approx((one & two).mean() / (one.mean() * two.mean()))


def test_a_concept_everywhere_or_nowhere_goes_with_nothing() -> None:
    present = np.array([[True, False, True], [True, False, False]])
    found = cooccurrence(present)
    assert found.phi.tolist() == [0, 0, 0]
    assert np.isfinite(found.lift).all()


def test_too_little_is_refused() -> None:
    with pytest.raises(InputError, match=r"co-occurrence: expected images, and two concepts or more, but got 4 and 1"):
        cooccurrence(np.ones((4, 1), dtype=bool))


def test_a_class_has_the_context_that_nearly_all_of_it_shows() -> None:
    rng = np.random.default_rng(0)
    codes = np.repeat([0, 1, 2, -1], [40, 40, 3, 5])
    z = 0.3 * rng.normal(size=(88, 2))
    z[codes == 0, 0] += 1
    z[codes == 1, 1] += np.where(np.arange(40) < 24, 2.0, -0.5)  # a mean of 1, but only 60 % of the class
    found = usual_contexts(z, codes, classes=3)
    assert [(one.label, one.concept, one.count) for one in found] == [(0, 0, 40)]
    assert found[0].mean == pytest.approx(1, abs=0.15)


def test_one_class_an_image(unchecked_shapes: None) -> None:
    with pytest.raises(MismatchError, match=r"class codes: expected 2, one an image, but got 3"):
        usual_contexts(np.zeros((2, 1)), np.zeros(3, dtype=int), classes=1)


def test_the_farthest_below_come_first_and_a_constant_is_not_below() -> None:
    places, z = farthest_below(np.array([0.5, 0.1, 0.4, 0.6]), most=2)
    assert places.tolist() == [1, 2]
    assert z[0] == pytest.approx((0.1 - 0.4) / np.std([0.5, 0.1, 0.4, 0.6]))
    assert farthest_below(np.ones(3), most=1)[1].tolist() == [0]
