"""The command that compares objectives of the aligner."""

from collections.abc import Sequence
from typing import Any

import click
import pyarrow as pa
import pyarrow.compute as pc

from t2c.flows.cli.bars import Bars
from t2c.flows.cli.options import command, labels_option, runner_options
from t2c.flows.cli.output import Output
from t2c.schemas.digest import SHORT
from t2c.schemas.names import parse_dataset_ref
from t2c.schemas.specs.objectives import OBJECTIVE_NAMES, parse_tasks
from t2c.store.disk.root import open_store

MEANS = "SELECT source, task, objective, difference, low, high FROM objectives WHERE scope = 'mean'"
"""The means of every comparison in the store."""


@click.argument("dataset")
@click.option(
    "--source", "sources", multiple=True, required=True, metavar="ENCODER", help="Encoder to align; may repeat."
)
@click.option("--target", required=True, metavar="ENCODER", help="The CLIP whose text encoder names the classes.")
@click.option(
    "--related",
    multiple=True,
    metavar="TASK",
    help="Task on the classes of the fit: [DATASET:]LABELS[=PROMPT]; may repeat.",
)
@click.option("--unrelated", multiple=True, metavar="TASK", help="Task on other classes, written the same; may repeat.")
@click.option(
    "--against",
    multiple=True,
    type=click.Choice(OBJECTIVE_NAMES),
    help="Objective to compare regression with; may repeat.  [default: cross-entropy]",
)
@click.option(
    "--group", "groups", multiple=True, metavar="ENCODER=GROUP", help="Group of a source, for means; may repeat."
)
@labels_option("What cross-entropy is fitted on: the label or an attribute.")
@click.option(
    "--source-head",
    default="classifier",
    show_default=True,
    help="self-labels, data-free: classifier or probe[:ATTRIBUTE].",
)
@click.option(
    "--concepts", "bank", default="", metavar="BANK", help="Bank with the classes' vectors, instead of prompts."
)
@click.option("--epochs", type=click.IntRange(1), default=None, help="Passes of cross-entropy.  [default: 6]")
@click.option(
    "--learning-rate", type=click.FloatRange(0, min_open=True), default=None, help="Its rate.  [default: 0.01]"
)
@click.option(
    "--holdout", type=click.FloatRange(0, 1, max_open=True, min_open=True), default=0.1, show_default=True,
    help="Share of rows that no map is fitted on: those are judged.",
)  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the row blocks, and of SGD.")
@click.option("--max-rows", type=click.IntRange(2), default=None, help="Use a random subset of this many rows.")
@click.option("--device", default="auto", show_default=True, help="Where SGD runs: auto, cpu, cuda, cuda:N or mps.")
@runner_options
def _objectives(
    out: Output, dataset: str, store_url: str, dask_address: str | None, related: Any, unrelated: Any, **options: Any
) -> None:
    """Compare regression with cross-entropy as the aligner's objective, by zero-shot accuracy (the paper's table 2).

    Every source is aligned by each objective on the same rows of DATASET, and judged on images that no map was fitted
    on, for tasks related and unrelated to the classes that cross-entropy was fitted on.
    """
    from t2c.flows.engine.runner import runner_for
    from t2c.flows.objectives.objectives import Fitting, objectives
    from t2c.flows.objectives.training import training_table

    names = ("labels", "source_head", "bank", "epochs", "learning_rate", "holdout", "seed", "max_rows")
    fitting = Fitting(**{name: options[name] for name in names})
    with runner_for(dask_address) as runner:
        report = objectives(
            open_store(store_url),
            parse_dataset_ref(dataset),
            sources=options["sources"],
            target=options["target"],
            tasks=parse_tasks(related, unrelated),
            against=options["against"] or ("cross-entropy",),
            groups=parse_groups(options["groups"]),
            fitting=fitting,
            device=options["device"],
            runner=runner,
            progress=Bars(quiet=out.as_json),
        )
    show_objectives(out, report.table)
    out.table("trained", training_table(report.trained), title="Trained by SGD; regression is solved exactly")
    out.put("report", {"dataset": report.dataset, "target": report.target, "new": report.new})
    out.notes(report.notes)
    if not report.path:
        return
    out.wrote(report.path)
    out.suggest(f"t2c sql \"{MEANS} AND answer = '{report.digest[:SHORT]}'\"")


objectives = command(
    "objectives",
    example="t2c objectives photos --source timm:resnet50.a1_in1k --target open_clip:ViT-B-16/openai \\\n"
    "    --related 'label=a photo of a {}' --unrelated 'colour=a swatch of the color {}'",
)(_objectives)


def parse_group(text: str) -> tuple[str, str]:
    """Read ENCODER=GROUP; an encoder's own options may hold `=`, so the last one counts. Raises SpecError."""
    from t2c.schemas.errors import SpecError, expected

    encoder, equals, group = text.rpartition("=")
    if not equals or not encoder or not group:
        raise SpecError(expected("--group", "ENCODER=GROUP", repr(text), "Try: --group timm:resnet50.a1_in1k=ResNets"))
    return encoder, group


def parse_groups(texts: Sequence[str]) -> dict[str, str]:
    """Read the group of each source, in one each; raises SpecError."""
    from t2c.schemas.specs.objectives import check_once

    pairs = [parse_group(text) for text in texts]
    check_once("--group", [encoder for encoder, _ in pairs])
    return dict(pairs)


def show_objectives(out: Output, table: pa.Table) -> None:
    """Show each task, then the means with their intervals, as table 2 does."""
    out.put("objectives", table)
    alone = len(set(table.filter(pc.equal(table["scope"], "task"))["source"].to_pylist())) == 1
    for objective in dict.fromkeys(table["objective"].to_pylist()):
        compared = table.filter(pc.equal(table["objective"], objective))
        for scope, title in (("task", f"Regression against {objective}, task by task"), ("mean", "Means")):
            rows = compared.filter(pc.equal(compared["scope"], scope))
            if not out.as_json:
                rounded = _rounded(rows.drop_columns("source") if alone and scope == "task" else rows)
                out.table(f"{objective} {scope}", rounded, title=title)


def _rounded(table: pa.Table) -> pa.Table:
    """Return the columns for people, three digits each; `gain` is the difference."""
    columns = {name: table[name] for name in ("source", "task", "n") if name in table.column_names}
    numbers = {"regression": "regression", "other": "other", "gain": "difference"}
    numbers |= {name: name for name in ("low", "high", "chance")}
    return pa.table({**columns, **{name: pc.round(table[column], 3) for name, column in numbers.items()}})
