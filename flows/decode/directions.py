"""Weights and directions to put into words: heads, a user's own vectors, concepts, bottlenecks, and what has changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from t2c.flows.decode.images import DecodeImages, element_variance
from t2c.flows.decode.vectors import Array, Decodable, Scene, directions, points, texts
from t2c.flows.features.vector_files import open_npy, open_vectors
from t2c.flows.maps.heads import HeadSpec, open_head
from t2c.flows.rows.labels import label_parents
from t2c.schemas.digest import digest_bytes
from t2c.schemas.errors import InputError, MismatchError, expected
from t2c.store.artifacts.bottlenecks import StoredBottleneck
from t2c.store.artifacts.concepts import open_concepts
from t2c.store.disk.manifest import Parent


@dataclass(frozen=True, slots=True)
class HeadRows:
    """The weights of each class of a linear classifier."""

    head: HeadSpec
    """Which head."""

    def spec(self) -> dict[str, Any]:
        """Return what decides the weights."""
        return self.head.as_json()

    def parents(self, images: DecodeImages) -> Sequence[Parent]:
        """Return the bank or the attributes that it rests on."""
        labels = label_parents(images.images, self.head.labels) if self.head.kind == "probe" else ()
        return (*self.head.parents(images.images), *labels)

    def vectors(self, scene: Scene) -> Decodable:
        """Return the rows, rescaled by one constant to the variance of the fitted features (paper, section 4)."""
        images = scene.images
        head = open_head(images.images, self.head, features=images.features, device=scene.device)
        origins = [f"row of head {self.head.text} of {images.features.encoder}"] * len(head.classes)
        weight = head.weight.astype(np.float64)
        if head.kind == "zeroshot":
            return texts(scene, weight, names=head.classes, origins=origins)
        if not weight.any():
            raise InputError(expected(f"head {self.head.text}", "weights that are not all zero", "zeros"))
        scale = head_scale(weight, scene.fitted or images) if scene.rescale else 1.0
        placed, mean = scene.align(weight * scale), scene.mean.aligned[0]
        plain = scene.align(weight) - mean if scene.rescale else None
        counts = (None,) * len(origins)
        return Decodable(head.classes, tuple(origins), counts, "projection", weight, placed, placed - mean, plain)


def head_scale(weight: Array, fitted: DecodeImages) -> float:
    """Return the constant that gives all elements of a head the variance of those of the features (paper, section 4)."""
    return float(np.sqrt(element_variance(fitted) / weight.var()))


@dataclass(frozen=True, slots=True)
class OwnVectors:
    """Vectors of the source encoder in a .npy file, or in a Parquet file with ids."""

    path: str
    """The file."""
    direction: bool = False
    """Whether they are directions and not features."""

    def spec(self) -> dict[str, Any]:
        """Return the digest of the file's bytes, its name and how it is read."""
        return {"file": Path(self.path).name, "sha256": self._digest(), "direction": self.direction}

    def parents(self, images: DecodeImages) -> Sequence[Parent]:  # noqa: ARG002 - one signature for every question
        """Return nothing: the file is the user's."""
        return ()

    def vectors(self, scene: Scene) -> Decodable:
        """Return the vectors; MismatchError for another dimension than the source's, InputError for NaN or zeros."""
        names, vectors = self._read()
        self._check(names, vectors, scene)
        origins = [f"{Path(self.path).name}, row {row}" for row in range(len(names))]
        make = directions if self.direction else points
        return make(scene, vectors.astype(np.float64), names=names, origins=origins)

    def _digest(self) -> str:
        try:
            return digest_bytes(Path(self.path).read_bytes())
        except OSError as error:
            reason = error.strerror or str(error)
            raise InputError(expected(f"vectors {self.path}", "a .npy or .parquet file", reason.lower())) from error

    def _read(self) -> tuple[tuple[str, ...], Array]:
        if Path(self.path).suffix.lower() == ".parquet":
            vectors = open_vectors(self.path)
            return vectors.ids, vectors.take(np.arange(vectors.rows))
        array = open_npy(Path(self.path))
        return tuple(f"vector {row}" for row in range(len(array))), np.asarray(array, np.float32)

    def _check(self, names: Sequence[str], vectors: Array, scene: Scene) -> None:
        source, target = scene.images.linear_map.source, scene.images.linear_map.target
        if vectors.shape[1] != source.dimension:
            same = vectors.shape[1] == target.dimension
            todo = (
                f"If they are {target.name}'s own: --source {target.name}" if same else "Name their encoder: --source"
            )
            want = f"{source.dimension} numbers a row, as {source.describe()}"
            raise MismatchError(expected(f"vectors {self.path}", want, str(vectors.shape[1]), todo))
        wrong = ~np.isfinite(vectors).all(axis=1)
        if wrong.any():
            row = int(np.argmax(wrong))
            actual = f"NaN or infinity in row {row} ({names[row]!r})"
            raise InputError(expected(f"vectors {self.path}", "finite numbers", actual))


@dataclass(frozen=True, slots=True)
class ConceptVectors:
    """The vectors of a bank: prompts, or refined by images; its own name is among the words only if they hold it."""

    bank: str
    """Concept bank."""

    def spec(self) -> dict[str, Any]:
        """Return the bank."""
        return {"concepts": self.bank}

    def parents(self, images: DecodeImages) -> Sequence[Parent]:
        """Return the bank."""
        return (open_concepts(images.images.store, self.bank).manifest.as_parent(),)

    def vectors(self, scene: Scene) -> Decodable:
        """Return the vectors; MismatchError when the bank is in another space than the words."""
        concepts = open_concepts(scene.store, self.bank)
        target = scene.images.linear_map.target
        if concepts.space.id != target.id:
            raise MismatchError(expected(f"concept bank {self.bank}", target.describe(), concepts.space.describe()))
        names = concepts.names()
        origins = [f"concept of bank {self.bank}"] * len(names)
        return texts(scene, concepts.vectors().astype(np.float64), names=names, origins=origins)


@dataclass(frozen=True, slots=True)
class BottleneckClasses:
    """What each class of a concept bottleneck looks for: its weights times the concepts' vectors."""

    stored: StoredBottleneck
    """The bottleneck."""

    def spec(self) -> dict[str, Any]:
        """Return its name."""
        return {"bottleneck": self.stored.name}

    def parents(self, images: DecodeImages) -> Sequence[Parent]:  # noqa: ARG002 - one signature for every question
        """Return the bottleneck."""
        return (self.stored.manifest.as_parent(),)

    def vectors(self, scene: Scene) -> Decodable:
        """Return one direction a class, a sum of concepts less the mean concept; MismatchError for another space."""
        certificate, arrays = self.stored.certificate, self.stored.arrays()
        concepts = open_concepts(scene.store, certificate.bank)
        target = scene.images.linear_map.target
        if concepts.space.id != target.id:
            what = f"concepts of bottleneck {self.stored.name}"
            raise MismatchError(expected(what, target.describe(), concepts.space.describe()))
        bank = concepts.vectors().astype(np.float64)
        chosen = bank[self.stored.concepts()["key"].to_numpy()]
        per = np.divide(arrays.weight, arrays.std, out=np.zeros_like(arrays.mean + arrays.weight), where=arrays.std > 0)
        whole, centred = per @ chosen, per @ (chosen - bank.mean(axis=0))
        origins = [f"class of bottleneck {self.stored.name}"] * len(certificate.classes)
        counts = (None,) * len(origins)
        return Decodable(certificate.classes, tuple(origins), counts, "aligned", whole, whole, centred)
