"""The zero-shot suite: models times tasks, and which tasks can be done with the files that are there."""

from pathlib import Path
from typing import Any

import click

from flows.cli.bars import Bars
from flows.cli.options import command, runner_options
from flows.cli.output import Output
from flows.cli.suite_view import list_tasks, show_suite
from schemas.errors import SpecError, expected
from store.disk.root import open_store


@click.argument("data", metavar="DATA_DIR", required=False)
@click.option("--model", "models", multiple=True, metavar="ENCODER", help="Encoder under test; may repeat.")
@click.option("--target", default=None, metavar="ENCODER", help="The CLIP that reads the class names.")
@click.option(
    "--task", "tasks", multiple=True, metavar="NAME", help="Task; may repeat.  [default: all whose files are there]"
)
@click.option(
    "--align-on",
    default=None,
    metavar="DATASET",
    help="Dataset to fit the models' maps on.  [default: maps fitted before]",
)
@click.option("--map", "maps", multiple=True, metavar="DIGEST", help="Test this map too; may repeat.")
@click.option(
    "--pictures",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    metavar="FOLDER",
    help="Where unpacked pictures go.  [default: <store>-suite]",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
@click.option("--batch-size", type=click.IntRange(1), default=None, help="Images a forward pass.")
@click.option("--workers", type=click.IntRange(1), default=None, help="Decode threads.  [default: one a core]")
@click.option(
    "-o",
    "--output",
    default=None,
    metavar="FILE",
    help="Write figures 5 and 6 to FILE.html, or the rows to FILE.parquet or FILE.csv.",
)
@click.option("--list", "listing", is_flag=True, help="List the tasks, what each needs and what is there; do nothing.")
@runner_options
def _suite(
    out: Output,
    data: str | None,
    store_url: str,
    listing: bool,
    output: str | None,
    dask_address: str | None,
    **options: Any,
) -> None:
    """Test encoders at zero-shot tasks whose files lie in DATA_DIR, beside the CLIP itself and chance.

    Killed at any moment, the same command goes on; what the store holds is not done again. Files and folders of every
    task: t2c suite DATA_DIR --list, and docs/suite.md.
    """
    if listing:
        list_tasks(out, Path(data or "."))
        return
    if data is None:
        raise SpecError(expected("suite", "the folder of the tasks' files", "none", "Try: t2c suite --list"))
    _run(out, data, store_url, output=output, dask_address=dask_address, **options)


suite = command(
    "suite",
    example="t2c suite data/ --list\n"
    "t2c suite data/ --model timm:resnet50.a1_in1k --target open_clip:ViT-B-16/openai --align-on photos -o suite.html",
)(_suite)


def _run(
    out: Output,
    data: str,
    store_url: str,
    *,
    target: str | None,
    output: str | None,
    dask_address: str | None,
    **options: Any,
) -> None:
    """Run the suite and show its rows."""
    from flows.engine.runner import runner_for
    from flows.suite.suite import suite as step

    if target is None:
        todo = "Add --target open_clip:ViT-B-16/openai"
        raise SpecError(expected("suite", "--target, the CLIP that reads the class names", "none", todo))
    _check_output(output)
    store = open_store(store_url)
    with runner_for(dask_address) as runner:
        report = step(store, data, target=target, runner=runner, progress=Bars(quiet=out.as_json), **options)
    show_suite(out, report)
    if output is not None:
        _write(report, output)
        out.wrote(output)
    if options["align_on"]:
        out.suggest(f"t2c report {options['align_on']} -o report.html")
    else:
        out.suggest('t2c sql "select * from suite"')


def _check_output(output: str | None) -> None:
    """Raise SpecError for an output of another kind, before hours of work."""
    if output is not None and Path(output).suffix.lower() not in (".html", ".parquet", ".csv"):
        want = "a name that ends in .html, .parquet or .csv"
        raise SpecError(expected(f"output {output}", want, repr(Path(output).name)))


def _write(report: Any, output: str) -> None:
    if Path(output).suffix.lower() == ".html":
        from flows.report.suite_page import write_suite_page

        write_suite_page(output, report.table, target=report.target, skipped=report.skipped)
    else:
        from flows.engine.output_files import write_table

        write_table(report.table, output)
