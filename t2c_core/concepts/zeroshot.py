"""Zero-shot classification: the class whose concept vector is nearest, and how often that is right (paper, 4.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from t2c.core.statistics.proportions import wilson
from t2c.schemas.errors import InputError, MismatchError, expected

if TYPE_CHECKING:
    from jaxtyping import Float, Float32, Int64

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """Predicted classes of images."""

    index: Int64[np.ndarray, " images"]
    """Column of the largest similarity; of equals the first."""
    similarity: Float32[np.ndarray, " images"]
    """That similarity."""
    margin: Float32[np.ndarray, " images"]
    """That similarity minus the runner-up's."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Share of labelled images predicted right, with a 95 % interval, beside what guessing gives."""

    n: int
    """Labelled images."""
    correct: int
    """Of these, predicted right."""
    accuracy: float
    """correct / n."""
    low: float
    """Lower end of Wilson's 95 % interval."""
    high: float
    """Upper end of Wilson's 95 % interval."""
    chance: float
    """1 / classes: accuracy of a uniform guess."""
    majority: float
    """Accuracy of always naming the commonest label."""


def predict(similarities: Float[np.ndarray, "images classes"]) -> Prediction:
    """Return the prediction for similarities of two classes or more; raises InputError for fewer, NaN or infinity."""
    if similarities.ndim != 2 or similarities.shape[1] < 2:
        raise InputError(
            expected("similarities", "shape (images, classes) with two classes or more", f"{similarities.shape}")
        )
    if not np.isfinite(similarities).all():
        raise InputError(expected("similarities", "finite values", "NaN or infinity"))
    scores = similarities.astype(np.float32, copy=False)
    index = scores.argmax(axis=1)
    two = np.partition(scores, -2, axis=1)[:, -2:]
    return Prediction(index.astype(np.int64), two[:, 1].copy(), two[:, 1] - two[:, 0])


def accuracy(predicted: Sequence[str], labels: Sequence[str | None], *, classes: Sequence[str]) -> Accuracy:
    """Return the accuracy over images whose label is one of the classes; the others are not counted.

    Raises MismatchError when the two differ in length, InputError when no label is among the classes.
    """
    pairs = _labelled(predicted, labels, classes)
    counts = {name: sum(label == name for _, label in pairs) for name in classes}
    return _accuracy(pairs, chance=1 / len(classes), majority=max(counts.values()) / len(pairs))


def accuracy_by_class(
    predicted: Sequence[str], labels: Sequence[str | None], *, classes: Sequence[str]
) -> dict[str, Accuracy]:
    """Return the accuracy among the images of each class (its recall); classes without images are left out."""
    pairs = _labelled(predicted, labels, classes)
    groups = {name: [pair for pair in pairs if pair[1] == name] for name in classes}
    return {name: _accuracy(group, chance=1 / len(classes), majority=1.0) for name, group in groups.items() if group}


def _labelled(predicted: Sequence[str], labels: Sequence[str | None], classes: Sequence[str]) -> list[tuple[str, str]]:
    if len(predicted) != len(labels):
        raise MismatchError(expected("labels", f"{len(predicted)}, one a prediction", f"{len(labels)}"))
    named = set(classes)
    pairs = [
        (guess, label) for guess, label in zip(predicted, labels, strict=True) if label in named and label is not None
    ]
    if not pairs:
        present = sorted({label for label in labels if label is not None})[:5]
        todo = "Name the classes as the labels are written."
        raise InputError(expected("labels", "some of the classes", f"{present}" if present else "no labels", todo))
    return pairs


def _accuracy(pairs: list[tuple[str, str]], *, chance: float, majority: float) -> Accuracy:
    correct = sum(guess == label for guess, label in pairs)
    low, high = wilson(correct, len(pairs))
    return Accuracy(len(pairs), correct, correct / len(pairs), low, high, chance, majority)
