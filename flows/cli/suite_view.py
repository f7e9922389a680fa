"""How the zero-shot suite is shown at 80 columns: its rows, its tasks, and the files that they need."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from flows.cli.output import Output, print_columns

if TYPE_CHECKING:
    from flows.suite.suite import SuiteReport

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
    out.put("skipped", [{"task": one.task, "reason": one.reason} for one in report.skipped])
    absent = [one.task for one in report.skipped if one.absent]
    if absent:
        out.sentence(f"not done, no files: {', '.join(absent)} (t2c suite DATA_DIR --list names the files)")
    for one in report.skipped:
        if not one.absent:
            out.sentence(f"not done: {one.task}: {one.reason}")
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
    from flows.suite.readers import needed, state
    from flows.suite.tasks import TASKS

    rows: list[dict[str, Any]] = [
        {
            "task": task.name,
            "classes": task.size,
            "state": state(task, data),
            "prompt": task.prompt,
            "group": task.group,
            "files": [
                {"path": path, "there": there}
                for folder in needed(task)
                for path, there in folder.listing(data).items()
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
