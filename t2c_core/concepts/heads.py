"""Linear classifiers over a feature space: a model's own head, a probe solved from moments, class vectors (paper, 3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from schemas.errors import InputError, MismatchError, expected
from t2c_core.concepts.similarity import unit
from t2c_core.maps.linear_map import LinearMap
from t2c_core.maps.moments import Centre, Moments, fold_moments
from t2c_core.maps.ridge import fit

if TYPE_CHECKING:
    from jaxtyping import Float, Float32, Int64, Integer

Array = NDArray[Any]
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
        found: NDArray[np.int64] = self.logits(features).argmax(axis=1)
        return found


def compose(head: Head, linear_map: LinearMap) -> Head:
    """Return the head over the map's source space that predicts what `head` predicts of aligned features.

    Logits are those of the aligned features; of a head that normalises they are not divided by the features' length,
    which orders the classes of an image no differently. Raises MismatchError when the map ends in another dimension.
    """
    if linear_map.target != head.dimension:
        want, got = f"a target of {head.dimension} dimensions, as the head reads", f"{linear_map.target}"
        raise MismatchError(expected("map under a head", want, got))
    weight = np.ascontiguousarray((linear_map.weight @ head.weight.T).T)
    return Head(head.classes, weight, head.weight @ linear_map.bias + head.bias, head.kind)


def zeroshot_head(classes: Sequence[str], vectors: Float[np.ndarray, "classes target"]) -> Head:
    """Return the head whose logits are cosines to class vectors (paper, section 4.2).

    Raises InputError for a zero, NaN or infinite vector.
    """
    if not np.isfinite(vectors).all() or not np.abs(vectors).sum(axis=-1).all():
        raise InputError(expected("class vectors", "finite vectors with a direction", "a zero, NaN or infinite one"))
    weight = unit(vectors.astype(np.float64)).astype(np.float32)
    return Head(tuple(classes), weight, np.zeros(len(weight), np.float32), "zeroshot", normalise=True)


def probe_from_moments(moments: Moments, classes: Sequence[str], *, ridge: float) -> Head:
    """Return the least-squares probe: the ridge regression of one-hot labels on features, exact from their moments.

    `moments` are of features against one-hot labels (`label_moments`). Raises as `ridge.fit`, and MismatchError when
    the moments hold another number of classes.
    """
    if len(moments.sum_y) != len(classes):
        want, got = f"{len(classes)} classes, as named", f"{len(moments.sum_y)}"
        raise MismatchError(expected("moments of a probe", want, got))
    solved = fit(moments, ridge=ridge).map
    return Head(tuple(classes), np.ascontiguousarray(solved.weight.T), solved.bias, "probe")


def label_moments(
    blocks: Iterable[
        tuple[Float[np.ndarray, "_images target"], Integer[np.ndarray, " _images"], Integer[np.ndarray, " _images"]]
    ],
    *,
    centre: Float[np.ndarray, " target"],
    classes: int,
    folds: int,
) -> tuple[Moments, ...]:
    """Return the moments of features against one-hot labels, fold by fold, over (x, class codes, fold) blocks.

    Rows of class UNLABELLED or fold < 0 are left out. Memory is that of `folds` Moments and one block.
    """
    about = Centre(centre, np.zeros(classes, centre.dtype))
    return fold_moments(_one_hot(blocks, classes, about), centre=about, folds=folds)


def _one_hot(blocks: Iterable[tuple[Array, Array, Array]], classes: int, centre: Centre) -> Iterator[Any]:
    for x, codes, fold in blocks:
        if codes.size and not (codes.min() >= UNLABELLED and codes.max() < classes):
            want = f"-1 (unlabelled) to {classes - 1}"
            raise InputError(expected("class codes", want, f"{codes.min()} to {codes.max()}"))
        labelled = codes != UNLABELLED
        y = np.zeros((len(codes), classes), dtype=centre.y.dtype)
        y[np.flatnonzero(labelled), codes[labelled]] = 1
        yield x, y, np.where(labelled, fold, -1)


def check_same_classes(first: Sequence[str], second: Sequence[str], *, sides: tuple[str, str]) -> None:
    """Raise MismatchError, naming both sides and the first difference, unless two heads have one class order."""
    if tuple(first) == tuple(second):
        return
    todo = "Reorder one of them: logits are compared position by position."
    if len(first) != len(second):
        todo = "Give both the same classes, in one order: --classes"
        want, got = f"the {len(first)} classes of {sides[0]}", f"{len(second)}"
        raise MismatchError(expected(f"classes of {sides[1]}", want, got, todo))
    at = next(index for index, pair in enumerate(zip(first, second, strict=True)) if pair[0] != pair[1])
    want = f"{first[at]!r} at position {at}, as in {sides[0]}"
    raise MismatchError(expected(f"classes of {sides[1]}", want, repr(second[at]), todo))
