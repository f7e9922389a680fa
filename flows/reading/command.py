"""Commands that read a dataset: classes, hard, cooccur, slices."""

import shlex
from typing import Any

import click
import pyarrow as pa
import pyarrow.compute as pc

from t2c.flows.cli.options import command, labels_option, score_options
from t2c.flows.cli.output import Output
from t2c.store.disk.root import open_store

_labels = labels_option("What the classes are: the label or an attribute.")


@click.argument("dataset")
@click.argument("concepts", nargs=-1)
@score_options
@_labels
@click.option("-n", "--limit", type=click.IntRange(1), default=30, show_default=True, help="Lines shown.")
@click.option(
    "--images", type=click.IntRange(0), default=4, show_default=True, help="Images kept at each end of a class."
)
@click.option(
    "--by", type=click.Choice(["mean", "top"]), default="mean", show_default=True, help="Order of the classes."
)
def _classes(
    out: Output, dataset: str, concepts: tuple[str, ...], store_url: str, limit: int, by: str, **options: Any
) -> None:
    """Rank the classes of DATASET by mean similarity to CONCEPTS, or by their share of the top 1 % of images.

    Without CONCEPTS: the first class of every concept. `most` and `least` are the rows at both ends of each class.
    """
    from t2c.flows.reading.reading import class_ranks as step

    report = step(open_store(store_url), dataset, concepts, **options)
    order = "rank" if by == "mean" else "top_rank"
    table = report.table.sort_by([("key", "ascending"), (order, "ascending")])
    selected = table if concepts else table.filter(pc.equal(table[order], 1))
    columns = ["concept", "label", "rank", "mean", "z", "top_rank", "top_share", "share", "count"]
    out.table("classes", selected.slice(0, limit), columns=columns)
    _close(out, report, "classes", table)
    out.suggest(
        f"t2c top {dataset} {shlex.quote(_first(table, 'concept'))} --least --label {shlex.quote(_first(table, 'label'))}"
    )


@click.argument("dataset")
@_labels
@score_options
@click.option(
    "--context", "contexts", multiple=True, metavar="CONCEPT", help="Context to look at.  [default: the bank's]"
)
@click.option("--model", default=None, metavar="NAME", help="Show what these imported predictions say of each image.")
@click.option(
    "--images", type=click.IntRange(1), default=8, show_default=True, help="Images of each class and context."
)
@click.option("-n", "--limit", type=click.IntRange(1), default=40, show_default=True, help="Lines shown.")
def _hard(out: Output, dataset: str, store_url: str, limit: int, **options: Any) -> None:
    """Show the images of each class of DATASET that least show a context their class usually has."""
    from t2c.flows.reading.hard_images import hard_images as step

    report = step(open_store(store_url), dataset, **options)
    columns = ["label", "context", "rank", "row", "similarity", "z", "image_id"]
    columns += ["predicted"] if options["model"] else []
    out.table("images", report.table.slice(0, limit), columns=columns)
    _close(out, report, "images", report.table)
    out.suggest(f"t2c report {dataset} -o report.html")


@click.argument("dataset")
@score_options
@click.option("-k", type=float, default=1.0, show_default=True, help="Present: above mean + k standard deviations.")
@click.option("-n", "--limit", type=click.IntRange(1), default=20, show_default=True, help="Pairs shown.")
def _cooccur(out: Output, dataset: str, store_url: str, limit: int, **options: Any) -> None:
    """Show which concepts come together in DATASET, the strongest correlation first.

    `cosine` is that of the concept vectors: near ones come together for that alone.
    """
    from t2c.flows.reading.reading import concept_pairs as step

    report = step(open_store(store_url), dataset, **options)
    columns = ["concept", "other", "phi", "lift", "n_both", "n_concept", "n_other", "cosine"]
    out.table("pairs", report.table.slice(0, limit), columns=columns)
    _close(out, report, "pairs", report.table)
    out.suggest(f"t2c report {dataset} -o report.html")


@click.argument("dataset")
@click.option("--model", required=True, metavar="NAME", help="Model whose predictions were imported.")
@score_options
@_labels
@click.option("-k", type=click.FloatRange(0), default=1.0, show_default=True, help="Terms: concept > k, concept < -k.")
@click.option("--longest", type=click.IntRange(1, 3), default=3, show_default=True, help="Concepts in a slice.")
@click.option(
    "--smallest", type=click.IntRange(1), default=20, show_default=True, help="Images of a slice, in one half."
)
@click.option("-n", "--limit", "most", type=click.IntRange(1), default=5, show_default=True, help="Slices sought.")
@click.option(
    "--alpha",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.05,
    show_default=True,
    help="Chance of a false confirmation.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the two halves.")
def _slices(out: Output, dataset: str, store_url: str, **options: Any) -> None:
    """Say in words where a model fails: conjunctions of up to three concepts on which it errs most.

    Found on one half of the images, sized and rated on the other; `confirmed` there means worse than the rest by more
    than chance.
    """
    from t2c.core.bottleneck.slices import SliceOptions
    from t2c.flows.reading.slices import model_slices as step

    chosen = SliceOptions(**{name: options.pop(name) for name in ("most", "longest", "smallest", "alpha")})
    report = step(open_store(store_url), dataset, options=chosen, **options)
    facts = {"model": report.model, "images": report.n, "errors": report.errors, "error rate": report.errors / report.n}
    out.facts("counts", facts)
    columns = ["slice", "n", "errors", "error_rate", "low", "high", "confirmed"]
    if report.table.num_rows:
        out.table("slices", report.table, columns=columns, title="slices, on the half they were not found on")
    else:
        out.put("slices", report.table)
        out.say("  no slice by concepts is worse than the rest")
    out.notes(report.notes)
    if report.path:
        out.wrote(report.path)
    first = _first(report.table, "slice")
    out.suggest(f"t2c find {dataset} {shlex.quote(first)}" if first else f"t2c report {dataset} -o report.html")


def _close(out: Output, report: Any, name: str, table: pa.Table) -> None:
    """Give machines the whole table, and say notes and where the answer is."""
    out.put(name, table)
    out.put("dataset", report.dataset)
    out.notes(report.notes)
    if report.path:
        out.wrote(report.path)


def _first(table: pa.Table, column: str) -> str:
    return str(table[column][0]) if table.num_rows else ""


classes = command("classes", example='t2c classes photos "in a tree"')(_classes)
hard = command("hard", example="t2c hard photos")(_hard)
cooccur = command("cooccur", example="t2c cooccur photos")(_cooccur)
slices = command("slices", example="t2c slices photos --model prod-v7")(_slices)
