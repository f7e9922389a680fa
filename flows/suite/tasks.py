"""Zero-shot tasks as data: the fourteen of the paper's table 3, and stand-ins that need no download.

A task says what its classes and prompt are, which pictures it classifies and how their labels become classes; who
reads the pictures is named, not done, here (t2c.flows.suite.readers).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from t2c.flows.suite import classes
from t2c.flows.world.captions import ZERO_SHOT_PROMPTS
from t2c.flows.world.world import COLOURS, VALUES
from t2c.schemas.errors import unknown

Group = Literal["in-distribution", "out-of-distribution", "characters", "primitives"]

GROUPS: dict[Group, str] = {
    "in-distribution": "Coarse grained concepts, in distribution",
    "out-of-distribution": "Coarse grained concepts, out of distribution",
    "characters": "Character recognition",
    "primitives": "Primitive concepts",
}
"""Table 3's groups with their headings; the first two are figure 5, left and right, the others figure 6."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """A rule by which BREEDS makes superclasses out of a class hierarchy (Santurkar et al. 2020)."""

    level: int
    """Depth of the superclasses below the root: the longest path down."""
    ancestor: str
    """WordNet id below which superclasses are taken; empty takes all."""
    subclasses: int
    """Classes drawn from each superclass; a superclass with fewer is left out."""
    seed: int = 2
    """Seed of the draw, the benchmark's own."""


@dataclass(frozen=True, slots=True)
class Task:
    """One zero-shot classification task."""

    name: str
    """What a user types."""
    title: str
    """Name in tables and figures."""
    group: Group
    """Table 3's group."""
    prompt: str
    """Text with {} where the class goes."""
    reader: str
    """Who reads the pictures (t2c.flows.suite.readers.READERS); tasks of one reader share its pictures and features."""
    size: int
    """Classes."""
    classes: tuple[str, ...] = ()
    """Class names; empty when a class hierarchy gives them."""
    grouping: Grouping | None = None
    """How classes follow from a class hierarchy."""
    attribute: str = ""
    """Attribute of the world of primitives that holds the class: `colour`, `shape`, `texture` or `context`."""
    related: bool | None = None
    """Whether table 2 counts the task as related to ImageNet; None when it does not count it."""
    stand_in: bool = False
    """True for tasks that are not in the paper."""

    @property
    def chance(self) -> float:
        """Accuracy of a uniform guess."""
        return 1 / self.size


def _task(name: str, title: str, *, group: Group, prompt: str, names: tuple[str, ...], **more: Any) -> Task:
    """Return a task whose classes are known before its files are read."""
    return Task(name, title, group, prompt, more.pop("reader", name), len(names), names, **more)


def _breeds(name: str, title: str, *, size: int, grouping: Grouping) -> Task:
    """Return a task that groups ImageNet's classes by a hierarchy."""
    return Task(
        name, title, "in-distribution", "a photo of a {}", "imagenet", size=size, grouping=grouping, related=True
    )


def _primitive(attribute: str) -> Task:
    """Return the task of naming one attribute of the world of primitives."""
    return _task(
        f"world-{attribute}",
        f"World: {attribute}",
        group="primitives",
        prompt=ZERO_SHOT_PROMPTS[attribute],
        names=VALUES[attribute],
        reader="world",
        attribute=attribute,
        stand_in=True,
    )


PAPER: tuple[Task, ...] = (
    _task("in9", "IN9", group="in-distribution", prompt="a photo of {}", names=classes.IN9, related=True),
    _breeds("living17", "Living17", size=17, grouping=Grouping(level=5, ancestor="n00004258", subclasses=4)),
    _breeds("nonliving26", "Nonliving26", size=26, grouping=Grouping(level=5, ancestor="n00021939", subclasses=4)),
    _breeds("entity13", "Entity13", size=13, grouping=Grouping(level=3, ancestor="", subclasses=20)),
    _breeds("entity30", "Entity30", size=30, grouping=Grouping(level=4, ancestor="", subclasses=8)),
    _task(
        "cifar10",
        "CIFAR10",
        group="out-of-distribution",
        prompt="a pixelated photo of a {}",
        names=classes.CIFAR10,
        related=True,
    ),
    _task("stl10", "STL10", group="out-of-distribution", prompt="a photo of a {}", names=classes.STL10, related=True),
    _task(
        "fashion-mnist",
        "FashionMNIST",
        group="out-of-distribution",
        prompt="a black and white photo of {}",
        names=classes.FASHION_MNIST,
        related=True,
    ),
    _task(
        "celeba-hair",
        "CelebA hair",
        group="out-of-distribution",
        prompt="a headshot of a person with {}",
        names=tuple(classes.HAIR.values()),
        reader="celeba",
        related=False,
    ),
    _task(
        "svhn",
        "SVHN",
        group="characters",
        prompt="a photo of the digit {} on a building",
        names=classes.DIGITS,
        related=False,
    ),
    _task("mnist", "MNIST", group="characters", prompt="a photo of the digit {}", names=classes.DIGITS),
    _task(
        "dtd",
        "Textures (DTD)",
        group="primitives",
        prompt="a photo of something with {} texture",
        names=classes.DTD,
        related=False,
    ),
    _task("color", "Color", group="primitives", prompt="a swatch of the color {}", names=tuple(COLOURS), related=False),
    _task(
        "shape", "Shape", group="primitives", prompt="a diagram of the shape {}", names=classes.SHAPES, related=False
    ),
)
"""Table 3, in its order."""

WORLD: tuple[Task, ...] = tuple(_primitive(attribute) for attribute in VALUES)
"""The four attributes of the world of primitives, drawn when asked for."""

STAND_INS: tuple[Task, ...] = (
    _task(
        "digits",
        "Digits",
        group="characters",
        prompt="a photo of the digit {}",
        names=classes.DIGITS,
        stand_in=True,
    ),
    *WORLD,
)
"""Tasks beside the paper's that need no download; `digits` are scikit-learn's packaged handwritten digits."""

TASKS: dict[str, Task] = {task.name: task for task in (*PAPER, *STAND_INS)}
"""Every task by name."""


def tasks_named(names: Iterable[str]) -> tuple[Task, ...]:
    """Return the tasks of these names, each once, in the suite's order; raises UnknownName with the nearest names."""
    requested = set(names)
    for name in sorted(requested - set(TASKS)):
        raise unknown("task", name, TASKS, todo="Try: t2c suite DATA_DIR --list")
    return tuple(task for task in TASKS.values() if task.name in requested)
