"""The command that runs the demo: draw, audit, compare with the ground truth."""

import sys
from pathlib import Path

import click

from t2c.flows.cli.bars import Bars
from t2c.flows.demo.plan import FULL, SMALL
from t2c.flows.demo.run import run, start_afresh


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("demo-out"), help="Images and the report.")
@click.option("--store", type=click.Path(path_type=Path), default=Path("demo-store"), help="The store.")
@click.option("--small", is_flag=True, help="A smaller draw: seconds, and less to see.")
@click.option("--keep", is_flag=True, help="Continue with what an earlier run left instead of starting afresh.")
def main(out: Path, store: Path, small: bool, keep: bool) -> None:
    """Draw a world of primitives, audit it with an encoder that never saw text, and check the answers."""
    if not keep:
        start_afresh(out, store)
    bar = Bars() if sys.stderr.isatty() else None
    outcome = run(out, store, SMALL if small else FULL, say=click.echo, bar=bar)
    raise SystemExit(0 if all(check.holds for check in outcome.checks) else 1)
