"""Planted images that lie along words of a bank, so that vectors made from them have known names."""

from typing import Any

import numpy as np
import pyarrow as pa

from t2c.flows.decode.decode import DecodeReport, decode
from t2c.flows.maps.align import align
from t2c.schemas.tables.tables import CONCEPTS
from t2c.store.artifacts.concepts import add_concepts
from tests.planted.features import SOURCE, TARGET, Planted

WORDS = ("red", "blue", "green", "in a tree", "old")
IMAGES = 300


VECTORS = dict(zip(WORDS, np.vstack([np.eye(4), np.full((1, 4), -0.5)]), strict=True))
"""Unit vectors that have as little to do with each other as five can in four dimensions."""


def along(planted: Planted, words: list[str], *, seed: int = 0, strength: float = 4.0) -> np.ndarray:
    """Return source features (images, 6) whose aligned features lie along each image's word."""
    rng = np.random.default_rng(seed)
    units = np.stack([VECTORS[word] for word in words])
    return strength * units @ np.linalg.pinv(planted.weight) + 0.2 * rng.normal(size=(len(words), SOURCE.dimension))


def add_words(planted: Planted) -> None:
    """Add the five words as a bank."""
    count = len(WORDS)
    table = {
        "concept": WORDS,
        "prompts": [[f"a {word}"] for word in WORDS],
        "vector": [VECTORS[word].tolist() for word in WORDS],
    }
    kinds = {"averaging": ["normalise-then-average"] * count, "kind": ["concept"] * count}
    rows = [
        dict(zip((*table, *kinds), values, strict=True))
        for values in zip(*table.values(), *kinds.values(), strict=True)
    ]
    schema = pa.schema([CONCEPTS.field(name) for name in (*table, *kinds)])
    add_concepts(
        planted.store, "words", pa.Table.from_pylist(rows, schema=schema), space=TARGET, text_encoder=TARGET.name
    )


def plant_words(planted: Planted) -> Planted:
    """Add photos: 100 images along each of red, blue and green, labelled; a bank of five words; a map."""
    labels = [WORDS[row % 3] for row in range(IMAGES)]
    planted.images("photos", IMAGES, label=labels)
    planted.both("photos", along(planted, labels))
    add_words(planted)
    align(planted.store, "photos", source=SOURCE.name, target=TARGET.name)
    return planted


def ask(world: Planted, what: str, **options: Any) -> DecodeReport:
    """Decode what a question names, with the words' own bank unless told otherwise."""
    return decode(world.store, options.pop("dataset", "photos"), what, **{"vocabulary": "bank:words", **options})


def best(report: DecodeReport) -> dict[str, str]:
    """Return the best word of each vector."""
    return {row["vector"]: row["word"] for row in report.table.to_pylist() if row["place"] == 1}


def rows_of(report: DecodeReport, vector: str) -> list[dict[str, Any]]:
    """Return the rows of one vector."""
    return [row for row in report.table.to_pylist() if row["vector"] == vector]
