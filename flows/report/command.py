"""The command that writes a report: `t2c report`."""

import shlex
import sys
from typing import Any

import click

from t2c.flows.cli.bars import Bars
from t2c.flows.cli.options import command, score_options, side_options
from t2c.flows.cli.output import Output
from t2c.flows.cli.spec_options import spec_options
from t2c.schemas.specs.shift import Judging
from t2c.store.disk.root import open_store


@click.argument("reference")
@click.argument("current", required=False)
@score_options
@side_options
@spec_options(Judging, "judging")
@click.option(
    "-o", "--output", default="report.html", show_default=True, metavar="FILE.html", help="Where the report goes."
)
@click.option(
    "--query", "queries", multiple=True, metavar="LOGIC", help="Concept logic to answer with pictures; may repeat."
)
@click.option("--title", default=None, help="Heading of the report.")
def _report(out: Output, reference: str, store_url: str, **options: Any) -> None:
    """Write the audit of REFERENCE, or of CURRENT against REFERENCE, as one self-contained HTML file.

    The digests of every artifact it reads are checked first.
    """
    from t2c.flows.report.write import report as step

    typed = f"t2c {shlex.join(sys.argv[1:])}"
    written = step(open_store(store_url), reference, commands=[typed], progress=Bars(quiet=out.as_json), **options)
    out.facts(
        "report",
        {
            "concepts": written.concepts,
            "verdict": written.verdict or "nothing was compared",
            "artifacts checked": written.checked,
            "bytes": written.bytes,
        },
    )
    out.wrote(written.path)
    out.suggest(f"open {written.path} in a browser")


report = command("report", example="t2c report photos new_photos -o report.html --query 'dog > 2 & beach > 1'")(_report)
