"""Draw the world of primitives on all cores, with its ground truth as a table beside the folder."""

import json
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from t2c.flows.engine.machine import cores
from t2c.flows.world.world import write_images

BLOCK = 125
"""Images drawn by one task."""
SEED = 61
"""Seed of the images: not one that the demo, the suite or the CLIP's training used."""


def draw_world(folder: Path, n: int, *, seed: int = SEED, processes: int | None = None) -> Path:
    """Draw n images into `world` below a folder, their truth into `world.parquet`; what is drawn already is kept.

    Columns of the truth: image_id, colour, shape, texture, context, object (`red circle`). Returns the folder of images.
    """
    place, truth, settings = folder / "world", folder / "world.parquet", folder / "world.json"
    requested = json.dumps({"n": n, "seed": seed})
    if not (settings.exists() and settings.read_text() == requested):
        folder.mkdir(parents=True, exist_ok=True)
        workers = processes or cores()
        work = partial(_block, folder=place, n=n, seed=seed)
        if workers == 1:
            parts = [work(start) for start in range(0, n, BLOCK)]
        else:
            with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
                parts = list(pool.map(work, range(0, n, BLOCK)))
        pq.write_table(_with_object(pa.concat_tables(parts)), truth)
        # last: a run that was killed before this draws again
        settings.write_text(requested)
    return place


def _block(start: int, *, folder: Path, n: int, seed: int) -> pa.Table:
    return write_images(folder, min(BLOCK, n - start), seed, start=start)


def _with_object(table: pa.Table) -> pa.Table:
    pairs = zip(table["colour"].to_pylist(), table["shape"].to_pylist(), strict=True)
    return table.append_column("object", pa.array([f"{colour} {shape}" for colour, shape in pairs]))
