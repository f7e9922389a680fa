"""The command that compares concept logic with one combined prompt."""

import shlex
from dataclasses import asdict
from typing import Any

import click
import pyarrow as pa

from t2c.flows.cli.options import command, score_options
from t2c.flows.cli.output import Output
from t2c.store.disk.root import open_store


@click.argument("dataset")
@click.argument("expression")
@click.argument("prompt")
@score_options
@click.option("--truth", default=None, metavar="SQL", help="Condition that holds for the images that are asked for.")
@click.option("--where", default=None, metavar="SQL", help="Only images that satisfy a condition.")
def _prompt(out: Output, dataset: str, expression: str, prompt: str, store_url: str, **options: Any) -> None:
    """Ask DATASET for the same images by concept logic (EXPRESSION) and by one combined PROMPT of the bank.

    Both return equally many images; with --truth, how many of them are right.
    """
    from t2c.flows.concepts.prompt import prompt as step

    report = step(open_store(store_url), dataset, expression, prompt, **options)
    rows = [
        {key: value for key, value in asdict(way).items() if key != "rows"} for way in (report.logic, report.prompt)
    ]
    out.table("ways", pa.Table.from_pylist(rows), columns=_columns(report.relevant is not None))
    facts: dict[str, Any] = {"searched": report.searched, "found by both": report.both}
    if report.relevant is not None:
        facts |= {"relevant": report.relevant, "base rate": report.base_rate}
    out.facts("report", facts)
    out.suggest(f"t2c find {dataset} {shlex.quote(expression)}")


def _columns(with_truth: bool) -> tuple[str, ...]:
    return ("way", "asked", "found", *(("right", "precision", "low", "high", "recall") if with_truth else ()))


prompt = command(
    "prompt",
    example="t2c prompt photos 'dog > 2 & beach > 1' 'a dog on the beach'\n"
    "t2c prompt photos 'red > 1.5 & indoors > 1' 'a red object indoors' --truth \"attribute('colour') = 'red'\"",
)(_prompt)
