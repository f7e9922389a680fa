"""The command that runs the demo: draw, audit, compare with the ground truth."""

import sys
from pathlib import Path

import click

from t2c.flows.cli.bars import Bars
from t2c.flows.cli.options import command
from t2c.flows.cli.output import Output
from t2c.flows.engine.stop import EXIT_ERROR
from t2c.schemas.extras import require


@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("demo-out"), show_default=True, help="Images and the report."
)
@click.option("--small", is_flag=True, help="A smaller draw: seconds, and less to see.")
@click.option("--keep", is_flag=True, help="Continue with what an earlier run left instead of starting afresh.")
def _demo(output: Output, out: Path, store_url: str, small: bool, keep: bool) -> int:
    """Draw a world of primitives, audit it with an encoder that never saw text, and check the answers.

    Needs no network and no GPU. Exit code 1 when a check does not hold.
    """
    require("extract", subject="the demo")
    from t2c.flows.demo.plan import FULL, SMALL
    from t2c.flows.demo.run import run, start_afresh

    store = Path(store_url)
    start_afresh(out, store, keep=keep)
    bar = Bars(quiet=output.as_json) if sys.stderr.isatty() else None
    outcome = run(out, store, SMALL if small else FULL, say=output.say, bar=bar)
    output.put("checks", outcome.checks)
    output.put("wrote", [report.path for report in outcome.audit.reports])
    return 0 if all(check.holds for check in outcome.checks) else EXIT_ERROR


demo = command("demo", example="t2c demo", store="demo-store")(_demo)
