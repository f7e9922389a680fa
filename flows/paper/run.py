"""Draw, run the recipe, write the page: the paper's experiments on the world of primitives."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from t2c.flows.engine.machine import cores
from t2c.flows.engine.progress import Progress
from t2c.flows.paper.findings import Findings, findings
from t2c.flows.paper.page import write_page
from t2c.flows.paper.pictures import draw_world
from t2c.flows.recipes.run import Place, RunReport, run_recipe
from t2c.schemas.specs.recipe import PACKAGED, RecipeSpec, load_recipe
from t2c.store.disk.root import open_store

RECIPE = PACKAGED / "primitives.yaml"
"""The recipe that is run."""
IMAGES = 3_000
"""Images of a full run."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The page of a run, with the outputs that it rests on."""

    report: RunReport
    """Output of every command."""
    findings: Findings
    """The same, sorted by figure."""
    page: Path
    """The page."""
    seconds: float
    """Seconds it took."""


def demo_paper(
    out: Path,
    docs: Path,
    *,
    images: int = IMAGES,
    recipe: RecipeSpec | None = None,
    progress: Progress,
    say: Callable[[str], None],
    processes: int | None = None,
) -> Outcome:
    """Draw the world into a folder, run its recipe there, and write the page into `docs`; what is there is kept.

    `recipe` replaces the one that ships, for a smaller run. Raises what the steps raise.
    """
    began = time.perf_counter()
    spec = recipe or load_recipe(RECIPE)
    say(f"drawing {images:,} images")
    draw_world(out, images, processes=processes)
    store = open_store(out / "store", create=True)
    place = Place(store, (str(out),), str(out / "weights"), str(out), "cpu")
    report = run_recipe(spec, place, progress=progress, say=say, as_json=True)
    paper_findings = findings(spec, report, store)
    seconds = time.perf_counter() - began
    page = write_page(docs, paper_findings, seconds=seconds, cores=cores())
    say(f"wrote {page} after {seconds:.0f} s")
    return Outcome(report, paper_findings, page, seconds)
