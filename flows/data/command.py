"""Commands that bring data in: index, retry, attributes, predictions."""

from typing import Any

import click

from t2c.flows.cli.bars import Bars
from t2c.flows.cli.options import command
from t2c.flows.cli.output import Output
from t2c.flows.engine.text_table import shorten, show
from t2c.store.disk.root import open_store


@click.argument("source", metavar="SOURCE")
@click.option("--name", "dataset", required=True, metavar="DATASET", help="Name of the dataset.")
@click.option(
    "--kind",
    type=click.Choice(["auto", "folder", "tar", "parquet"]),
    default="auto",
    show_default=True,
    help="What the source is.",
)
@click.option(
    "--label-from",
    default="auto",
    show_default=True,
    metavar="folder|none|COLUMN",
    help="Where class labels come from.",
)
@click.option(
    "--split-from", default="auto", show_default=True, metavar="folder|none|COLUMN", help="Where the split comes from."
)
@click.option(
    "--captured-at",
    default="exif",
    show_default=True,
    metavar="exif|none|COLUMN",
    help="Where the capture time comes from.",
)
@click.option(
    "--ids", default="path", show_default=True, metavar="path|row|COLUMN", help="Parquet: what names an image."
)
@click.option(
    "--image-column",
    default="",
    metavar="COLUMN",
    help="Parquet: the column with image bytes; found when there is one.",
)
@click.option(
    "--max-pixels",
    type=click.IntRange(1),
    default=None,
    help="Refuse larger images before decoding.  [default: 200 million]",
)
@click.option(
    "--max-bad-rate",
    type=click.FloatRange(0, 1),
    default=1.0,
    show_default=True,
    help="Exit 1 when a larger share is not ok; captions and tables beside images do not count.",
)
def _index(out: Output, source: str, dataset: str, store_url: str, max_pixels: int | None, **options: Any) -> None:
    """Index a folder, webdataset tars (.tar, .tar.gz, .tar.zst) or Parquet files of images, local or s3://.

    Every input file gets a row with one outcome (ok, corrupt, too_large, unsupported, missing). Indexing again adds
    only what is new, and supersedes what changed or is gone. Captions, tables and notes beside images are unsupported
    and no bad images.

    A metadata.csv, .jsonl or .parquet in any folder describes its images by a column file_name: names match as paths,
    case counts, and cells are text as they are written; empty ones, nulls and NaN are no label.
    """
    from t2c.flows.data.index import index as step

    if max_pixels is not None:
        options["max_pixels"] = max_pixels
    report = step(open_store(store_url, create=True), source, dataset, progress=Bars(quiet=out.as_json), **options)
    facts = {"inputs": report.inputs, **report.outcomes, "duplicates": report.duplicates, "side files": report.beside}
    out.facts("report", facts)
    changes = {"new": report.new, "changed": report.changed, "unchanged": report.unchanged, "deleted": report.deleted}
    out.facts("changes", changes)
    _problems(out, report.problems)
    out.put("notes", list(report.notes))
    for note in report.notes:
        out.say(f"  {show(note)}")
    out.put("snapshot", f"{report.dataset}@{report.snapshot}")
    out.wrote(f"{report.path} ({report.dataset}@{report.snapshot})")
    out.suggest(f"t2c extract {dataset} --encoder timm:resnet50.a1_in1k --encoder open_clip:ViT-B-16/openai")


index = command("index", example="t2c index photos/ --name photos")(_index)


@click.argument("dataset")
@click.option(
    "--max-pixels",
    type=click.IntRange(1),
    default=None,
    help="Refuse larger images before decoding.  [default: 200 million]",
)
def _retry(out: Output, dataset: str, store_url: str, max_pixels: int | None) -> None:
    """Read again every file whose outcome is not ok; those that now read get a row that supersedes the old one."""
    from t2c.flows.data.retry import retry as step

    options = {} if max_pixels is None else {"max_pixels": max_pixels}
    report = step(open_store(store_url), dataset, progress=Bars(quiet=out.as_json), **options)
    out.facts("report", {"tried": report.tried, "recovered": report.recovered})
    _problems(out, report.problems)
    if report.recovered:
        out.wrote(f"{report.path} ({report.dataset}@{report.snapshot})")
        out.suggest(f"t2c extract {dataset}")
    else:
        out.suggest("t2c sql \"select image_id, outcome, error from images where outcome <> 'ok'\"")


retry = command("retry", example="t2c retry photos")(_retry)


@click.group()
def attributes() -> None:
    """Import facts about images, such as `striped` or `camera`."""


@click.group()
def predictions() -> None:
    """Import what a model predicted, so that an audit can say where it is wrong."""


def _table_options(function: Any) -> Any:
    """Add the options of both imports."""
    unknown = click.Choice(["refuse", "skip"])
    for option in (
        click.option(
            "--unknown",
            type=unknown,
            default="refuse",
            show_default=True,
            help="What to do with ids the dataset does not hold.",
        ),
        click.option(
            "--id-column", default="", metavar="COLUMN", help="Column of image ids, when it is not found by itself."
        ),
    ):
        function = option(function)
    return function


@click.argument("dataset")
@click.argument("file")
@_table_options
def _import_attributes(out: Output, dataset: str, file: str, store_url: str, **options: Any) -> None:
    """Import attributes from FILE (Parquet or CSV) with a column image_id.

    The file is long (image_id, name, value) or wide (image_id and one column an attribute).
    """
    from t2c.flows.data.table_imports import import_attributes as step

    _imported(out, step(open_store(store_url), dataset, file, **options))


@click.argument("dataset")
@click.argument("file")
@click.option("--model", required=True, help="Name of the model that predicted.")
@click.option(
    "--class-column", default="", metavar="COLUMN", help="Column of predicted classes, when it is not found by itself."
)
@click.option("--score-column", default="", metavar="COLUMN", help="Column of scores, when it is not found by itself.")
@_table_options
def _import_predictions(out: Output, dataset: str, file: str, store_url: str, **options: Any) -> None:
    """Import predictions from FILE (Parquet or CSV) with columns image_id, class and, where known, score."""
    from t2c.flows.data.table_imports import import_predictions as step

    _imported(out, step(open_store(store_url), dataset, file, **options))


command("attributes import", example="t2c attributes import photos attributes.parquet", group=attributes)(
    _import_attributes
)
command(
    "predictions import", example="t2c predictions import photos --model prod-v7 predictions.parquet", group=predictions
)(_import_predictions)


def _imported(out: Output, report: Any) -> None:
    """Show what an import report says."""
    facts = {name: getattr(report, name) for name in report.__dataclass_fields__ if name not in ("path", "names")}
    out.facts("report", facts | {"names": ", ".join(report.names)})
    out.wrote(report.path)
    out.suggest(f"t2c explain {report.dataset}")


def _problems(out: Output, problems: tuple[tuple[str, str, str], ...]) -> None:
    """Show the first files that are not ok, each with its reason."""
    out.put(
        "problems",
        [{"image_id": image_id, "outcome": outcome, "error": error} for image_id, outcome, error in problems],
    )
    for image_id, outcome, error in problems[:10]:
        out.say(f"  {outcome:<11}  {shorten(show(image_id), 32):<32}  {show(error)}")
    if len(problems) > 10:
        out.say("  ... and more: t2c sql \"select image_id, outcome, error from images where outcome <> 'ok'\"")
