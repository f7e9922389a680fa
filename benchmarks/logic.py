"""Concept logic and top-k on a million images, warm from Parquet: as written at once, and grown by 100 appends."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.harness import Row, milliseconds, within_ms
from t2c.core.statistics.stats import concept_stats
from t2c.schemas.logic import parse
from t2c.schemas.spaces import Space
from t2c.schemas.tables.tables import IMAGES
from t2c.store.artifacts.compact import compact
from t2c.store.artifacts.concepts import Concepts, add_concepts
from t2c.store.artifacts.images import Images, append_images, open_images
from t2c.store.artifacts.linear_maps import identity_map
from t2c.store.artifacts.score_writer import Region, ScoreBlock, write_scores
from t2c.store.artifacts.similarities import Scores, open_similarities
from t2c.store.disk.lease import lease
from t2c.store.disk.paths import images as images_folder
from t2c.store.disk.root import Store, open_store
from t2c.store.queries import find, top

IMAGES_TOTAL, CONCEPTS, APPENDS, APPENDED = 1_000_000, 20, 100, 1_000
SPACE = Space("imported", "benchmark", 8, "declared:benchmark")
QUERY = "dog > 1.5 & beach > 1 & indoors < 0"
NAMES = ["dog", "beach", "indoors", *(f"concept {index}" for index in range(CONCEPTS - 3))]
BLOCK = 50_000


def image_table(start: int, stop: int) -> pa.Table:
    """Return image rows start to stop of a dataset that exists only as names."""
    rows = np.arange(start, stop)
    ids = [f"folder{row % 100}/{row:08d}.jpg" for row in rows]
    columns = {
        "row": rows,
        "image_id": ids,
        "uri": ids,
        "content_hash": [f"{row:064x}" for row in rows],
        "label": [f"class {row % 10}" for row in rows],
        "bytes": np.zeros(len(rows), np.int64),
        "outcome": ["ok"] * len(rows),
    }
    filled = {name: columns.get(name, pa.nulls(len(rows), IMAGES.field(name).type)) for name in IMAGES.names}
    return pa.table(filled, schema=IMAGES)


def add_images(store: Store, start: int, stop: int) -> Images:
    """Append image rows."""
    with lease(store, images_folder("photos"), purpose="benchmark") as token:
        return append_images(store, "photos", image_table(start, stop), spec={}, token=token)


def add_bank(store: Store) -> Concepts:
    """Make a bank of unit vectors; the similarities below are drawn, not computed."""
    vectors = np.eye(8, dtype=np.float32)[np.arange(CONCEPTS) % 8]
    table = pa.table(
        {
            "concept": NAMES,
            "prompts": pa.array([[]] * CONCEPTS, pa.list_(pa.string())),
            "vector": pa.array(vectors.tolist(), pa.list_(pa.float32())),
            "averaging": ["imported"] * CONCEPTS,
            "kind": ["imported"] * CONCEPTS,
        }
    )
    return add_concepts(store, "bank", table, space=SPACE, text_encoder="imported:benchmark")


def blocks(region: Region) -> Iterator[ScoreBlock]:
    """Yield drawn similarities of a region, the same for the same rows."""
    for start in range(region.start, region.stop, BLOCK):
        rows = np.arange(start, min(start + BLOCK, region.stop))
        values = np.random.default_rng(start).normal(0.2, 0.03, (len(rows), region.concepts)).astype(np.float32)
        yield ScoreBlock(rows, values, np.full(len(rows), -1, np.int8))


def score(images: Images, bank: Concepts) -> Scores:
    """Write what is missing of the similarities."""
    linear_map = identity_map(images.store, SPACE)
    return write_scores(
        images, blocks, linear_map=linear_map, concepts=bank, rows=images.rows, parents=(), stats=concept_stats
    )


def grown(store: Store) -> Scores:
    """Return a table that reached its size by 100 appends and was compacted."""
    bank = add_bank(store)
    score(add_images(store, 0, IMAGES_TOTAL - APPENDS * APPENDED), bank)
    for index in range(APPENDS):
        start = IMAGES_TOTAL - (APPENDS - index) * APPENDED
        score(add_images(store, start, start + APPENDED), bank)
    return compact(open_similarities(store, "photos", linear_map=f"identity-{SPACE.short}", bank="bank"))


def rows() -> list[Row]:
    """Return the rows of this group."""
    with tempfile.TemporaryDirectory(prefix="t2c-bench-") as folder:
        once, again = open_store(Path(folder) / "once", create=True), open_store(Path(folder) / "grown", create=True)
        score(add_images(once, 0, IMAGES_TOTAL), add_bank(once))
        grown(again)
        return [*_queries(once, "written at once"), *_queries(again, "100 appends, compacted"), _process(once)]


def _queries(store: Store, how: str) -> list[Row]:
    scores = open_similarities(store, "photos", linear_map=f"identity-{SPACE.short}", bank="bank")
    images = open_images(store, "photos")
    expression = parse(QUERY)
    return [
        within_ms(
            f"three constraints, {IMAGES_TOTAL:,} images, {how}",
            milliseconds(lambda: find(scores, expression, images=images)),
            60,
        ),
        within_ms(
            f"top 20 of a concept, {IMAGES_TOTAL:,} images, {how}",
            milliseconds(lambda: top(scores, "dog", 20, images=images)),
            30,
        ),
    ]


def _process(store: Store) -> Row:
    command = [sys.executable, "-m", "t2c.flows.cli", "find", "photos", QUERY, "--store", store.url]
    measured = milliseconds(lambda: subprocess.run(command, check=True, capture_output=True), repeats=5)
    return within_ms(f"`t2c find` as a whole process, {IMAGES_TOTAL:,} images", measured, 1000)
