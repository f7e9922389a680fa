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
    "flows.audit",
    "flows.recipes.bill",
    "flows.report.sections",
    "flows.steps.bottleneck_use",
    "flows.steps.components",
    "flows.steps.curves",
    "flows.steps.decode",
    "flows.steps.doctor",
    "flows.steps.explain",
    "flows.steps.exports",
    "flows.steps.find",
    "flows.steps.hard_images",
    "flows.steps.maps",
    "flows.steps.objectives",
    "flows.steps.pairs",
    "flows.steps.prompt",
    "flows.steps.reading",
    "flows.steps.report",
    "flows.steps.shift",
    "flows.steps.slices",
    "flows.steps.summary",
    "flows.steps.top",
    "flows.steps.trust",
    "flows.study.read",
    "flows.suite.suite",
    "store.catalog",
    "store.queries",
    "store.similarities",
    "store.user_sql",
    "store.verify",
    "t2c_core.shift",
    "t2c_core.logic_eval",
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
