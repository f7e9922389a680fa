"""Commands that ask: summary, top, find, sql. None of them loads a model."""

import shlex
import sys
from typing import Any

import click
import pyarrow as pa

from t2c.flows.cli.options import command, score_options
from t2c.flows.cli.output import Output
from t2c.flows.engine.text_table import show
from t2c.flows.trust.view import NOT_MEASURED
from t2c.schemas.logic import Constraint, render
from t2c.store.disk.root import open_store


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
    from t2c.flows.scores.ask import summary as step

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
    from t2c.flows.scores.ask import top as step
    from t2c.flows.trust.view import say_mark_of

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
@click.option("-o", "--output", default=None, metavar="FILE", help="Write all matches to FILE.parquet or FILE.csv.")
def _find(out: Output, dataset: str, expression: str, store_url: str, output: str | None, **options: Any) -> None:
    """Retrieve images by concept logic: 'dog > 2.25 & beach > 2 & indoors < 0'.

    `c > k` keeps similarities above mean + k standard deviations of the searched images, `c < -k` those below
    mean - k. Combine with & | ! and parentheses; quote names with spaces or operators. ! is set complement.
    """
    from t2c.flows.scores.ask import find as step
    from t2c.flows.trust.view import say_marks

    options["duplicates"] = not options.pop("no_duplicates")
    shown = options["limit"]
    if output is not None:  # a file holds every match, whatever the terminal shows
        options["limit"] = sys.maxsize
    store = open_store(store_url)
    report = step(store, dataset, expression, **options)
    matches = report.matches.slice(0, shown)
    out.say(f"{report.expression}")
    out.facts("counts", {"searched": report.searched, "matches": report.total})
    out.put("dataset", report.dataset)
    out.table("funnel", report.funnel, title="after each constraint")
    out.table("thresholds", report.thresholds, title="thresholds")
    named = report.thresholds["concept"].to_pylist()
    say_marks(out, store, dataset, named, map=report.map, bank=report.bank)
    if matches.num_rows:
        columns = _present(matches, "rank", "row", "margin", "label", "image_id")
        out.table("matches", matches, columns=columns, title="matches, surest first")
    else:
        out.put("matches", matches)
    if output is not None:
        from t2c.flows.engine.output_files import write_table

        write_table(
            report.matches.drop_columns([name for name in ("z", "similarity") if name in report.matches.column_names]),
            output,
        )
        out.wrote(output)
    out.suggest(f"t2c report {dataset} --query {shlex.quote(report.expression)} -o report.html")


find = command("find", example="t2c find photos 'dog > 2.25 & beach > 2 & indoors < 0'")(_find)


@click.argument("query")
@click.option("-o", "--output", default=None, metavar="FILE", help="Write the result to FILE.parquet or FILE.csv.")
def _sql(out: Output, query: str, store_url: str, output: str | None) -> None:
    """Run one SELECT (DuckDB) over the store's views: images, encoders, linear_maps, concepts, similarities, ...

    Nothing can be written and no other file read. `t2c sql "select * from documentation"` lists every column.
    """
    from t2c.store.queries.user_sql import run_user_sql

    table = run_user_sql(open_store(store_url), query)
    out.table("rows", table)
    if output is not None:
        from t2c.flows.engine.output_files import write_table

        write_table(table, output)
        out.wrote(output)
    out.say(f"{table.num_rows:,} rows")
    out.suggest('t2c sql "select * from documentation"')


sql = command("sql", example='t2c sql "select concept, mean, std from concept_stats order by mean desc limit 10"')(_sql)


def _present(table: Any, *names: str) -> list[str]:
    """Return the names that are columns of table and not null all over."""
    return [name for name in names if name in table.column_names and table[name].null_count < max(table.num_rows, 1)]


def _example(names: list[str]) -> str:
    """Return a query a user can type next, from concepts of the bank."""
    terms = [render(Constraint(name, 1, bound)) for name, bound in zip(names[:2], (1.0, 0.0), strict=False)]
    return show(" & ".join(terms))


def show_summary(out: Output, report: Any, *, limit: int) -> None:
    """Show accounting, then one row a concept with its best class, largest mean first; machines get all of it."""
    out.facts(
        "scores",
        {"dataset": report.dataset, "map": report.map, "bank": report.bank, "images compared": report.searched},
    )
    out.table("accounting", report.accounting, title="input files")
    best, marks = _best_classes(report.classes), report.trust
    stats = report.concepts.sort_by([("mean", "descending")])
    table = stats.slice(0, limit).select(["concept", "mean", "std", "q05", "q50", "q95"])
    if marks is not None:
        trust = [marks.get(name, NOT_MEASURED) for name in table["concept"].to_pylist()]
        table = table.add_column(1, "trust", pa.array(trust, pa.string()))
    if best:
        classes = [best.get(name) for name in table["concept"].to_pylist()]
        table = table.append_column("class it fits best", pa.array(classes, pa.string()))
    out.table("concepts", table, title="similarity to each concept, largest mean first")
    if stats.num_rows > limit:
        out.say(f"  ... and {stats.num_rows - limit:,} more (-n {stats.num_rows})")
    if marks is None:
        out.say(f"  trust not measured: t2c trust {report.dataset.partition('@')[0]}")
    out.put("concepts", report.concepts)
    out.put("trust", marks)
    out.put("classes", report.classes)
    out.put("extremes", report.extremes)


def _best_classes(classes: pa.Table) -> dict[str, str]:
    """Return the class with the largest mean similarity of each concept."""
    best: dict[str, tuple[float, str]] = {}
    for row in classes.to_pylist():
        if row["label"] is not None and row["mean"] > best.get(row["concept"], (float("-inf"), ""))[0]:
            best[row["concept"]] = (row["mean"], row["label"])
    return {concept: label for concept, (_, label) in best.items()}
