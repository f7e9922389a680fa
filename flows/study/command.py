"""Commands of the human study: make its pages, read what annotators saved."""

from pathlib import Path
from typing import Any

import click
import pyarrow as pa
import pyarrow.compute as pc

from t2c.flows.cli.bars import Bars
from t2c.flows.cli.options import command, labels_option
from t2c.flows.cli.output import Output
from t2c.store.disk.root import open_store

FIGURES = ("figure", "grain", "n", "rate", "low", "high", "chance", "chance_observed")
TITLES = {"rate": "how often a word fits (tables 1 and 5)", "agreement": "two annotators agree (table 6)"}


@click.group()
def study() -> None:
    """Ask people whether decoded words fit: make pages, read answers."""


@click.argument("dataset")
@click.option(
    "--out", "folder", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder for the pages."
)
@click.option(
    "--words",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="CSV: class, word and maybe source.  [default: the newest decoded answers]",
)
@click.option("--answer", "answers", multiple=True, metavar="DIGEST", help="A decoded answer to ask about; may repeat.")
@labels_option("What the classes are: the label or an attribute.")
@click.option(
    "--checks",
    "check_file",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="CSV of attention checks: class, word, answer (1 to 4).",
)
@click.option("--attention", default=4, show_default=True, help="Attention checks on a page, without --checks.")
@click.option("--annotators", default=2, show_default=True, help="Pages to make.")
@click.option("--per-item", default=2, show_default=True, help="Annotators who judge each word.")
@click.option("--classes", default=None, type=int, help="Classes to draw at random.  [default: all]")
@click.option("--images", default=9, show_default=True, help="Pictures in a collage, at most.")
@click.option("--seed", default=0, show_default=True, help="Of every draw.")
def _make(
    out: Output,
    dataset: str,
    store_url: str,
    folder: Path,
    words: Path | None,
    answers: tuple[str, ...],
    labels: str,
    check_file: Path | None,
    **plan: Any,
) -> None:
    """Write one HTML page an annotator: collages of DATASET's classes, and the words decoded for them.

    The pages work from a disk and connect to nothing. study.json beside them is for reading the answers: keep it from
    annotators.
    """
    from t2c.flows.study.design import Plan
    from t2c.flows.study.make import make as step

    report = step(
        open_store(store_url),
        dataset,
        folder,
        words=words,
        answers=answers,
        labels=labels,
        checks=check_file,
        plan=Plan(**plan),
        progress=Bars(quiet=out.as_json),
    )
    facts = {
        "study": report.study[:12],
        "classes": report.classes,
        "words": report.items,
        "models": len(report.sources),
        "attention checks": report.checks,
        "questions a page": ", ".join(map(str, report.words_a_page)),
    }
    out.facts("report", facts)
    if report.without:
        out.say(f"  note: {report.without:,} decoded vectors are no class of {dataset} and are left out")
    out.put("details", report)
    out.wrote(*report.pages, report.key)
    out.suggest(f"t2c study read ANSWERS.json ... --study {report.key}")


@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--study", "key", required=True, type=click.Path(path_type=Path), help="The study.json beside the pages.")
@click.option("--most-failed", type=int, default=None, help="Leave out annotators who failed more checks.")
def _read(out: Output, files: tuple[Path, ...], key: Path, most_failed: int | None, store_url: str) -> None:
    """Merge the FILES that annotators saved into tables 1, 5 and 6: rates, agreement, chance, attention."""
    from t2c.flows.study.read import read as step

    report = step(open_store(store_url), files, key=key, most_failed=most_failed)
    out.put("table", report.table)
    out.put("answers", report.answers)
    sources = report.table["source"].unique().to_pylist()
    for source in sources:
        rows_of_source = report.table.filter(pc.equal(report.table["source"], source))
        show(out, rows_of_source, title=source or ("all models together" if len(sources) > 1 else ""))
    standings = pa.Table.from_pylist(
        [
            {
                "annotator": standing.annotator,
                "checks": standing.checks,
                "failed": standing.failed,
                "counted": standing.counted,
            }
            for standing in report.attention
        ]
    )
    out.table("attention", standings, title="checks of attention")
    for name in report.waiting:
        out.say(f"  note: no file of {name}")
    out.put("waiting", report.waiting)
    out.wrote(*([report.path] if report.path else []))
    out.suggest('t2c sql "select word, given, count(*) from study_answers group by all"')


def show(out: Output, table: pa.Table, *, title: str) -> None:
    """Show people one model's rates and agreement, chance beside them; machines have the whole table."""
    if out.as_json:
        return
    if title:
        out.say(title)
    for figure, about in TITLES.items():
        rows = table.filter(pc.equal(table["figure"], figure))
        if rows.num_rows == 0:
            out.say("  no word was judged by two annotators: no agreement")
            continue
        columns = [name for name in FIGURES[1:] if figure == "agreement" or name != "chance_observed"]
        out.table(f"{figure} of {title}" if title else figure, rows, columns=columns, title=f"  {about}")


command("study make", example="t2c study make photos --out study --annotators 2 --classes 50", group=study)(_make)
command("study read", example="t2c study read annotator-*.json --study study/study.json", group=study)(_read)
