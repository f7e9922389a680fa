"""The zero-shot suite: models times tasks, and which tasks can be done with the files that are there."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pyarrow as pa

from t2c.flows.cli.bars import Bars
from t2c.flows.cli.options import command, runner_options
from t2c.flows.cli.output import Output
from t2c.flows.engine.text_table import print_columns
from t2c.schemas.errors import SpecError, expected
from t2c.store.disk.root import open_store

if TYPE_CHECKING:
    from t2c.flows.suite.suite import SuiteReport


_TASKS = pa.schema(
    {
        "task": pa.string(),
        "classes": pa.int64(),
        "state": pa.string(),
        "prompt": pa.string(),
        "group": pa.string(),
        "files": pa.list_(pa.struct({"path": pa.string(), "there": pa.bool_()})),
        "from": pa.list_(pa.string()),
    }
)


def show_suite(out: Output, report: "SuiteReport") -> None:
    """Show one row a model and task, what was done now, and what was not done."""
    out.put("target", report.target)
    out.put("rows", report.table)
    rows = report.table.to_pylist()
    for task in dict.fromkeys(row["task"] for row in rows):
        _show_task(out, [row for row in rows if row["task"] == task])
    facts = {"rows computed": report.computed, "datasets indexed": len(report.indexed)}
    out.facts("done", facts | {"features extracted": len(report.extracted)})
    if not report.new:
        out.say("  nothing new: the store held every row")
    out.put("skipped", [{"task": skipped.task, "reason": skipped.reason} for skipped in report.skipped])
    absent = [skipped.task for skipped in report.skipped if skipped.absent]
    if absent:
        out.sentence(f"not done, no files: {', '.join(absent)} (t2c suite DATA_DIR --list names the files)")
    for skipped in report.skipped:
        if not skipped.absent:
            out.sentence(f"not done: {skipped.task}: {skipped.reason}")
    out.put("headline", report.headline)
    out.sentence(report.headline, indent="")


def _show_task(out: Output, rows: list[dict[str, Any]]) -> None:
    """Show the models at one task, the CLIP and chance below them."""
    first = rows[0]
    left_out = f", {first['other_labels']:,} of no class left out" if first["other_labels"] else ""
    out.say(f"{first['task']}: {first['classes']} classes, {first['n']:,} images{left_out}")
    cells = [_cells(row["model"], row["accuracy"], row["low"], row["high"]) for row in rows if row["map"] != "identity"]
    cells.append(_cells("the CLIP itself", *(first[f"clip_{name}"] for name in ("accuracy", "low", "high"))))
    cells.append(["chance", f"{100 * first['chance']:.1f} %", ""])
    if not out.as_json:
        columns = [list(column) for column in zip(*cells, strict=True)]
        print_columns(["model", "accuracy", "95 % interval"], columns, [False, True, True], say=out.say)


def _cells(name: str, accuracy: float, low: float, high: float) -> list[str]:
    return [name, f"{100 * accuracy:.1f} %", f"{100 * low:.1f} to {100 * high:.1f} %"]


def list_tasks(out: Output, data: Path) -> None:
    """Show every task with its state, then the files of each, what is there, and where to get the rest."""
    from t2c.flows.suite.readers import needed, state
    from t2c.flows.suite.tasks import TASKS

    rows: list[dict[str, Any]] = [
        {
            "task": task.name,
            "classes": task.size,
            "state": state(task, data),
            "prompt": task.prompt,
            "group": task.group,
            "files": [
                {"path": path, "there": existing}
                for folder in needed(task)
                for path, existing in folder.listing(data).items()
            ],
            "from": [folder.origin for folder in needed(task)],
        }
        for task in TASKS.values()
    ]
    out.table("tasks", pa.Table.from_pylist(rows, schema=_TASKS), columns=["task", "classes", "state", "prompt"])
    out.say(f"files in {data}")
    for files in dict.fromkeys(tuple(file["path"] for file in row["files"]) for row in rows if row["files"]):
        together = [row for row in rows if tuple(file["path"] for file in row["files"]) == files]
        out.sentence(", ".join(row["task"] for row in together))
        for file in together[0]["files"]:
            out.say(f"    {'there  ' if file['there'] else 'missing'}  {file['path']}")
        for origin in together[0]["from"]:
            out.sentence(f"from {origin}", indent="    ")
    ready = next((row["task"] for row in rows if row["state"] == "present"), "color")
    out.suggest(f"t2c suite {data} --task {ready} --model timm:resnet50.a1_in1k --target open_clip:ViT-B-16/openai")


@click.argument("data", metavar="DATA_DIR", required=False)
@click.option("--model", "models", multiple=True, metavar="ENCODER", help="Encoder under test; may repeat.")
@click.option("--target", default=None, metavar="ENCODER", help="The CLIP that reads the class names.")
@click.option(
    "--task", "tasks", multiple=True, metavar="NAME", help="Task; may repeat.  [default: all whose files are there]"
)
@click.option(
    "--align-on",
    default=None,
    metavar="DATASET",
    help="Dataset to fit the models' maps on.  [default: maps fitted before]",
)
@click.option("--map", "maps", multiple=True, metavar="DIGEST", help="Test this map too; may repeat.")
@click.option(
    "--pictures",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    metavar="FOLDER",
    help="Where unpacked pictures go.  [default: <store>-suite]",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
@click.option("--batch-size", type=click.IntRange(1), default=None, help="Images a forward pass.")
@click.option("--workers", type=click.IntRange(1), default=None, help="Decode threads.  [default: one a core]")
@click.option(
    "-o",
    "--output",
    default=None,
    metavar="FILE",
    help="Write figures 5 and 6 to FILE.html, or the rows to FILE.parquet or FILE.csv.",
)
@click.option("--list", "listing", is_flag=True, help="List the tasks, what each needs and what is there; do nothing.")
@runner_options
def _suite(
    out: Output,
    data: str | None,
    store_url: str,
    listing: bool,
    output: str | None,
    dask_address: str | None,
    **options: Any,
) -> None:
    """Test encoders at zero-shot tasks whose files lie in DATA_DIR, beside the CLIP itself and chance.

    Killed at any moment, the same command goes on; what the store holds is not done again. Files and folders of every
    task: t2c suite DATA_DIR --list.
    """
    if listing:
        list_tasks(out, Path(data or "."))
        return
    if data is None:
        raise SpecError(expected("suite", "the folder of the tasks' files", "none", "Try: t2c suite --list"))
    _run(out, data, store_url, output=output, dask_address=dask_address, **options)


suite = command(
    "suite",
    example="t2c suite data/ --list\n"
    "t2c suite data/ --model timm:resnet50.a1_in1k --target open_clip:ViT-B-16/openai --align-on photos -o suite.html",
)(_suite)


def _run(
    out: Output,
    data: str,
    store_url: str,
    *,
    target: str | None,
    output: str | None,
    dask_address: str | None,
    **options: Any,
) -> None:
    """Run the suite and show its rows."""
    from t2c.flows.engine.runner import runner_for
    from t2c.flows.suite.suite import suite as step

    if target is None:
        todo = "Add --target open_clip:ViT-B-16/openai"
        raise SpecError(expected("suite", "--target, the CLIP that reads the class names", "none", todo))
    _check_output(output)
    store = open_store(store_url)
    with runner_for(dask_address) as runner:
        report = step(store, data, target=target, runner=runner, progress=Bars(quiet=out.as_json), **options)
    show_suite(out, report)
    if output is not None:
        _write(report, output)
        out.wrote(output)
    if options["align_on"]:
        out.suggest(f"t2c report {options['align_on']} -o report.html")
    else:
        out.suggest('t2c sql "select * from suite"')


def _check_output(output: str | None) -> None:
    """Raise SpecError for an output of another kind, before hours of work."""
    if output is not None and Path(output).suffix.lower() not in (".html", ".parquet", ".csv"):
        want = "a name that ends in .html, .parquet or .csv"
        raise SpecError(expected(f"output {output}", want, repr(Path(output).name)))


def _write(report: Any, output: str) -> None:
    if Path(output).suffix.lower() == ".html":
        from t2c.flows.suite.figures import write_suite_page

        write_suite_page(output, report.table, target=report.target, skipped=report.skipped)
    else:
        from t2c.flows.engine.output_files import write_table

        write_table(report.table, output)
