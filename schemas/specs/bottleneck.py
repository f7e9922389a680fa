"""Blocks of an audit file: concept bottlenecks to fit, and datasets to read."""

from typing import Literal

from pydantic import Field

from t2c.schemas.specs.base import Spec


class BottleneckSpec(Spec):
    """A concept bottleneck on one dataset's similarities to the audit's bank."""

    dataset: str | None = None
    """Dataset it is fitted on; None takes the one that the map is fitted on."""
    labels: str = "label"
    """`label`, or the attribute that holds the class."""
    classes: tuple[str, ...] = ()
    """Class names; empty takes every label there is."""
    mapping: dict[str, str] = Field(default_factory=dict)
    """Label to class, where they are spelled differently."""
    means: dict[str, str] = Field(default_factory=dict)
    """Label or attribute value to the concept that it stands for, where they are spelled differently."""
    head: Literal["sgd", "sparse"] = "sgd"
    """The paper's SGD, or logistic regression with an L1 penalty."""
    strength: float | None = Field(default=None, gt=0)
    """C of the sparse head; None chooses it."""
    epochs: int = Field(default=40, ge=1)
    """Epochs of SGD."""
    learning_rate: float = Field(default=0.01, gt=0)
    """Learning rate of SGD."""
    holdout: float = Field(default=0.2, gt=0, lt=1)
    """Share of the images that accuracy is measured on."""
    held_out_where: str | None = None
    """SQL condition on the images to hold out instead."""
    where: str | None = None
    """SQL condition on the images that take part."""
    seed: int = Field(default=1, ge=0)
    """Seed of the split."""
    untrusted: bool = False
    """Whether concepts marked untrusted are inputs too."""
    switch_off: tuple[str, ...] = ()
    """Concepts to switch off afterwards, to see what changes."""
    measure: tuple[str, ...] = ()
    """Further datasets on which errors, and the edit, are measured."""


class ReadingSpec(Spec):
    """What is read of one dataset through the audit's bank."""

    dataset: str | None = None
    """Dataset that is read; None takes the one that the map is fitted on."""
    labels: str = "label"
    """`label`, or the attribute that holds the class."""
    classes: bool = True
    """Rank the classes by their similarity to each concept."""
    hard: bool = True
    """Find the images that lack a context their class usually has."""
    contexts: tuple[str, ...] = ()
    """Contexts to look at; empty takes the bank's."""
    cooccurrence: bool = True
    """Count which concepts come together."""
    slices: tuple[str, ...] = ()
    """Models whose imported predictions are searched for slices on which they err most."""
    k: float = Field(default=1.0, ge=0)
    """Standard deviations from the mean at which a concept counts as present, or as low."""
