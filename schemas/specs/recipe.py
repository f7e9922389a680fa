"""A recipe: one experiment as a file: its datasets, encoders, concepts and commands, so that it can be priced and run."""

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from t2c.schemas.errors import SpecError, expected, nearest, unknown
from t2c.schemas.names import check_name
from t2c.schemas.specs.base import ConceptFile, EncoderSpec, Spec, parse_encoder
from t2c.schemas.specs.yaml import load_spec

PACKAGED = Path(__file__).parents[2] / "recipes"
"""Folder of the recipes that come with the package."""
EXAMPLE = "See one: recipes/paper.yaml"
ALL, GROUP, GROUPS, OUT, DATA = "@all", "@group:", "@groups", "@out/", "@data/"
"""Words of a command: every encoder, those of a group, every group with its encoders, a file of results, a folder of data."""

BYTES = {
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
"""Units of a size that a recipe may write."""


def parse_bytes(text: str, *, subject: str) -> int | None:
    """Return a size such as `144 GB` in bytes, None for an empty text; raises SpecError."""
    if not text:
        return None
    number, _, unit = text.partition(" ")
    try:
        size = float(number) * BYTES[unit]
    except (ValueError, KeyError):
        size = -1.0
    if not 0 < size < float("inf"):
        raise SpecError(expected(subject, "a size such as 144 GB or 1.5 GiB", repr(text), f"Units: {', '.join(BYTES)}"))
    return round(size)


class RecipeDataset(Spec):
    """A dataset that the user brings."""

    about: str
    """What it is, and what the recipe uses it for."""
    get: str
    """Where it comes from and on what terms."""
    path: str
    """Folder below one of --data, such as `ILSVRC2012/val`."""
    reader: Literal["folder", "rival10", "objectnet"] = "folder"
    """How its files are laid out: a folder a class, or one of the readers (t2c.flows.recipes.readers)."""
    images: int = Field(gt=0)
    """Images it holds."""
    width: int = Field(gt=0)
    """Mean width, pixels; for the bill alone."""
    height: int = Field(gt=0)
    """Mean height, pixels; for the bill alone."""
    download: str = ""
    """What is fetched for it, such as `144 GB`; for the bill alone. Empty where nobody has said, or nothing is fetched."""
    part: str = ""
    """Part that a reader takes, such as `test`; empty takes all."""
    attributes: str = ""
    """Table of attributes beside the dataset's folder, imported with it; empty where there is none."""

    @field_validator("download")
    @classmethod
    def _a_size(cls, value: str) -> str:
        parse_bytes(value, subject="download")
        return value

    @property
    def download_bytes(self) -> int | None:
        """Bytes of the download; None where the recipe does not say."""
        return parse_bytes(self.download, subject="download")


class Checkpoint(Spec):
    """A file of weights that no hub of timm or open_clip carries."""

    name: str
    """File name below --weights."""
    url: str
    """Where it is to be had."""
    tensors: str
    """How its tensors are called, and which of them are the encoder."""


class RecipeEncoder(Spec):
    """One encoder of the recipe."""

    title: str
    """Its name in the paper."""
    encoder: str
    """Its name here: `timm:MODEL`, `open_clip:MODEL/PRETRAINED`, `demo:NAME`; with a checkpoint without @FILE."""
    group: str = ""
    """Group of the paper's heatmaps."""
    dimension: int = Field(gt=0)
    """Length of its features; for the bill alone."""
    checkpoint: Checkpoint | None = None
    """The file to fetch, where no hub has it."""
    note: str = ""
    """What the paper leaves open about it, and what was chosen."""

    @field_validator("encoder")
    @classmethod
    def _named(cls, value: str) -> str:
        head, _, tail = value.partition("?")
        parse_encoder(f"{head}@FILE?{tail}" if "layout=" in tail and "@" not in head else value)
        return value

    @model_validator(mode="after")
    def _file_where_a_layout_is(self) -> Self:
        if "@" in self.encoder:
            raise SpecError(expected(f"encoder {self.title}", "its file under `checkpoint`", repr(self.encoder)))
        if "layout=" in self.encoder and self.checkpoint is None:
            want = "the file that has this layout under `checkpoint`"
            raise SpecError(expected(f"encoder {self.title}", want, "none"))
        return self

    def spec(self, weights: str = "") -> EncoderSpec:
        """Return what is loaded, its checkpoint below the folder `weights`."""
        return parse_encoder(self.text(weights))

    def text(self, weights: str = "") -> str:
        """Return what a user types for it, its checkpoint below the folder `weights`."""
        if self.checkpoint is None:
            return self.encoder
        head, mark, tail = self.encoder.partition("?")
        return f"{head}@{Path(weights) / self.checkpoint.name}{mark}{tail}"


class Extraction(Spec):
    """Features that the recipe needs."""

    dataset: str
    """Dataset."""
    encoders: tuple[str, ...] = ()
    """Encoders by key; empty takes all."""


class RecipeBank(Spec):
    """A concept bank of the recipe."""

    encoder: str
    """Key of the CLIP whose text encoder reads it."""
    concepts: ConceptFile
    """Its concepts."""


class Step(Spec):
    """One command of the recipe."""

    say: str
    """What it answers, and the figure or table that it repeats."""
    run: str
    """The command without `t2c`. `@KEY` is an encoder, `@KEY=VALUE` one with what is said of it; `--option @all` and `--option
    @group:NAME[=VALUE]` repeat an option for each encoder, `--option @groups` for each group (NAME=ENCODER,ENCODER);
    `@out/` is the folder of results, `@data/` the first of --data."""

    @field_validator("run")
    @classmethod
    def _splits(cls, value: str) -> str:
        try:
            shlex.split(value)
        except ValueError as error:
            want, actual = "a command whose quotes are closed", f"{value!r} ({str(error).lower()})"
            raise SpecError(expected("step", want, actual, 'Write a quote in a name as "it\'s".')) from error
        if not value.strip():
            raise SpecError(expected("step", "a command without `t2c`", "nothing", "Try: summary DATASET"))
        return value

    @property
    def words(self) -> tuple[str, ...]:
        """The command, split as a shell splits it."""
        return tuple(shlex.split(self.run))


class RecipeSpec(Spec):
    """A whole recipe."""

    about: str
    """What it repeats, in a sentence or two."""
    paper: str
    """Sections, figures and tables of the paper."""
    datasets: dict[str, RecipeDataset] = Field(min_length=1)
    """Dataset name to what it is."""
    encoders: dict[str, RecipeEncoder] = Field(min_length=1)
    """Key to encoder."""
    extract: tuple[Extraction, ...] = Field(min_length=1)
    """Features to extract."""
    banks: dict[str, RecipeBank] = Field(default_factory=dict)
    """Bank name to concepts."""
    score: dict[str, int] = Field(default_factory=dict)
    """Dataset to the number of concept columns that the steps score on it; for the bill alone."""
    steps: tuple[Step, ...] = ()
    """Commands, in order."""
    notes: tuple[str, ...] = ()
    """What the paper leaves open, what was chosen, and what differs."""

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        for name in (*self.datasets, *self.banks):
            check_name(name, what="name in a recipe")
        for key in self.encoders:
            if key == ALL[1:] or not key.replace("-", "").replace(".", "").isalnum():
                want = "letters, digits, '-' and '.', and not 'all'"
                raise SpecError(expected("key of an encoder", want, repr(key)))
        for subject, name, candidates in self._named():
            if name not in candidates:
                want = (
                    f"one of {', '.join(candidates)}" if candidates else "a group, which no encoder of the recipe has"
                )
                todo = nearest(name, candidates) if candidates else "Add `group: NAME` to the encoders that it takes."
                raise SpecError(expected(subject, want, repr(name), todo))
        return self

    def _named(self) -> Iterator[tuple[str, str, tuple[str, ...]]]:
        datasets, encoders = tuple(self.datasets), tuple(self.encoders)
        for extraction in self.extract:
            yield "dataset of extract", extraction.dataset, datasets
            yield from (("encoder of extract", key, encoders) for key in extraction.encoders)
        yield from ((f"encoder of bank {name}", bank.encoder, encoders) for name, bank in self.banks.items())
        yield from (("dataset of score", name, datasets) for name in self.score)
        groups = tuple(dict.fromkeys(encoder.group for encoder in self.encoders.values() if encoder.group))
        for step in self.steps:
            for word in step.words:
                if word.startswith(GROUP):
                    yield f"group in {step.run!r}", word.removeprefix(GROUP).partition("=")[0], groups
                elif word.startswith("@") and word not in (ALL, GROUPS) and not word.startswith((OUT, DATA)):
                    yield f"encoder in {step.run!r}", word[1:].partition("=")[0], encoders

    def extracted(self, one: Extraction) -> tuple[str, ...]:
        """Return the keys of the encoders of an extraction."""
        return one.encoders or tuple(self.encoders)

    def groups(self) -> Mapping[str, tuple[str, ...]]:
        """Return each group's encoders by key, in order."""
        names = dict.fromkeys(encoder.group for encoder in self.encoders.values())
        return {name: tuple(key for key, encoder in self.encoders.items() if encoder.group == name) for name in names}

    def command(self, step: Step, *, weights: str = "", out: str = ".", data: str = ".") -> list[str]:
        """Return a step's command line with every name filled in; raises UnknownName for a key that is not there."""
        command: list[str] = []
        for word in step.words:
            several = self._several(word, weights)
            if several is not None and command:
                # the word's option comes before each of its values, so the one written already goes
                option = command.pop()
                command += [part for argument in several for part in (option, argument)]
            elif word.startswith((OUT, DATA)):
                mark, place = (OUT, out) if word.startswith(OUT) else (DATA, data)
                command.append(str(Path(place) / word.removeprefix(mark)))
            else:
                command.append(self._filled(word, weights) if word.startswith("@") else word)
        return command

    def _several(self, word: str, weights: str) -> list[str] | None:
        """Return what a word that repeats its option stands for; None for any other word."""
        if word == ALL:
            return [self._text(key, weights) for key in self.encoders]
        if word == GROUPS:
            named = self.groups().items()
            return [f"{name}={','.join(self._text(key, weights) for key in keys)}" for name, keys in named if name]
        if not word.startswith(GROUP):
            return None
        name, equals, value = word.removeprefix(GROUP).partition("=")
        return [f"{self._text(key, weights)}{equals}{value}" for key in self.groups()[name]]

    def _filled(self, word: str, weights: str) -> str:
        """Return `@KEY` as its encoder, `@KEY=VALUE` with the value behind it."""
        key, equals, value = word[1:].partition("=")
        return f"{self._text(key, weights)}{equals}{value}"

    def _text(self, key: str, weights: str) -> str:
        if key not in self.encoders:
            raise unknown("encoder of the recipe", key, self.encoders)
        return self.encoders[key].text(weights)


def load_recipe(path: str | Path) -> RecipeSpec:
    """Read and check a recipe: a file, or the packaged one of that name; raises SpecError with every problem."""
    file = Path(path)
    packaged = PACKAGED / file.name
    return load_spec(packaged if packaged.is_file() and not file.exists() else file, RecipeSpec, example=EXAMPLE)
