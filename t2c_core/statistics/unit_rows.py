"""Rows divided by their length."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from jaxtyping import Float


Array = NDArray[Any]


def unit(vectors: Float[np.ndarray, "concepts target"]) -> Float[np.ndarray, "concepts target"]:
    """Return rows scaled to length 1; zero rows stay zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Array = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths != 0)
    return scaled
