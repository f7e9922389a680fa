"""Draw the demo's two folders on all cores, with their ground truth and the broken files."""

import json
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from t2c.flows.demo.broken import plant
from t2c.flows.demo.plan import PLANTED, REFERENCE, SECOND, DemoPlan
from t2c.flows.engine.machine import cores
from t2c.flows.world.world import Mix, write_images

BLOCK = 125
"""Images drawn by one task."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """One drawn folder."""

    name: str
    """Dataset name."""
    folder: Path
    """Folder of images."""
    truth: Path
    """Parquet file: image_id, colour, shape, texture, context."""
    images: int
    """Images drawn, broken files not counted."""
    broken: dict[str, str]
    """Broken file -> the outcome it must be given."""

    def table(self) -> pa.Table:
        """Return the ground truth."""
        return pq.read_table(self.truth)


def draw_both(out: Path, plan: DemoPlan, *, processes: int | None = None) -> tuple[Pictures, Pictures]:
    """Draw the reference and the second batch below a folder; what is drawn already is kept."""
    settings = out / "drawn.json"
    expected_settings = json.dumps({**asdict(plan), "mix": PLANTED}, sort_keys=True)
    unchanged = settings.exists() and settings.read_text() == expected_settings
    workers = processes or cores()
    if not unchanged:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            _draw(pool, out / REFERENCE, n=plan.reference, seed=plan.reference_seed, mix=None)
            _draw(pool, out / SECOND, n=plan.second, seed=plan.second_seed, mix=PLANTED)
    broken = plant(out / SECOND, plan.second_seed)
    settings.write_text(expected_settings)
    return (
        Pictures(REFERENCE, out / REFERENCE, _truth(out / REFERENCE), plan.reference, {}),
        Pictures(SECOND, out / SECOND, _truth(out / SECOND), plan.second, broken),
    )


def _truth(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}-truth.parquet")


def _draw(pool: ProcessPoolExecutor, folder: Path, *, n: int, seed: int, mix: Mix | None) -> None:
    starts = range(0, n, BLOCK)
    parts: Iterable[pa.Table] = pool.map(partial(_block, folder=folder, n=n, seed=seed, mix=mix), starts)
    pq.write_table(pa.concat_tables(parts), _truth(folder))


def _block(start: int, *, folder: Path, n: int, seed: int, mix: Mix | None) -> pa.Table:
    return write_images(folder, min(BLOCK, n - start), seed, mix=mix, start=start)
