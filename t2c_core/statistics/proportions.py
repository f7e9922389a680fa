"""Intervals of a proportion."""

import math

from t2c.core.statistics.stats import Z_95
from t2c.schemas.errors import InputError, expected


def wilson(correct: int, n: int, *, z: float = Z_95) -> tuple[float, float]:
    """Return Wilson's score interval of a share correct / n (Wilson 1927), 95 % unless z says otherwise.

    Raises InputError for no rows, or a count outside 0 to n.
    """
    if not 0 <= correct <= n or n < 1:
        raise InputError(expected("share", "0 <= correct <= n with n of 1 or more", f"{correct} of {n}"))
    share, extra = correct / n, z * z / n
    middle = (share + extra / 2) / (1 + extra)
    half = z * math.sqrt(share * (1 - share) / n + extra / (4 * n)) / (1 + extra)
    return (0.0 if correct == 0 else middle - half), (1.0 if correct == n else middle + half)
