"""Run a recipe: find its data and weights, index, extract, add its concepts, then its commands one after the other.

Every part is one of the steps that a user could type, so a recipe that was killed goes on where it stopped.
"""

import contextlib
import io
import json
import shlex
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from pyarrow import parquet

from t2c.flows.concepts.banks import add_concepts
from t2c.flows.data.index import index
from t2c.flows.data.table_imports import import_attributes
from t2c.flows.engine.progress import Progress
from t2c.flows.engine.shown import Shown
from t2c.flows.features.extract import extract
from t2c.flows.recipes.missing import Ready, check_ready
from t2c.flows.recipes.readers import READERS
from t2c.flows.recipes.steps import Command
from t2c.schemas.errors import LogicError, SpecError, T2CError, expected
from t2c.schemas.specs.recipe import RecipeSpec
from t2c.store.artifacts.images import list_datasets
from t2c.store.disk.root import Store

Say = Callable[[str], None]
"""Receiver of lines for people."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a recipe's files are, and how it runs."""

    store: Store
    """The store."""
    data: tuple[str, ...] = ()
    """Folders under which the datasets lie."""
    weights: str = "weights"
    """Folder of the checkpoints that no hub carries."""
    out: str = "."
    """Folder that `@out/` stands for."""
    device: str = "auto"
    """Where encoders run."""


@dataclass(slots=True)
class RunReport(Shown):
    """What a run of a recipe did."""

    datasets: list[str] = field(default_factory=list)
    """Datasets that were indexed, or were in the store already."""
    encoders: list[str] = field(default_factory=list)
    """Encoders whose features are there."""
    banks: list[str] = field(default_factory=list)
    """Concept banks."""
    steps: list[dict[str, Any]] = field(default_factory=list)
    """Each command with what it said, where JSON was asked for."""


def run_recipe(
    recipe: RecipeSpec,
    place: Place,
    *,
    progress: Progress,
    say: Say,
    as_json: bool = False,
    first: int = 1,
    ready: Ready | None = None,
) -> RunReport:
    """Run everything that is not in the store yet, then every step from number `first` on.

    `ready` is what `check_ready` returned; without it that is asked first, and raises what it raises. Raises what the
    steps raise, the number of the step and how to go on in front of it.
    """
    check_first(recipe, first)
    if ready is None:
        held = list_datasets(place.store)
        ready = check_ready(recipe, data=place.data, weights=place.weights, out=place.out, held=held)
    report = RunReport()
    Path(place.out).expanduser().mkdir(parents=True, exist_ok=True)
    for name, folder in ready.sources.items():
        _index(recipe, place, name, folder, progress=progress)
        report.datasets.append(name)
    for extraction in recipe.extract:
        names = [recipe.encoders[key].text(place.weights) for key in recipe.extracted(extraction)]
        specs = [recipe.encoders[key].spec(place.weights) for key in recipe.extracted(extraction)]
        extract(place.store, extraction.dataset, specs, device=place.device, progress=progress)
        report.encoders = list(dict.fromkeys([*report.encoders, *names]))
    for name, bank in recipe.banks.items():
        encoder = recipe.encoders[bank.encoder].text(place.weights)
        add_concepts(place.store, name, bank.concepts, encoder=encoder, device=place.device, progress=progress)
        report.banks.append(name)
    numbered = list(enumerate(zip(recipe.steps, ready.steps, strict=True), 1))
    for number, (step, command) in numbered[first - 1 :]:
        say(f"\n{number}/{len(numbered)}  {step.say}")
        say(f"$ {typed(command.words, place.store.url)}")
        outcome = _called(number, command, place.store, as_json=as_json)
        report.steps.append({"say": step.say, "command": list(command.words), **outcome})
    return report


def check_first(recipe: RecipeSpec, first: int) -> None:
    """Raise SpecError unless the recipe has a step of that number, from 1."""
    if recipe.steps and not 1 <= first <= len(recipe.steps):
        raise SpecError(expected("--from", f"a step, 1 to {len(recipe.steps)}", str(first), "See them: --dry-run"))


def typed(words: Sequence[str], store: str) -> str:
    """Return what a user types to run a step on the recipe's store."""
    return f"t2c {shlex.join([*words, '--store', store])}"


def _called(number: int, command: Command, store: Store, *, as_json: bool) -> dict[str, Any]:
    """Run a step; what it raises is raised again, its number and the way past it in front."""
    try:
        return call(command.words, store=store, as_json=as_json)
    except (T2CError, click.UsageError) as error:
        text = error.format_message() if isinstance(error, click.UsageError) else str(error)
        todo = f"What was done is kept. Go on at this step with --from {number}, or after it with --from {number + 1}"
        message = f"step {number} ({typed(command.words, store.url)}): {text.rstrip('.')}. {todo}"
        kind = SpecError if isinstance(error, click.UsageError | LogicError) else type(error)
        raise kind(message) from error


def _index(recipe: RecipeSpec, place: Place, name: str, folder: Path | None, *, progress: Progress) -> None:
    if folder is None:
        return
    dataset = recipe.datasets[name]
    if dataset.reader == "folder":
        index(place.store, folder, name, progress=progress)
        if dataset.attributes:
            import_attributes(place.store, name, folder.parent / dataset.attributes)
        return
    listed = READERS[dataset.reader](folder, part=dataset.part)
    index(place.store, listed.source, name, progress=progress)
    if listed.attributes.num_columns > 1:
        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch) / "attributes.parquet"
            parquet.write_table(listed.attributes, file)
            import_attributes(place.store, name, file)


def call(words: Sequence[str], *, store: Store, as_json: bool) -> dict[str, Any]:
    """Run one command of t2c on the store; with `as_json` return what it said, and print nothing."""
    from t2c.flows.cli.app import app

    arguments = [*words, "--store", store.url, *(["--json"] if as_json else [])]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed) if as_json else contextlib.nullcontext():
        code = app.main(args=arguments, prog_name="t2c", standalone_mode=False)
    outcome: dict[str, Any] = {"exit_code": code if isinstance(code, int) else 0}
    return {**outcome, "said": json.loads(printed.getvalue())} if as_json else outcome
