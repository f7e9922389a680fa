"""Real CLIP vectors of Caltech-101, of pets and textures, and of the LVIS names: draws in which a class vanishes."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from tests.assets import assets

Vectors = npt.NDArray[np.float32]

_ALIAS = {"motorbike": "motorcycle", "car side": "car", "cougar face": "cougar"}
"""Classes whose LVIS name is another one."""
_TWO_CHAIRS = ("chair", "windsor chair")
"""Classes left out: one LVIS name for two."""


@dataclass(frozen=True, slots=True, eq=False)
class Caltech:
    """Unit vectors, labels, and which LVIS name each class is."""

    images: Vectors
    """(1649, 512) unit image vectors."""
    labels: npt.NDArray[np.int64]
    """(1649,) class of each."""
    at_large: Vectors
    """(1864, 512) unit image vectors of textures and pets."""
    words: tuple[str, ...]
    """The 1,203 LVIS names."""
    directions: Vectors
    """(1203, 512) their unit vectors less the mean of them."""
    name_of: dict[int, int]
    """Class of 10 images or more to the LVIS name that is its own."""

    def draws(self, seeds: int) -> Iterator[tuple[int, npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
        """Yield (class, reference rows, current rows without the class), `seeds` draws a class."""
        for label in self.name_of:
            for seed in range(seeds):
                order = np.random.default_rng(1000 * seed + label).permutation(len(self.labels))
                yield label, order[:824], order[824:][self.labels[order[824:]] != label]


@cache
def caltech() -> Caltech:
    """Return the vectors, or skip the test where they are not."""
    folder = assets("clip-vit-b32")

    def units(name: str) -> Vectors:
        vectors = np.load(folder / f"{name}.npy").astype(np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    words = tuple(json.loads((folder / "lvis-names.json").read_text()))
    classes = [_plain(name) for name in json.loads((folder / "caltech101-classes.json").read_text())]
    labels, plain = np.load(folder / "caltech101-labels.npy"), [_plain(word) for word in words]
    name_of = {
        label: plain.index(_ALIAS.get(name, name))
        for label, name in enumerate(classes)
        if _ALIAS.get(name, name) in plain and name not in _TWO_CHAIRS and np.count_nonzero(labels == label) >= 10
    }
    text = units("lvis-text")
    at_large = np.concatenate([units("dtd-features"), units("oxford_pets-features")])
    return Caltech(units("caltech101-features"), labels, at_large, words, text - text.mean(axis=0), name_of)


def _plain(name: str) -> str:
    return name.lower().replace("_", " ").partition("(")[0].strip()
