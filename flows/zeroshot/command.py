"""The command that classifies with class names: `t2c zeroshot`."""

from typing import Any

import click

from t2c.flows.cli.options import command, labels_option, score_options
from t2c.flows.cli.output import Output
from t2c.flows.cli.parsing import listed
from t2c.store.disk.root import open_store


@click.argument("dataset")
@score_options
@click.option(
    "--classes", default=None, metavar="A,B", help="Class names, comma-separated.  [default: the dataset's labels]"
)
@click.option(
    "--template",
    "templates",
    multiple=True,
    metavar="TEXT",
    help="Prompt with {} for the class; may repeat.  [default: the paper's seven]",
)
@labels_option("What is right: the label or an attribute.")
@click.option(
    "-o", "--output", default=None, metavar="FILE", help="Write one row an image to FILE.parquet or FILE.csv."
)
def _zeroshot(
    out: Output,
    dataset: str,
    store_url: str,
    classes: str | None,
    templates: tuple[str, ...],
    output: str | None,
    **options: Any,
) -> None:
    """Classify with class names as concepts, beside the target CLIP itself and chance."""
    from t2c.flows.zeroshot.view import run_zeroshot

    names = listed(classes) or None
    run_zeroshot(out, open_store(store_url), dataset, classes=names, templates=templates, output=output, **options)


zeroshot = command("zeroshot", example='t2c zeroshot photos --template "a photo of a {}"')(_zeroshot)
