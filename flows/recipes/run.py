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

from flows.progress import Progress
from flows.recipes.readers import READERS
from flows.steps.concepts import add_concepts
from flows.steps.extract import extract
from flows.steps.index import index
from flows.steps.table_imports import import_attributes
from schemas.errors import InputError, SpecError, WeightsMissing, expected
from schemas.recipe_specs import RecipeSpec
from store.images import list_datasets
from store.root import Store

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
class RunReport:
    """What a run of a recipe did."""

    datasets: list[str] = field(default_factory=list)
    """Datasets that were indexed, or were in the store already."""
    encoders: list[str] = field(default_factory=list)
    """Encoders whose features are there."""
    banks: list[str] = field(default_factory=list)
    """Concept banks."""
    steps: list[dict[str, Any]] = field(default_factory=list)
    """Each command with what it said, where JSON was asked for."""


def commands(recipe: RecipeSpec, *, weights: str, out: str, data: Sequence[str] = ()) -> list[list[str]]:
    """Return the command lines of the recipe's steps, each checked against the command it names; raises SpecError."""
    found = [recipe.command(step, weights=weights, out=out, data=data[0] if data else ".") for step in recipe.steps]
    for words in found:
        check_command(words)
    return found


def check_command(words: Sequence[str]) -> None:
    """Raise SpecError unless words are a command of t2c with options that it has."""
    from flows.cli.app import app

    try:
        group, context, rest = app, click.Context(app, info_name="t2c"), list(words)
        while True:
            name, leaf, rest = group.resolve_command(context, rest)
            if leaf is None or name is None:
                raise click.UsageError(f"no command {words[0]!r}")  # pragma: no cover - resolve_command fails first
            if not isinstance(leaf, click.Group):
                leaf.make_context(name, rest, parent=context)
                return
            group, context = leaf, click.Context(leaf, info_name=name, parent=context)  # type: ignore[assignment]
    except (click.UsageError, IndexError) as error:
        got = error.format_message() if isinstance(error, click.UsageError) else "no command"
        raise SpecError(
            expected(f"step {' '.join(words)!r}", "a command of t2c with its options", got, "See t2c --help.")
        ) from error


def run_recipe(recipe: RecipeSpec, place: Place, *, progress: Progress, say: Say, as_json: bool = False) -> RunReport:
    """Run everything that is not in the store yet, then every step.

    What is missing is said at once, before any work: a dataset with where to get it (InputError), a checkpoint with
    its address (WeightsMissing), a step that is no command (SpecError). Raises what the steps raise.
    """
    lines = commands(recipe, weights=place.weights, out=place.out, data=place.data)
    sources = find_data(recipe, place)
    check_weights(recipe, place.weights)
    report = RunReport()
    for name, folder in sources.items():
        _index(recipe, place, name, folder, progress=progress)
        report.datasets.append(name)
    for one in recipe.extract:
        names = [recipe.encoders[key].text(place.weights) for key in recipe.extracted(one)]
        specs = [recipe.encoders[key].spec(place.weights) for key in recipe.extracted(one)]
        extract(place.store, one.dataset, specs, device=place.device, progress=progress)
        report.encoders = list(dict.fromkeys([*report.encoders, *names]))
    for name, bank in recipe.banks.items():
        encoder = recipe.encoders[bank.encoder].text(place.weights)
        add_concepts(place.store, name, bank.concepts, encoder=encoder, device=place.device, progress=progress)
        report.banks.append(name)
    for step, words in zip(recipe.steps, lines, strict=True):
        say(f"\n{step.say}")
        say(f"$ t2c {shlex.join(words)}")
        report.steps.append({"say": step.say, "command": words, **call(words, store=place.store, as_json=as_json)})
    return report


def find_data(recipe: RecipeSpec, place: Place) -> dict[str, Path | None]:
    """Return the folder of each dataset, None for one that the store holds; raises InputError naming those not found."""
    held = set(list_datasets(place.store))
    found: dict[str, Path | None] = {}
    missing = []
    for name, dataset in recipe.datasets.items():
        places = [Path(folder).expanduser() / dataset.path for folder in place.data]
        found[name] = next((one for one in places if one.is_dir()), None)
        if found[name] is None and name not in held:
            missing.append(f"{name} ({dataset.path}; from {dataset.get})")
    if missing:
        want = f"a folder for each of {', '.join(recipe.datasets)} below {' or '.join(place.data) or 'one of --data'}"
        raise InputError(expected("data of the recipe", want, f"none for {'; '.join(missing)}", "Name it: --data DIR"))
    return found


def check_weights(recipe: RecipeSpec, weights: str) -> None:
    """Raise WeightsMissing naming every checkpoint that is not in the folder, with its address."""
    files = {one.checkpoint.name: one.checkpoint.url for one in recipe.encoders.values() if one.checkpoint is not None}
    missing = [f"{name} (from {url})" for name, url in files.items() if not (Path(weights) / name).is_file()]
    if missing:
        todo = f"Fetch them into {weights}, or name another folder: --weights DIR"
        raise WeightsMissing(
            expected(f"checkpoints in {weights}", f"{len(files)} files", f"no {'; no '.join(missing)}", todo)
        )


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
    from flows.cli.app import app

    arguments = [*words, "--store", store.url, *(["--json"] if as_json else [])]
    said = io.StringIO()
    with contextlib.redirect_stdout(said) if as_json else contextlib.nullcontext():
        code = app.main(args=arguments, prog_name="t2c", standalone_mode=False)
    found: dict[str, Any] = {"exit_code": code if isinstance(code, int) else 0}
    return {**found, "said": json.loads(said.getvalue())} if as_json else found
