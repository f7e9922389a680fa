"""The smallest visible change: shifts of that size are seen in about 80 % of draws, and smaller sets see less."""

import numpy as np
import pytest

from t2c.core.shift.shift import compare, judge
from t2c.core.shift.visible import visible_effect
from t2c.schemas.errors import InputError


@pytest.mark.parametrize(("n", "m"), [(400, 400), (1000, 120)])
def test_it_is_seen_in_about_four_of_five_draws(n: int, m: int) -> None:
    rng = np.random.default_rng(0)
    concepts, draws = 10, 150
    effect = visible_effect(n, m, alpha=0.05, concepts=concepts)
    seen = 0
    for _ in range(draws):
        reference, current = rng.standard_normal((concepts, n)), rng.standard_normal((concepts, m))
        current[0] += effect
        compared = [compare(np.sort(a), np.sort(b), ordered=True) for a, b in zip(reference, current, strict=True)]
        seen += judge(compared)[0][1] != "none"
    assert 0.67 < seen / draws < 0.95  # 80 %, within four standard errors of 150 draws


def test_more_images_see_less_and_nothing_is_refused() -> None:
    sizes = [visible_effect(n, n, alpha=0.05, concepts=26) for n in (50, 200, 800, 10_000)]
    assert sizes == sorted(sizes, reverse=True)
    with pytest.raises(InputError, match="n, m, concepts and alpha: expected 1 or more each"):
        visible_effect(0, 5, alpha=0.05, concepts=1)
