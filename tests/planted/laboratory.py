"""Planted encoders for the laboratory: a space, a rotation of it, a noisy map of it, and one that knows nothing of it."""

import numpy as np
import numpy.typing as npt

from t2c.schemas.spaces import Space
from tests.planted.features import Planted

CLASSES = ("ant", "bee", "cat", "dog")
BASE = Space("encoder", "timm:base", 8, "base-weights")
TURNED = Space("encoder", "timm:turned", 8, "turned-weights")
NOISY = Space("encoder", "open_clip:noisy/test", 5, "noisy-weights")
ALIEN = Space("encoder", "timm:alien", 6, "alien-weights")
SPACES = (BASE, TURNED, NOISY, ALIEN)
NAMES = tuple(space.name for space in SPACES)


def labels_of(count: int) -> list[str]:
    """Return the class of each row, in turn."""
    return [CLASSES[row % len(CLASSES)] for row in range(count)]


def base_features(count: int, *, seed: int = 0) -> npt.NDArray[np.float64]:
    """Return (count, 8) features in clusters by class, their principal variances well apart."""
    rng = np.random.default_rng(seed)
    centres = 2.0 * np.random.default_rng(99).normal(size=(len(CLASSES), BASE.dimension))
    spread = rng.normal(size=(count, BASE.dimension)) * 2.0 ** -np.arange(BASE.dimension)
    found: npt.NDArray[np.float64] = centres[np.arange(count) % len(CLASSES)] + spread
    return found


def rotation(seed: int = 1) -> npt.NDArray[np.float64]:
    """Return a rotation of the base space."""
    turn: npt.NDArray[np.float64] = np.linalg.qr(np.random.default_rng(seed).normal(size=(8, 8)))[0]
    return turn


def plant(planted: Planted, count: int = 600, *, dataset: str = "photos", labelled: bool = True) -> Planted:
    """Index a dataset and write the features of all four encoders."""
    columns = {"label": labels_of(count)} if labelled else {}
    planted.images(dataset, count, **columns)
    x = base_features(count)
    rng = np.random.default_rng([5, count])
    mix = np.random.default_rng(6).normal(size=(BASE.dimension, NOISY.dimension))
    planted.features(dataset, BASE, x)
    planted.features(dataset, TURNED, 3 * x @ rotation() + 1)
    planted.features(dataset, NOISY, x @ mix + 2 + rng.normal(size=(count, NOISY.dimension)))
    planted.features(dataset, ALIEN, rng.normal(size=(count, ALIEN.dimension)))
    return planted
