"""The command that scores a dataset: `t2c score`."""

from typing import Any

import click

from t2c.flows.cli.bars import Bars
from t2c.flows.cli.options import command, runner_options
from t2c.flows.cli.output import Output
from t2c.schemas.names import parse_dataset_ref
from t2c.store.disk.root import open_store


@click.argument("dataset")
@click.option("--source", required=True, metavar="ENCODER", help="Encoder whose features are scored.")
@click.option("--concepts", "bank", required=True, metavar="BANK", help="Concept bank.")
@click.option("--target", default=None, metavar="ENCODER", help="Target encoder, when several maps fit.")
@click.option(
    "--map",
    "linear_map",
    default=None,
    metavar="DIGEST",
    help="Linear map.  [default: the newest regression between the two spaces]",
)
@runner_options
def _score(out: Output, dataset: str, store_url: str, dask_address: str | None, **options: Any) -> None:
    """Materialise the similarity of every image to every concept of a bank; only what is new is computed.

    Images the map was fitted on are scored with the map of the folds without them.
    """
    from t2c.flows.engine.runner import runner_for
    from t2c.flows.scores.score import score as step

    with runner_for(dask_address) as runner:
        ref = parse_dataset_ref(dataset)
        report = step(open_store(store_url), ref, runner=runner, progress=Bars(quiet=out.as_json), **options)
    facts = {
        "map": report.map,
        "new rows": report.rows,
        "new concepts": report.concepts,
        "rows": report.total_rows,
        "concepts": report.total_concepts,
    }
    out.facts("report", facts)
    if report.in_sample:
        out.say(f"  note: {report.in_sample:,} in-sample rows are left out of every comparison")
    out.put("details", report)
    out.wrote(f"{report.path} (snapshot {report.snapshot})")
    out.suggest(f"t2c summary {dataset}")


score = command("score", example="t2c score photos --source timm:resnet50.a1_in1k --concepts everyday")(_score)
