"""A linear map from a source feature space to a target one: y = x W + b (paper, section 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.errors import MismatchError, expected

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class LinearMap:
    """What alignment learns."""

    weight: NDArray[np.float32]
    """(source, target) float32."""
    bias: NDArray[np.float32]
    """(target,) float32."""

    def __post_init__(self) -> None:
        if self.weight.ndim != 2 or self.bias.shape != self.weight.shape[1:]:
            got = f"{self.weight.shape} and {self.bias.shape}"
            raise MismatchError(expected("linear map", "weight (source, target) and bias (target,)", got))

    @property
    def source(self) -> int:
        """Dimension of the source space."""
        return int(self.weight.shape[0])

    @property
    def target(self) -> int:
        """Dimension of the target space."""
        return int(self.weight.shape[1])

    def apply(self, x: Array) -> NDArray[np.float32]:
        """Return aligned features (images, target) float32 of x (images, source), computed in float32."""
        check_source(self, x)
        aligned: NDArray[np.float32] = x.astype(np.float32, copy=False) @ self.weight
        aligned += self.bias
        return aligned


@dataclass(frozen=True, slots=True)
class IdentityMap:
    """The map of features that already live in the target space, such as CLIP's own."""

    dimension: int
    """Dimension of the space."""

    @property
    def source(self) -> int:
        """Dimension of the source space."""
        return self.dimension

    @property
    def target(self) -> int:
        """Dimension of the target space."""
        return self.dimension

    def apply(self, x: Array) -> NDArray[np.float32]:
        """Return x (images, source) itself, as float32."""
        check_source(self, x)
        return x.astype(np.float32, copy=False)


Map = LinearMap | IdentityMap
"""Anything that carries source features into the target space."""


def identity(dimension: int) -> IdentityMap:
    """Return the identity map of a space."""
    return IdentityMap(dimension)


def check_source(linear_map: Map, x: Array) -> None:
    """Raise MismatchError unless x is (images, linear_map.source)."""
    if x.ndim != 2 or x.shape[1] != linear_map.source:
        raise MismatchError(expected("features to map", f"shape (images, {linear_map.source})", f"{x.shape}"))
