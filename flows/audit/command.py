"""Commands that put it all together: report, audit."""

import shlex
import sys
from textwrap import indent
from typing import Any

import click
from click.core import ParameterSource

from flows.cli.bars import Bars
from flows.cli.options import command, judging_options, runner_options, score_options, side_options
from flows.cli.output import Output
from schemas.specs.audit import EXAMPLE_FILE
from store.disk.root import open_store


@click.argument("reference")
@click.argument("current", required=False)
@score_options
@side_options
@judging_options
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
    from flows.report.write import report as step

    typed = f"t2c {shlex.join(sys.argv[1:])}"
    found = step(open_store(store_url), reference, commands=[typed], progress=Bars(quiet=out.as_json), **options)
    out.facts(
        "report",
        {
            "concepts": found.concepts,
            "flagged": found.flagged,
            "artifacts checked": found.checked,
            "bytes": found.bytes,
        },
    )
    out.wrote(found.path)
    out.suggest(f"open {found.path} in a browser")


report = command("report", example="t2c report photos new_photos -o report.html --query 'dog > 2 & beach > 1'")(_report)


@click.argument("file")
@click.option(
    "--prefect/--no-prefect", default=True, show_default=True, help="Run as a Prefect flow, or as plain functions."
)
@click.option("--fail-on-drift", is_flag=True, help="Exit 3 when any concept has shifted, whatever the file says.")
@runner_options
def _audit(out: Output, file: str, store_url: str, fail_on_drift: bool, **options: Any) -> int:
    """Run a whole audit from one validated YAML file: index to report.

    Run again after a kill it goes on where it stopped; run again when done it does nothing new.

    The store is the one the file names (relative to the file); else --store or $T2C_STORE (relative to the working
    directory); else t2c-store beside the file.
    """
    from flows.cli.audit_view import run_audit
    from flows.exit_codes import EXIT_DRIFT

    store = store_url if store_given() else None
    found = run_audit(out, file, prefect=options["prefect"], store=store, dask=options["dask_address"])
    return EXIT_DRIFT if fail_on_drift and found.drift else found.exit_code


audit = command("audit", example="t2c audit audit.yaml\nt2c audit audit.yaml --fail-on-drift --json")(_audit)
audit.epilog = f"{audit.epilog}\n\n\b\nAn audit file:\n{indent(EXAMPLE_FILE, '  ')}"


def store_given() -> bool:
    """Say whether the command that runs was given a store, before or after its name or by $T2C_STORE."""
    context = click.get_current_context()
    before = context.find_root().params.get("store_before") is not None
    return before or context.get_parameter_source("store_url") != ParameterSource.DEFAULT
