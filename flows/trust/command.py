"""The command that measures which concepts may be believed: trust."""

from typing import Any

import click
import pyarrow as pa

from t2c.flows.cli.bars import Bars
from t2c.flows.cli.options import command, mapping_option, score_options
from t2c.flows.cli.output import Output
from t2c.flows.cli.parsing import CONCEPT_OF_VALUE, pairs
from t2c.store.disk.root import open_store

REASONS = 12
"""Concepts whose reason is printed; machines get all."""


@click.argument("dataset")
@score_options
@click.option(
    "--labels",
    multiple=True,
    metavar="label|ATTRIBUTE",
    help="What says which images have a concept; may repeat.  [default: label and every attribute]",
)
@mapping_option
@click.option(
    "--directions",
    type=click.IntRange(40),
    default=200,
    show_default=True,
    help="Random directions of each kind to compare with.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the random directions.")
@click.option("-n", "--limit", type=click.IntRange(1), default=40, show_default=True, help="Concepts shown.")
def _trust(out: Output, dataset: str, store_url: str, mapping: tuple[str, ...], limit: int, **options: Any) -> None:
    """Mark each concept trusted, weak, unverified or untrusted under the linear map that DATASET was scored with.

    Transport: do aligned similarities agree with the target's own on images the map was not fitted on? Meaning: do they
    separate the images that have the concept, by labels or attributes, better than random directions do? Only both
    are trusted.
    """
    from t2c.flows.trust.trust import trust as step

    concepts = pairs(mapping, option="--mapping", form=CONCEPT_OF_VALUE)
    report = step(open_store(store_url), dataset, mapping=concepts, progress=Bars(quiet=out.as_json), **options)
    out.facts("about", {"dataset": report.dataset, "map": report.map, "bank": report.bank})
    out.put("marks", {mark: report.count(mark) for mark in ("trusted", "weak", "unverified", "untrusted")})
    out.say(f"  {report.headline.rpartition(': ')[2]}")
    table = _shown(report.table)
    out.table("concepts", table.slice(0, limit), title="concepts, the doubtful first")
    if table.num_rows > limit:
        out.say(f"  ... and {table.num_rows - limit:,} more (-n {table.num_rows})")
    out.put("concepts", report.table)
    _say_why(out, report.table)
    out.notes(report.notes)
    if report.path:
        out.wrote(report.path)
    out.suggest(f"t2c summary {dataset}")


trust = command(
    "trust", example="t2c trust photos --concepts everyday\nt2c trust photos --labels scene --mapping 'tree=in a tree'"
)(_trust)


def _doubtful_first(table: pa.Table) -> list[dict[str, Any]]:
    order = ("untrusted", "weak", "unverified", "trusted")
    rows: list[dict[str, Any]] = table.to_pylist()
    return sorted(rows, key=lambda row: (order.index(row["mark"]), row["auroc"] or 0.0, row["key"]))


def _shown(table: pa.Table) -> pa.Table:
    """Return what fits 80 columns: each figure beside that of random directions."""
    rows = _doubtful_first(table)
    columns = {
        "concept": [row["concept"] for row in rows],
        "trust": [row["mark"] for row in rows],
        "Spearman": [_two(row["spearman"]) for row in rows],
        "random": [_two(row["random_spearman"]) for row in rows],
        "AUROC": [_two(row["auroc"]) for row in rows],
        "95 %": ["-" if row["auroc"] is None else f"{row['auroc_low']:.2f}-{row['auroc_high']:.2f}" for row in rows],
        "beat": [_two(row["random_auroc"]) for row in rows],
        "nearest": [row["neighbours"][0] if row["neighbours"] else None for row in rows],
    }
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})


def _two(value: float | None) -> str | None:
    return None if value is None else f"{value:.2f}"


def _say_why(out: Output, table: pa.Table) -> None:
    """Print the reason of each mark that is not trusted, those without a label together in a note."""
    rows = [row for row in _doubtful_first(table) if row["mark"] in ("untrusted", "weak")]
    for row in rows[:REASONS]:
        out.say(f"  {row['mark']}: {row['concept']}: {row['why']}")
    if len(rows) > REASONS:
        out.say(f"  ... and {len(rows) - REASONS:,} more reasons (--json has all)")
