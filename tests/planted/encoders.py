"""Encoders for tests: a tiny seeded one that really looks at pixels, one that raises, one that emits NaN."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from t2c.core.encoders.base import Head, Preprocessing, Vectors, space_of
from t2c.schemas.spaces import Space

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class FakeEncoder:
    """Mean colours of a 4 x 4 grid through a seeded random matrix; picklable, no weights to load."""

    seed: int = 0
    dimension: int = 8
    size: int = 32
    resize: int = 36
    weights: ClassVar[str] = "fake"

    @property
    def name(self) -> str:
        return f"fake:{self.seed}-{self.dimension}-{self.size}"

    @property
    def device(self) -> str:
        return "cpu"

    @property
    def preprocessing(self) -> Preprocessing:
        return Preprocessing((self.size, self.size), (self.resize, self.resize))

    @property
    def space(self) -> Space:
        parts = {"dimension": self.dimension, "weights": f"{self.weights}-{self.seed}"}
        return space_of(self.name, self.preprocessing, **parts)

    def encode(self, batch: "torch.Tensor") -> Vectors:
        import torch

        grid = torch.nn.functional.adaptive_avg_pool2d(batch.float() / 255, 4).flatten(1).numpy()
        weight = np.random.default_rng(self.seed).normal(size=(grid.shape[1], self.dimension))
        return (grid @ weight).astype(np.float32)

    def head(self) -> Head | None:
        return None


@dataclass(frozen=True)
class RaisingEncoder(FakeEncoder):
    """Proves that nothing is encoded: any call is an error."""

    def encode(self, batch: "torch.Tensor") -> Vectors:
        raise AssertionError("this encoder must never run")


@dataclass(frozen=True)
class NanEncoder(FakeEncoder):
    """Emits NaN for pictures that are almost white."""

    def encode(self, batch: "torch.Tensor") -> Vectors:
        features = super().encode(batch)
        features[(batch.float().mean((1, 2, 3)) > 250).numpy(), 0] = np.nan
        return features
