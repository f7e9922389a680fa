"""Commands of the alignment laboratory: pairs, curves, components."""

from collections.abc import Mapping, Sequence
from typing import Any

import click
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from t2c.flows.cli.bars import Bars
from t2c.flows.cli.options import command, held_out_where_option, labels_option, runner_options
from t2c.flows.cli.output import Output
from t2c.flows.cli.parsing import listed
from t2c.flows.laboratory.means import GroupMeans, band, group_means, source_means
from t2c.flows.laboratory.pairs import PairsReport
from t2c.schemas.errors import SpecError, expected
from t2c.schemas.names import parse_dataset_ref
from t2c.store.disk.root import open_store

_encoder = click.option(
    "--encoder", "encoders", multiple=True, required=True, metavar="ENCODER", help="Encoder with features; may repeat."
)
_holdout = click.option(
    "--holdout",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.1,
    show_default=True,
    help="Share of rows that are never fitted.",
)
_seed = click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the row blocks.")
_max_rows = click.option(
    "--max-rows", type=click.IntRange(2), default=None, help="Use a random subset of this many rows."
)
_ridge = click.option(
    "--ridge",
    type=click.FloatRange(0),
    default=None,
    help="Ridge strength; 0 is exact least squares.  [default: chosen on fitted rows set aside]",
)
_labels = labels_option("What is right: the label or an attribute.")
_classes = click.option(
    "--classes", default=None, metavar="A,B", help="Class names in order.  [default: the head's, or the labels]"
)
_device = click.option("--device", default="auto", show_default=True, help="Where an encoder that lends its head runs.")


@click.argument("dataset")
@_encoder
@click.option(
    "--group", "groups", multiple=True, metavar="NAME=ENC,ENC", help="Encoders averaged together; may repeat."
)
@click.option(
    "--head",
    "heads",
    multiple=True,
    metavar="[ENCODER=]HEAD",
    help="classifier, probe, zeroshot[:BANK] or none, for all targets or for one.  [default: probe where there are labels]",
)
@_labels
@_classes
@_ridge
@_holdout
@held_out_where_option
@_seed
@_max_rows
@_device
@runner_options
def _pairs(
    out: Output,
    dataset: str,
    store_url: str,
    dask_address: str | None,
    groups: tuple[str, ...],
    classes: str | None,
    **options: Any,
) -> None:
    """Align every encoder with every other on DATASET and judge each pair on images not fitted.

    One pass over the features gives every pair's map, R2, CKA and Procrustes distance; a second, over the images not
    fitted alone, gives accuracies and cosines.
    """
    from t2c.flows.engine.runner import runner_for
    from t2c.flows.laboratory.pairs import pairs as step

    options |= {"groups": _groups(groups), "classes": listed(classes)}
    with runner_for(dask_address) as runner:
        ref, progress = parse_dataset_ref(dataset), Bars(quiet=out.as_json)
        report = step(open_store(store_url), ref, options.pop("encoders"), runner=runner, progress=progress, **options)
    first = report.table.to_pylist()[0]
    out.facts("rows", {"fitted": first["fitted"], "held out": first["held_out"], "labelled": first["labelled"]})
    show_pairs(out, report)
    _close(out, report)
    out.suggest(f"t2c curves {dataset} --source {first['source']} --target {first['target']}")


pairs = command(
    "pairs",
    example="t2c pairs photos --encoder timm:resnet50.a1_in1k --encoder open_clip:ViT-B-16/openai\n"
    "t2c pairs photos --encoder a --encoder b --encoder c --group resnets=a,b --head probe --head c=zeroshot",
)(_pairs)


@click.argument("dataset")
@click.option("--source", required=True, metavar="ENCODER", help="Encoder whose features are mapped.")
@click.option("--target", required=True, metavar="ENCODER", help="Encoder whose space they are mapped into.")
@click.option(
    "--by",
    type=click.Choice(["samples", "classes"]),
    default="samples",
    show_default=True,
    help="What grows along the curve.",
)
@click.option("--points", type=click.IntRange(1), default=12, show_default=True, help="Points of the curve.")
@click.option("--seeds", type=click.IntRange(1), default=3, show_default=True, help="Orders that points are taken in.")
@click.option(
    "--head",
    default=None,
    metavar="HEAD",
    help="classifier, probe, zeroshot[:BANK] or none.  [default: probe where there are labels]",
)
@_labels
@_classes
@_ridge
@_holdout
@held_out_where_option
@_seed
@_max_rows
@_device
def _curves(out: Output, dataset: str, store_url: str, classes: str | None, **options: Any) -> None:
    """Draw how R2 and accuracy grow with the samples (or classes) that a map is fitted on.

    The images are read once: their moments are kept in about 64 parts and merged in other orders.
    """
    from t2c.flows.laboratory.curves import curves as step

    ref, progress = parse_dataset_ref(dataset), Bars(quiet=out.as_json)
    report = step(open_store(store_url), ref, classes=listed(classes), progress=progress, **options)
    out.table("points", curve_means(report.table), title=f"by {options['by']}: mean over seeds, spread (sd)")
    out.put("curves", report.table)
    _close(out, report)
    out.suggest(f"t2c components {dataset} --encoder {options['source']} --encoder {options['target']}")


curves = command(
    "curves", example="t2c curves photos --source timm:resnet50.a1_in1k --target open_clip:ViT-B-16/openai --by classes"
)(_curves)


@click.argument("dataset")
@_encoder
@click.option(
    "--components", "k", type=click.IntRange(1), default=40, show_default=True, help="Principal components of a space."
)
@click.option(
    "--band", "p", type=click.IntRange(0), default=5, show_default=True, help="Places off the diagonal that count."
)
@_max_rows
@runner_options
def _components(
    out: Output, dataset: str, store_url: str, dask_address: str | None, encoders: tuple[str, ...], **options: Any
) -> None:
    """Say whether the principal components of encoders match one to one, beside a random matrix."""
    from t2c.flows.engine.runner import runner_for
    from t2c.flows.laboratory.components import components as step

    with runner_for(dask_address) as runner:
        ref, progress = parse_dataset_ref(dataset), Bars(quiet=out.as_json)
        report = step(open_store(store_url), ref, encoders, runner=runner, progress=progress, **options)
    out.table("diagonals", report.diagonals, title=f"share of a row within {report.p} of the diagonal")
    _close(out, report)
    out.suggest(f"t2c report {dataset} -o report.html")


components = command("components", example="t2c components photos --encoder timm:resnet50.a1_in1k --encoder demo:clip")(
    _components
)


def _groups(texts: Sequence[str]) -> dict[str, list[str]]:
    """Read `NAME=ENCODER,ENCODER`; raises SpecError."""
    groups: dict[str, list[str]] = {}
    for text in texts:
        name, _, members = text.partition("=")
        of_group = listed(members)
        if not name.strip() or not of_group or name.strip() in groups:
            want = "NAME=ENCODER,ENCODER, each name once"
            raise SpecError(expected("--group", want, repr(text), "Try: --group resnets=timm:resnet18,timm:resnet50"))
        groups[name.strip()] = of_group
    return groups


def _close(out: Output, report: Any) -> None:
    out.put("dataset", report.dataset)
    out.notes(report.notes)
    if report.path:
        out.wrote(report.path)


def show_pairs(out: Output, report: PairsReport) -> None:
    """Show the pair matrix, its means by group where there are groups, and by source."""
    numbers = {name: place for place, name in enumerate(report.encoders, start=1)}
    out.table("encoders", pa.table({"no": list(numbers.values()), "encoder": list(numbers)}))
    out.table(
        "shown", _numbered(report.table, numbers), title="pairs, on images not fitted, with 95 % intervals (low, high)"
    )
    out.put("pairs", report.table)
    grouped = {*report.table["source_group"].to_pylist()} != {*report.table["source"].to_pylist()}
    for column in ("retained", "r2_variance_weighted"):
        means = group_means(report.table, column)
        if grouped and not np.isnan(means.mean).all():
            out.table(f"groups_{column}", _matrix(means), title=f"mean {column} from group (row) to group (column)")
    best = source_means(report.table, "retained")
    if best.num_rows:
        out.table("sources", best, title="mean retained accuracy by source")


def _numbered(table: pa.Table, numbers: Mapping[str, int]) -> pa.Table:
    """Return the pairs with encoders by number and three digits, narrow enough for any names."""
    numbered = {
        name: [numbers[name_of_row] for name_of_row in table[side].to_pylist()]
        for name, side in (("from", "source"), ("to", "target"))
    }
    chosen = {"aligned": "aligned", "low": "aligned_low", "high": "aligned_high", "own": "own", "retained": "retained"}
    chosen |= {"r2": "r2_variance_weighted", "cosine": "mean_cosine", "cka": "cka"}
    rounded = {
        name: pc.round(table[column], 3) for name, column in chosen.items() if table[column].null_count < len(table)
    }
    return pa.table({**numbered, **rounded})


def _matrix(means: GroupMeans) -> pa.Table:
    columns = {
        name: pc.round(pa.array(means.mean[:, place], from_pandas=True), 3) for place, name in enumerate(means.groups)
    }
    return pa.table({"from": list(means.groups), **columns})


def curve_means(table: pa.Table) -> pa.Table:
    """Return a row for each point of a curve: its size, and mean and standard deviation over seeds of R2 and accuracy."""
    size = "classes" if table["by"][0].as_py() == "classes" else "fitted"
    sizes, r2 = band(table, size), band(table, "r2_variance_weighted")
    aligned, retained = band(table, "aligned"), band(table, "retained")
    columns = {
        size: np.rint(sizes.mean).astype(np.int64),
        "r2": r2.mean,
        "r2_sd": r2.sd,
        "aligned": aligned.mean,
        "aligned_sd": aligned.sd,
    }
    columns |= {"retained": retained.mean}
    arrays = {name: pa.array(values, from_pandas=True) for name, values in columns.items()}
    return pa.table({name: array if name == size else pc.round(array, 4) for name, array in arrays.items()})
