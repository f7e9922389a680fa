"""What can be put into words: vectors with a name and an origin, as they lie in the CLIP space and less the mean image."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from t2c.core.maps.linear_map import LinearMap
from t2c.core.words.vocabulary import Vocabulary
from t2c.flows.decode.images import DecodeImages, GroupMeans
from t2c.schemas.errors import SpecError, expected
from t2c.store.disk.manifest import Parent
from t2c.store.disk.root import Store

Array = npt.NDArray[np.floating[Any]]

KINDS = {
    "head": "head, head:probe, head:probe:ATTRIBUTE: rows of a classification head",
    "classes": "classes, classes:ATTRIBUTE: the mean of each class",
    "clusters": "clusters:K: k-means centres of the features",
    "row": "row:IMAGE_ID: one image",
    "file": "file:VECTORS.npy: your own vectors of the source encoder",
    "concepts": "concepts:BANK: concept vectors, refined ones too",
    "bottleneck": "bottleneck, bottleneck:DIGEST: what each class of a concept bottleneck looks for",
    "shift": "shift:CURRENT, or shift with --where: what has changed, risen and fallen",
}
"""What a user may name after the dataset, and how."""

Near = Literal["centred", "projection", "aligned"]
"""How images are ordered by a vector: cosine with the source features less their mean, product with the source features,
or cosine with the aligned features."""


@dataclass(frozen=True, slots=True)
class What:
    """WHAT, as a user types it: `kind` or `kind:argument`."""

    kind: str
    """One of KINDS."""
    argument: str = ""
    """What stands after the colon."""

    @property
    def text(self) -> str:
        """As it is typed."""
        return f"{self.kind}:{self.argument}" if self.argument else self.kind


def parse_what(text: str) -> What:
    """Read WHAT; raises SpecError naming what there is for another kind, or one that needs an argument and has none."""
    kind, colon, argument = text.partition(":")
    if kind not in KINDS or (colon and not argument):
        raise SpecError(expected("what to decode", f"one of {', '.join(KINDS)}", repr(text), "See: t2c decode --help"))
    if not argument and kind in ("clusters", "row", "file", "concepts"):
        raise SpecError(expected(f"what to decode: {kind}", KINDS[kind], "nothing after it"))
    return What(kind, argument)


@dataclass(frozen=True, slots=True, eq=False)
class Decodable:
    """Vectors ready to be decoded, a row each."""

    names: tuple[str, ...]
    """What each is called."""
    origins: tuple[str, ...]
    """What each came from, for people."""
    counts: tuple[int | None, ...]
    """Images each was made from; None where it is of none."""
    near: Near
    """How images are ordered by them."""
    vectors: Array
    """(vectors, source) in the source space; (vectors, target) where `near` is aligned."""
    aligned: Array
    """(vectors, target) as they lie in the CLIP space."""
    centred: Array
    """(vectors, target) less the mean image (of texts: less the mean word); directions as they are."""
    plain: Array | None = None
    """`centred` had head vectors not been rescaled; None where nothing was."""


@dataclass(frozen=True, eq=False)
class Scene:
    """Everything that vectors are made from."""

    images: DecodeImages
    """The dataset."""
    vocabulary: Vocabulary
    """Words to choose from."""
    device: str = "auto"
    """Where an encoder's head is loaded."""
    rescale: bool = True
    """Whether head vectors are brought to the variance of the fitted features."""
    direction: bool = False
    """Whether a user's own vectors are directions (weights, differences) and not features."""
    fitted: DecodeImages | None = field(default=None)
    """The dataset that the map was fitted on, when the store has its features; else the dataset itself stands for it."""

    @property
    def store(self) -> Store:
        """The store."""
        return self.images.images.store

    @cached_property
    def mean(self) -> GroupMeans:
        """Mean of all usable images, one group."""
        return self.images.means(np.zeros(len(self.images.usable), np.int8), groups=1)

    @cached_property
    def map(self) -> LinearMap | None:
        """The full map; None for the identity."""
        arrays = self.images.linear_map.arrays()
        return None if arrays is None else LinearMap(arrays.weight, arrays.bias)

    def align(self, vectors: Array) -> Array:
        """Return source vectors in the CLIP space, by the full map."""
        return vectors if self.map is None else vectors @ self.map.weight.astype(np.float64) + self.map.bias

    def turn(self, directions: Array) -> Array:
        """Return source directions in the CLIP space: a difference has no bias."""
        return directions if self.map is None else directions @ self.map.weight.astype(np.float64)


class Question(Protocol):
    """One kind of thing to decode, before anything is computed."""

    def spec(self) -> dict[str, Any]:
        """Return all that decides the vectors beside dataset, features and map, as JSON values."""

    def parents(self, images: DecodeImages) -> Sequence[Parent]:
        """Return the artifacts it rests on beside those."""

    def vectors(self, scene: Scene) -> Decodable:
        """Return the vectors."""


def points(
    scene: Scene,
    vectors: Array,
    *,
    names: Sequence[str],
    origins: Sequence[str],
    counts: Sequence[int | None] | None = None,
    aligned: Array | None = None,
) -> Decodable:
    """Return vectors that are features, or means of some; `aligned` where they were aligned image by image."""
    placed = scene.align(vectors) if aligned is None else aligned
    counted = tuple(counts) if counts is not None else (None,) * len(names)
    centred = placed - scene.mean.aligned[0]
    return Decodable(tuple(names), tuple(origins), counted, "centred", vectors, placed, centred)


def directions(scene: Scene, vectors: Array, *, names: Sequence[str], origins: Sequence[str]) -> Decodable:
    """Return source vectors that are directions."""
    turned = scene.turn(vectors)
    return Decodable(tuple(names), tuple(origins), (None,) * len(names), "projection", vectors, turned, turned)


def texts(scene: Scene, vectors: Array, *, names: Sequence[str], origins: Sequence[str]) -> Decodable:
    """Return vectors of the text space: they are centred as words are."""
    centred = scene.vocabulary.centred(vectors)
    return Decodable(tuple(names), tuple(origins), (None,) * len(names), "aligned", vectors, vectors, centred)
