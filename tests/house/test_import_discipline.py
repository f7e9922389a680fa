"""Heavy libraries stay off the read side: importing the command and what it reads with loads none of them."""

import json
import subprocess
import sys

import pytest

from flows.cli.commands import COMMANDS

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
    "flows.cli",
    "flows.cli.app",
    "flows.audit.run",
    "flows.recipes.bill",
    "flows.report.render",
    "flows.bottleneck.use",
    "flows.laboratory.components",
    "flows.laboratory.curves",
    "flows.decode.decode",
    "flows.upkeep.doctor",
    "flows.upkeep.explain",
    "flows.features.exports",
    "flows.scores.ask",
    "flows.reading.hard_images",
    "flows.maps.listed",
    "flows.objectives.objectives",
    "flows.laboratory.pairs",
    "flows.concepts.prompt",
    "flows.reading.reading",
    "flows.report.write",
    "flows.shift.shift",
    "flows.reading.slices",
    "flows.scores.ask",
    "flows.scores.ask",
    "flows.trust.trust",
    "flows.study.read",
    "flows.suite.suite",
    "store.queries.catalog",
    "store.queries",
    "store.artifacts.similarities",
    "store.queries.user_sql",
    "store.artifacts.verify",
    "t2c_core.shift.shift",
    "t2c_core.concepts.logic_eval",
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
