"""Pictures out of arrays: digits and small photographs that their authors distribute as binary files."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from t2c.flows.suite import classes
from t2c.flows.suite.binary import check_as_many, read_cifar10, read_idx, read_stl10, read_svhn
from t2c.flows.suite.pictures import Picture, Pictures
from t2c.schemas.errors import InputError, expected

_FIRST = "unpacked 1"
"""Changes when the same files would give other pictures."""


def mnist(files: Mapping[str, Path]) -> Pictures:
    """Return the test digits of MNIST's idx files."""
    return _idx(files, classes.DIGITS)


def fashion_mnist(files: Mapping[str, Path]) -> Pictures:
    """Return the test pictures of Fashion-MNIST's idx files, which are laid out as MNIST's."""
    return _idx(files, classes.FASHION_MNIST)


def cifar10(files: Mapping[str, Path]) -> Pictures:
    """Return the test batch of CIFAR-10's binary version."""

    def make() -> Iterator[Picture]:
        return _pictures(*read_cifar10(files["batch"]), names=classes.CIFAR10)

    return Pictures((_FIRST, files["batch"]), make)


def stl10(files: Mapping[str, Path]) -> Pictures:
    """Return the test pictures of STL-10's binary files."""

    def make() -> Iterator[Picture]:
        images, labels = read_stl10(files["images"], files["labels"])
        return _pictures(images, labels - 1, names=classes.STL10)

    return Pictures((_FIRST, files["images"], files["labels"]), make)


def svhn(files: Mapping[str, Path]) -> Pictures:
    """Return the test digits of SVHN's cropped MATLAB file."""

    def make() -> Iterator[Picture]:
        return _pictures(*read_svhn(files["digits"]), names=classes.DIGITS)

    return Pictures((_FIRST, files["digits"]), make)


def _idx(files: Mapping[str, Path], names: Sequence[str]) -> Pictures:
    def make() -> Iterator[Picture]:
        images, labels = read_idx(files["images"], dimensions=3), read_idx(files["labels"], dimensions=1)
        check_as_many(images, labels, files["labels"])
        if len(labels) and labels.max() >= len(names):
            raise InputError(expected(f"labels of {files['labels']}", f"0 to {len(names) - 1}", f"{labels.max()}"))
        return _pictures(images, labels, names=names)

    return Pictures((_FIRST, files["images"], files["labels"]), make)


def _pictures(
    images: npt.NDArray[np.uint8], labels: npt.NDArray[np.uint8], *, names: Sequence[str]
) -> Iterator[Picture]:
    """Yield images (n, height, width[, 3]) in order, called by their number."""
    for number, (pixels, label) in enumerate(zip(images, labels, strict=True)):
        yield Picture(f"{number:06d}", names[label], pixels)
