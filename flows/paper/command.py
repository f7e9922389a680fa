"""The command that runs the paper's experiments on the drawn world."""

import shutil
import sys
from pathlib import Path

import click

from t2c.flows.cli.bars import Bars
from t2c.flows.paper.run import IMAGES, demo_paper


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("paper-out"), help="Images and the store.")
@click.option("--docs", type=click.Path(path_type=Path), default=Path("docs"), help="Where paper.md goes.")
@click.option("--images", type=click.IntRange(200), default=IMAGES, show_default=True, help="Images drawn.")
@click.option("--keep", is_flag=True, help="Continue with what an earlier run left instead of starting afresh.")
def main(out: Path, docs: Path, images: int, keep: bool) -> None:
    """Draw a world of primitives, run the paper's experiments on it and write docs/paper.md with its figures."""
    if not keep:
        shutil.rmtree(out, ignore_errors=True)
    demo_paper(out, docs, images=images, progress=Bars(quiet=not sys.stderr.isatty()), say=click.echo)
