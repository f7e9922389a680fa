"""Commands of recipes: plan (the bill before paying it) and run."""

import os
import shlex
import textwrap
from typing import Any

import click
import pyarrow as pa

from flows.cli.bars import Bars
from flows.cli.options import command
from flows.cli.output import Output, terminal_width
from store.root import open_store


@click.argument("recipe")
@click.option("--cores", type=click.IntRange(1), default=None, help="Cores that the hours are for.  [default: here]")
@click.option(
    "--measure", "keys", multiple=True, metavar="KEY", help="Measure this encoder here, or `all`; may repeat."
)
@click.option("--seconds", type=click.FloatRange(0, min_open=True), default=2.0, show_default=True, help="Time each.")
@click.option("--device", default="cpu", show_default=True, help="Where --measure runs: cpu, cuda, cuda:N or mps.")
@click.option("--rates", default=None, metavar="FILE.csv", help="Keep what is measured in this table, and use it.")
def _plan(
    out: Output,
    recipe: str,
    keys: tuple[str, ...],
    rates: str | None,
    store_url: str,  # noqa: ARG001 - one frame for all
    **options: Any,
) -> None:
    """Say what RECIPE costs before it is run: images, bytes, hours. Nothing is read but the recipe.

    Hours on processors come from measured rates; a device nobody measured is estimated, and the estimate says how.
    """
    from flows.recipes.bill import price
    from schemas.recipe_specs import load_recipe

    spec = load_recipe(recipe)
    known = _rates(out, spec, recipe, keys, rates=rates, device=options["device"], seconds=options["seconds"])
    cores = options["cores"] or len(os.sched_getaffinity(0))
    bill = price(spec, known, cores=cores)
    show_bill(out, bill)
    first = spec.encoders[bill.unmeasured[0]] if bill.unmeasured else None
    if first is not None:
        out.suggest(f"t2c plan {recipe} --measure {bill.unmeasured[0]}")
    else:
        out.suggest(f"t2c run {recipe} --data DIR --dry-run")


plan = command("plan", example="t2c plan recipes/paper.yaml --cores 16")(_plan)


def _rates(out: Output, spec: Any, recipe: str, keys: tuple[str, ...], *, rates: str | None, **options: Any) -> Any:
    """Return the rates to price with: the kept ones, and what is measured now in their place."""
    from pathlib import Path

    from flows.recipes.rates import RATES, merged, read_rates, write_rates

    kept = Path(rates) if rates else RATES
    there = kept.exists() or not keys
    known = read_rates(kept if there else RATES)
    if not keys:
        return known
    from flows.recipes.measure import measure_encoders

    new = measure_encoders(spec, keys, progress=Bars(quiet=out.as_json), **options)
    if rates:
        typed = " ".join(f"--measure {key}" for key in keys)
        about = f"Measured by: t2c plan {recipe} {typed} --rates {rates}\nRandom weights; best pass of each."
        write_rates(rates, merged(known if there else (), new), about=about)
        out.wrote(rates)
    return merged(known, new)


def show_bill(out: Output, bill: Any) -> None:
    """Show a bill: a line an encoder, then the totals and what they rest on."""
    from flows.steps.plan import human_bytes

    names = ("encoder", "d", "features", "GFLOP", "core h", "GPU h*")
    rows = [
        (
            line.title,
            line.dimension,
            human_bytes(line.feature_bytes),
            line.gflops,
            _hours(line.cpu_hours),
            _hours(line.gpu_hours),
        )
        for line in bill.lines
    ]
    columns = list(zip(*rows, strict=True))
    kinds = (pa.string(), pa.int64(), pa.string(), pa.float64(), pa.float64(), pa.float64())
    table = pa.table([pa.array(c, kind) for c, kind in zip(columns, kinds, strict=True)], names=list(names))
    out.table("encoders", table)
    out.facts(
        "total",
        {
            "images": bill.images,
            "pixels decoded": human_bytes(bill.decoded_bytes),
            "features (float16)": human_bytes(bill.feature_bytes),
            "similarities": human_bytes(bill.similarity_bytes),
            "Gram matrix of all pairs": human_bytes(bill.gram_bytes),
            f"hours, {bill.cores} cores": _hours(bill.cpu_hours),
            "of these decoding": _hours(bill.decode_hours),
            "hours, GPU*": _hours(bill.gpu_hours),
        },
    )
    for line in bill.assumptions:
        starred = f"{'* ' if 'not measured' in line else ''}{line}"
        for piece in textwrap.wrap(starred, terminal_width() - 2, subsequent_indent="  "):
            out.say(f"  {piece}")
    if bill.unmeasured:
        out.say(f"  left out of the hours, never measured: {', '.join(bill.unmeasured)}")
    out.put("bill", bill)


def _hours(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.3g}")


@click.argument("recipe")
@click.option("--data", multiple=True, metavar="DIR", help="Folder that holds datasets of the recipe; may repeat.")
@click.option(
    "--weights", default="weights", show_default=True, metavar="DIR", help="Folder of checkpoints no hub carries."
)
@click.option("--out", "folder", default=".", show_default=True, metavar="DIR", help="Where results are written.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
@click.option("--dry-run", is_flag=True, help="Check the recipe and print its commands; read and write nothing.")
def _run(
    out: Output, recipe: str, data: tuple[str, ...], folder: str, dry_run: bool, store_url: str, **options: Any
) -> None:
    """Run RECIPE: index its datasets, extract its features, add its concepts, then its commands in order.

    What is missing is said before any work is done. Run again after a kill it goes on where it stopped.
    """
    from flows.recipes.run import Place, commands, run_recipe
    from schemas.recipe_specs import load_recipe

    spec = load_recipe(recipe)
    if dry_run:
        show_commands(out, spec, commands(spec, weights=options["weights"], out=folder, data=data))
        out.suggest(f"t2c run {recipe} --data DIR")
        return
    place = Place(open_store(store_url, create=True), data, options["weights"], folder, options["device"])
    report = run_recipe(spec, place, progress=Bars(quiet=out.as_json), say=out.say, as_json=out.as_json)
    facts = {"datasets": len(report.datasets), "encoders": len(report.encoders), "steps": len(report.steps)}
    out.facts("report", facts)
    out.put("details", report)
    out.suggest(f"t2c verify --store {store_url}")


run = command("run", example="t2c run recipes/paper.yaml --data /data --weights /weights --store paper-store")(_run)


def show_commands(out: Output, spec: Any, lines: list[list[str]]) -> None:
    """Show what a recipe would run."""
    for name, dataset in spec.datasets.items():
        out.say(f"index    {name}: {dataset.images:,} images in {dataset.path} ({dataset.reader})")
    for one in spec.extract:
        out.say(f"extract  {one.dataset}: {len(spec.extracted(one))} encoders")
    for name, bank in spec.banks.items():
        out.say(f"concepts {name}: by {spec.encoders[bank.encoder].encoder}")
    for step, words in zip(spec.steps, lines, strict=True):
        out.say(f"# {step.say}")
        out.say(f"t2c {shlex.join(words)}")
    out.put("commands", lines)
