"""What a recipe needs and this machine lacks: data, checkpoints, models, files of the suite; all of it named at once."""

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from t2c.flows.recipes.steps import Command, read_steps, used
from t2c.schemas.errors import InputError, SpecError, T2CError, WeightsMissing, expected, unknown
from t2c.schemas.specs.base import EncoderSpec
from t2c.schemas.specs.recipe import RecipeSpec

WEIGHTS = "weights"
"""Folder of the checkpoints that no hub carries, where none is named."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A recipe that has what it needs."""

    steps: tuple[Command, ...]
    """Its commands, read."""
    sources: dict[str, Path | None]
    """Folder of each dataset; None for one that the store holds."""


def check_named(
    recipe: RecipeSpec,
    *,
    data: Sequence[str] = (),
    weights: str | None = None,
    out: str = ".",
    held: Collection[str] = (),
) -> tuple[Command, ...]:
    """Return the recipe's commands after checking them, the names of models, and the folders that are named, if any.

    Weights on hubs are not asked for (`absent_models`). Importing timm and open_clip takes seconds. Raises what
    `check_ready` raises.
    """
    steps = read_steps(recipe, weights=weights or WEIGHTS, out=out, data=data)
    errors = [*_wrong_names(recipe), *no_folder(out)]
    if data:
        errors += [*_missing_below(recipe, steps, _sources(recipe, data), data=data, held=held)]
    if weights is not None:
        errors += [*missing_weights(recipe, weights)]
    _raise_all(errors)
    return steps


def check_ready(
    recipe: RecipeSpec, *, data: Sequence[str], weights: str = WEIGHTS, out: str = ".", held: Collection[str] = ()
) -> Ready:
    """Return the recipe's commands and the folders of its datasets (`held` are those that the store has).

    Raises SpecError for a step that cannot work; then, for what is missing, the error that it is, or one InputError
    that names everything where there is more.
    """
    steps = read_steps(recipe, weights=weights, out=out, data=data)
    sources = _sources(recipe, data)
    errors = [*_missing_below(recipe, steps, sources, data=data, held=held), *no_folder(out)]
    errors += [*missing_weights(recipe, weights), *_wrong_names(recipe), *absent_models(recipe, steps)]
    _raise_all(errors)
    return Ready(steps, sources)


def _missing_below(
    recipe: RecipeSpec,
    steps: Sequence[Command],
    sources: Mapping[str, Path | None],
    *,
    data: Sequence[str],
    held: Collection[str],
) -> Iterator[T2CError]:
    yield from missing_folders(data)
    yield from missing_data(recipe, sources, data=data, held=held)
    yield from missing_suite(steps, held=held)


def _raise_all(errors: Sequence[T2CError]) -> None:
    if len(errors) == 1:
        raise errors[0]
    if errors:
        listed = "".join(f"\n- {error}" for error in errors)
        raise InputError(f"recipe: expected everything that it needs, but got {len(errors)} things missing{listed}")


def _sources(recipe: RecipeSpec, data: Sequence[str]) -> dict[str, Path | None]:
    sources: dict[str, Path | None] = {}
    for name, dataset in recipe.datasets.items():
        places = [Path(folder).expanduser() / dataset.path for folder in data]
        sources[name] = next((place for place in places if place.is_dir()), None)
    return sources


def missing_folders(data: Sequence[str]) -> Iterator[T2CError]:
    """Yield an error for every --data that is no folder."""
    for folder in data:
        if not Path(folder).expanduser().is_dir():
            actual = "a file" if Path(folder).expanduser().exists() else "nothing there"
            yield InputError(expected(f"--data {folder}", "a folder that holds datasets of the recipe", actual))


def no_folder(out: str) -> Iterator[T2CError]:
    """Yield an error where the folder of results is none, and cannot be made."""
    place = Path(out).expanduser().absolute()
    existing = next(folder for folder in (place, *place.parents) if folder.exists())
    if not existing.is_dir():
        yield SpecError(expected(f"--out {out}", "a folder, there or to be made", f"{existing}, which is a file"))
    elif not os.access(existing, os.W_OK):
        yield SpecError(expected(f"--out {out}", "a folder that can be written", f"{existing}, which cannot"))


def missing_data(
    recipe: RecipeSpec, sources: Mapping[str, Path | None], *, data: Sequence[str], held: Collection[str]
) -> Iterator[T2CError]:
    """Yield one error that names every dataset without a folder, and every table of attributes that is not there."""
    lacking = [name for name, folder in sources.items() if folder is None and name not in held]
    gone = [f"{name} ({recipe.datasets[name].path}; from {recipe.datasets[name].get})" for name in lacking]
    if gone:
        want = f"a folder for each of {', '.join(recipe.datasets)} below {' or '.join(data) or 'one of --data'}"
        yield InputError(expected("data of the recipe", want, f"none for {'; '.join(gone)}", "Name it: --data DIR"))
    for name, folder in sources.items():
        table = recipe.datasets[name].attributes
        if folder is not None and table and not (folder.parent / table).is_file():
            yield InputError(expected(f"attributes of {name}", f"the table {folder.parent / table}", "nothing there"))


def missing_weights(recipe: RecipeSpec, weights: str) -> Iterator[T2CError]:
    """Yield one error that names every checkpoint that is not in the folder, with its address."""
    files = {
        encoder.checkpoint.name: encoder.checkpoint.url
        for encoder in recipe.encoders.values()
        if encoder.checkpoint is not None
    }
    gone = [f"{name} (from {url})" for name, url in files.items() if not (Path(weights) / name).is_file()]
    if gone:
        todo = f"Fetch them into {weights}, or name another folder: --weights DIR"
        want = f"{len(files)} files"
        yield WeightsMissing(expected(f"checkpoints in {weights}", want, f"no {'; no '.join(gone)}", todo))


def missing_suite(steps: Sequence[Command], *, held: Collection[str] = ()) -> Iterator[T2CError]:
    """Yield an error for every suite whose folder or files are not there, and for the tasks that rest on them."""
    from t2c.flows.suite.datasets import dataset_of
    from t2c.flows.suite.plan import plan_tasks
    from t2c.flows.suite.readers import READERS

    of_suite = {dataset_of(reader) for reader in READERS}
    planned: set[str] = set()
    for number, step in enumerate(steps, 1):
        if step.name == "suite":
            try:
                plan = plan_tasks(Path(step.options["data"] or "."), step.options["tasks"])
            except T2CError as error:
                yield error
                of_suite = set()  # what is missing has been said
            else:
                planned |= {dataset_of(task.reader) for task in plan.tasks}
        read = [name for kind, name in used(step) if kind == "dataset" and name in of_suite]
        gone = [name for name in read if name not in (*planned, *held)]
        if gone:
            want, actual = f"the files of {', '.join(read)}", f"none of {', '.join(gone)}"
            todo = "Which files each needs: t2c suite DIR --list"
            yield InputError(expected(f"step {number} ({step.name})", want, actual, todo))


def _wrong_names(recipe: RecipeSpec) -> Iterator[T2CError]:
    for spec in _models(recipe):
        yield from _errors_of(check_model, spec)


def absent_models(recipe: RecipeSpec, steps: Sequence[Command]) -> Iterator[T2CError]:
    """Yield an error for all weights and language models that are neither on this machine nor reachable from it."""
    for spec in _models(recipe):
        if not [*_errors_of(check_model, spec)]:  # a wrong name has no weights
            yield from _errors_of(_check_weights, spec)
    for model in dict.fromkeys(_language_models(steps)):
        yield from _errors_of(_check_language, model)


def _models(recipe: RecipeSpec) -> list[EncoderSpec]:
    """Return the models of the recipe, those of one name once."""
    return list({encoder.encoder: encoder.spec(WEIGHTS) for encoder in recipe.encoders.values()}.values())


def _errors_of(check: Callable[[Any], None], name: Any) -> Iterator[T2CError]:
    try:
        check(name)
    except T2CError as error:
        yield error


def check_model(spec: EncoderSpec) -> None:
    """Raise UnknownName with the nearest names unless the encoder's library has it; nothing is loaded."""
    if spec.library == "timm":
        from t2c.core.encoders.timm_encoder import check_timm_name

        check_timm_name(spec)
    elif spec.library == "open_clip":
        from t2c.core.encoders.open_clip_encoder import check_open_clip_name

        check_open_clip_name(spec)
    else:
        from t2c.core.encoders.load import DEMO

        if spec.model not in DEMO:
            raise unknown("demo encoder", spec.model, DEMO)


def _check_weights(spec: EncoderSpec) -> None:
    if spec.library == "timm":
        from t2c.core.encoders.timm_encoder import check_timm_weights

        check_timm_weights(spec)
    if spec.library == "open_clip":
        from t2c.core.encoders.open_clip_encoder import check_open_clip_weights

        check_open_clip_weights(spec)


def _language_models(steps: Sequence[Command]) -> Iterator[str]:
    """Yield the language models that steps decode with."""
    from t2c.core.words.decoders import LANGUAGE_DECODERS

    for step in steps:
        if step.name == "decode" and step.options["decoder"] in LANGUAGE_DECODERS:
            yield step.options["model"] or ""


def _check_language(name: str) -> None:
    from t2c.core.words.language.decoder import PUBLISHED_MODEL
    from t2c.core.words.language.load import check_language_model

    check_language_model(name or PUBLISHED_MODEL)
