"""Two honest halves of one source of images, through the real steps: imported features, a map fitted on the first, scores."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from t2c.flows.features.imports import import_concepts, import_features
from t2c.flows.maps.align import align
from t2c.flows.scores.score import score
from t2c.store.disk.root import Store, open_store

TARGET, CONCEPTS = 24, 26


def features(rng: np.random.Generator, rows: int, *, dimension: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """Return source and target features of some images, off centre as a CLIP's are, half of the target's variance noise."""
    weight = np.random.default_rng(11).normal(size=(dimension, TARGET)) / np.sqrt(dimension)
    x = rng.normal(size=(rows, dimension))
    y = x @ weight + rng.normal(size=(rows, TARGET)) + 1
    return x.astype(np.float32), y.astype(np.float32)


def import_images(store: Store, dataset: str, values: Sequence[np.ndarray], ids: Sequence[str]) -> None:
    """Import the source and target features of some images, those of new ids beside what is there."""
    folder = Path(store.url)
    (folder / "ids.txt").write_text("\n".join(ids))
    for encoder, array in zip(("source", "target"), values, strict=True):
        np.save(folder / "values.npy", array)
        files = {"ids": folder / "ids.txt", "space": encoder, "unknown": "add"}
        import_features(store, dataset, folder / "values.npy", encoder=encoder, **files)


def import_words(store: Store, bank: str, count: int = CONCEPTS) -> None:
    """Import a bank of words at random directions."""
    folder = Path(store.url)
    np.save(folder / "words.npy", np.random.default_rng(5).normal(size=(count, TARGET)).astype(np.float32))
    (folder / "words.txt").write_text("\n".join(f"word {key}" for key in range(count)))
    import_concepts(store, bank, folder / "words.npy", names=folder / "words.txt", space="target")


def fitted_and_fresh(folder: Path, seed: int, *, rows: int = 100, dimension: int = 64, **options: Any) -> Store:
    """Return a store with `fitted` and `fresh` of equally many rows, drawn alike, a map fitted on `fitted`, both scored.

    `options` are as for `align`; exact least squares on hardly more rows than dimensions unless they say otherwise.
    """
    rng, store = np.random.default_rng(seed), open_store(folder, create=True)
    for dataset in ("fitted", "fresh"):
        ids = [f"{seed}/{row}" for row in range(rows)]
        import_images(store, dataset, features(rng, rows, dimension=dimension), ids)
    import_words(store, "words")
    align(store, "fitted", source="source", target="target", **{"ridge": 0.0, **options})
    for dataset in ("fitted", "fresh"):
        score(store, dataset, source="source", bank="words")
    return store
