"""What the steps of a recipe cost beside forward passes: memory at their peak, work without hours, rows read again."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from t2c.flows.laboratory.joint_plan import FITTED, HELD, VALIDATION, peak_bytes
from t2c.flows.recipes.steps import Command
from t2c.flows.rows.blocks import BLOCKS, held_out_blocks
from t2c.schemas.specs.align import DESCENDING, FROM_MOMENTS
from t2c.schemas.specs.recipe import RecipeSpec

MOMENTS, PROBES, SGD, WORDS, SUITE = "moments and solves", "probes", "SGD", "decoding of words", "the suite"
SIMILARITIES, ANSWERS, TEXT = "similarities", "answers and reports", "texts of concepts"
KINDS = (MOMENTS, PROBES, SGD, SIMILARITIES, TEXT, WORDS, SUITE, ANSWERS)
"""Kinds of work that have no hours, in the order in which they are named."""
_JOINT = ("pairs", "curves", "components")
_SOLVED = ("align", *_JOINT, "objectives")
_HEADED = ("pairs", "curves")


@dataclass(frozen=True, slots=True)
class Peak:
    """The memory that one step needs."""

    step: int
    """Number of the step, from 1."""
    command: str
    """pairs, curves or components."""
    bytes: int
    """What `t2c` asks the machine for before it starts, refusing where there is less; at most, for curves."""


@dataclass(frozen=True, slots=True)
class Again:
    """Rows that some steps read again, for what moments cannot answer."""

    commands: tuple[str, ...]
    """Commands of the recipe that do."""
    what: str
    """Which rows, and what for."""


def largest(recipe: RecipeSpec, steps: Sequence[Command]) -> Peak | None:
    """Return the step that holds the largest joint moments; None where no step holds any."""
    widths = {encoder.text(): encoder.dimension for encoder in recipe.encoders.values()}
    peaks = [_peak(number, step, widths) for number, step in enumerate(steps, 1) if step.name in _JOINT]
    return max(peaks, key=lambda peak: peak.bytes, default=None)


def _peak(number: int, step: Command, widths: Mapping[str, int]) -> Peak:
    """Return what a step needs, by the arithmetic of the plan that refuses; encoders of other recipes count for nothing."""
    options = step.options
    named = options.get("encoders") or (options["source"], options["target"])
    width = sum(widths.get(name, 0) for name in named)
    if step.name == "curves":
        share = 0.0 if options.get("held_out_where") else options["holdout"]
        return Peak(number, step.name, peak_bytes(width, BLOCKS - held_out_blocks(share) + 1, dtype=np.float32))
    groups = len((FITTED, VALIDATION, HELD)) if step.name == "pairs" else 1
    return Peak(number, step.name, peak_bytes(width, groups, dtype=np.float64))


def without_hours(recipe: RecipeSpec, steps: Sequence[Command]) -> tuple[str, ...]:
    """Return the kinds of work of a recipe that its hours leave out."""
    kinds = {kind for step in steps for kind in _kinds(step)} | ({TEXT} if recipe.banks else set())
    return tuple(kind for kind in KINDS if kind in kinds)


def _kinds(step: Command) -> Iterator[str]:
    options = step.options
    if step.name == "suite":
        yield SUITE
        yield from (MOMENTS,) if options["align_on"] else ()
    elif step.name in _SOLVED:
        yield from (MOMENTS,) if step.name != "align" or options["method"] in FROM_MOMENTS else ()
        yield from (PROBES,) if _probes(step) else ()
        yield from (SGD,) if _sgd(step) else ()
    elif step.name == "cbm fit":
        yield from (SIMILARITIES,) if options["head"] == "sparse" else (SIMILARITIES, SGD)
    elif step.name == "decode":
        yield WORDS
        yield from (PROBES,) if options["what"].startswith("head:probe") else ()
    else:
        yield SIMILARITIES if step.name in ("score", "zeroshot", "trust") else ANSWERS


def _heads(options: Mapping[str, Any]) -> list[str]:
    """Return the heads of a step as typed, `probe` where it names none."""
    named = [*options.get("heads", ()), *([options["head"]] if options.get("head") else [])]
    return [head.rpartition("=")[2] for head in named] or ["probe"]


def _probes(step: Command) -> bool:
    heads = _heads(step.options) if step.name in _HEADED else []
    heads += [step.options.get("source_head") or ""] if _sgd(step) else []
    return any(head.startswith("probe") for head in heads)


def _sgd(step: Command) -> bool:
    if step.name == "align":
        return step.options["method"] in DESCENDING
    return step.name == "objectives" or any(head.startswith("probe-sgd") for head in _heads(step.options))


def read_again(steps: Sequence[Command]) -> tuple[Again, ...]:
    """Return which steps read rows again after the one pass that gives all moments, one entry a reason."""
    again = []
    for what, reads in _REASONS.items():
        commands = tuple(dict.fromkeys(step.name for step in steps if reads(step)))
        if commands:
            again.append(Again(commands, what))
    return tuple(again)


def _is(*names: str) -> Callable[[Command], bool]:
    return lambda step: step.name in names


_REASONS: Mapping[str, Callable[[Command], bool]] = {
    "the rows not fitted, once more: accuracies and mean cosine": _is("pairs"),
    "the rows not fitted, once more: accuracies": _is("curves", "objectives"),
    "the fitted rows of a probe's encoder, once more": _probes,
    "the fitted rows in every epoch: SGD and cross-entropy": _sgd,
    "every row of the source, once: similarities": _is("score"),
    "every row of the source, once: accuracies": _is("zeroshot"),
    "some rows of the source: random directions": _is("trust"),
    "rows of the source: the bottleneck and the head beside it": _is("cbm fit"),
    "rows of the encoders: whether words find the images that vectors find": _is("decode"),
    "rows of its own images: accuracies": _is("suite"),
}
"""What moments cannot answer, and which steps ask it."""
