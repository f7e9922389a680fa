"""The command that refines a concept from exemplars."""

from typing import Any

import click

from t2c.flows.cli.options import score_options
from t2c.flows.cli.output import Output
from t2c.schemas.errors import SpecError, expected
from t2c.store.disk.root import open_store

EXAMPLE = (
    't2c concepts refine "in a tree" --dataset photos --positive good.txt --negative bad.txt\n'
    "t2c find photos 'tree > 2' --json | t2c concepts refine tree --dataset photos --positive -"
)
_FROM = "A file of image ids, row numbers such as 3,17, or - for what t2c find --json prints"


@click.argument("concept")
@click.option("--dataset", default=None, metavar="DATASET", help="Dataset of the images.  [default: the only one]")
@score_options
@click.option("--positive", default=None, metavar="ROWS", help=f"Images that show it. {_FROM}.")
@click.option("--negative", default=None, metavar="ROWS", help="Images that do not, named the same way.")
@click.option("--from-find", default=None, metavar="EXPR", help="Positives: the surest images of a query.")
@click.option("--against-find", default=None, metavar="EXPR", help="Negatives: the surest images of a query.")
@click.option("--take", type=click.IntRange(2), default=50, show_default=True, help="Images taken of a query.")
@click.option(
    "--method",
    type=click.Choice(["mean", "classifier"]),
    default=None,
    help="Mean of the positives, or a linear classifier.  [default: the latter when negatives are named]",
)
@click.option("--name", default=None, help="Name of the new concept.  [default: 'CONCEPT (refined)']")
@click.option("--attribute", default=None, metavar="label|ATTRIBUTE", help="What says which images really show it.")
@click.option("--value", default=None, help="Value of the attribute that stands for the concept.")
@click.option("--holdout", type=float, default=0.3, show_default=True, help="Share of exemplars to measure on instead.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of that choice.")
def refine(out: Output, concept: str, store_url: str, dataset: str | None, **options: Any) -> None:
    """Make a better vector for CONCEPT from images, and save it as a new concept of its bank.

    Works in the aligned space; before and after are compared on images that the vector was not made from.
    """
    from t2c.flows.concepts.refine import refine_concept
    from t2c.flows.concepts.refine_job import RefineOptions
    from t2c.store.artifacts.images import open_images
    from t2c.store.queries import resolve_scores

    store = open_store(store_url)
    name = dataset or _only_dataset(store)
    sides = {side: options.pop(side) for side in ("source", "target", "bank", "linear_map")}
    images, scores = open_images(store, name), resolve_scores(store, name, **sides)
    take = options.pop("take")
    positive = _rows(scores, images, options.pop("positive"), options.pop("from_find"), take=take, side="positive")
    negative = _rows(scores, images, options.pop("negative"), options.pop("against_find"), take=take, side="negative")
    if not positive:
        todo = "Name them: --positive ids.txt, or --from-find 'CONCEPT > 2'"
        raise SpecError(expected("exemplars", "images that show the concept", "none", todo))
    report = refine_concept(
        store, name, concept, positive=positive, negative=negative, options=RefineOptions(**options), **sides
    )
    facts = {
        "new concept": report.name,
        "bank": report.bank,
        "method": report.method,
        "positives": report.positives,
        "negatives": report.negatives,
        "kept aside": f"{report.aside[0]} and {report.aside[1]}",
        "cosine with the old": report.cosine,
    }
    out.facts("report", facts)
    out.put("details", {"name": report.name, "concept": report.concept, "dataset": report.dataset, "new": report.new})
    columns = ["measured_on", "vector", "positives", "negatives", "auroc", "low", "high", "mark"]
    if report.table.num_rows:
        out.table("refinement", report.table, columns=columns, title="before and after, on images not used")
    else:
        out.put("refinement", report.table)
    out.notes(report.notes)
    out.wrote(report.path)
    out.suggest(f"t2c score {name} --source {scores.source.name} --concepts {report.bank}")


def _rows(scores: Any, images: Any, text: str | None, query: str | None, *, take: int, side: str) -> list[int]:
    """Return the rows of one side, from an option or a query; raises SpecError for both."""
    from t2c.flows.concepts.exemplar_rows import found_rows, read_rows

    if text is not None and query is not None:
        raise SpecError(expected(f"{side} exemplars", "rows or a query", "both"))
    if query is not None:
        return found_rows(scores, images, query, most=take)
    return read_rows(images, text, option=f"--{side}") if text is not None else []


def _only_dataset(store: Any) -> str:
    from t2c.store.artifacts.images import list_datasets

    datasets = list_datasets(store)
    if len(datasets) != 1:
        actual = ", ".join(datasets) or "none"
        raise SpecError(expected("--dataset", "the dataset of the images", f"a choice of {actual}", "Name one."))
    return datasets[0]
