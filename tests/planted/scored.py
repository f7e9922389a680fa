"""A small scored dataset whose images, labels and similarities the test chooses."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from t2c.core.statistics.stats import concept_stats
from t2c.schemas.spaces import Space
from t2c.schemas.tables.tables import IMAGES
from t2c.store.artifacts.concepts import Concepts, add_concepts
from t2c.store.artifacts.images import Images, append_images
from t2c.store.artifacts.linear_maps import identity_map
from t2c.store.artifacts.score_writer import Region, ScoreBlock, write_scores
from t2c.store.artifacts.similarities import Scores
from t2c.store.disk.lease import lease
from t2c.store.disk.manifest import find_manifest
from t2c.store.disk.paths import images as images_path
from t2c.store.disk.root import Store

SPACE = Space("encoder", "open_clip:test/none", 3, "weights-of-the-test")


def image_table(start: int, stop: int, **columns: Sequence[Any]) -> pa.Table:
    """Return image rows start to stop: ok, id `img-00000007.jpg`, hash of its own, other columns as given."""
    rows = range(start, stop)
    values: dict[str, Any] = {name: [None] * len(rows) for name in IMAGES.names}
    values |= {
        "row": list(rows),
        "image_id": [f"img-{row:08d}.jpg" for row in rows],
        "uri": [f"/photos/img-{row:08d}.jpg" for row in rows],
        "content_hash": [f"{row:064x}" for row in rows],
        "bytes": [1000] * len(rows),
        "outcome": ["ok"] * len(rows),
    }
    values |= columns
    return pa.table([pa.array(values[name], IMAGES.field(name).type) for name in IMAGES.names], schema=IMAGES)


def add_images(store: Store, table: pa.Table, *, dataset: str = "photos") -> Images:
    """Append image rows to a dataset."""
    with lease(store, images_path(dataset), purpose="test") as token:
        return append_images(store, dataset, table, spec={}, token=token)


def add_bank(store: Store, names: Sequence[str], *, bank: str = "everyday", space: Space = SPACE) -> Concepts:
    """Add concepts with made-up unit vectors to a bank."""
    vectors = np.random.default_rng(0).normal(size=(len(names), space.dimension)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    table = pa.table(
        {
            "concept": pa.array(names, pa.string()),
            "prompts": pa.array([[f"a photo of {name}"] for name in names], pa.list_(pa.string())),
            "vector": pa.array(list(vectors), pa.list_(pa.float32())),
            "averaging": ["normalise-then-average"] * len(names),
            "kind": ["concept"] * len(names),
        }
    )
    return add_concepts(store, bank, table, space=space, text_encoder="test")


def blocks_of(
    matrix: np.ndarray, *, fold: np.ndarray | None = None, present: np.ndarray | None = None, size: int = 7
) -> Callable[[Region], Iterator[ScoreBlock]]:
    """Return a `blocks` function that gives a chosen matrix (images, concepts) in blocks of a few rows."""
    folds = np.full(len(matrix), -1, np.int8) if fold is None else fold.astype(np.int8)

    def blocks(region: Region) -> Iterator[ScoreBlock]:
        for start in range(region.start, region.stop, size):
            rows = np.arange(start, min(start + size, region.stop))
            rows = rows if present is None else rows[present[rows]]
            chosen = matrix[rows, region.first_key : region.last_key].astype(np.float32)
            yield ScoreBlock(rows, chosen, folds[rows])

    return blocks


def score(
    images: Images, bank: Concepts, matrix: np.ndarray, *, rows: int | None = None, budget: int = 2**20, **options: Any
) -> Scores:
    """Score a dataset's images under the identity of the bank's space with a chosen matrix (images, concepts)."""
    return write_scores(
        images,
        blocks_of(matrix, **options),
        linear_map=identity_map(images.store, bank.space),
        concepts=bank,
        rows=len(matrix) if rows is None else rows,
        parents=(),
        stats=concept_stats,
        budget=budget,
    )


def scored(
    store: Store, matrix: np.ndarray, names: Sequence[str], *, dataset: str = "photos", **columns: Sequence[Any]
) -> Scores:
    """Make a dataset of len(matrix) images (columns as given), a bank of names, and their similarities."""
    found = find_manifest(store, images_path(dataset))
    images = (
        Images(store, dataset, found)
        if found
        else add_images(store, image_table(0, len(matrix), **columns), dataset=dataset)
    )
    return score(images, add_bank(store, names), matrix)
