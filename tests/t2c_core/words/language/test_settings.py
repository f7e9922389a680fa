"""Settings of a language decoder: the published values, and ranges that are refused with both sides named."""

from typing import Any

import pytest

from t2c.core.words.language.settings import Settings
from t2c.schemas.errors import SpecError


def test_the_defaults_are_the_published_values() -> None:
    made = Settings()
    assert (made.prompt, made.length, made.beams, made.candidates) == ("Image of a", 1, 5, 512)
    assert (made.temperature, made.steps, made.step_size, made.norm_exponent) == (0.01, 5, 0.3, 0.9)
    assert (made.divergence, made.guidance) == (0.2, 0.99)
    assert (made.factors, made.forbidden_factor, made.end_factor, made.first_end_factor) == ("logits", 20, 1.01, 1.6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"length": 0}, "language decoder's length: expected 1 to 64, but got 0"),
        ({"beams": 65, "top": 1}, "language decoder's beams: expected 1 to 64, but got 65"),
        ({"candidates": 0}, "language decoder's candidates: expected 1 or more, but got 0"),
        ({"temperature": 0}, "language decoder's temperature: expected 1e-06 or more, but got 0"),
        ({"steps": -1}, "language decoder's steps: expected 0 or more, but got -1"),
        ({"guidance": 1.5}, "language decoder's guidance: expected 0 to 1, but got 1.5"),
        ({"guidance": float("nan")}, "language decoder's guidance: expected 0 to 1, but got nan"),
        ({"forbidden_factor": 0.5}, "language decoder's forbidden_factor: expected 1 or more, but got 0.5"),
        ({"factors": "odds"}, "language decoder's factors: expected logits or probability, but got 'odds'"),
        ({"beams": 2, "top": 3}, "language decoder's top: expected at most its 2 beams, but got 3"),
        ({"prompt": " "}, "language decoder's prompt: expected text such as 'Image of a', but got ' '"),
    ],
)
def test_a_value_outside_its_range_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=f"^{message}"):
        Settings(**options)
