"""The command that compares two sets of images: `t2c shift`."""

from typing import Any

import click

from t2c.flows.cli.bars import Bars
from t2c.flows.cli.options import command, duplicates_option, judging_options, score_options, side_options
from t2c.flows.cli.output import Output
from t2c.store.disk.root import open_store


@click.argument("reference")
@click.argument("current", required=False)
@score_options
@side_options
@judging_options
@duplicates_option
@click.option("-n", "--limit", type=click.IntRange(1), default=30, show_default=True, help="Concepts shown.")
@click.option("--fail-on-drift", is_flag=True, help="Exit 3 when any concept has risen or fallen.")
def _shift(out: Output, reference: str, store_url: str, limit: int, fail_on_drift: bool, **options: Any) -> int:
    """Compare CURRENT with REFERENCE, concept by concept (two-sample Kolmogorov-Smirnov).

    Either may be a snapshot (photos@3) or a slice (--where); only held-out and out-of-fold similarities are compared.
    """
    from t2c.flows.engine.stop import EXIT_DRIFT
    from t2c.flows.shift.shift import shift as step
    from t2c.flows.shift.view import show_shift

    report = step(open_store(store_url), reference, progress=Bars(quiet=out.as_json), **options)
    show_shift(out, report, limit=limit)
    if options["current"]:
        out.suggest(f"t2c report {reference} {options['current']} -o report.html")
    return EXIT_DRIFT if fail_on_drift and report.drift else 0


shift = command(
    "shift", example="t2c shift photos new_photos\nt2c shift photos --where \"captured_at >= '2026-11-14'\""
)(_shift)
