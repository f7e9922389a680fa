"""Pictures that need no download: one-colour swatches, the world of primitives, scikit-learn's packaged digits."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from t2c.flows.suite import classes
from t2c.flows.suite.pictures import Picture, Pictures
from t2c.flows.world.world import COLOURS, VALUES, Attributes, draw

SWATCH_SIDE = 224
"""Pixels a side of a swatch."""
WORLD_IMAGES = 2000
"""Images of the world that the stand-in tasks classify."""
WORLD_SEED = 53
"""Their seed: not one that the demo's CLIP or the demo's datasets use."""
DIGIT_SCALE = 4
"""scikit-learn's digits are 8 x 8 pixels; each becomes a square of this many."""
_BETWEEN = " | "


def color(files: Mapping[str, Path]) -> Pictures:  # noqa: ARG001 - one signature for all readers
    """Return one single-colour picture for each of the paper's eleven colours (appendix F), in CSS values."""

    def make() -> Iterator[Picture]:
        for name, value in COLOURS.items():
            yield Picture(name, name, np.full((SWATCH_SIDE, SWATCH_SIDE, 3), value, np.uint8))

    return Pictures((f"swatches of {SWATCH_SIDE} pixels", str(COLOURS)), make, len(COLOURS))


def world(files: Mapping[str, Path]) -> Pictures:  # noqa: ARG001
    """Return pictures of the world of primitives; a label holds all four attributes (`world_classes` takes one out)."""

    def make() -> Iterator[Picture]:
        for index in range(WORLD_IMAGES):
            pixels, attributes = draw(WORLD_SEED, index)
            yield Picture(f"{index:06d}", world_label(attributes), pixels)

    return Pictures((f"world 1, seed {WORLD_SEED}, {WORLD_IMAGES} images",), make, WORLD_IMAGES)


def digits(files: Mapping[str, Path]) -> Pictures:  # noqa: ARG001
    """Return the 1,797 handwritten digits that scikit-learn's package holds (UCI optical recognition, test part)."""

    def make() -> Iterator[Picture]:
        from sklearn.datasets import load_digits

        bunch = load_digits()
        block = np.ones((DIGIT_SCALE, DIGIT_SCALE), np.uint8)
        for number, (grey, label) in enumerate(zip(bunch.images, bunch.target, strict=True)):
            pixels = np.round(grey * (255 / 16)).astype(np.uint8)
            yield Picture(f"{number:06d}", classes.DIGITS[label], np.kron(pixels, block))

    return Pictures((f"scikit-learn digits 1, times {DIGIT_SCALE}",), make)


def world_label(shown: Attributes) -> str:
    """Return the label of a picture of the world: its attributes in the order of VALUES."""
    return _BETWEEN.join(getattr(shown, name) for name in VALUES)


def world_classes(attribute: str) -> dict[str, str]:
    """Return label to class for the task of naming one attribute, for every combination of attributes."""
    class_of_label = {}
    for colour in VALUES["colour"]:
        for shape in VALUES["shape"]:
            for texture in VALUES["texture"]:
                for context in VALUES["context"]:
                    attributes = Attributes(colour, shape, texture, context)
                    class_of_label[world_label(attributes)] = str(getattr(attributes, attribute))
    return class_of_label
