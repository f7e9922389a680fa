"""Cross-entropy through a fixed head: classes are named on rows not fitted; labels that cannot be are refused."""

import numpy as np
import pytest

from t2c.core.maps.aligners import Evidence, Rows, cross_entropy
from t2c.core.maps.gradient.cross_entropy import fit_cross_entropy
from t2c.core.maps.gradient.options import SgdOptions
from t2c.core.maps.heads import Head
from t2c.schemas.errors import InputError, MismatchError
from tests.planted.maps import labelled

ONCE = SgdOptions(epochs=1)


def test_cross_entropy_names_the_classes_through_a_fixed_head() -> None:
    given, codes = labelled()
    some = Rows(given.rows.x, given.rows.y, np.where(np.arange(3000) % 2, codes, -1))
    fitted = cross_entropy(0.05, SgdOptions(), device="cpu").fit(Evidence(rows=some, target_head=given.target_head))
    assert fitted.n == 1500
    assert "only directions of mapped features were trained" in fitted.notes[0]
    lengths = np.linalg.norm(fitted.map.apply(given.rows.x[1::2]), axis=1)
    assert np.sqrt((lengths**2).mean()) == pytest.approx(1, rel=1e-5)
    unseen = given.target_head.predict(fitted.map.apply(given.rows.x[::2]))
    assert (unseen == codes[::2]).mean() > 0.95


def test_a_head_that_does_not_normalise_is_trained_through_as_it_is() -> None:
    given, codes = labelled()
    text = given.target_head
    plain = Head(text.classes, text.weight, np.ones(10, np.float32), "classifier")
    fitted = cross_entropy(1.0, SgdOptions(), device="cpu").fit(Evidence(rows=given.rows, target_head=plain))
    assert fitted.notes == ()
    assert (plain.predict(fitted.map.apply(given.rows.x)) == codes).mean() > 0.95


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            lambda codes: codes[1:],
            MismatchError,
            r"labelled features: expected .* but got shapes \(3000, 64\) and \(2999,\)",
        ),
        (
            lambda codes: codes + 5,
            InputError,
            r"class codes: expected 0 to 9, the classes of the head, but got 5 to 14",
        ),
        (
            lambda codes: codes * 0,
            InputError,
            r"classes among the rows: expected two or more, but got 1\. Cross-entropy",
        ),
        (lambda codes: codes * 0 - 1, InputError, "classes among the rows: expected two or more, but got 0"),
    ],
)
def test_labels_that_cannot_be_are_refused(change, error: type[Exception], message: str) -> None:
    given, codes = labelled()
    with pytest.raises(error, match=message):
        fit_cross_entropy(
            given.rows.x, change(codes), head=given.target_head, temperature=0.01, options=ONCE, device="cpu"
        )
