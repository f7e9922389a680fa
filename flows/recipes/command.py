"""Commands of recipes: plan (the bill before paying it) and run."""

import shlex
from pathlib import Path
from typing import Any

import click

from t2c.flows.cli.bars import Bars
from t2c.flows.cli.options import command
from t2c.flows.cli.output import Output
from t2c.schemas.errors import StoreError
from t2c.store.disk.root import open_store


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
    """Say what RECIPE costs before it is run: images, bytes, memory, hours. Nothing is read but the recipe.

    Hours come from measured rates, a column a device; where no GPU was measured one is estimated, and the estimate says
    how. What has no hours is named, and which steps read rows again.
    """
    from t2c.flows.engine.machine import cores
    from t2c.flows.recipes.bill import price
    from t2c.flows.recipes.view import show_bill
    from t2c.schemas.specs.recipe import load_recipe

    spec = load_recipe(recipe)
    rate_table = _rates(out, spec, recipe, keys, rates=rates, device=options["device"], seconds=options["seconds"])
    bill = price(spec, rate_table, cores=options["cores"] or cores())
    show_bill(out, bill)
    unmeasured = [line.key for line in bill.lines if line.gflops is None]
    if unmeasured:
        out.suggest(f"t2c plan {recipe} --measure {unmeasured[0]}")
    else:
        out.suggest(f"t2c run {recipe} --data DIR --dry-run")


plan = command("plan", example="t2c plan recipes/paper.yaml --cores 16")(_plan)


def _rates(out: Output, spec: Any, recipe: str, keys: tuple[str, ...], *, rates: str | None, **options: Any) -> Any:
    """Return the rates to price with: the kept ones, and what is measured now in their place."""
    from t2c.flows.recipes.rates import RATES, check_writable, merged, read_rates, write_rates

    if rates and keys:
        check_writable(rates)

    file = Path(rates) if rates else RATES
    reads_file = file.exists() or not keys
    rate_table = read_rates(file if reads_file else RATES)
    if not keys:
        return rate_table
    from t2c.flows.recipes.measure import measure_encoders

    new = measure_encoders(spec, keys, progress=Bars(quiet=out.as_json), **options)
    if rates:
        typed = " ".join(f"--measure {key}" for key in keys)
        about = f"Measured by: t2c plan {recipe} {typed} --rates {rates}\nRandom weights; best pass of each."
        write_rates(rates, merged(rate_table if reads_file else (), new), about=about)
        out.wrote(rates)
    return merged(rate_table, new)


@click.argument("recipe")
@click.option("--data", multiple=True, metavar="DIR", help="Folder that holds datasets of the recipe; may repeat.")
@click.option(
    "--weights", default=None, metavar="DIR", help="Folder of checkpoints no hub carries.  [default: weights]"
)
@click.option("--out", "folder", default=".", show_default=True, metavar="DIR", help="Where results are written.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
@click.option(
    "--from", "first", type=int, default=1, show_default=True, metavar="STEP", help="Number of the first step to run."
)
@click.option(
    "--dry-run", is_flag=True, help="Check the recipe, its models, --data and --weights; print its commands; run none."
)
def _run(out: Output, recipe: str, store_url: str, dry_run: bool, **options: Any) -> None:
    """Run RECIPE: index its datasets, extract its features, add its concepts, then its commands in order.

    Before any work all that is missing is named: data, checkpoints, names and weights of models, files of a suite,
    language models, names in steps. Run again after a kill it goes on where it stopped; --from goes past a step that failed.
    """
    from t2c.flows.recipes.missing import WEIGHTS, check_ready
    from t2c.flows.recipes.run import Place, check_first, run_recipe
    from t2c.schemas.specs.recipe import load_recipe

    spec = load_recipe(recipe)
    check_first(spec, options["first"])
    if dry_run:
        _rehearse(out, spec, recipe, store_url, **options)
        return
    data, weights, folder = options["data"], options["weights"] or WEIGHTS, options["folder"]
    ready = check_ready(spec, data=data, weights=weights, out=folder, held=_held(store_url))
    place = Place(open_store(store_url, create=True), data, weights, folder, options["device"])
    report = run_recipe(
        spec,
        place,
        progress=Bars(quiet=out.as_json),
        say=out.say,
        as_json=out.as_json,
        first=options["first"],
        ready=ready,
    )
    facts = {"datasets": len(report.datasets), "encoders": len(report.encoders), "steps": len(report.steps)}
    out.facts("report", facts)
    out.put("details", report)
    out.suggest(f"t2c verify --store {shlex.quote(store_url)}")


run = command("run", example="t2c run recipes/paper.yaml --data /data --weights /weights --store paper-store")(_run)


def _held(store_url: str) -> list[str]:
    """Return the datasets of a store; none where there is no store, which making one then says if it cannot."""
    from t2c.store.artifacts.images import list_datasets

    try:
        store = open_store(store_url)
    except StoreError:
        return []
    return list_datasets(store)


def _rehearse(out: Output, spec: Any, recipe: str, store_url: str, **options: Any) -> None:
    """Check what can be checked without work: all of it for what was named, --data and --weights."""
    from t2c.flows.recipes.missing import absent_models, check_named
    from t2c.flows.recipes.run import typed
    from t2c.flows.recipes.view import show_commands, show_reads

    data, weights, folder = options["data"], options["weights"], options["folder"]
    steps = check_named(spec, data=data, weights=weights, out=folder, held=_held(store_url) if data else ())
    lines = [typed(step.words, store_url) for step in steps]
    show_commands(out, spec, lines, first=options["first"])
    out.put("commands", [shlex.split(line)[1:] for line in lines])
    show_reads(out, steps)
    unsure = ["the data: --data DIR"] * (not data) + ["the checkpoints: --weights DIR"] * (not weights)
    if not any(encoder.checkpoint for encoder in spec.encoders.values()):
        unsure = unsure[: not data]
    if unsure:
        out.say(f"  not checked: {'; '.join(unsure)}")
    absent = [str(error) for error in absent_models(spec, steps)]
    out.put("absent", absent)
    if absent:
        names = ", ".join(line.partition(": expected")[0] for line in absent)
        out.sentence(f"neither here nor reachable, and a run stops before any work without: {names}")
    words = ["t2c", "run", recipe, *(part for data_folder in data or ["DIR"] for part in ("--data", data_folder))]
    words += ["--weights", weights] if weights else []
    words += ["--out", folder] if folder != "." else []
    words += ["--from", str(options["first"])] if options["first"] > 1 else []
    out.suggest(shlex.join([*words, "--store", store_url]))
