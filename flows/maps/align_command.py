"""The command that fits a linear map, by any aligner."""

from collections.abc import Callable
from typing import Any

import click

from t2c.flows.cli.bars import Bars
from t2c.flows.cli.options import command, held_out_where_option, runner_options
from t2c.flows.cli.output import Output
from t2c.flows.cli.parsing import listed
from t2c.schemas.names import parse_dataset_ref
from t2c.schemas.specs.align import FROM_MOMENTS, METHODS, MethodSpec
from t2c.schemas.specs.yaml import check_spec
from t2c.store.disk.root import open_store

Function = Callable[..., Any]

_OWN = (
    (
        "--ridge",
        click.FloatRange(0),
        "ridge, low-rank, data-free: strength; 0 is exact.  [default: chosen by cross-validation; data-free: 0]",
    ),
    ("--rank", click.IntRange(1), "low-rank: dimensions to pass through."),
    (
        "--preset",
        click.Choice(["paper", "authors"]),
        "sgd, cross-entropy, self-labels: as the text (6 epochs) or the code has it (5, the bias decays).  [default: paper]",
    ),
    ("--epochs", click.IntRange(1), "sgd, cross-entropy, self-labels: passes over the rows.  [default: the preset's]"),
    ("--batch", click.IntRange(1), "The same: rows of a step.  [default: 100]"),
    ("--learning-rate", click.FloatRange(0, min_open=True), "The same.  [default: 0.01]"),
    ("--momentum", click.FloatRange(0, 1, max_open=True), "The same.  [default: 0.9]"),
    ("--weight-decay", click.FloatRange(0), "The same.  [default: 0.0005]"),
    (
        "--temperature",
        click.FloatRange(0, min_open=True),
        "cross-entropy, self-labels: divides the logits.  [default: 0.01 for a text head, else 1]",
    ),
    ("--labels", None, "Methods with heads: `label` or the attribute that holds the class.  [default: label]"),
    (
        "--head",
        None,
        "The same: head of the target space: zeroshot[:BANK], probe[:ATTRIBUTE] or classifier.  [default: zeroshot]",
    ),
    ("--source-head", None, "self-labels, data-free: head of the source space.  [default: classifier]"),
    (
        "--classes",
        None,
        "Methods with heads: class names in order, with commas.  [default: the source head's, the labels]",
    ),
)
"""Options of single methods: name, type, help."""


def _method_options(function: Function) -> Function:
    for name, kind, text in reversed(_OWN):
        function = click.option(name, type=kind, default=None, help=text)(function)
    return click.option(
        "--method",
        type=click.Choice(METHODS),
        default=METHODS[0],
        show_default=True,
        help="Which aligner fits the map.",
    )(function)


@click.argument("dataset")
@click.option("--source", required=True, metavar="ENCODER", help="Encoder whose features are mapped.")
@click.option(
    "--target",
    required=True,
    metavar="ENCODER",
    help="Encoder whose space they are mapped into, a CLIP; data-free: also the bank of --head.",
)
@_method_options
@click.option(
    "--folds",
    type=click.IntRange(0, 16),
    default=5,
    show_default=True,
    help="Folds for out-of-fold similarities; 0 for none, with methods that descend.",
)
@click.option(
    "--holdout",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.1,
    show_default=True,
    help="Share of rows that are never fitted.",
)
@held_out_where_option
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=0,
    show_default=True,
    help="Seed of the row blocks, and of SGD.",
)
@click.option("--max-rows", type=click.IntRange(1), default=None, help="Fit on a random subset of this many rows.")
@click.option("--device", default="auto", show_default=True, help="Where SGD runs: auto, cpu, cuda, cuda:N or mps.")
@runner_options
def _align(out: Output, dataset: str, store_url: str, dask_address: str | None, **options: Any) -> None:
    """Fit the linear map from SOURCE's space to TARGET's on the images of DATASET that both have read.

    Ridge regression in closed form, unless --method names another aligner. Whatever fits it, rows that were fitted are
    scored by maps of the folds without them, and the map is judged on rows it never saw.
    """
    from t2c.flows.engine.runner import runner_for
    from t2c.flows.maps.align import align as step

    method = _method(options)
    with runner_for(dask_address) as runner:
        ref, store = parse_dataset_ref(dataset), open_store(store_url)
        report = step(store, ref, method=method, runner=runner, progress=Bars(quiet=out.as_json), **options)
    certificate = report.certificate
    facts = {
        "map": report.digest[:12],
        "aligner": certificate.aligner,
        "fitted rows": certificate.fitted,
        "ridge": certificate.ridge,
        "rank": certificate.rank,
    }
    out.facts("report", facts)
    show_certificate(out, certificate)
    if dask_address and method.method not in FROM_MOMENTS:
        out.sentence(f"note: {method.method} fits in this process: the scheduler at {dask_address} had no work")
    out.wrote(report.path)
    if certificate.aligner in ("ridge", "least-squares"):
        out.suggest(f"t2c concepts add everyday concepts.txt --encoder {options['target']}")
    else:
        out.suggest(f"t2c score {ref.name} --source {options['source']} --concepts BANK --map {report.digest[:12]}")


align = command(
    "align",
    example="t2c align photos --source timm:resnet50.a1_in1k --target open_clip:ViT-B-16/openai\n"
    "t2c align photos --source timm:resnet50.a1_in1k --target open_clip:ViT-B-16/openai --method sgd --preset paper",
)(_align)


def _method(options: dict[str, Any]) -> MethodSpec:
    """Take the method and its options out of a command's options; raises SpecError for one that is not the method's."""
    values = {name: options.pop(name) for name in MethodSpec.model_fields}
    classes = values.pop("classes")
    chosen = {name: value for name, value in values.items() if value is not None}
    return check_spec({**chosen, "classes": listed(classes)}, MethodSpec, subject="align")


def show_certificate(out: Output, certificate: Any) -> None:
    """Show what a map needed, what it optimised, and how good it is."""
    if certificate.objective:
        out.sentence(f"minimised: {certificate.objective}")
        out.sentence(f"needed: {'; '.join(certificate.needed)}")
    show_quality(out, certificate.held_out)
    for note in certificate.notes:
        out.sentence(f"note: {note}")
    out.put("certificate", certificate)


def show_quality(out: Output, held_out: Any) -> None:
    """Show R2 on rows not fitted, in its three definitions, each beside the mean predictor, and the mean cosine."""
    if held_out is None:
        out.say("  R2 unknown: no rows that were not fitted have been measured")
        return
    out.say(f"  R2 on {held_out.n:,} rows not fitted   map   mean predictor")
    for name in ("variance_weighted", "uniform", "global"):
        r2, mean = getattr(held_out, f"r2_{name}"), getattr(held_out, f"mean_{name}")
        out.say(f"    {name.replace('_', '-'):<25}{r2:>6.3f}  {mean:>6.3f}")
    if held_out.mean_cosine is not None:
        out.say(f"    {'mean cosine':<25}{held_out.mean_cosine:>6.3f}")
