"""The steps of a recipe, read as the command line reads them: commands with options they have, on names that are there."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import click

from t2c.schemas.errors import SpecError, expected, nearest
from t2c.schemas.names import parse_dataset_ref
from t2c.schemas.specs.objectives import parse_task
from t2c.schemas.specs.recipe import RecipeSpec

Kind = Literal["dataset", "bank"]
"""What a step names."""

_DATASETS = ("dataset", "reference", "current", "align_on")
_MAKE_BANKS = ("concepts add", "concepts import")


@dataclass(frozen=True, slots=True)
class Command:
    """One step, read."""

    words: tuple[str, ...]
    """The command line without `t2c`, every name filled in."""
    name: str
    """Command, such as `concepts carry`."""
    options: Mapping[str, Any]
    """Its arguments and options by parameter, defaults included."""

    @property
    def line(self) -> str:
        """What a user would type after `t2c`."""
        return shlex.join(self.words)


def read_command(words: Sequence[str]) -> Command:
    """Read a command line without `t2c`; raises SpecError unless it is a command with options that it has."""
    from t2c.flows.cli.app import app

    group: click.Group = app
    context, rest, names = click.Context(app, info_name="t2c"), list(words), []
    try:
        while True:
            name, leaf, rest = group.resolve_command(context, rest)
            if leaf is None or name is None:
                raise click.UsageError(f"no command {words[0]!r}")  # pragma: no cover - resolve_command fails first
            names.append(name)
            if not isinstance(leaf, click.Group):
                return Command(tuple(words), " ".join(names), leaf.make_context(name, rest, parent=context).params)
            group, context = leaf, click.Context(leaf, info_name=name, parent=context)
    except (click.ClickException, click.exceptions.Exit, IndexError) as error:
        actual = error.format_message() if isinstance(error, click.ClickException) else "no command"
        subject, want = f"step {shlex.join(words)!r}", "a command of t2c with its options"
        raise SpecError(expected(subject, want, actual.rstrip("."), "See t2c --help.")) from error


def read_steps(
    recipe: RecipeSpec, *, weights: str = "", out: str = ".", data: Sequence[str] = ()
) -> tuple[Command, ...]:
    """Return the recipe's steps, read; raises SpecError naming the first that cannot work.

    A step names datasets and banks of the recipe, or such as an earlier step makes; no step runs a recipe.
    """
    lines = [recipe.command(step, weights=weights, out=out, data=data[0] if data else ".") for step in recipe.steps]
    commands = tuple(read_command(words) for words in lines)
    names: dict[Kind, list[str]] = {"dataset": list(recipe.datasets), "bank": list(recipe.banks)}
    for number, command in enumerate(commands, 1):
        subject = f"step {number} ({command.line})"
        if command.name in ("run", "audit"):
            todo = "Write that file's own steps, or run it by itself."
            raise SpecError(expected(subject, "a command that does one thing", f"{command.name!r}", todo))
        for kind, name in used(command):
            if name not in names[kind]:
                raise SpecError(_not_there(subject, kind, name, names[kind]))
        # after the check of what it reads: a step cannot rest on what it makes itself
        for kind, name in made(command):
            names[kind].append(name)
    return commands


def _not_there(subject: str, kind: Kind, name: str, names: Sequence[str]) -> str:
    listed = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
    want = f"a {kind} of the recipe or of an earlier step ({listed or 'there is none'})"
    where = "datasets" if kind == "dataset" else "banks"
    return expected(subject, want, repr(name), nearest(name, names) or f"Add it to the recipe's {where}.")


def used(command: Command) -> Iterator[tuple[Kind, str]]:
    """Yield (kind, name) of every dataset and bank that a command reads."""
    options = command.options
    if command.name != "index":
        named = (options.get(key) for key in _DATASETS)
        yield from (("dataset", parse_dataset_ref(name).name) for name in named if isinstance(name, str) and name)
    if command.name not in _MAKE_BANKS and options.get("bank"):
        yield "bank", options["bank"]
    for task in (*options.get("related", ()), *options.get("unrelated", ())):
        dataset = parse_task(task, related=True).dataset
        if dataset:
            yield "dataset", parse_dataset_ref(dataset).name
    for head in (*options.get("heads", ()), options.get("head")):
        typed, _, bank = (head or "").rpartition("=")[2].partition(":")
        if typed == "zeroshot" and bank:
            yield "bank", bank
    if command.name == "decode":
        yield from _decoded(options)


def _decoded(options: Mapping[str, Any]) -> Iterator[tuple[Kind, str]]:
    """Yield what `decode` reads beside its dataset: `concepts:BANK`, `shift:CURRENT`, a vocabulary `bank:NAME`."""
    what, _, name = options["what"].partition(":")
    if what == "concepts" and name:
        yield "bank", name
    if what == "shift" and name:
        yield "dataset", parse_dataset_ref(name).name
    words, _, bank = options["vocabulary"].partition(":")
    if words == "bank" and bank:
        yield "bank", bank


def made(command: Command) -> Iterator[tuple[Kind, str]]:
    """Yield (kind, name) of every dataset and bank that a command makes under a name known before it runs."""
    options = command.options
    if command.name == "index" and options.get("dataset"):
        yield "dataset", options["dataset"]
    if command.name in _MAKE_BANKS:
        yield "bank", options["bank"]
    if command.name == "concepts carry" and options.get("name"):
        yield "bank", options["name"]
    if command.name == "suite":
        from t2c.flows.suite.datasets import dataset_of
        from t2c.flows.suite.readers import READERS

        yield from (("dataset", dataset_of(reader)) for reader in READERS)
