"""Commands on features: import, export, the joined read, the list."""

import shlex
from typing import Any

import click

from t2c.flows.cli.bars import Bars
from t2c.flows.cli.options import command
from t2c.flows.cli.output import Output
from t2c.flows.cli.parsing import listed
from t2c.store.disk.root import open_store


@click.group()
def features() -> None:
    """Import, export and read features."""


@click.argument("dataset")
@click.argument("vectors")
@click.argument("ids", required=False)
@click.option("--encoder", required=True, help="Name of the encoder that made the vectors.")
@click.option(
    "--space",
    default=None,
    help="Declare that files with this space's name may be compared; left out, only these bytes may.",
)
@click.option("--id-column", default="", metavar="COLUMN", help="Column of image ids, when it is not found by itself.")
@click.option(
    "--vector-column", default="", metavar="COLUMN", help="Parquet: column of vectors, when there are several."
)
@click.option(
    "--unknown",
    type=click.Choice(["refuse", "skip", "add"]),
    default="refuse",
    show_default=True,
    help="What to do with ids the dataset does not hold.",
)
def _import(out: Output, dataset: str, vectors: str, ids: str | None, store_url: str, **options: Any) -> None:
    """Import VECTORS (.npy with IDS in .txt or .csv, .parquet, or a clip-retrieval folder) as features of DATASET.

    A dataset that is not there yet is made from the ids.
    """
    from t2c.flows.features.imports import import_features as step

    report = step(
        open_store(store_url, create=True), dataset, vectors, ids=ids, progress=Bars(quiet=out.as_json), **options
    )
    show_report(out, report)
    out.suggest(f"t2c score {dataset} --source {shlex.quote(options['encoder'])} --concepts BANK")


@click.argument("dataset")
@click.argument("encoder")
@click.option("-o", "--output", required=True, help="FILE.npy (ids beside it) or FILE.parquet.")
def _export(out: Output, dataset: str, encoder: str, output: str, store_url: str) -> None:
    """Export the features of one encoder with their image ids."""
    from t2c.flows.features.exports import export_features as step

    report = step(open_store(store_url), dataset, encoder, output, progress=Bars(quiet=out.as_json))
    out.facts("report", {"encoder": report.encoder, "rows": report.rows})
    out.wrote(*report.paths)
    out.suggest(f"t2c features list {dataset}")


@click.argument("dataset")
@click.option("--encoders", required=True, metavar="A,B", help="Encoders whose vectors are joined, comma-separated.")
@click.option(
    "--ids",
    default=None,
    metavar="FILE",
    help="File with one image id a line.  [default: images that have every vector]",
)
@click.option(
    "--missing",
    type=click.Choice(["refuse", "null"]),
    default="refuse",
    show_default=True,
    help="What to do with ids that are unknown or have no vector.",
)
@click.option("-o", "--output", required=True, metavar="FILE.parquet", help="Where the joined table goes.")
def _get(out: Output, dataset: str, **options: Any) -> None:
    """Read features joined on image_id, as of a snapshot: the feature-store read."""
    from t2c.flows.engine.output_files import write_table
    from t2c.flows.features.exports import get_features, read_wanted_ids

    names = listed(options["encoders"])
    ids = read_wanted_ids(options["ids"]) if options["ids"] else None
    table = get_features(open_store(options["store_url"]), dataset, names, ids=ids, missing=options["missing"])
    write_table(table, options["output"])
    out.facts("report", {"rows": table.num_rows, "columns": ", ".join(table.column_names)})
    out.wrote(options["output"])
    out.suggest(f"t2c explain {dataset}")


@click.argument("dataset")
def _list(out: Output, dataset: str, store_url: str) -> None:
    """List the features of a dataset."""
    import pyarrow as pa

    from t2c.schemas.names import parse_dataset_ref
    from t2c.store.artifacts.features import list_features

    stored = list_features(open_store(store_url), parse_dataset_ref(dataset).name)
    rows = [
        {
            "encoder": array.encoder,
            "dimension": array.dimension,
            "dtype": str(array.dtype),
            "rows": array.rows,
            "space": array.space.short,
            "snapshot": array.manifest.snapshot,
        }
        for array in stored
    ]
    schema = pa.schema(
        {
            "encoder": pa.string(),
            "dimension": pa.int64(),
            "dtype": pa.string(),
            "rows": pa.int64(),
            "space": pa.string(),
            "snapshot": pa.int64(),
        }
    )
    out.table("features", pa.Table.from_pylist(rows, schema=schema))
    out.suggest(
        f"t2c align {dataset} --source ENCODER --target CLIP" if rows else f"t2c extract {dataset} --encoder ENCODER"
    )


command(
    "features import",
    example="t2c features import photos feats.npy ids.csv --encoder my-model --space my-model-v1",
    group=features,
)(_import)
command("features export", example="t2c features export photos my-model -o features.npy", group=features)(_export)
command(
    "features get",
    example="t2c features get photos@12 --ids ids.txt --encoders a,b -o joined.parquet",
    group=features,
)(_get)
command("features list", example="t2c features list photos", group=features)(_list)


def show_report(out: Output, report: Any) -> None:
    """Show a report dataclass: its plain fields as facts, its path as what was written."""
    from t2c.schemas.spaces import Space

    facts: dict[str, Any] = {}
    for name in report.__dataclass_fields__:
        value = getattr(report, name)
        if name == "path":
            continue
        facts[name] = value.describe() if isinstance(value, Space) else value
    out.facts("report", {name: value for name, value in facts.items() if isinstance(value, int | float | str)})
    out.put("details", facts)
    out.wrote(str(report.path))
