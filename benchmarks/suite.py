"""The zero-shot suite done again with nothing to do, against its first run, with the demo's encoders."""

import tempfile
from pathlib import Path

from benchmarks.harness import Row, at_most, paired
from t2c.flows.data.index import index
from t2c.flows.features.extract import extract
from t2c.flows.maps.align import align
from t2c.flows.suite.suite import SuiteReport, suite
from t2c.flows.world.world import write_images
from t2c.schemas.specs.base import parse_encoder
from t2c.store.disk.root import Store, open_store

MODEL, TARGET = "demo:efficientnet-lite0-128", "demo:clip"
PHOTOS = 200
"""Images of the world that the map is fitted on; not timed."""
TASKS = ("color", "world-colour", "world-shape", "world-texture", "world-context")
"""Tasks whose pictures are drawn: 11 swatches and 2,000 images of the world."""


def aligned_store(folder: Path) -> Store:
    """Return a store with the map fitted."""
    photos, store = folder / "photos", open_store(folder / "store", create=True)
    write_images(photos, PHOTOS, seed=1)
    index(store, photos, "photos")
    extract(store, "photos", [parse_encoder(MODEL), parse_encoder(TARGET)])
    align(store, "photos", source=MODEL, target=TARGET)
    return store


def done(store: Store, data: Path) -> SuiteReport:
    """Run the suite."""
    return suite(store, data, models=[MODEL], target=TARGET, tasks=TASKS)


def rows() -> list[Row]:
    """Return the rows of the table: time of a second run, and what it computes."""
    with tempfile.TemporaryDirectory() as place:
        folders = iter([Path(place) / str(number) for number in range(3)])
        fresh = iter([aligned_store(folder) for folder in folders])
        data, finished = Path(place), next(fresh)
        done(finished, data)
        ratio = paired(lambda: done(finished, data), lambda: done(next(fresh), data), pairs=2, warmup=False)
        again = done(finished, data)
    claim = f"suite of {len(TASKS)} tasks and 2,011 images again, against its first run"
    computed = len(again.indexed) + len(again.extracted) + again.computed
    what = "datasets indexed, features extracted and rows computed by the second run"
    return [at_most(claim, ratio, 0.1), Row(what, "0", str(computed), computed == 0)]
