"""Concept bottleneck: standardised similarities, one linear layer, and what each concept gives a logit (paper, 5.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from t2c.schemas.errors import InputError, MismatchError, expected

if TYPE_CHECKING:
    from jaxtyping import Float, Float32, Float64, Int64

Array = NDArray[Any]

SHOWN = 3
"""Shares and differences that an explanation lists, as the paper's do."""


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """What a similarity is measured in: its mean and spread over the rows that the head was fitted on."""

    mean: Float64[np.ndarray, " concepts"]
    """Mean similarity."""
    std: Float64[np.ndarray, " concepts"]
    """Population standard deviation; 0 for a concept whose similarity is the same on every row."""

    @classmethod
    def of(cls, similarities: Float[np.ndarray, "images concepts"]) -> Scale:
        """Return the scale of some rows; raises InputError for none, or when every concept is constant."""
        if not len(similarities):
            raise InputError(expected("similarities to standardise", "1 row or more", "none"))
        constant = similarities.max(axis=0) == similarities.min(axis=0)
        if constant.all():
            actual = f"one value for each of {similarities.shape[1]} concepts"
            raise InputError(expected("similarities to standardise", "some that differ between images", actual))
        std = np.where(constant, 0.0, similarities.std(axis=0, dtype=np.float64))
        return cls(similarities.mean(axis=0, dtype=np.float64), std)

    def apply(self, similarities: Float[np.ndarray, "images concepts"]) -> Float32[np.ndarray, "images concepts"]:
        """Return (similarity - mean) / std; 0 for a constant concept. Raises MismatchError for another width."""
        if similarities.ndim != 2 or similarities.shape[1] != len(self.mean):
            want = f"shape (images, {len(self.mean)})"
            raise MismatchError(expected("similarities of the bottleneck", want, f"{similarities.shape}"))
        away = similarities.astype(np.float64) - self.mean
        z = np.divide(away, self.std, out=np.zeros_like(away), where=self.std > 0)
        standardised: NDArray[np.float32] = z.astype(np.float32)
        return standardised


@dataclass(frozen=True, slots=True, eq=False)
class Bottleneck:
    """A classifier that sees an image through its concepts alone."""

    classes: tuple[str, ...]
    """Class names, in the order of the logits."""
    concepts: tuple[str, ...]
    """Concepts, in the order of the inputs."""
    weight: Float32[np.ndarray, "classes concepts"]
    """w: what one standard deviation of a concept adds to a class's logit."""
    bias: Float32[np.ndarray, " classes"]
    """Logits of an image that is average in every concept."""
    scale: Scale
    """How similarities become inputs."""

    def __post_init__(self) -> None:
        want = (len(self.classes), len(self.concepts))
        if self.weight.shape != want or self.bias.shape != want[:1] or self.scale.mean.shape != want[1:]:
            actual = f"{self.weight.shape}, {self.bias.shape} and {self.scale.mean.shape}"
            named = f"weight {want}, bias {want[:1]} and a scale of {want[1:]}"
            raise MismatchError(expected("bottleneck", named, actual))

    def logits(self, z: Float32[np.ndarray, "images concepts"]) -> Float32[np.ndarray, "images classes"]:
        """Return the logits of standardised similarities."""
        logits: NDArray[np.float32] = z @ self.weight.T + self.bias
        return logits

    def predict(self, z: Float32[np.ndarray, "images concepts"]) -> Int64[np.ndarray, " images"]:
        """Return the index of the largest logit of each image; of equals the first."""
        predicted: NDArray[np.int64] = self.logits(z).argmax(axis=1)
        return predicted

    def shares(
        self, z: Float32[np.ndarray, " concepts"], *, raw: bool = False
    ) -> Float64[np.ndarray, "classes concepts"]:
        """Return the logit shares w_i c_i / sum_j |w_j c_j| of one image, for every class (paper, appendix G).

        c is z, or with `raw` the similarity itself, as in the paper: w z + b = (w / std) c + (b - w mean / std) are the same
        logits. The bias is no concept and has no share. A class to which no concept gives anything has shares of zero.
        """
        weight, inputs = self.weight.astype(np.float64), z.astype(np.float64)
        if raw:
            std = self.scale.std
            weight = np.divide(weight, std, out=np.zeros_like(weight), where=std > 0)
            inputs = self.scale.mean + inputs * std
        contributions = weight * inputs
        total = np.abs(contributions).sum(axis=1, keepdims=True)
        shares: Array = np.divide(contributions, total, out=np.zeros_like(contributions), where=total > 0)
        return shares

    def edited(self, factors: Mapping[int, float]) -> Bottleneck:
        """Return the bottleneck with the weights of some concepts (by position) multiplied; 0 switches one off.

        Nothing is fitted again. Raises InputError for a factor that is not finite or a position that is not there.
        """
        weight = self.weight.copy()
        for index, factor in factors.items():
            if not np.isfinite(factor) or not 0 <= index < len(self.concepts):
                want = f"a finite factor for one of {len(self.concepts)} concepts"
                raise InputError(expected("edit of the bottleneck", want, f"{factor} for concept {index}"))
            weight[:, index] *= np.float32(factor)
        return replace(self, weight=weight)


@dataclass(frozen=True, slots=True)
class Contribution:
    """One concept's shares of two logits of an image, the predicted class's and the runner-up's."""

    concept: int
    """Position of the concept."""
    z: float
    """Standardised similarity of the image."""
    predicted: float
    """Share of the predicted class's logit, -1 to 1."""
    runner_up: float
    """Share of the runner-up's logit."""

    @property
    def difference(self) -> float:
        """By how much it speaks for the predicted class rather than the runner-up."""
        return self.predicted - self.runner_up


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an image was given its class (figures 7 and 17)."""

    predicted: int
    """Class with the largest logit."""
    runner_up: int
    """Class with the second largest."""
    margin: float
    """Logit of the predicted class minus that of the runner-up."""
    shares: tuple[Contribution, ...]
    """The largest shares of the predicted class's logit, largest first."""
    differences: tuple[Contribution, ...]
    """The largest differences of share, predicted minus runner-up, largest first."""


def explain(
    model: Bottleneck, z: Float32[np.ndarray, " concepts"], *, shown: int = SHOWN, raw: bool = False
) -> Explanation:
    """Return the explanation of one image from its standardised similarities; ties in order of concept.

    With `raw` the shares are those of the similarities themselves.
    """
    logits = model.logits(z[None])[0]
    predicted, runner_up = (int(index) for index in np.argsort(-logits, kind="stable")[:2])
    shares = model.shares(z, raw=raw)
    predicted_shares, runner_up_shares = shares[predicted], shares[runner_up]

    def largest(values: Array) -> tuple[Contribution, ...]:
        order = np.argsort(-values, kind="stable")[:shown]
        return tuple(
            Contribution(int(at), float(z[at]), float(predicted_shares[at]), float(runner_up_shares[at]))
            for at in order
        )

    margin = float(logits[predicted] - logits[runner_up])
    return Explanation(
        predicted, runner_up, margin, largest(predicted_shares), largest(predicted_shares - runner_up_shares)
    )
