"""A linear map from a source feature space to a target one: y = x W + b (paper, section 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from t2c.schemas.errors import MismatchError, expected

if TYPE_CHECKING:
    from jaxtyping import Float, Float32

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class LinearMap:
    """An affine map from a source to a target space: x W + b of a row x."""

    weight: Float32[np.ndarray, "source target"]
    """W of the formula."""
    bias: Float32[np.ndarray, " target"]
    """b of the formula."""

    def __post_init__(self) -> None:
        if self.weight.ndim != 2 or self.bias.shape != self.weight.shape[1:]:
            actual = f"{self.weight.shape} and {self.bias.shape}"
            raise MismatchError(expected("linear map", "weight (source, target) and bias (target,)", actual))

    @property
    def source(self) -> int:
        """Dimension of the source space."""
        return int(self.weight.shape[0])

    @property
    def target(self) -> int:
        """Dimension of the target space."""
        return int(self.weight.shape[1])

    def apply(self, x: Float[np.ndarray, "images source"]) -> Float32[np.ndarray, "images target"]:
        """Return the aligned features of x, computed in float32."""
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

    def apply(self, x: Float[np.ndarray, "images source"]) -> Float32[np.ndarray, "images source"]:
        """Return x itself, as float32."""
        check_source(self, x)
        return x.astype(np.float32, copy=False)


Map = LinearMap | IdentityMap
"""Anything that carries source features into the target space."""


def identity(dimension: int) -> IdentityMap:
    """Return the identity map of a space."""
    return IdentityMap(dimension)


def check_source(linear_map: Map, x: Float[np.ndarray, "images source"]) -> None:
    """Raise MismatchError unless x is (images, linear_map.source)."""
    if x.ndim != 2 or x.shape[1] != linear_map.source:
        raise MismatchError(expected("features to map", f"shape (images, {linear_map.source})", f"{x.shape}"))
