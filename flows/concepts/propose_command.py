"""The command that proposes concepts to ask about."""

from pathlib import Path
from typing import Any

import click

from t2c.flows.cli.bars import Bars
from t2c.flows.cli.options import side_options
from t2c.flows.cli.output import Output
from t2c.store.disk.root import open_store

EXAMPLE = (
    "t2c concepts propose photos new_photos -o words.txt\n"
    "t2c concepts propose photos --where \"prediction('prod-v7') <> label\""
)


@click.argument("reference")
@click.argument("current", required=False)
@side_options
@click.option(
    "--vocabulary", default="english", show_default=True, help="Words to choose from: english, bank:NAME or file:PATH."
)
@click.option(
    "--background", multiple=True, metavar="DATASET", help="Images at large; may repeat.  [default: all of the store]"
)
@click.option("--source", default=None, metavar="ENCODER", help="Encoder of the images, when several fit.")
@click.option("--target", default=None, metavar="ENCODER", help="CLIP whose words they are, when several fit.")
@click.option("--map", "linear_map", default=None, metavar="DIGEST", help="Linear map, when several fit.")
@click.option(
    "--alpha",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.05,
    show_default=True,
    help="False discovery rate among what is confirmed.",
)
@click.option(
    "--min-share",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.01,
    show_default=True,
    help="Smallest difference of shares worth a line; a fifth of it where a share doubles or halves.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the halves, by content.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
@click.option("-n", "--limit", type=click.IntRange(1), default=20, show_default=True, help="Lines shown.")
@click.option(
    "-o",
    "--output",
    default=None,
    metavar="FILE",
    help="Write the confirmed words to FILE.txt, or all rows to FILE.parquet.",
)
def propose(
    out: Output, reference: str, current: str | None, store_url: str, limit: int, output: str | None, **options: Any
) -> None:
    """Propose which words to ask about: those that tell CURRENT from REFERENCE, or the rows of --where from the rest.

    No bank is needed. Words are found on one half of the images, chosen by content, and measured on the other; a word
    stands out in an image where its similarity is largest in the units of a background.
    """
    from t2c.flows.concepts.propose import propose_concepts

    report = propose_concepts(open_store(store_url), reference, current, progress=Bars(quiet=out.as_json), **options)
    out.sentence(report.headline)
    facts = {
        "reference": f"{report.reference}: found on {report.searched[0]:,} images, measured on {report.measured[0]:,}",
        "current": f"{report.current}: found on {report.searched[1]:,} images, measured on {report.measured[1]:,}",
        "words": f"{report.words:,} of {report.vocabulary}",
        "map": report.map,
        "at large": report.background,
    }
    out.facts("report", facts)
    columns = ["rank", "word", "direction", "verdict", "lens", "before", "after", "low", "high"]
    title = "shares of images in which a word stands out, on the half that did not choose it"
    out.table("proposals", report.table.slice(0, limit), columns=columns, title=title)
    out.put("proposals", report.table)
    out.notes(report.notes)
    confirmed = [row["word"] for row in report.of("confirmed")]
    if output is not None:
        _write(report.table, confirmed, output)
        out.wrote(output)
    if report.path:
        out.wrote(report.path)
    if confirmed:
        named = output if output is not None and output.endswith(".txt") else "words.txt"
        out.suggest(f"t2c concepts add proposed {named}")


def _write(table: Any, confirmed: list[str], output: str) -> None:
    from t2c.flows.engine.output_files import replacing, write_table

    if Path(output).suffix != ".txt":
        write_table(table, output)
        return
    with replacing(output) as temporary:
        temporary.write_text("".join(f"{word}\n" for word in confirmed), encoding="utf-8")
