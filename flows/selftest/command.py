"""The command that compares a dataset with itself: `t2c selftest`."""

from typing import Any

import click

from t2c.flows.cli.bars import Bars
from t2c.flows.cli.options import command, score_options
from t2c.flows.cli.output import Output
from t2c.flows.cli.spec_options import spec_options
from t2c.schemas.specs.shift import Counted
from t2c.store.disk.root import open_store


@click.argument("dataset")
@score_options
@click.option("--where", default=None, metavar="SQL", help="Only images that satisfy a condition.")
@spec_options(Counted, "counted")
@click.option(
    "--alpha", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.05, show_default=True, help="Level."
)
@click.option("--splits", type=click.IntRange(20), default=400, show_default=True, help="Random halves.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the halves.")
def _selftest(out: Output, dataset: str, store_url: str, counted: Counted, **options: Any) -> None:
    """Split DATASET in random halves many times and say how often they would be called different.

    Halves are dealt by what counts as one observation. A rate near --alpha is what a test promises; images that belong
    together and are counted one by one show up as a rate far above it.
    """
    from t2c.flows.selftest.selftest import selftest as step

    report = step(open_store(store_url), dataset, counted=counted, progress=Bars(quiet=out.as_json), **options)
    facts = {"dataset": report.dataset, "unit": report.unit, "units": report.units, "images": report.images}
    out.facts("about", {**facts, "splits": report.splits, "concepts": report.concepts})
    out.sentence(report.headline)
    out.table("selftest", report.table, columns=["split_by", "judged_by", "rate", "low", "high", "any_flag"])
    out.notes(report.notes)
    if report.path:
        out.wrote(report.path)
    out.suggest(f"t2c shift {dataset} OTHER" + (f" --cluster {counted.cluster}" if counted.cluster else ""))


selftest = command("selftest", example="t2c selftest photos\nt2c selftest photos --cluster clip")(_selftest)
