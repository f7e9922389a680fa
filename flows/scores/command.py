"""Commands that ask: summary, top, find, shift, zeroshot, sql. None of them loads a model."""

import shlex
from typing import Any

import click

from flows.cli.bars import Bars
from flows.cli.options import command, judging_options, labels_option, score_options, side_options
from flows.cli.output import Output, show
from flows.cli.parsing import listed
from schemas.logic import Constraint, render
from store.disk.root import open_store


@click.argument("dataset")
@score_options
@click.option("-n", "--limit", type=click.IntRange(1), default=30, show_default=True, help="Concepts shown.")
@click.option(
    "--images",
    "k",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="Most and least similar images kept a concept.",
)
@click.option("--by-class", is_flag=True, help="Also the most and least similar images inside each class.")
def _summary(out: Output, dataset: str, store_url: str, limit: int, **options: Any) -> None:
    """Describe a dataset by its concepts: outcomes, distributions, the class and the image that each fits best."""
    from flows.cli.summary_view import show_summary
    from flows.steps.summary import summary as step

    report = step(open_store(store_url), dataset, **options)
    show_summary(out, report, limit=limit)
    out.suggest(f"t2c find {dataset} {shlex.quote(_example(report.concepts['concept'].to_pylist()))}")


summary = command("summary", example="t2c summary photos --concepts everyday")(_summary)


@click.argument("dataset")
@click.argument("concept")
@score_options
@click.option("-n", "--limit", "k", type=click.IntRange(1), default=20, show_default=True, help="Images shown.")
@click.option("--least", is_flag=True, help="The least similar instead of the most similar.")
@click.option("--label", default=None, help="Only inside this class.")
@click.option(
    "--where", default=None, metavar="SQL", help="Only images that satisfy a condition, such as \"split = 'test'\"."
)
@click.option("--no-duplicates", is_flag=True, help="Leave out images whose bytes came before.")
def _top(out: Output, dataset: str, concept: str, store_url: str, no_duplicates: bool, **options: Any) -> None:
    """Show the images most (or least) similar to CONCEPT."""
    from flows.steps.top import top as step
    from flows.trust.view import say_mark_of

    store = open_store(store_url)
    table = step(store, dataset, concept, duplicates=not no_duplicates, **options)
    scored = {name: options[name] for name in ("source", "target", "bank", "linear_map")}
    say_mark_of(out, store, dataset, concept, **scored)
    out.table("images", table, columns=_present(table, "row", "similarity", "z", "label", "image_id"))
    out.suggest(f"t2c find {dataset} {shlex.quote(_example([concept]))}")


top = command("top", example="t2c top photos 'in a tree'\nt2c top photos 'in a tree' --least --label dog")(_top)


@click.argument("dataset")
@click.argument("expression")
@score_options
@click.option(
    "-n", "--limit", type=click.IntRange(0), default=20, show_default=True, help="Images shown; the counts are of all."
)
@click.option(
    "--where", default=None, metavar="SQL", help="Search only images that satisfy a condition; thresholds are theirs."
)
@click.option("--no-duplicates", is_flag=True, help="Leave out images whose bytes came before.")
@click.option("-o", "--output", default=None, metavar="FILE", help="Write the matches to FILE.parquet or FILE.csv.")
def _find(out: Output, dataset: str, expression: str, store_url: str, output: str | None, **options: Any) -> None:
    """Retrieve images by concept logic: 'dog > 2.25 & beach > 2 & indoors < 0'.

    `c > k` keeps similarities above mean + k standard deviations of the searched images, `c < -k` those below
    mean - k. Combine with & | ! and parentheses; quote names with spaces or operators. ! is set complement.
    """
    from flows.scores.ask import find as step
    from flows.trust.view import say_marks

    options["duplicates"] = not options.pop("no_duplicates")
    store = open_store(store_url)
    report = step(store, dataset, expression, **options)
    out.say(f"{report.expression}")
    out.facts("counts", {"searched": report.searched, "matches": report.total})
    out.put("dataset", report.dataset)
    out.table("funnel", report.funnel, title="after each constraint")
    out.table("thresholds", report.thresholds, title="thresholds")
    named = report.thresholds["concept"].to_pylist()
    say_marks(out, store, dataset, named, map=report.map, bank=report.bank)
    if report.matches.num_rows:
        columns = _present(report.matches, "rank", "row", "margin", "label", "image_id")
        out.table("matches", report.matches, columns=columns, title="matches, surest first")
    else:
        out.put("matches", report.matches)
    if output is not None:
        from flows.engine.output_files import write_table

        write_table(
            report.matches.drop_columns([name for name in ("z", "similarity") if name in report.matches.column_names]),
            output,
        )
        out.wrote(output)
    out.suggest(f"t2c report {dataset} --query {shlex.quote(report.expression)} -o report.html")


find = command("find", example="t2c find photos 'dog > 2.25 & beach > 2 & indoors < 0'")(_find)


@click.argument("reference")
@click.argument("current", required=False)
@score_options
@side_options
@judging_options
@click.option("--no-duplicates", is_flag=True, help="Leave out images whose bytes came before.")
@click.option("-n", "--limit", type=click.IntRange(1), default=30, show_default=True, help="Concepts shown.")
@click.option("--fail-on-drift", is_flag=True, help="Exit 3 when any concept has risen or fallen.")
def _shift(out: Output, reference: str, store_url: str, limit: int, fail_on_drift: bool, **options: Any) -> int:
    """Compare CURRENT with REFERENCE, concept by concept (two-sample Kolmogorov-Smirnov).

    Either may be a snapshot (photos@3) or a slice (--where); only held-out and out-of-fold similarities are compared.
    """
    from flows.exit_codes import EXIT_DRIFT
    from flows.shift.shift import shift as step
    from flows.shift.view import show_shift

    options["duplicates"] = not options.pop("no_duplicates")
    report = step(open_store(store_url), reference, progress=Bars(quiet=out.as_json), **options)
    show_shift(out, report, limit=limit)
    if options["current"]:
        out.suggest(f"t2c report {reference} {options['current']} -o report.html")
    return EXIT_DRIFT if fail_on_drift and report.drift else 0


shift = command(
    "shift", example="t2c shift photos new_photos\nt2c shift photos --where \"captured_at >= '2026-11-14'\""
)(_shift)


@click.argument("query")
@click.option("-o", "--output", default=None, metavar="FILE", help="Write the result to FILE.parquet or FILE.csv.")
def _sql(out: Output, query: str, store_url: str, output: str | None) -> None:
    """Run one SELECT (DuckDB) over the store's views: images, encoders, linear_maps, concepts, similarities, ...

    Nothing can be written and no other file read. `t2c sql "select * from documentation"` lists every column.
    """
    from store.queries.user_sql import run_user_sql

    table = run_user_sql(open_store(store_url), query)
    out.table("rows", table)
    if output is not None:
        from flows.engine.output_files import write_table

        write_table(table, output)
        out.wrote(output)
    out.say(f"{table.num_rows:,} rows")
    out.suggest('t2c sql "select * from documentation"')


sql = command("sql", example='t2c sql "select concept, mean, std from concept_stats order by mean desc limit 10"')(_sql)


@click.argument("dataset")
@score_options
@click.option(
    "--classes", default=None, metavar="A,B", help="Class names, comma-separated.  [default: the dataset's labels]"
)
@click.option(
    "--template",
    "templates",
    multiple=True,
    metavar="TEXT",
    help="Prompt with {} for the class; may repeat.  [default: the paper's seven]",
)
@labels_option("What is right: the label or an attribute.")
@click.option(
    "-o", "--output", default=None, metavar="FILE", help="Write one row an image to FILE.parquet or FILE.csv."
)
def _zeroshot(
    out: Output,
    dataset: str,
    store_url: str,
    classes: str | None,
    templates: tuple[str, ...],
    output: str | None,
    **options: Any,
) -> None:
    """Classify with class names as concepts, beside the target CLIP itself and chance."""
    from flows.zeroshot.view import run_zeroshot

    names = listed(classes) or None
    run_zeroshot(out, open_store(store_url), dataset, classes=names, templates=templates, output=output, **options)


zeroshot = command("zeroshot", example='t2c zeroshot photos --template "a photo of a {}"')(_zeroshot)


def _present(table: Any, *names: str) -> list[str]:
    """Return the names that are columns of table and not null all over."""
    return [name for name in names if name in table.column_names and table[name].null_count < max(table.num_rows, 1)]


def _example(names: list[str]) -> str:
    """Return a query a user can type next, from concepts of the bank."""
    asked = [render(Constraint(name, 1, bound)) for name, bound in zip(names[:2], (1.0, 0.0), strict=False)]
    return show(" & ".join(asked))
