"""Heavy libraries stay off the read side: importing the command and what it reads with loads none of them."""

import json
import subprocess
import sys

import pytest

from t2c.flows.cli.commands import COMMANDS

HEAVY = (
    "torch",
    "torchvision",
    "timm",
    "open_clip",
    "transformers",
    "onnx",
    "prefect",
    "dask",
    "distributed",
    "sklearn",
    "zarr",
)
HEAVY_INSIDE = ("scipy.stats",)
READ_SIDE = (
    *sorted({where.partition(":")[0] for where, _ in COMMANDS.values()}),
    "t2c.flows.cli",
    "t2c.flows.cli.app",
    "t2c.flows.audit.run",
    "t2c.flows.recipes.bill",
    "t2c.flows.report.render",
    "t2c.flows.bottleneck.use",
    "t2c.flows.laboratory.components",
    "t2c.flows.laboratory.curves",
    "t2c.flows.decode.decode",
    "t2c.flows.upkeep.doctor",
    "t2c.flows.upkeep.explain",
    "t2c.flows.features.exports",
    "t2c.flows.scores.ask",
    "t2c.flows.reading.hard_images",
    "t2c.flows.maps.listed",
    "t2c.flows.objectives.objectives",
    "t2c.flows.laboratory.pairs",
    "t2c.flows.concepts.prompt",
    "t2c.flows.reading.reading",
    "t2c.flows.report.write",
    "t2c.flows.shift.shift",
    "t2c.flows.reading.slices",
    "t2c.flows.scores.ask",
    "t2c.flows.scores.ask",
    "t2c.flows.trust.trust",
    "t2c.flows.study.read",
    "t2c.flows.suite.suite",
    "t2c.store.queries.catalog",
    "t2c.store.queries",
    "t2c.store.artifacts.similarities",
    "t2c.store.queries.user_sql",
    "t2c.store.artifacts.verify",
    "t2c.core.shift.shift",
    "t2c.core.concepts.logic_eval",
)


def heavy_after(*modules: str) -> list[str]:
    """Return the heavy libraries that a fresh interpreter holds after importing modules."""
    code = (
        "import importlib, json, sys\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        f"print(json.dumps([name for name in {HEAVY + HEAVY_INSIDE!r} if name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_the_read_side_loads_nothing_heavy() -> None:
    assert heavy_after(*READ_SIDE) == []


@pytest.mark.parametrize("library", ["sklearn", "dask", "scipy.stats", "prefect"])
def test_the_check_can_fail(library: str) -> None:
    assert library in heavy_after(library)
