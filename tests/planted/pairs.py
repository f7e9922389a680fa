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


def drawn_alike(folder: Path, sides: dict[str, tuple[np.ndarray, Sequence[str]]]) -> Store:
    """Return a store with one dataset a side of target features (images, TARGET) under its ids, scored without a map."""
    store = open_store(folder, create=True)
    for dataset, (values, ids) in sides.items():
        (folder / "ids.txt").write_text("\n".join(ids))
        np.save(folder / "values.npy", values.astype(np.float32))
        import_features(store, dataset, folder / "values.npy", encoder="target", ids=folder / "ids.txt", space="target")
    import_words(store, "words")
    for dataset in sides:
        score(store, dataset, source="target", bank="words")
    return store


def clips(
    rng: np.random.Generator, count: int, frames: int, correlation: float, *, shuffled: bool = False
) -> tuple[np.ndarray, list[str]]:
    """Return features of clips whose frames have an intraclass correlation, and ids `clip7/003` in order or shuffled."""
    own = rng.normal(size=(count, 1, TARGET)) * correlation**0.5
    values = own + rng.normal(size=(count, frames, TARGET)) * (1 - correlation) ** 0.5
    ids = [f"clip{clip}/{frame:03d}" for clip in range(count) for frame in range(frames)]
    order = rng.permutation(count * frames) if shuffled else np.arange(count * frames)
    return values.reshape(-1, TARGET)[order], [ids[row] for row in order]
