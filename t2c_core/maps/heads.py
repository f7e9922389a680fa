"""A classification head: weight, bias, class names, and where it came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from t2c.core.statistics.unit_rows import unit
from t2c.schemas.errors import InputError, MismatchError, expected

if TYPE_CHECKING:
    from jaxtyping import Float, Float32, Int64


Kind = Literal["classifier", "probe", "zeroshot"]


UNLABELLED = -1
"""Code of a row whose class is not known."""


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A classifier g with logits x weight' + bias, of features x in one space."""

    classes: tuple[str, ...]
    """Class names, each once, in the order of the logits."""
    weight: Float32[np.ndarray, "classes target"]
    """One row a class; unit vectors where `normalise`."""
    bias: Float32[np.ndarray, " classes"]
    """Added to the logits; zeros where `normalise`."""
    kind: Kind
    """classifier: the model's own; probe: least squares on labels; zeroshot: class vectors of a text encoder."""
    normalise: bool = False
    """Whether features are scaled to length 1 first: then logits are cosines."""

    def __post_init__(self) -> None:
        classes = len(self.classes)
        if self.weight.ndim != 2 or len(self.weight) != classes or self.bias.shape != (classes,):
            want = f"weight ({classes}, target) and bias ({classes},), as there are {classes} classes"
            raise MismatchError(expected("head", want, f"{self.weight.shape} and {self.bias.shape}"))
        if not classes or len(set(self.classes)) < classes:
            twice = next((f"{name!r} twice" for i, name in enumerate(self.classes) if name in self.classes[:i]), "none")
            raise InputError(expected("classes of a head", "one or more, each once", twice))

    @property
    def dimension(self) -> int:
        """Length of the features that it reads."""
        return int(self.weight.shape[1])

    def logits(self, features: Float[np.ndarray, "images target"]) -> Float32[np.ndarray, "images classes"]:
        """Return the logits, computed in float32; a zero feature has the bias alone. Raises MismatchError."""
        if features.ndim != 2 or features.shape[1] != self.dimension:
            want = f"shape (images, {self.dimension}), as the head's weight"
            raise MismatchError(expected("features to classify", want, f"{features.shape}"))
        x = features.astype(np.float32, copy=False)
        logits: NDArray[np.float32] = (unit(x) if self.normalise else x) @ self.weight.T
        logits += self.bias
        return logits

    def predict(self, features: Float[np.ndarray, "images target"]) -> Int64[np.ndarray, " images"]:
        """Return the index of the largest logit of each image; of equals the first."""
        predicted: NDArray[np.int64] = self.logits(features).argmax(axis=1)
        return predicted


def check_same_classes(first: Sequence[str], second: Sequence[str], *, sides: tuple[str, str]) -> None:
    """Raise MismatchError, naming both sides and the first difference, unless two heads have one class order."""
    if tuple(first) == tuple(second):
        return
    todo = "Reorder one of them: logits are compared position by position."
    if len(first) != len(second):
        todo = "Give both the same classes, in one order: --classes"
        want, actual = f"the {len(first)} classes of {sides[0]}", f"{len(second)}"
        raise MismatchError(expected(f"classes of {sides[1]}", want, actual, todo))
    at = next(index for index, pair in enumerate(zip(first, second, strict=True)) if pair[0] != pair[1])
    want = f"{first[at]!r} at position {at}, as in {sides[0]}"
    raise MismatchError(expected(f"classes of {sides[1]}", want, repr(second[at]), todo))
