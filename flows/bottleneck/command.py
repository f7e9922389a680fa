"""Commands on concept bottleneck models: fit, list, explain, errors, edit."""

from typing import Any

import click

from t2c.flows.cli.bars import Bars
from t2c.flows.cli.options import command, labels_option, mapping_option, score_options
from t2c.flows.cli.output import Output
from t2c.flows.cli.parsing import CONCEPT_OF_VALUE, listed, named_numbers, pairs
from t2c.store.disk.root import open_store

_MODEL = click.option(
    "--model", default=None, metavar="DIGEST", help="Which bottleneck.  [default: the newest fitted on DATASET]"
)


@click.group()
def cbm() -> None:
    """Fit, explain and edit concept bottleneck models."""


@click.argument("dataset")
@score_options
@labels_option("What the classes are: the label or an attribute.")
@click.option("--classes", default=None, metavar="A,B", help="Class names.  [default: every label there is]")
@click.option(
    "--head",
    type=click.Choice(["sgd", "sparse"]),
    default="sgd",
    show_default=True,
    help="The paper's 40 epochs of SGD, or logistic regression with an L1 penalty.",
)
@click.option("--strength", type=float, default=None, help="Sparse head: C of scikit-learn.  [default: chosen]")
@click.option("--epochs", type=click.IntRange(1), default=40, show_default=True, help="Epochs of SGD.")
@click.option(
    "--learning-rate", type=click.FloatRange(0, min_open=True), default=0.01, show_default=True, help="Rate of SGD."
)
@click.option("--holdout", type=float, default=0.2, show_default=True, help="Share of images accuracy is measured on.")
@click.option("--held-out-where", default=None, metavar="SQL", help="Hold out these instead: \"split = 'test'\".")
@click.option("--where", default=None, metavar="SQL", help="Use only images that satisfy a condition.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the split.")
@click.option("--untrusted", is_flag=True, help="See concepts marked untrusted too.")
@mapping_option
def _fit(
    out: Output, dataset: str, store_url: str, classes: str | None, mapping: tuple[str, ...], **options: Any
) -> None:
    """Fit a concept bottleneck on DATASET: similarities to a linear head to classes.

    Accuracy is that of images kept apart, beside a linear probe on the full features and a head on true attributes.
    """
    from t2c.core.maps.gradient.linear_head import HeadOptions
    from t2c.flows.bottleneck.fit import fit_bottleneck
    from t2c.flows.bottleneck.head import FitOptions
    from t2c.flows.bottleneck.task import SplitOptions
    from t2c.flows.bottleneck.view import show_fit

    split = SplitOptions(*(options.pop(name) for name in ("holdout", "seed", "held_out_where")))
    sgd = HeadOptions(epochs=options.pop("epochs"), learning_rate=options.pop("learning_rate"))
    fit = FitOptions(options.pop("head"), options.pop("strength"), sgd, options.pop("untrusted"))
    report = fit_bottleneck(
        open_store(store_url),
        dataset,
        classes=listed(classes) or None,
        split=split,
        options=fit,
        means=pairs(mapping, option="--mapping", form=CONCEPT_OF_VALUE),
        progress=Bars(quiet=out.as_json),
        **options,
    )
    show_fit(out, report)
    out.suggest(f"t2c cbm explain {dataset} --model {report.name}")


def _list(out: Output, store_url: str) -> None:
    """List the bottlenecks of the store."""
    from t2c.flows.bottleneck.use import bottleneck_table

    table = bottleneck_table(open_store(store_url))
    columns = ["model", "dataset", "bank", "head", "used", "classes", "held_out", "edits"]
    out.table("bottlenecks", table, columns=columns)
    last = f"{table['dataset'][-1]} --model {table['model'][-1]}" if table.num_rows else ""
    out.suggest(f"t2c cbm explain {last}" if last else "t2c cbm fit DATASET --concepts BANK")


@click.argument("dataset")
@click.argument("images", nargs=-1)
@_MODEL
@click.option("--row", "rows", type=int, multiple=True, help="Image row; may repeat.")
@click.option("--raw", is_flag=True, help="Shares of the similarities themselves, as the paper has them.")
@click.option("-o", "--output", default=None, metavar="FILE", help="Write FILE.html with pictures, or a table.")
def _explain(
    out: Output, dataset: str, images: tuple[str, ...], store_url: str, output: str | None, **options: Any
) -> None:
    """Explain the class of IMAGES (ids): the three largest shares of the logit, and what tells it from the runner-up.

    With no image named: the surest errors, and some surest right answers. A file in .html shows the pictures.
    """
    from t2c.flows.bottleneck.use import explain_images
    from t2c.flows.bottleneck.view import show_explanations

    report = explain_images(open_store(store_url), dataset, images, **options)
    show_explanations(out, report)
    if output is not None:
        _write(report, output)
        out.wrote(output)
    if report.path:
        out.wrote(report.path)
    out.suggest(f"t2c cbm errors {dataset} --model {report.name}")


def _write(report: Any, output: str) -> None:
    if output.lower().endswith((".html", ".htm")):
        from t2c.flows.bottleneck.page import write_explanation_page

        write_explanation_page(report, output)
        return
    from t2c.flows.engine.output_files import write_table

    write_table(report.table, output)


@click.argument("dataset")
@_MODEL
@click.option("-n", "--limit", type=click.IntRange(1), default=15, show_default=True, help="Groups shown.")
def _errors(out: Output, dataset: str, store_url: str, limit: int, **options: Any) -> None:
    """Group misclassified images by the concept that tipped them: where a spurious correlation shows.

    `gap` is by how much the class fares worse where the concept leans its unusual way, at least.
    """
    from t2c.flows.bottleneck.use import bottleneck_errors

    report = bottleneck_errors(open_store(store_url), dataset, **options)
    facts = {
        "model": report.name,
        "dataset": report.dataset,
        "images not fitted": report.measured,
        "wrong": report.wrong,
    }
    out.facts("counts", facts)
    columns = ["concept", "label", "predicted", "lean", "errors", "right_without", "pushed_accuracy", "gap"]
    out.table("groups", report.table.slice(0, limit), columns=columns, title="errors by concept, largest gap first")
    out.put("groups", report.table)
    if report.path:
        out.wrote(report.path)
    if report.table.num_rows:
        out.suggest(f'{_edit_of(dataset, report.name)} --off "{report.table["concept"][0]}"')
    else:
        out.suggest(f"t2c report {dataset} -o report.html")


def _edit_of(dataset: str, model: str) -> str:
    return f"t2c cbm edit {dataset} --model {model}"


@click.argument("dataset")
@_MODEL
@click.option("--off", multiple=True, metavar="CONCEPT", help="Switch a concept off; may repeat.")
@click.option("--scale", multiple=True, metavar="CONCEPT=FACTOR", help="Multiply a concept's weights; may repeat.")
def _edit(
    out: Output, dataset: str, store_url: str, off: tuple[str, ...], scale: tuple[str, ...], **options: Any
) -> None:
    """Switch concepts off or re-weight them, and see accuracy and predictions change on DATASET; nothing is refitted.

    The edited bottleneck is kept beside the one it came from, and can be explained and edited again.
    """
    from t2c.flows.bottleneck.use import edit_bottleneck
    from t2c.flows.bottleneck.view import show_edit

    report = edit_bottleneck(
        open_store(store_url), dataset, off=off, scale=named_numbers(scale, option="--scale"), **options
    )
    show_edit(out, report)
    out.suggest(f"t2c cbm errors {dataset} --model {report.name}")


command("cbm fit", example="t2c cbm fit photos --concepts everyday --label label", group=cbm)(_fit)
command("cbm list", example="t2c cbm list", group=cbm)(_list)
command("cbm explain", example="t2c cbm explain photos dogs/7.jpg -o why.html", group=cbm)(_explain)
command("cbm errors", example="t2c cbm errors photos", group=cbm)(_errors)
command("cbm edit", example='t2c cbm edit photos --off "in snow" --scale striped=0.5', group=cbm)(_edit)
